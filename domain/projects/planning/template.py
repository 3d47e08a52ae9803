"""What projects of one kind have alike, as values: what is wrong with it is said, and when each of it takes place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Final

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.plan import LONGEST, Dependency, DependencyKind, Plan, Task
from domain.projects.planning.schedule import Scheduled, schedule
from domain.projects.planning.wrong import WrongPlan

ANY_MONDAY: Final = date(2024, 1, 1)
"""Whether tasks can be done in some order does not depend on the day."""


@dataclass(frozen=True, kw_only=True)
class TemplatePhase:
    """A part of such projects."""

    phase: Annotated[str, "its key in the project"]
    name: str
    objective: Annotated[str | None, "what it is to bring about"] = None


@dataclass(frozen=True, kw_only=True)
class TemplateMilestone:
    """What such projects reach."""

    key: Annotated[str, "its name in the template"]
    name: str
    phase: Annotated[str | None, "the key of its phase"] = None
    offset: Annotated[int | None, "working days from the start; by the tasks that lead to it unless given"] = None
    criteria: Annotated[tuple[str, ...], "by which it is accepted"] = ()
    deliverables: Annotated[tuple[str, ...], "what is handed over"] = ()


@dataclass(frozen=True, kw_only=True)
class TemplatePredecessor:
    """What a task waits for."""

    task: Annotated[str, "its key in the template"]
    kind: Annotated[DependencyKind, "what waits for what"] = DependencyKind.FS
    lag: Annotated[int, "working days in between; less than nil for a lead"] = 0


@dataclass(frozen=True, kw_only=True)
class TemplateTask:
    """What is done in such projects."""

    key: Annotated[str, "its name in the template"]
    name: str
    description: str | None = None
    phase: Annotated[str | None, "the key of its phase"] = None
    parent: Annotated[str | None, "the key of the task that it is a part of"] = None
    milestone: Annotated[str | None, "the key of the milestone to which it leads"] = None
    role: Annotated[str | None, "of whoever does it: one of those that are needed"] = None
    offset: Annotated[int, "working days from the start before which it does not begin"] = 0
    duration: Annotated[int, "in working days"] = 1
    effort: Annotated[Decimal | None, "in hours"] = None
    waits_for: tuple[TemplatePredecessor, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TemplateRole:
    """Who is needed in such projects."""

    role: Annotated[str, "such as business analyst"]
    headcount: Annotated[int, "how many people"] = 1
    duties: Annotated[str | None, "what they do"] = None


@dataclass(frozen=True, kw_only=True)
class TemplateCheck:
    """What is looked at before a phase of such a project is completed, or the project."""

    text: Annotated[str, "what is looked at"]
    phase: Annotated[str | None, "the key of the phase; null for the project"] = None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """All of it."""

    phases: tuple[TemplatePhase, ...] = ()
    milestones: tuple[TemplateMilestone, ...] = ()
    tasks: tuple[TemplateTask, ...] = ()
    roles: tuple[TemplateRole, ...] = ()
    checks: tuple[TemplateCheck, ...] = ()

    def check(self) -> None:
        """Whatever a part names is there, and the tasks can be done in some order. WrongPlan names the part."""
        known = {
            "phase": _once("phases.{}.phase", [each.phase for each in self.phases]),
            "milestone": _once("milestones.{}.key", [each.key for each in self.milestones]),
            "parent": _once("tasks.{}.key", [each.key for each in self.tasks]),
            "role": _once("roles.{}.role", [each.role for each in self.roles]),
        }
        for place, part in self._parts():
            for name, there in known.items():
                if not place.startswith(("phases", "roles")):
                    _there(getattr(part, name, None), there, "task" if name == "parent" else name, f"{place}.{name}")
            for name, least in {"offset": 0, "duration": 1, "headcount": 1, "effort": 0}.items():
                number = getattr(part, name, None)
                if number is not None and not least <= number <= LONGEST:
                    raise WrongPlan(f"this is from {least} to {LONGEST:,}, and not {number}", f"{place}.{name}")
        for nth, task in enumerate(self.tasks):
            for at, wait in enumerate(task.waits_for):
                _there(wait.task, known["parent"], "task", f"tasks.{nth}.waits_for.{at}.task")
        try:
            self.dates(ANY_MONDAY, Calendar())
        except WrongPlan as wrong:
            raise WrongPlan(str(wrong), "tasks") from None

    def dates(self, start: date, calendar: Calendar) -> Mapping[str, Scheduled]:
        """When each task takes place, by its key, in a project that starts on a day. WrongPlan where none can be."""
        if not self.tasks:
            return {}
        made = schedule(
            Plan(
                start=start,
                calendar=calendar,
                tasks=tuple(
                    Task(
                        id=each.key,
                        duration=each.duration,
                        parent=each.parent,
                        not_earlier_than=calendar.day(calendar.number(start) + each.offset) if each.offset else None,
                    )
                    for each in self.tasks
                ),
                dependencies=tuple(
                    Dependency(wait.task, each.key, wait.kind, wait.lag)
                    for each in self.tasks
                    for wait in each.waits_for
                ),
            )
        )
        return made.tasks

    def outer_first(self) -> Iterator[TemplateTask]:
        """The tasks in their order, but each behind what it is a part of."""
        waiting, there = list(self.tasks), set[str | None]({None})
        while waiting:
            ready = [each for each in waiting if each.parent in there]
            yield from ready
            there |= {each.key for each in ready}
            waiting = [each for each in waiting if each.key not in there]

    def _parts(self) -> Iterator[tuple[str, object]]:
        """Each part with its place."""
        for name in ("phases", "milestones", "tasks", "roles", "checks"):
            for nth, each in enumerate(getattr(self, name)):
                yield f"{name}.{nth}", each


def _once(place: str, keys: list[str]) -> frozenset[str]:
    for nth, key in enumerate(keys):
        if key in keys[:nth]:
            raise WrongPlan(f"{key} is there twice: each has a name of its own", place.format(nth))
    return frozenset(keys)


def _there(named: str | None, known: Iterable[str], what: str, place: str) -> None:
    if named is not None and named not in known:
        raise WrongPlan(f"this template has no {what} {named}: add it, or name another", place)
