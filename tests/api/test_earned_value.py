"""The earned value of a project through the whole stack, against a plain computation of what was told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.api.client import Api, some
from tests.api.company import euros

TODAY: Final = datetime.now(UTC).date()
MONDAY: Final = TODAY - timedelta(days=TODAY.weekday() + 28)
"""Four weeks ago: the plan is of days that have passed."""
EARNED: Final = """query ($p: ID!, $on: Date, $baseline: Int, $forecast: CostForecast! = AT_CPI, $asOf: AsOf) {
    earnedValue(projectId: $p, on: $on, baseline: $baseline, forecast: $forecast, asOf: $asOf) {
        total phase name bac { amount currency } pv { amount } ev { amount } ac { amount } cv { amount } sv { amount }
        cpi spi complete eac { amount } etc { amount } vac { amount } tcpi
    } }"""


@dataclass
class Work:
    """A project with a budget, and the positions at which it had come so far."""

    api: Api
    project: str
    tasks: dict[str, str]
    planned: int
    begun: int


@pytest.fixture(scope="module")
def work(api: Api) -> Iterator[Work]:
    """Two phases of a week each, 1,000 for the first and 3,000 for the second, 400 for all; an hour costs 10."""
    project = api.given("proposeProject", name=some("Roll-out"), startsOn=str(MONDAY))
    tasks = {}
    for phase, starts, names in (("design", MONDAY, ("process", "data")), ("build", day(7), ("configure",))):
        api.given("addProjectPhase", id=project, phase=phase, name=phase.title())
        for name, effort in zip(names, ("30", "10"), strict=False):
            tasks[name] = api.given(
                "planTask", projectId=project, name=name, phase=phase, duration=5, effort=effort, startsOn=str(starts)
            )
    budget = api.given(
        "planBudget",
        projectId=project,
        hourlyRate=euros("10"),
        lines=[
            {"category": "PEOPLE", "phase": "design", "planned": euros("1000")},
            {"category": "SOFTWARE", "phase": "build", "planned": euros("3000")},
            {"category": "TRAINING", "planned": euros("700")},
            {"category": "RESERVE", "planned": euros("5000")},
        ],
    )
    api.given("setProjectCharter", id=project, charter="To sell better")
    api.given("setProjectScope", id=project, scope={"included": ["Sales"]})
    api.given("approveProject", id=project, on=str(MONDAY))
    planned = api.position
    for name in ("process", "data"):
        api.given("startTask", id=tasks[name], on=str(MONDAY))
    api.given("logTaskTime", id=tasks["process"], hours="20", on=str(day(1)))
    api.given("reportTaskProgress", id=tasks["process"], progress="50")
    begun = api.position
    api.given("completeTask", id=tasks["data"], on=str(day(3)))
    api.given(
        "spendBudget", id=budget, category="SOFTWARE", phase="build", amount=euros("900"), text="x", on=str(day(8))
    )
    api.given("spendBudget", id=budget, category="TRAINING", amount=euros("50"), text="books", on=str(day(2)))
    api.given("planTask", projectId=project, name="more", phase="design", duration=5, effort="100")
    yield Work(api, project, tasks, planned, begun)


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def rows(work: Work, **asked: Any) -> dict[str, Any]:
    """By phase: BAC, PV, EV, AC."""
    told = work.api.ask(EARNED, p=work.project, **asked)["earnedValue"]
    assert {row["bac"]["currency"] for row in told} <= {"EUR"}
    return {
        "all" if row["total"] else row["phase"]: tuple(
            Decimal(row[name]["amount"]) for name in ("bac", "pv", "ev", "ac")
        )
        for row in told
    }


def test_what_was_planned_earned_and_paid_is_told_by_phase_and_in_all(work: Work) -> None:
    # 700 for all go by hours: 30, 10 and 30 of 70. Of design, 3/4 are half done (reported today), 1/4 is done.
    assert rows(work, on=str(TODAY)) == {
        "design": (1400, 1400, Decimal(1050) / 2 + 350, 200),
        "build": (3300, 3300, 0, 900),
        None: (0, 0, 0, 50),
        "all": (4700, 4700, 875, 1150),
    }


@pytest.mark.parametrize(
    ("number", "design", "build"),
    [
        (0, (1400, 280, 0, 0), (3300, 0, 0, 0)),
        (1, (1400, 560, 0, 200), (3300, 0, 0, 0)),
        (3, (1400, 1120, 350, 200), (3300, 0, 0, 0)),
        (8, (1400, 1400, 350, 200), (3300, 1320, 0, 900)),
    ],
)
def test_a_status_day_of_the_past_knows_what_had_happened_by_then(
    work: Work, number: int, design: tuple[int, ...], build: tuple[int, ...]
) -> None:
    told = rows(work, on=str(day(number)))

    assert (told["design"], told["build"]) == (design, build)


def test_as_of_an_earlier_instant_it_is_what_was_known_then(work: Work) -> None:
    planned = rows(work, on=str(TODAY), asOf={"position": work.planned})
    begun = rows(work, on=str(TODAY), asOf={"position": work.begun})

    assert planned["all"] == (4700, 4700, 0, 0)
    assert begun["all"] == (4700, 4700, 525, 200)


def test_what_was_added_since_the_baseline_has_no_budget_until_it_is_agreed_on(work: Work, api: Api) -> None:
    project = api.given("proposeProject", name=some("Roll-out"), startsOn=str(MONDAY))
    first = api.given("planTask", projectId=project, name="first", duration=5, effort="10")
    api.given("planBudget", projectId=project, lines=[{"category": "PEOPLE", "planned": euros("100")}])
    api.given("setProjectCharter", id=project, charter="To sell better")
    api.given("setProjectScope", id=project, scope={"included": ["Sales"]})
    api.given("approveProject", id=project, on=str(MONDAY))
    api.given("startTask", id=first, on=str(MONDAY))
    api.given("completeTask", id=first, on=str(day(4)))
    api.given("planTask", projectId=project, name="second", duration=5, effort="30")

    agreed = rows(Work(api, project, {}, 0, 0), on=str(TODAY))
    api.given("rebaselineProject", id=project, reason="More to do")
    again = rows(Work(api, project, {}, 0, 0), on=str(TODAY))

    assert agreed["all"][2] == 100
    assert again["all"][2] == 25
    assert rows(Work(api, project, {}, 0, 0), on=str(TODAY), baseline=1) == agreed


def test_the_figures_follow_from_the_four(work: Work) -> None:
    *_, whole = work.api.ask(EARNED, p=work.project, on=str(TODAY), forecast="AT_BUDGET")["earnedValue"]

    assert Decimal(whole["cv"]["amount"]) == 875 - 1150
    assert Decimal(whole["sv"]["amount"]) == 875 - 4700
    assert Decimal(whole["cpi"]) == (Decimal(875) / 1150).quantize(Decimal("0.000001"))
    assert Decimal(whole["spi"]) == (Decimal(875) / 4700).quantize(Decimal("0.000001"))
    assert Decimal(whole["eac"]["amount"]) == 1150 + 4700 - 875
    assert Decimal(whole["etc"]["amount"]) == 4700 - 875
    assert Decimal(whole["vac"]["amount"]) == 875 - 1150


def test_a_project_without_a_budget_has_no_earned_value(api: Api) -> None:
    project = api.given("proposeProject", name=some("Roll-out"))
    api.given("planTask", projectId=project, name="first")

    assert api.ask(EARNED, p=project)["earnedValue"] == []
