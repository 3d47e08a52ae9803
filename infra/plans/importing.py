"""A plan of a file imported: all of it becomes a project by commands, or nothing does, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any, Final
from uuid import UUID

from domain.command import Earlier, Refusal, Request, Stopped
from domain.projects.planning.plan import DependencyKind
from domain.projects.project import Project
from domain.values import parse
from infra import batch
from infra.pipeline import CommandPipeline, command_id
from infra.plans.notes import Notes
from infra.plans.plan import Line, Link, PlanFile, WrongPlanFile

PRIORITIES: Final = ((800, "urgent"), (600, "high"), (400, "normal"), (0, "low"))
"""From which number of a file on."""
ADD_PHASE: Final = "Project.add_phase"


@dataclass(frozen=True)
class Imported:
    """What was made: `position` is that of the last event."""

    project_id: UUID
    phases: int
    tasks: int
    milestones: int
    position: int


def imported(
    pipeline: CommandPipeline,
    actor: UUID,
    content: bytes,
    plan: PlanFile,
    notes: Notes,
    users: Mapping[str, UUID],
    account_id: str | None = None,
    project_id: str | None = None,
) -> Imported:
    """Import a plan as a new project of an account, or into a project that there is. `users` are those who may be meant
    by people of the file, by their e-mail addresses in lower case. The same file for the same is imported once.

    Raises WrongPlanFile where a command is refused; then nothing was recorded.
    """
    key = sha256(b"\0".join([content, (account_id or "").encode(), (project_id or "").encode()])).hexdigest()
    made = _Requests(plan, notes, users)

    def is_new(phase: str) -> bool:
        """Whether this import adds the phase, or did: if there is one of its key already, the tasks go into that."""
        there = pipeline.store.aggregate(parse(project_id)[1]) if project_id else None
        ours = pipeline.store.answer(command_id(actor, f"plan {key} phase {phase}"))
        return not isinstance(there, Project) or phase not in there.phases or ours is not None

    found, others = list(made.requests(account_id, project_id, is_new)), count()
    requests = [
        Request(
            command=command,
            actor=actor,
            id=id,
            arguments=arguments,
            idempotency_key=f"plan {key} phase {arguments['phase']}"
            if command == ADD_PHASE
            else f"plan {key} {next(others)}",
            origin="plan import",
        )
        for command, id, arguments, _ in found
    ]
    outcome = batch.together(pipeline, requests)
    if isinstance(outcome, Stopped):
        about = found[outcome.at][3] if outcome.at is not None else plan.name
        raise WrongPlanFile(f"{about}: {_why(outcome.refusal)}; nothing was imported")
    project = outcome[0].changed[0].id if project_id is None else UUID(project_id.rpartition("_")[2])
    phases, milestones = len(made.phases), len(made.milestones)
    tasks = len(plan.lines) - phases - milestones
    return Imported(project, phases, tasks, milestones, max(each.position for each in outcome))


def _why(refusal: Refusal) -> str:
    return f"{refusal.message} ({refusal.field})" if refusal.field else refusal.message


Step = tuple[str, Any, dict[str, Any], str]
"""A command, the id of what it is for, its arguments, and what of the file it is about."""


@dataclass
class _Requests:
    """The commands that make a plan. What waits for a milestone waits for what leads to that. A line at the top that
    stands for a phase becomes one; it waits for nothing, and nothing for it.
    """

    plan: PlanFile
    notes: Notes
    users: Mapping[str, UUID]
    ids: dict[int, Earlier] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lines = {line.number: line for line in self.plan.lines}
        self.parents = {line.parent for line in self.plan.lines}
        self.phases = dict[int, str]()
        for line in self.plan.lines:
            if line.phase and line.parent is None and line.phase not in self.phases.values():
                self.phases[line.number] = line.phase
            elif line.phase:
                self.notes.note(
                    "what stands for a phase, but is not alone or not at the top, becomes a task", line.name
                )
        none = {*self.parents, *self.phases}
        self.milestones = {line.number for line in self.plan.lines if line.duration == 0 and line.number not in none}

    def requests(self, account_id: str | None, project_id: str | None, is_new: Callable[[str], bool]) -> Iterator[Step]:
        project: Any = project_id
        count = 0
        if project_id is None:
            project, count = Earlier(0), 1
            yield "Project.propose", None, self._project(account_id), self.plan.name
        for number, phase in self.phases.items():
            if is_new(phase):
                count += 1
                yield ADD_PHASE, project, self._phase(self.lines[number]), self.lines[number].name
        for line in self.plan.lines:
            if line.number in self.milestones:
                self.ids[line.number] = Earlier(count)
                count += 1
                told = {"project_id": project, "name": line.name, "due_on": self._due(line), **self._place(line)}
                yield "Milestone.plan", None, told, line.name
        leads = self._leads()
        for line in self.plan.lines:
            if line.number not in self.milestones and line.number not in self.phases:
                self.ids[line.number] = Earlier(count)
                count += 1
                yield "Task.plan", None, self._task(line, project, leads.get(line.number)), line.name
        yield from self._needs()
        yield from self._waits()
        yield from self._happened()

    def _project(self, account_id: str | None) -> dict[str, Any]:
        calendar = self.plan.calendar
        days = {
            "weekdays": sorted(calendar.weekdays),
            "holidays": [on.isoformat() for on in sorted(calendar.holidays)],
            "extra": [on.isoformat() for on in sorted(calendar.extra)],
        }
        told = {"name": self.plan.name, "starts_on": self.plan.start.isoformat(), "calendar": days}
        return told | ({"account_id": account_id} if account_id else {})

    def _due(self, line: Line) -> str:
        return (line.due_on or line.finish or line.starts_on or self.plan.start).isoformat()

    def _task(self, line: Line, project: Any, milestone: int | None) -> dict[str, Any]:
        told: dict[str, Any] = {
            "project_id": project,
            "name": line.name,
            "description": line.notes,
            "parent_id": self.ids[line.parent] if line.parent is not None and line.parent in self.ids else None,
            **self._place(line),
            "milestone_id": self.ids[milestone] if milestone is not None else None,
            "assignee_id": self._assignee(line),
            "priority": next(name for least, name in PRIORITIES if line.priority >= least),
            "starts_on": line.starts_on and line.starts_on.isoformat(),
            "due_on": line.due_on and line.due_on.isoformat(),
            "duration": max(line.duration, 1),
            "effort": line.effort and str(line.effort),
        }
        return {name: value for name, value in told.items() if value is not None}

    def _phase(self, line: Line) -> dict[str, Any]:
        """A phase lasts as its line did."""
        told = {
            "phase": line.phase,
            "name": line.name,
            "objective": line.notes,
            "starts_on": line.start and line.start.isoformat(),
            "ends_on": line.finish and line.finish.isoformat(),
        }
        return {name: value for name, value in told.items() if value is not None}

    def _place(self, line: Line) -> dict[str, str]:
        """The phase that it is in, as an argument."""
        top = line
        while top.parent is not None:
            top = self.lines[top.parent]
        return {"phase": self.phases[top.number]} if top.number in self.phases else {}

    # -- who and what ----------------------------------------------------------------------------

    def _people(self, line: Line) -> list[UUID]:
        meant = [self.users.get((each.email or "").lower()) for each in self._resources(line) if each.is_person]
        return [each for each in meant if each]

    def _resources(self, line: Line) -> list[Any]:
        return [each for each in self.plan.resources if each.number in line.resources]

    def _assignee(self, line: Line) -> str | None:
        people = self._people(line)
        if len(people) > 1:
            self.notes.note("of several people on one task, the first is kept", line.name)
        for each in self._resources(line):
            if each.is_person and (each.email or "").lower() not in self.users:
                self.notes.note(f"no user has the e-mail address of {each.name}: assign by hand", line.name)
        return f"User_{people[0]}" if people else None

    def _needs(self) -> Iterator[Step]:
        for line in self.plan.lines:
            needed = [each.name for each in self._resources(line) if not each.is_person]
            if needed and line.number in self.ids and line.number not in self.milestones:
                yield "Task.set_needs", self.ids[line.number], {"required_resources": needed}, line.name

    # -- what waits for what ---------------------------------------------------------------------

    def _leads(self) -> dict[int, int]:
        """The milestone that each task leads to: one that waits for it to finish."""
        found = dict[int, int]()
        for number in sorted(self.milestones):
            for link in self.lines[number].waits_for:
                if link.predecessor in self.milestones or link.predecessor in self.phases:
                    continue
                if (link.kind, link.lag) != (DependencyKind.FS, 0) or link.predecessor in found:
                    self.notes.note("a task leads to one milestone, when it is finished", self.lines[number].name)
                found.setdefault(link.predecessor, number)
        return found

    def _waits(self) -> Iterator[Step]:
        """Those that wait come before what they wait for: so each command looks at little that is tied already."""
        for line in reversed(self._in_order()):
            taken = dict[int, Link]()
            for link in line.waits_for:
                for each in self._through(link, {line.number}):
                    if each.predecessor in taken and taken[each.predecessor] != each:
                        self.notes.note("of several dependencies on one task, the first is kept", line.name)
                    taken.setdefault(each.predecessor, each)
            for each in taken.values():
                told = {"predecessor_id": self.ids[each.predecessor], "kind": str(each.kind), "lag": each.lag}
                yield "Task.depend_on", self.ids[line.number], told, line.name

    def _through(self, link: Link, seen: Collection[int]) -> Iterator[Link]:
        """The link itself; or, where it leads to a milestone, links to all that this waits for."""
        if link.predecessor in self.phases:
            self.notes.note("what waits for a phase does not wait", self.lines[link.predecessor].name)
            return
        if link.predecessor not in self.milestones:
            yield link
            return
        milestone = self.lines[link.predecessor]
        if not milestone.waits_for or milestone.number in seen:
            self.notes.note("what waits for a milestone that waits for nothing does not wait", milestone.name)
            return
        for before in milestone.waits_for:
            kind = next(
                k
                for k in DependencyKind
                if (k.from_finish, k.to_finish) == (before.kind.from_finish, link.kind.to_finish)
            )
            joined = Link(before.predecessor, kind, before.lag + link.lag)
            yield from self._through(joined, {*seen, milestone.number})

    def _in_order(self) -> list[Line]:
        """Tasks, each behind those that it waits for. Where they wait for each other, the command will say so."""
        done, order = set[int](), list[Line]()
        for line in self.plan.lines:
            stack = [(line.number, iter(line.waits_for))]
            while stack:
                number, links = stack[-1]
                if number in done:
                    stack.pop()
                elif link := next(links, None):
                    open_now = {each for each, _ in stack}
                    if link.predecessor not in done and link.predecessor not in open_now:
                        stack.append((link.predecessor, iter(self.lines[link.predecessor].waits_for)))
                else:
                    done.add(number)
                    order.append(self.lines[number])
                    stack.pop()
        return [line for line in order if line.number not in self.milestones and line.number not in self.phases]

    # -- what has happened -----------------------------------------------------------------------

    def _happened(self) -> Iterator[Step]:
        """Parts before what they are a part of, which is done after them."""
        for line in reversed(self.plan.lines):
            begun = line.started_on or line.finished_on or (line.start if line.progress else None)
            if begun is None or line.number in self.phases:
                continue
            id, name = self.ids[line.number], line.name
            if line.number in self.milestones:
                if line.finished_on:
                    yield "Milestone.reach", id, {"on": line.finished_on.isoformat()}, name
                continue
            yield "Task.start", id, {"on": begun.isoformat()}, name
            if line.finished_on:
                yield "Task.complete", id, {"on": line.finished_on.isoformat()}, name
            elif line.progress and line.number not in self.parents:
                yield "Task.report_progress", id, {"progress": str(line.progress)}, name
