"""A task (任务分解): a piece of the work of a project, which may have others under it and wait for others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.parameters import AS_IT_IS, Actor, Following, Its, Moment, Sees, Text, command
from domain.platform.user import User
from domain.projects.milestone import Milestone
from domain.projects.planning.plan import DEEPEST, LONGEST, Kind, why_no_percent
from domain.projects.planning.standing import Standing, why_not
from domain.projects.project import Project
from domain.values import new_id

BEFORE: Final = ("dependencies", "parent_id", "subtask_ids")
TURNING: Final = ("parent_id", "subtask_ids")
"""Whatever a task waits for: what that depends on, with all that is under it, and what it is under is begun before."""
DONE: Final = "this task is done: reopen it first"
FULL_DAY: Final = 24


class Status(StrEnum):
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    DONE = "done"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


@dataclass(frozen=True)
class Wait:
    """What a task waits for; `lag` is in working days."""

    predecessor_id: UUID
    kind: Kind
    lag: int


@dataclass(frozen=True)
class TimeEntry:
    """Hours that somebody worked on a task on a day."""

    entry_id: UUID
    user_id: UUID
    on: date
    hours: Decimal
    note: str | None


class Task(Aggregate):
    needs = "projects.work"

    project_id: UUID
    name: str
    description: str | None = None
    phase: str | None = None
    parent_id: UUID | None = None
    subtask_ids: frozenset[UUID] = frozenset()
    milestone_id: UUID | None = None
    assignee_id: UUID | None = None
    required_skills: tuple[str, ...] = ()
    required_resources: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    starts_on: date | None = None
    due_on: date | None = None
    duration: int = 1
    effort: Decimal | None = None
    spent: Decimal = Decimal(0)
    remaining: int | None = None
    progress: Decimal = Decimal(0)
    started_on: date | None = None
    finished_on: date | None = None
    status: Status = Status.PLANNED
    blocked_reason: str | None = None
    dependencies: Mapping[UUID, Wait] = field(default_factory=dict)
    time_entries: Mapping[UUID, TimeEntry] = field(default_factory=dict)

    class Planned(Aggregate.Created):
        project_id: UUID
        name: str
        description: str | None
        phase: str | None
        parent_id: UUID | None
        milestone_id: UUID | None
        assignee_id: UUID | None
        priority: Priority
        starts_on: date | None
        due_on: date | None
        duration: int
        effort: Decimal | None

    class DetailsChanged(Aggregate.Event):
        name: str
        description: str | None
        phase: str | None
        priority: Priority

    class MilestoneChanged(Aggregate.Event):
        milestone_id: UUID | None

    class Assigned(Aggregate.Event):
        assignee_id: UUID | None

    class Rescheduled(Aggregate.Event):
        starts_on: date | None
        due_on: date | None
        duration: int

    class Estimated(Aggregate.Event):
        effort: Decimal | None

    class NeedsChanged(Aggregate.Event):
        required_skills: tuple[str, ...]
        required_resources: tuple[str, ...]

    class DependencySet(Aggregate.Event):
        item_of = "dependencies"
        predecessor_id: UUID
        kind: Kind
        lag: int

    class DependencyRemoved(Aggregate.Event):
        ends_item_of = "dependencies"
        predecessor_id: UUID

    class MovedUnder(Aggregate.Event):
        parent_id: UUID | None

    class SubtasksChanged(Aggregate.Event):
        subtask_ids: frozenset[UUID]

    class Started(Aggregate.Event):
        started_on: date
        status: Status = Status.IN_PROGRESS

    class PutBack(Aggregate.Event):
        started_on: None = None
        status: Status = Status.PLANNED

    class ProgressReported(Aggregate.Event):
        progress: Decimal
        remaining: int | None

    class TimeLogged(Aggregate.Event):
        item_of = "time_entries"
        entry_id: UUID
        user_id: UUID
        on: date
        hours: Decimal
        note: str | None

    class TimeCorrected(Aggregate.Event):
        item_of = "time_entries"
        entry_id: UUID
        on: date
        hours: Decimal
        note: str | None

    class TimeRemoved(Aggregate.Event):
        ends_item_of = "time_entries"
        entry_id: UUID

    class SpentChanged(Aggregate.Event):
        spent: Decimal

    class Blocked(Aggregate.Event):
        blocked_reason: str
        status: Status = Status.BLOCKED

    class Unblocked(Aggregate.Event):
        status: Status
        blocked_reason: None = None

    class Completed(Aggregate.Event):
        finished_on: date
        remaining: None = None
        progress: Decimal = Decimal(100)
        status: Status = Status.DONE

    class Reopened(Aggregate.Event):
        progress: Decimal
        remaining: int | None
        finished_on: None = None
        status: Status = Status.IN_PROGRESS

    @classmethod
    @command
    def plan(
        cls,
        project: Project,
        name: str,
        description: Text | None = None,
        phase: Annotated[str | None, "its key in the project"] = None,
        parent: Annotated[Task | None, "the task that it is a part of"] = None,
        milestone: Annotated[Milestone | None, "to which it leads"] = None,
        assignee: Annotated[User | None, "who does it"] = None,
        priority: Priority = Priority.NORMAL,
        starts_on: Annotated[date | None, "not earlier than this day"] = None,
        due_on: Annotated[date | None, "the day at whose end it should be finished"] = None,
        duration: Annotated[int, "in working days"] = 1,
        effort: Annotated[Decimal | None, "in hours"] = None,
        *,
        above: Annotated[tuple[Task, ...], Following("parent", by=("parent_id",))],
    ) -> Self | tuple[Self, Task]:
        """Say what is to be done."""
        project.check_open()
        cls._check_milestone(milestone, project.id)
        cls._check_dates(starts_on, due_on, duration)
        cls._check_effort(effort)
        if parent:
            parent._check_takes(project.id, len(above))
        made = cls._create(
            cls.Planned,
            project_id=project.id,
            name=name,
            description=description,
            phase=phase,
            parent_id=parent and parent.id,
            milestone_id=milestone and milestone.id,
            assignee_id=assignee and assignee.id,
            priority=priority,
            starts_on=starts_on,
            due_on=due_on,
            duration=duration,
            effort=effort,
        )
        if parent is None:
            return made
        parent._take(made)
        return made, parent

    @command
    def change_details(
        self,
        *,
        name: str = AS_IT_IS,
        description: Text | None = AS_IT_IS,
        phase: str | None = AS_IT_IS,
        priority: Priority = AS_IT_IS,
    ) -> None:
        """Correct what is to be done, in which phase, and how much it matters; what is left out stays."""
        self.trigger_event(self.DetailsChanged, name=name, description=description, phase=phase, priority=priority)

    @command
    def set_milestone(self, milestone: Milestone | None) -> None:
        """Say to which milestone it leads; null for none."""
        self._check_milestone(milestone, self.project_id)
        self.trigger_event(self.MilestoneChanged, milestone_id=milestone and milestone.id)

    @command
    def assign(self, assignee: User | None) -> None:
        """Say who does it; null for nobody yet."""
        self.trigger_event(self.Assigned, assignee_id=assignee and assignee.id)

    @command
    def reschedule(
        self,
        *,
        starts_on: Annotated[date | None, "not earlier than this day"] = AS_IT_IS,
        due_on: Annotated[date | None, "the day at whose end it should be finished"] = AS_IT_IS,
        duration: Annotated[int, "in working days"] = AS_IT_IS,
    ) -> None:
        """Plan it for other days; what is left out stays."""
        self._check_dates(starts_on, due_on, duration)
        self.trigger_event(self.Rescheduled, starts_on=starts_on, due_on=due_on, duration=duration)

    @command
    def estimate(self, effort: Annotated[Decimal | None, "in hours, from its start to its end"]) -> None:
        """Say how much work it is."""
        self._check_effort(effort)
        self.trigger_event(self.Estimated, effort=effort)

    @command
    def set_needs(
        self,
        *,
        required_skills: Annotated[tuple[str, ...], "what whoever does it must know"] = AS_IT_IS,
        required_resources: Annotated[tuple[str, ...], "what must be there"] = AS_IT_IS,
    ) -> None:
        """Say what it takes; what is left out stays."""
        skills, resources = tuple(dict.fromkeys(required_skills)), tuple(dict.fromkeys(required_resources))
        self.trigger_event(self.NeedsChanged, required_skills=skills, required_resources=resources)

    @command
    def depend_on(
        self,
        predecessor: Task,
        before: Annotated[tuple[Task, ...], Following("predecessor", by=BEFORE, turning=TURNING)],
        sees: Sees,
        kind: Annotated[Kind, "what waits for what"] = Kind.FS,
        lag: Annotated[int, "working days in between; less than nil for a lead"] = 0,
    ) -> None:
        """Let it wait for another task. Said again, it waits otherwise."""
        self.require(
            predecessor.project_id == self.project_id, "a task waits for tasks of its own project", "predecessor_id"
        )
        self.require(abs(lag) <= LONGEST, f"a lag is at most {LONGEST:,} working days either way", "lag")
        self.require(not (kind.to_finish and self.subtask_ids), self._finishes_with_them(), "kind")
        now = self.standing(sees)
        waiting = replace(now, waits_for={**now.waits_for, predecessor.id: kind})
        self._check_standing(waiting, (predecessor, *before), sees, "predecessor_id")
        self.trigger_event(self.DependencySet, predecessor_id=predecessor.id, kind=kind, lag=lag)

    @command
    def undepend(self, predecessor_id: UUID) -> None:
        """Let it wait no more for another task."""
        self.require(predecessor_id in self.dependencies, "it does not wait for this", "predecessor_id")
        self.trigger_event(self.DependencyRemoved, predecessor_id=predecessor_id)

    @command
    def move_under(
        self,
        parent: Annotated[Task | None, "null for none"],
        around: Annotated[tuple[Task, ...], Following("parent", by=BEFORE, turning=TURNING)],
        own: Annotated[tuple[Task, ...], Following("self", by=BEFORE, turning=TURNING)],
        sees: Sees,
    ) -> tuple[Task, ...]:
        """Make it a part of another task."""
        if parent:
            parent._check_takes(self.project_id)
            moved = replace(self.standing(sees), parent_id=parent.id)
            self._check_standing(moved, (parent, *around, *own), sees, "parent_id")
        was = [each for each in own if each.id == self.parent_id]
        self.trigger_event(self.MovedUnder, parent_id=parent and parent.id)
        for each in was:
            each.trigger_event(self.SubtasksChanged, subtask_ids=each.subtask_ids - {self.id})
        if parent:
            parent._take(self)
        return self, *was, *([parent] if parent else [])

    @command
    def start(
        self, now: Moment, project: Its[Project], on: Annotated[date | None, "today unless given"] = None
    ) -> None:
        """Work on it has begun."""
        project.check_open()
        self.trigger_event(self.Started, started_on=self._day(on, now))

    @command
    def put_back(self) -> None:
        """Work on it had not begun after all."""
        self.trigger_event(self.PutBack)

    @command
    def report_progress(
        self,
        progress: Annotated[Decimal, "percent of it that is done"],
        subtasks: Its[tuple[Task, ...]],
        remaining: Annotated[int | None, "working days that are left; by its progress unless given"] = None,
    ) -> None:
        """Say how far it is. What has others under it is as far as they are."""
        self.require(all(each.archived for each in subtasks), "it is as far as what is under it: report that", "id")
        why = why_no_percent(progress)
        self.require(why is None, why, "progress")
        self._check_days(remaining, "remaining", least=0)
        self.trigger_event(self.ProgressReported, progress=progress, remaining=remaining)

    @command(undone_by="remove_time")
    def log_time(
        self,
        hours: Decimal,
        by: Actor,
        now: Moment,
        project: Its[Project],
        user: Annotated[User | None, "who worked; you unless given"] = None,
        on: Annotated[date | None, "today unless given"] = None,
        note: Text | None = None,
    ) -> None:
        """Record hours that somebody worked on it."""
        project.check_open()
        entry = TimeEntry(new_id(), user.id if user else by, self._day(on, now), hours, note)
        self._check_time(entry)
        self.trigger_event(self.TimeLogged, **vars(entry))
        self.trigger_event(self.SpentChanged, spent=self._spent())

    @command(undone_by="correct_time")
    def correct_time(
        self, entry_id: UUID, hours: Decimal, now: Moment, on: date | None = None, note: Text | None = None
    ) -> None:
        """Correct hours that were recorded. Without a day, it stays the same."""
        known = self.needed(self.time_entries.get(entry_id), "no such hours are recorded", "entry_id")
        entry = replace(known, on=self._day(on or known.on, now), hours=hours, note=note)
        self._check_time(entry)
        self.trigger_event(self.TimeCorrected, entry_id=entry_id, on=entry.on, hours=hours, note=note)
        self.trigger_event(self.SpentChanged, spent=self._spent())

    @command(undone_by="log_time")
    def remove_time(self, entry_id: UUID) -> None:
        """Take back hours that were recorded by mistake."""
        self.require(entry_id in self.time_entries, "no such hours are recorded", "entry_id")
        self.trigger_event(self.TimeRemoved, entry_id=entry_id)
        self.trigger_event(self.SpentChanged, spent=self._spent())

    @command
    def block(self, reason: Text) -> None:
        """Something keeps it from going on."""
        self.trigger_event(self.Blocked, blocked_reason=reason)

    @command
    def unblock(self) -> None:
        """Nothing keeps it from going on any more."""
        self.trigger_event(self.Unblocked, status=Status.IN_PROGRESS if self.started_on else Status.PLANNED)

    @command
    def complete(
        self,
        now: Moment,
        subtasks: Its[tuple[Task, ...]],
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """It is done. What has others under it is done after them."""
        left = any(each.status is not Status.DONE and not each.archived for each in subtasks)
        self.require(not left, "what is under it is not done yet", "id")
        day = self._day(on, now)
        self.require(self.started_on is None or day >= self.started_on, f"it was begun on {self.started_on}", "on")
        self.trigger_event(self.Completed, finished_on=day)

    @command
    def reopen(
        self,
        parent: Its[Task | None],
        project: Its[Project],
        progress: Annotated[Decimal, "percent of it that is done all the same"] = AS_IT_IS,
    ) -> None:
        """It was not done after all."""
        project.check_open()
        self.require(parent is None or parent.status is not Status.DONE, "what it is a part of is done: reopen that")
        why = why_no_percent(progress)
        self.require(why is None, why, "progress")
        self.trigger_event(self.Reopened, progress=progress, remaining=None)

    @command
    def restore(self, parent: Its[Task | None]) -> Task | None:  # type: ignore[override]
        """Take it back out of the archive, under what it was a part of."""
        self.require(self.archived, "it is not archived")
        self.trigger_event(self.Restored)
        if parent and self.id not in parent.subtask_ids:  # to undo that it was planned took it away
            parent._take(self)
        return parent

    def guard(self, command: str) -> None:
        state, own = self.status, command not in SHARED
        self.require(not own or (state is Status.DONE) == (command == "reopen"), self._why_not_now())
        if command == "start":
            self.require(state is Status.PLANNED, self._why_not_now())
        elif command in ("report_progress", "complete"):
            self.require(self.started_on is not None, "start it first")
            self.require(command != "complete" or state is Status.IN_PROGRESS, self._why_not_now())
        elif command == "put_back":
            begun = self.progress or self.time_entries
            self.require(state is Status.IN_PROGRESS and not begun, "it is not so that work on it has just begun")
        elif command in ("block", "unblock"):
            self.require((state is Status.BLOCKED) == (command == "unblock"), self._why_not_now())
        super().guard(command)

    def standing(self, sees: Sees) -> Standing:
        """Where it stands among others, under its name if that may be told."""
        waits_for = {id: wait.kind for id, wait in self.dependencies.items()}
        return Standing(self.id, self.name if sees(self) else "a task that you may not see", self.parent_id, waits_for)

    def why_not_among(self, reached: Collection[Any]) -> str | None:
        if why_not(each.standing(lambda _: False) for each in (*reached, self)):
            return "tasks would wait for each other, or be under themselves"
        return None

    def _why_not_now(self) -> str:
        return DONE if self.status is Status.DONE else f"this task is {self.status.replace('_', ' ')}"

    def _finishes_with_them(self) -> str:
        return "it finishes with the tasks under it: let one of them wait, or use FS or SS"

    def _check_takes(self, project_id: UUID, above: int = 0) -> None:
        """Whether a task of a project may become a part of this one."""
        self.require(self.project_id == project_id, "a task is a part of one of its own project", "parent_id")
        self.require(self.status is not Status.DONE, DONE, "parent_id")
        self.require(above + 1 < DEEPEST, f"a breakdown has at most {DEEPEST} levels: make it flatter", "parent_id")
        held = any(wait.kind.to_finish for wait in self.dependencies.values())
        self.require(
            not held, "what waits to finish has no tasks under it: let them wait, or use FS or SS", "parent_id"
        )

    def _take(self, part: Task) -> None:
        self.trigger_event(self.SubtasksChanged, subtask_ids=self.subtask_ids | {part.id})

    def _check_standing(self, changed: Standing, others: Iterable[Task], sees: Sees, field: str) -> None:
        among = {each.id: each.standing(sees) for each in others} | {self.id: changed}
        wrong = why_not(among.values())
        self.require(wrong is None, str(wrong), field)

    @classmethod
    def _check_milestone(cls, milestone: Milestone | None, project_id: UUID) -> None:
        theirs = milestone is None or milestone.project_id == project_id
        cls.require(theirs, "a task leads to a milestone of its own project", "milestone_id")

    @classmethod
    def _check_dates(cls, starts_on: date | None, due_on: date | None, duration: int) -> None:
        cls.require(not (starts_on and due_on and due_on < starts_on), "it is due before it starts", "due_on")
        cls._check_days(duration, "duration", least=1)

    @classmethod
    def _check_days(cls, days: int | None, field: str, least: int) -> None:
        told = f"a number of working days from {least} to {LONGEST:,}"
        cls.require(days is None or least <= days <= LONGEST, f"this is {told}", field)

    @classmethod
    def _check_effort(cls, effort: Decimal | None) -> None:
        cls.require(effort is None or effort >= 0, "an effort is nil or more", "effort")

    def _check_time(self, entry: TimeEntry) -> None:
        """More than nothing, and no more than a day has with all that this person has recorded here for it."""
        self.require(entry.hours > 0, "say how many hours it was", "hours")
        others = [each for each in self.time_entries.values() if each.entry_id != entry.entry_id]
        same = sum((e.hours for e in others if (e.user_id, e.on) == (entry.user_id, entry.on)), Decimal(0))
        left = FULL_DAY - same
        self.require(entry.hours <= left, f"a day has {FULL_DAY} hours, of which {left} are left here", "hours")

    def _spent(self) -> Decimal:
        return sum((each.hours for each in self.time_entries.values()), Decimal(0))

    def _day(self, on: date | None, now: Moment) -> date:
        self.require(on is None or on <= now.date(), "this day has not come yet", "on")
        return on or now.date()
