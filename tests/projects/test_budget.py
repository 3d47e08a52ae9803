from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.command import Code
from domain.projects.budget import Budget
from domain.projects.project import Project
from tests.projects.test_gates import an_entered_phase
from tests.projects.test_phases import with_phases
from tests.scenario import World, a_budget, an_account, one_of


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


DOLLARS = {"amount": "5", "currency": "USD"}


def line(world: World, budget: UUID, category: str, phase: str | None = None) -> Any:
    return next(each for each in world.load(budget).lines.values() if (each.category, each.phase) == (category, phase))


def a_spending(world: World, budget: UUID, amount: str = "10", category: str = "software", **more: Any) -> UUID:
    known = set(world.load(budget).spendings)
    world.given("Budget.spend", budget, amount=euros(amount), category=category, text="licences", **more)
    [entry] = world.load(budget).spendings.keys() - known
    return UUID(str(entry))


def a_commitment(world: World, budget: UUID, amount: str = "60", category: str = "software", **more: Any) -> UUID:
    world.given("Budget.commit", budget, category=category, amount=euros(amount), text="licences", **more)
    return UUID(str([*world.load(budget).commitments][-1]))


def test_a_budget_is_planned_line_by_line_in_one_currency(world: World) -> None:
    project = with_phases(world, "Design")
    lines = [{"category": "people", "planned": euros("100"), "phase": "design"},
             {"category": "reserve", "planned": euros("20")}]  # fmt: skip

    planned = world.when("Budget.plan", project_id=project, lines=lines, hourly_rate=euros("80"))

    planned.records_only(Budget.Planned, Budget.LineAdded, Budget.LineAdded)
    planned.records(Budget.Planned, project_id=project, currency="EUR").records(Budget.LineAdded, phase="design")


def test_money_is_for_phases_that_are_there(world: World) -> None:
    budget, project = a_budget(world, "design", "build"), with_phases(world, "Test")
    some = {"category": "people", "phase": "test"}
    lines = [{"category": "people", "planned": euros("1"), "phase": phase} for phase in ("test", "build")]

    planned = world.when("Budget.plan", project_id=project, lines=lines)
    added = world.when("Budget.add_line", budget, planned=euros("1"), **some)
    promised = world.when("Budget.commit", budget, amount=euros("1"), text="x", **some)
    spent = world.when("Budget.spend", budget, amount=euros("1"), text="x", **some)

    planned.is_refused("no such phase: there are test", "lines.1.phase")
    for refused in (added, promised, spent):
        refused.is_refused("this project has no such phase: there are design, build", "phase")
    world.when("Budget.add_line", budget, category="people", phase="build", planned=euros("1")).records(
        Budget.LineAdded
    )


def test_a_bill_for_a_phase_that_is_completed_is_recorded_all_the_same(world: World) -> None:
    project = an_entered_phase(world)
    lines = [{"category": "people", "planned": euros("1")}]
    budget = world.given("Budget.plan", project_id=project, lines=lines)
    world.given("Project.complete_phase", project, phase="design")

    spent = world.when("Budget.spend", budget, category="people", phase="design", amount=euros("1"), text="x")

    spent.records(Budget.Spent, phase="design")


def test_a_project_has_one_budget(world: World) -> None:
    project = one_of(world, Project)
    lines = [{"category": "people", "planned": euros("100")}]
    first = world.given("Budget.plan", project_id=project, lines=lines)

    second = world.when("Budget.plan", project_id=project, lines=lines)
    other = world.when("Budget.plan", project_id=one_of(world, Project), lines=lines)

    assert second.is_refused("", "project_id", Code.DUPLICATE).holder == f"Budget_{first}"
    other.records(Budget.Planned)


def test_a_project_that_is_over_gets_no_budget(world: World) -> None:
    project = one_of(world, Project)
    world.given("Project.cancel", project, reason="no money")

    planned = world.when("Budget.plan", project_id=project, lines=[{"category": "people", "planned": euros("1")}])

    planned.is_refused("is cancelled", "project_id")


@pytest.mark.parametrize(
    ("lines", "field", "message", "code"),
    [
        ([], "lines", "begins with a line, which says its currency", Code.REFUSED),
        ([{"category": "people", "planned": {"amount": "5"}}], "lines.0.planned.currency", "needed", Code.INVALID),
        (
            [{"category": "people", "planned": {"amount": "5", "currency": "EURO"}}],
            "lines.0.planned.currency",
            "a code of ISO 4217",
            Code.INVALID,
        ),
        (
            [{"category": "people", "planned": euros("1")}, {"category": "software", "planned": DOLLARS}],
            "lines.1.planned",
            "all amounts of this budget are in EUR",
            Code.REFUSED,
        ),
        (
            [{"category": "people", "planned": euros("1")}, {"category": "people", "planned": euros("2")}],
            "lines.1.category",
            "a line for this already",
            Code.REFUSED,
        ),
        ([{"category": "people", "planned": euros("-1")}], "lines.0.planned", "not negative", Code.REFUSED),
    ],
)
def test_a_budget_makes_sense(world: World, lines: Any, field: str, message: str, code: Code) -> None:
    planned = world.when("Budget.plan", project_id=one_of(world, Project), lines=lines)

    planned.is_refused(message, field, code)


@pytest.mark.parametrize(
    ("command", "arguments", "field"),
    [
        ("set_hourly_rate", {"hourly_rate": DOLLARS}, "hourly_rate"),
        ("add_line", {"category": "training", "planned": DOLLARS}, "planned"),
        ("commit", {"category": "people", "amount": DOLLARS, "text": "x"}, "amount"),
        ("spend", {"category": "people", "amount": DOLLARS, "text": "x"}, "amount"),
    ],
)
def test_another_currency_is_refused(world: World, command: str, arguments: Any, field: str) -> None:
    budget = a_budget(world)

    world.when(f"Budget.{command}", budget, **arguments).is_refused("are in EUR", field)


def test_what_is_planned_is_revised_for_a_reason(world: World) -> None:
    budget = a_budget(world, software="100")
    software = line(world, budget, "software").line_id

    silent = world.when("Budget.revise", budget, line_id=software, planned=euros("120"))
    revised = world.when("Budget.revise", budget, line_id=software, planned=euros("120"), reason="two more users")

    silent.is_refused("needed", "reason", Code.INVALID)
    revised.records_only(Budget.LineRevised).records(Budget.LineRevised, revised_because="two more users")


def test_what_goes_beyond_a_line_is_recorded_and_told_as_its_overrun(world: World) -> None:
    budget = a_budget(world, software="100", people="50")

    within = world.when("Budget.spend", budget, category="software", amount=euros("100"), text="licences")
    beyond = world.when("Budget.spend", budget, category="software", amount=euros("7.50"), text="one more")

    within.records_only(Budget.Spent)
    beyond.records_only(Budget.Spent, Budget.LineOverrun)
    assert str(line(world, budget, "software").overrun.amount) == "7.50"
    assert line(world, budget, "people").overrun is None


def test_an_overrun_ends_when_more_is_planned_or_less_was_spent(world: World) -> None:
    budget = a_budget(world, software="100")
    entry, software = a_spending(world, budget, "130"), line(world, budget, "software").line_id

    world.given("Budget.revise", budget, line_id=software, planned=euros("120"), reason="more users")
    between = line(world, budget, "software").overrun
    back = world.when("Budget.take_spending_back", budget, entry_id=entry, reason="billed to another project")

    assert str(between.amount) == "10"
    back.records(Budget.LineOverrun, line_id=software, overrun=None)


def test_what_nobody_planned_gets_a_line_of_nothing(world: World) -> None:
    budget = a_budget(world, "test", software="100")

    spent = world.when("Budget.spend", budget, category="training", phase="test", amount=euros("9"), text="a day")

    spent.records_only(Budget.LineAdded, Budget.Spent, Budget.LineOverrun)
    told = line(world, budget, "training", "test")
    assert (told.planned.amount, told.overrun.amount) == (0, 9)


def test_a_wrong_spending_is_taken_back_once_and_for_a_reason_and_stays_in_the_books(world: World) -> None:
    budget = a_budget(world, software="100")
    entry = a_spending(world, budget)

    back = world.when("Budget.take_spending_back", budget, entry_id=entry, reason="counted twice")
    again = world.when("Budget.take_spending_back", budget, entry_id=entry, reason="counted twice")
    unknown = world.when("Budget.take_spending_back", budget, entry_id=budget, reason="x")

    back.records(Budget.SpendingTakenBack, entry_id=entry, taken_back_because="counted twice")
    again.is_refused("already", "entry_id")
    unknown.is_refused("no such spending", "entry_id")
    assert entry in world.load(budget).spendings


def test_nothing_is_spent_on_a_day_to_come(world: World) -> None:
    budget, tomorrow = a_budget(world), datetime.now(UTC).date() + timedelta(days=2)

    spent = world.when("Budget.spend", budget, category="people", amount=euros("1"), text="x", on=str(tomorrow))

    spent.is_refused("not come yet", "on")


def test_what_is_spent_on_a_commitment_is_of_its_category_and_phase(world: World) -> None:
    budget = a_budget(world, "build")
    promised = a_commitment(world, budget, phase="build", account_id=an_account(world))

    spent = world.when("Budget.spend", budget, against=promised, amount=euros("10"), text="first rate")
    other = world.when("Budget.spend", budget, against=promised, category="people", amount=euros("1"), text="x")
    neither = world.when("Budget.spend", budget, amount=euros("1"), text="x")

    spent.records(Budget.Spent, category="software", phase="build", against=promised)
    other.is_refused("another category", "against")
    neither.is_refused("on what it was spent", "category")


def test_on_a_closed_commitment_nothing_is_spent(world: World) -> None:
    budget = a_budget(world)
    closed, kept = a_commitment(world, budget), a_commitment(world, budget)
    world.given("Budget.close_commitment", budget, commitment_id=closed, reason="delivered for less")

    again = world.when("Budget.close_commitment", budget, commitment_id=closed, reason="x")
    spent = world.when("Budget.spend", budget, against=closed, amount=euros("10"), text="x")

    again.is_refused("is closed", "commitment_id")
    spent.is_refused("is closed", "against")
    world.when("Budget.spend", budget, against=kept, amount=euros("10"), text="x").records(Budget.Spent)


def test_the_reserve_is_released_into_a_line_for_a_reason(world: World) -> None:
    budget = a_budget(world, software="100", reserve="40")
    software, release = line(world, budget, "software").line_id, "Budget.release_reserve"

    silent = world.when(release, budget, amount=euros("15"), line_id=software)
    released = world.when(release, budget, amount=euros("15"), line_id=software, reason="a licence more")

    silent.is_refused("needed", "reason", Code.INVALID)
    released.records(Budget.ReserveReleased, to_line=software, reason="a licence more")
    assert [str(line(world, budget, each).planned.amount) for each in ("software", "reserve")] == ["115", "25"]


def test_no_more_of_the_reserve_is_released_than_is_left(world: World) -> None:
    budget = a_budget(world, software="100", reserve="40")
    a_spending(world, budget, "10", "reserve")
    a_commitment(world, budget, "5", "reserve")
    to = {"line_id": line(world, budget, "software").line_id, "reason": "x"}

    world.when("Budget.release_reserve", budget, amount=euros("25.01"), **to).is_refused("only 25 EUR", "amount")
    world.when("Budget.release_reserve", budget, amount=euros("25"), **to).records(Budget.ReserveReleased)


def test_of_several_reserves_one_is_named(world: World) -> None:
    budget = a_budget(world, "build", software="100", reserve="40")
    world.given("Budget.add_line", budget, category="reserve", phase="build", planned=euros("5"))
    software, general = line(world, budget, "software").line_id, line(world, budget, "reserve").line_id
    given = {"amount": euros("1"), "reason": "x"}

    unnamed = world.when("Budget.release_reserve", budget, line_id=software, **given)
    no_reserve = world.when("Budget.release_reserve", budget, line_id=software, reserve_id=software, **given)
    circle = world.when("Budget.release_reserve", budget, line_id=general, reserve_id=general, **given)
    named = world.when("Budget.release_reserve", budget, line_id=software, reserve_id=general, **given)

    unnamed.is_refused("several reserves", "reserve_id")
    no_reserve.is_refused("not the line of a reserve", "reserve_id")
    circle.is_refused("a reserve itself", "line_id")
    named.records(Budget.ReserveReleased, from_line=general)


def test_a_line_is_removed_while_no_money_is_on_it(world: World) -> None:
    budget = a_budget(world, software="100", people="50", training="10")
    a_spending(world, budget)
    a_commitment(world, budget, category="people")
    lines = {category: line(world, budget, category).line_id for category in ("software", "people", "training")}

    spent, promised, free = (world.when("Budget.remove_line", budget, line_id=id) for id in lines.values())

    spent.is_refused("revise it instead", "line_id")
    promised.is_refused("revise it instead", "line_id")
    free.records_only(Budget.LineRemoved)
