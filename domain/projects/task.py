"""A task (任务分解): a piece of the work of a project, from its plan until it is done."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.parameters import AS_IT_IS, Following, Its, Moment, Sees, Text, command
from domain.platform.user import User
from domain.projects.breakdown import Placed
from domain.projects.hours import Timed
from domain.projects.milestone import Milestone
from domain.projects.planning.plan import DEEPEST, LONGEST, why_no_percent
from domain.projects.project import Project

DONE: Final = "this task is done: reopen it first"


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


class Task(Placed, Timed):
    needs = "projects.work"

    description: str | None = None
    phase: str | None = None
    milestone_id: UUID | None = None
    assignee_id: UUID | None = None
    required_skills: tuple[str, ...] = ()
    required_resources: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    starts_on: date | None = None
    due_on: date | None = None
    duration: int = 1
    effort: Decimal | None = None
    remaining: int | None = None
    progress: Decimal = Decimal(0)
    started_on: date | None = None
    finished_on: date | None = None
    status: Status = Status.PLANNED
    blocked_reason: str | None = None

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

    class Started(Aggregate.Event):
        started_on: date
        status: Status = Status.IN_PROGRESS

    class PutBack(Aggregate.Event):
        started_on: None = None
        status: Status = Status.PLANNED

    class ProgressReported(Aggregate.Event):
        progress: Decimal
        remaining: int | None

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
        project.check_phase(phase)
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
        project: Its[Project],
        sees: Sees,
        *,
        name: str = AS_IT_IS,
        description: Text | None = AS_IT_IS,
        phase: Annotated[str | None, "its key in the project; null for none"] = AS_IT_IS,
        priority: Priority = AS_IT_IS,
    ) -> None:
        """Correct what is to be done, in which phase, and how much it matters; what is left out stays."""
        if phase != self.phase:
            project.check_phase(phase, named=sees(project))
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
    def start(
        self, now: Moment, project: Its[Project], on: Annotated[date | None, "today unless given"] = None
    ) -> None:
        """Work on it has begun."""
        project.check_open()
        self.trigger_event(self.Started, started_on=self.day(on, now))

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
        day = self.day(on, now)
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

    def _why_not_now(self) -> str:
        return DONE if self.status is Status.DONE else f"this task is {self.status.replace('_', ' ')}"

    def _check_takes(self, project_id: UUID, above: int = 0) -> None:
        """Whether a task of a project may become a part of this one."""
        self.require(self.project_id == project_id, "a task is a part of one of its own project", "parent_id")
        self.require(self.status is not Status.DONE, DONE, "parent_id")
        self.require(above + 1 < DEEPEST, f"a breakdown has at most {DEEPEST} levels: make it flatter", "parent_id")
        held = any(wait.kind.to_finish for wait in self.dependencies.values())
        self.require(
            not held, "what waits to finish has no tasks under it: let them wait, or use FS or SS", "parent_id"
        )

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
