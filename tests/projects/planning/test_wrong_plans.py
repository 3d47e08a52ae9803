"""Plans that cannot be: each refused with the field and with what would be right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.projects.planning.plan import DEEPEST, Plan, Task
from domain.projects.planning.schedule import schedule
from domain.projects.planning.wrong import Cycle, WrongPlan
from tests.projects.planning.plans import MONDAY, UNHURRIED, a_plan

LATER = date(2026, 12, 2)
AGES = [f"age{n:02}" for n in range(99)]


def a_task(**told: Any) -> Plan:
    return Plan(start=MONDAY, tasks=(Task(id="A", **told),))


@pytest.mark.parametrize(
    ("make", "field", "message"),
    [
        (lambda: schedule(a_plan({})), "tasks", "a plan has at least one task: add one"),
        (lambda: a_task(duration=-1), "duration", "A: `duration` is from 0 to 36500 working days, and not -1"),
        (lambda: a_task(duration=36_501), "duration", "A: `duration` is from 0 to 36500 working days, and not 36501"),
        (lambda: a_task(remaining=-2), "remaining", "A: `remaining` is from 0 to 36500 working days, and not -2"),
        (
            lambda: a_task(duration=3, started=MONDAY, remaining=2),
            "as_of",
            "A: say as of which day 2 working days remain",
        ),
        (lambda: a_task(progress=Decimal(101)), "progress", "A: progress is from 0 to 100 percent, and not 101"),
        (lambda: a_task(progress=Decimal("NaN")), "progress", "A: progress is from 0 to 100 percent, and not NaN"),
        (lambda: a_task(effort=Decimal(-1)), "effort", "A: effort is nil or more, and not -1"),
        (
            lambda: a_task(duration=1, finished=MONDAY),
            "started",
            "A is finished: say also when it was started",
        ),
        (
            lambda: a_task(started=MONDAY),
            "finished",
            "A is a milestone: say when it was reached, as `finished`",
        ),
        (
            lambda: a_task(duration=1, started=LATER, finished=MONDAY),
            "finished",
            "A cannot be finished before it was started, on 2026-12-02",
        ),
        (
            lambda: Plan(start=MONDAY, tasks=(Task(id="A", duration=1, started=LATER),), as_of=MONDAY),
            "started",
            "A cannot have started after the day of the plan, 2026-11-30",
        ),
        (
            lambda: Plan(start=MONDAY, tasks=(Task(id="A", duration=1, started=MONDAY, finished=LATER),), as_of=MONDAY),
            "finished",
            "A cannot have finished after the day of the plan, 2026-11-30",
        ),
        (
            lambda: Plan(start=MONDAY, tasks=(Task(id="A"), Task(id="B"), Task(id="A"))),
            "tasks",
            "A is in the plan twice: each task has an id of its own",
        ),
        (
            lambda: a_plan({"A": 1}, under={"A": "Z"}),
            "parent",
            "A is under Z, which is not in the plan: add it, or name another",
        ),
        (
            lambda: a_plan({"A": 1}, "A FS Z"),
            "dependencies",
            "A FS Z names Z, which is not in the plan: add it, or name another",
        ),
        (lambda: a_plan({"A": 1}, "A FS A"), "dependencies", "A cannot wait for itself: name another task"),
        (
            lambda: a_plan({"A": 1, "B": 1}, "A SS+36501 B"),
            "lag",
            "A SS B: a lag is at most 36500 working days either way, and not 36501",
        ),
        (
            lambda: a_plan({"A": 1, "B": 1}, "A SS B", "A FF B", "A SS+1 B"),
            "dependencies",
            "A SS B is in the plan twice: leave out one of them",
        ),
        (
            lambda: a_plan({"P": 0, "Q": 0, "A": 1}, "P FS A", under={"A": "Q", "Q": "P"}),
            "dependencies",
            "P FS A: A is under P, and so takes place within it; let it wait for a task beside it",
        ),
        (
            lambda: a_plan({"P": 0, "A": 1}, "A FS P", under={"A": "P"}),
            "dependencies",
            "A FS P: A is under P, and so takes place within it; let it wait for a task beside it",
        ),
        (
            lambda: a_plan({"P": 0, "A": 1, "B": 1}, "B FF P", under={"A": "P"}),
            "kind",
            "B FF P: P finishes with the tasks under it; let one of them wait, or use FS or SS",
        ),
        (
            lambda: schedule(a_plan(dict.fromkeys(AGES, 36_500), *[f"{a} FS {b}" for a, b in pairwise(AGES)])),
            "duration",
            "this goes beyond the years 1 to 9999: is a duration too long?",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_would_be_right(
    make: Callable[[], object], field: str, message: str
) -> None:
    with pytest.raises(WrongPlan) as refused:
        make()

    assert (str(refused.value), refused.value.field) == (message, field)


@pytest.mark.parametrize(
    ("make", "tasks"),
    [
        (lambda: a_plan({"C": 1, "B": 1, "A": 1, "Z": 1}, "A FS B", "B SS C", "C FF A", "C FS Z"), ("A", "B", "C")),
        (lambda: a_plan({"A": 1, "B": 0}, "A FS B", "B FS A"), ("A", "B")),
        (
            lambda: a_plan({"P": 0, "Q": 0, "p": 1, "q": 1}, "P FS Q", "q FS p", under={"p": "P", "q": "Q"}),
            ("P", "Q", "q", "p"),
        ),
        (lambda: a_plan({"P": 0, "p": 1, "A": 1}, "P SS A", "A FS p", under={"p": "P"}), ("A", "p", "P")),
    ],
)
def test_a_cycle_is_refused_with_its_tasks_in_order(make: Callable[[], Plan], tasks: tuple[str, ...]) -> None:
    with pytest.raises(Cycle) as refused:
        schedule(make())

    told = " → ".join((*tasks, tasks[0]))
    assert refused.value.tasks == tasks
    assert str(refused.value) == f"these tasks wait for each other: {told}; drop one of the dependencies"
    assert refused.value.field == "dependencies"


def test_a_task_above_itself_is_refused() -> None:
    with pytest.raises(Cycle) as refused:
        a_plan({"C": 0, "A": 0, "B": 0}, under={"A": "B", "B": "C", "C": "A"})

    assert (refused.value.tasks, refused.value.field) == (("A", "B", "C"), "parent")
    assert str(refused.value) == "a task cannot be under itself: A → B → C → A; move one of them elsewhere"


def test_a_breakdown_has_fifty_levels_at_most() -> None:
    def of(levels: int) -> Plan:
        return a_plan({f"t{n}": 1 for n in range(levels)}, under={f"t{n + 1}": f"t{n}" for n in range(levels - 1)})

    assert schedule(of(DEEPEST)).tasks["t0"].duration == 1
    with pytest.raises(WrongPlan, match=r"deeper than 50 levels: make it flatter"):
        of(DEEPEST + 1)


@UNHURRIED
@given(st.permutations(range(40)))
def test_a_long_cycle_is_told_alike_in_whatever_order_it_comes(order: list[int]) -> None:
    links = [f"t{n:02} FS t{(n + 1) % 40:02}" for n in order]

    with pytest.raises(Cycle) as refused:
        schedule(a_plan({f"t{n:02}": 1 for n in order}, *links, "t05 SS t07"))

    assert refused.value.tasks in (
        tuple(f"t{n:02}" for n in range(40)),
        tuple(f"t{n:02}" for n in range(40) if n != 6),
    )
