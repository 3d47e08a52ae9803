"""A plan as it goes from program to program: tasks by their numbers in a file, what they wait for, who does them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.plan import DependencyKind

MOST_TASKS: Final = 20_000
"""Of a file. What is more is refused while it is read."""


class WrongPlanFile(Exception):
    """A file is no plan that could be imported; the message says what would be right."""


@dataclass(frozen=True)
class Link:
    """A task waits for another; the lag is in working days."""

    predecessor: int
    kind: DependencyKind = DependencyKind.FS
    lag: int = 0


@dataclass(frozen=True, kw_only=True)
class Line:
    """A task of a plan; with no duration, a milestone; with others under it, a summary of them.

    `start` and `finish` are as they were computed, `starts_on` and `due_on` as they were said. Durations are in working
    days, effort is in hours, progress in percent. `resources` are the numbers of those who do it or are needed for it.
    `phase` is the key of the phase of a project that it stands for.
    """

    number: int
    name: str
    parent: int | None = None
    wbs: str = ""
    notes: str | None = None
    duration: int = 1
    effort: Decimal | None = None
    progress: Decimal = Decimal(0)
    priority: int = 500
    starts_on: date | None = None
    due_on: date | None = None
    started_on: date | None = None
    finished_on: date | None = None
    start: date | None = None
    finish: date | None = None
    is_critical: bool = False
    waits_for: tuple[Link, ...] = ()
    resources: tuple[int, ...] = ()
    baseline_start: date | None = None
    baseline_finish: date | None = None
    phase: str | None = None


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Who does a task, or what is needed for it."""

    number: int
    name: str
    email: str | None = None
    is_person: bool = True


@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """A plan, its lines in the order of the work breakdown: what is under a task comes behind it."""

    name: str
    start: date
    calendar: Calendar = Calendar()
    lines: tuple[Line, ...] = ()
    resources: tuple[Resource, ...] = ()
    manager: str | None = None
