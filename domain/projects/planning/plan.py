"""A plan: tasks in a breakdown of the work, what each of them waits for, and what of it has happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Final

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.wrong import Cycle, WrongPlan

LONGEST: Final = 36_500
"""Working days that a task or a lag takes at most: more than a century."""
DEEPEST: Final = 50
"""Levels that a breakdown of the work has at most."""
HUNDRED: Final = Decimal(100)


class DependencyKind(StrEnum):
    """What of a task waits for what of another."""

    FS = "FS"
    """Finish to start: it starts when the other is finished."""
    SS = "SS"
    """Start to start: it starts when the other has started."""
    FF = "FF"
    """Finish to finish: it finishes when the other is finished."""
    SF = "SF"
    """Start to finish: it finishes when the other has started."""

    @property
    def from_finish(self) -> bool:
        """Whether it is the finish of the other that is waited for."""
        return self in (DependencyKind.FS, DependencyKind.FF)

    @property
    def to_finish(self) -> bool:
        """Whether it is the finish that waits."""
        return self in (DependencyKind.FF, DependencyKind.SF)


def why_no_percent(number: Decimal) -> str | None:
    """Why progress cannot be so many percent; None where it can."""
    if number.is_finite() and 0 <= number <= HUNDRED:
        return None
    return f"progress is from 0 to 100 percent, and not {number}"


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something to do; or, of no duration, a milestone. Of what has others under it, only the dates are looked at."""

    id: str
    duration: int = 0
    """Working days."""
    parent: str | None = None
    not_earlier_than: date | None = None
    deadline: date | None = None
    """The day at whose end it should be finished."""
    started: date | None = None
    finished: date | None = None
    remaining: int | None = None
    """Working days of it that are left on the day of the plan; None for what progress leaves of the duration."""
    progress: Decimal = Decimal(0)
    """Percent."""
    effort: Decimal | None = None
    """What its progress weighs, in whatever unit all others have; None for its duration."""

    def __post_init__(self) -> None:
        days = {"duration": self.duration, "remaining": self.remaining}
        for name, value in days.items():
            if value is not None and not 0 <= value <= LONGEST:
                raise WrongPlan(f"{self.id}: `{name}` is from 0 to {LONGEST} working days, and not {value}", name)
        if why := why_no_percent(self.progress):
            raise WrongPlan(f"{self.id}: {why}", "progress")
        if self.effort is not None and not (self.effort.is_finite() and self.effort >= 0):
            raise WrongPlan(f"{self.id}: effort is nil or more, and not {self.effort}", "effort")
        if self.finished and self.duration and not self.started:
            raise WrongPlan(f"{self.id} is finished: say also when it was started", "started")
        if self.started and not self.duration and not self.finished:
            raise WrongPlan(f"{self.id} is a milestone: say when it was reached, as `finished`", "finished")
        if self.started and self.finished and self.finished < self.started:
            raise WrongPlan(f"{self.id} cannot be finished before it was started, on {self.started}", "finished")


@dataclass(frozen=True, order=True)
class Dependency:
    """One task waits for another, and for some working days more; for fewer where the lag is less than nil."""

    predecessor: str
    successor: str
    kind: DependencyKind = DependencyKind.FS
    lag: int = 0

    def __post_init__(self) -> None:
        if abs(self.lag) > LONGEST:
            raise WrongPlan(f"{self}: a lag is at most {LONGEST} working days either way, and not {self.lag}", "lag")
        if self.predecessor == self.successor:
            raise WrongPlan(f"{self.successor} cannot wait for itself: name another task", "dependencies")

    def __str__(self) -> str:
        return f"{self.predecessor} {self.kind} {self.successor}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When work may begin, what there is to do, and in which order.

    With `as_of`, nothing that is left to do lies before that day: what has not begun begins then at the earliest, and
    what has begun goes on then.
    """

    start: date
    tasks: tuple[Task, ...]
    dependencies: tuple[Dependency, ...] = ()
    calendar: Calendar = Calendar()
    as_of: date | None = None

    def __post_init__(self) -> None:
        if len(self.by_id) < len(self.tasks):
            times = Counter(task.id for task in self.tasks)
            twice = next(task.id for task in self.tasks if times[task.id] > 1)
            raise WrongPlan(f"{twice} is in the plan twice: each task has an id of its own", "tasks")
        for task in self.tasks:
            if task.parent is not None:
                self._known(task.parent, f"{task.id} is under", "parent")
                if task.parent not in self._depths:
                    self._measure(task.parent)
            if self.as_of is None and task.remaining is not None:
                raise WrongPlan(f"{task.id}: say as of which day {task.remaining} working days remain", "as_of")
            if self.as_of and max(task.started or self.as_of, task.finished or self.as_of) > self.as_of:
                name = "started" if task.started and task.started > self.as_of else "finished"
                raise WrongPlan(f"{task.id} cannot have {name} after the day of the plan, {self.as_of}", name)
        seen_links = set[tuple[str, str, DependencyKind]]()
        for link in self.dependencies:
            self._check(link)
            if (key := (link.predecessor, link.successor, link.kind)) in seen_links:
                raise WrongPlan(f"{link} is in the plan twice: leave out one of them", "dependencies")
            seen_links.add(key)

    @cached_property
    def by_id(self) -> Mapping[str, Task]:
        """The tasks by their ids."""
        return {task.id: task for task in self.tasks}

    @cached_property
    def parents(self) -> frozenset[str]:
        """The tasks that have others under them."""
        return frozenset(task.parent for task in self.tasks if task.parent is not None)

    def above(self, id: str) -> Iterator[str]:
        """The tasks that one is under, from the nearest on."""
        parent = self.by_id[id].parent
        while parent is not None:
            yield parent
            parent = self.by_id[parent].parent

    @cached_property
    def _depths(self) -> dict[str, int]:
        return {}

    def _known(self, id: str, what: str, field: str) -> None:
        if id not in self.by_id:
            raise WrongPlan(f"{what} {id}, which is not in the plan: add it, or name another", field)

    def _measure(self, id: str) -> None:
        """Learns how deep a parent lies, and those above it; where these are above themselves, says so."""
        way = list[str]()
        level: str | None = id
        while level is not None and level not in self._depths:
            if level in way:
                circle = way[way.index(level) :]
                first = circle.index(min(circle))
                tasks = (*circle[first:], *circle[:first])
                told = " → ".join((*tasks, tasks[0]))
                raise Cycle(tasks, f"a task cannot be under itself: {told}; move one of them elsewhere", "parent")
            way.append(level)
            self._known(level, f"{way[-2] if len(way) > 1 else id} is under", "parent")
            level = self.by_id[level].parent
        depth = 0 if level is None else self._depths[level]
        for each in reversed(way):
            depth += 1
            self._depths[each] = depth
        if depth >= DEEPEST:
            raise WrongPlan(f"what is under {id} lies deeper than {DEEPEST} levels: make it flatter", "parent")

    def _check(self, link: Dependency) -> None:
        for id in (link.predecessor, link.successor):
            self._known(id, f"{link} names", "dependencies")
        for one, other in ((link.predecessor, link.successor), (link.successor, link.predecessor)):
            if other in self.parents and other in self.above(one):
                raise WrongPlan(
                    f"{link}: {one} is under {other}, and so takes place within it; let it wait for a task beside it",
                    "dependencies",
                )
        if link.successor in self.parents and link.kind.to_finish:
            raise WrongPlan(
                f"{link}: {link.successor} finishes with the tasks under it; let one of them wait, or use FS or SS",
                "kind",
            )
