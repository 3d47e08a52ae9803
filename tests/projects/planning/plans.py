"""Plans in a line or two, and plans by chance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.network import network_of
from domain.projects.planning.plan import Dependency, DependencyKind, Plan, Task
from domain.projects.planning.schedule import Schedule
from domain.projects.planning.wrong import WrongPlan

MONDAY: Final = date(2026, 11, 30)
FRIDAY: Final = date(2026, 11, 27)
UNHURRIED: Final = settings(deadline=None, suppress_health_check=list(HealthCheck))
"""Of properties: a machine with much else to do makes none of them fail."""


def a_link(text: str) -> Dependency:
    """`A FS B`, or with a lag, `A FS+2 B`."""
    told = re.fullmatch(r"(\S+) ([FS]{2})([+-]\d+)? (\S+)", text)
    assert told, text
    return Dependency(told[1], told[4], DependencyKind(told[2]), int(told[3] or 0))


def a_plan(durations: Mapping[str, int], *links: str, under: Mapping[str, str] | None = None, **more: Any) -> Plan:
    """A plan that starts on a Monday, of tasks by duration, links by text, and parents by child."""
    parents = under or {}
    tasks = tuple(Task(id=id, duration=days, parent=parents.get(id)) for id, days in durations.items())
    return Plan(**{"start": MONDAY, "tasks": tasks, "dependencies": tuple(map(a_link, links)), **more})


def with_task(plan: Plan, id: str, **changed: Any) -> Plan:
    """The plan with another task of that id."""
    return replace(plan, tasks=tuple(replace(task, **changed) if task.id == id else task for task in plan.tasks))


def days_of(made: Schedule, *ids: str) -> list[tuple[str, str]]:
    """Start and finish of each, as `Mon 30`."""
    return [(f"{made.tasks[id].start:%a %-d}", f"{made.tasks[id].finish:%a %-d}") for id in ids]


@st.composite
def plans(draw: st.DrawFn, deadlines: bool = False, parents: bool = True) -> Plan:
    """Some tasks and milestones, under one another, with links of all kinds that do not go round in a circle."""
    count = draw(st.integers(1, 7))
    groups = draw(st.integers(0, 3)) if parents else 0
    above = [f"P{draw(st.integers(0, n - 1))}" if n and draw(st.booleans()) else None for n in range(groups)]
    tasks = [Task(id=f"P{n}", parent=up) for n, up in enumerate(above)]
    some_day = st.none() | st.integers(-3, 40).map(lambda n: MONDAY + timedelta(n))
    for n in range(count):
        parent = draw(st.none() | st.integers(0, groups - 1).map(lambda k: f"P{k}")) if groups else None
        length, early = draw(st.integers(0, 6)), draw(some_day)
        late = draw(some_day) if deadlines and length else None
        tasks.append(Task(id=f"t{n}", duration=length, parent=parent, not_earlier_than=early, deadline=late))
    names = st.sampled_from([task.id for task in tasks])
    holidays = frozenset(draw(st.lists(st.integers(0, 30).map(lambda n: MONDAY + timedelta(n)), max_size=4)))
    made = Plan(start=MONDAY, tasks=tuple(tasks), calendar=Calendar(holidays=holidays))
    for one, other, kind, lag in draw(
        st.lists(st.tuples(names, names, st.sampled_from(DependencyKind), st.integers(-3, 3)), max_size=10)
    ):
        made = linked(made, one, other, kind, lag) or made
    return made


def linked(plan: Plan, one: str, other: str, kind: DependencyKind, lag: int) -> Plan | None:
    """The plan with one link more; None where it cannot be."""
    try:
        more = replace(plan, dependencies=(*plan.dependencies, Dependency(one, other, kind, lag)))
        network_of(more)
    except WrongPlan:
        return None
    return more


def ends(made: Schedule, link: Dependency, late: bool = False) -> tuple[int, int]:
    """The instants that a link ties: that which is waited for, and that which waits."""
    one, other = made.tasks[link.predecessor], made.tasks[link.successor]
    before, behind = (one.late, other.late) if late else (one.early, other.early)
    waited = before.finish if link.kind.from_finish else before.start
    return waited, behind.finish if link.kind.to_finish else behind.start
