"""What work was planned, done and paid for by a day: published examples, rules, and what holds of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.projects.planning.calendar import WEEK, Calendar
from domain.projects.planning.earned_value import (
    Cost,
    CostForecast,
    EarningRule,
    Measures,
    Reported,
    Work,
    earned_value,
)
from domain.projects.planning.wrong import WrongPlan
from domain.values import Money
from tests.projects.planning.plans import FRIDAY, MONDAY, UNHURRIED

EVERY_DAY = Calendar(weekdays=frozenset(WEEK))


def euros(amount: str | int | Decimal) -> Money:
    return Money(Decimal(amount), "EUR")


def period(number: int) -> date:
    """The day that stands for a period of an example."""
    return MONDAY + timedelta(number - 1)


def a_work(id: str, budget: int, first: int, last: int, done: int = 0, paid: int = 0, /, **more: Any) -> Work:
    """Planned from one period to another; done in percent and paid for by the period that is asked about."""
    progress = (Reported(MONDAY, Decimal(done)),) if Decimal(done) else ()
    costs = (Cost(MONDAY, euros(paid)),) if paid else ()
    told = {"start": period(first), "finish": period(last), "progress": progress, "costs": costs}
    return Work(**{"id": id, "budget": euros(budget), **told, **more})


def told(measures: Measures, names: str) -> tuple[Any, ...]:
    """Some of the measures, by their names."""
    return tuple(getattr(measures, name) for name in names.split())


def rounded(value: Decimal | None, to: str = "0.01") -> Decimal | None:
    return None if value is None else value.quantize(Decimal(to))


GRAY_AND_LARSON = (
    a_work("1", 8, 1, 4, 100, 10),
    a_work("2", 40, 3, 8, 100, 50),
    a_work("3", 30, 5, 10, 100, 40),
    a_work("4", 20, 5, 8, 100, 40),
    a_work("5", 40, 11, 14, 50, 30),
    a_work("6", 60, 9, 14, 50, 40),
    a_work("7", 20, 15, 18),
    a_work("8", 30, 19, 22),
)
"""Spread so that the planned value of each task at the end of period 12 is as printed."""


def test_a_status_report_at_the_end_of_period_twelve() -> None:
    """Larson and Gray, Project Management: The Managerial Process, chapter 13: a status report as solved."""
    found = earned_value(GRAY_AND_LARSON, period(12), EVERY_DAY).total
    by_task = {work.id: earned_value([work], period(12), EVERY_DAY).total for work in GRAY_AND_LARSON}

    printed = {
        "1": (8, 10, 8, -2, 0),
        "2": (40, 50, 40, -10, 0),
        "3": (30, 40, 30, -10, 0),
        "4": (20, 40, 20, -20, 0),
        "5": (20, 30, 20, -10, 0),
        "6": (30, 40, 40, -10, -10),
    }
    assert {id: told(by_task[id], "ev ac pv cv sv") for id in printed} == printed
    assert told(found, "ev ac pv cv sv bac") == (148, 210, 158, -62, -10, 248)
    assert (rounded(found.spi), rounded(found.cpi), rounded(found.complete, "0.1")) == (
        Decimal("0.94"), Decimal("0.70"), Decimal("0.6"),
    )  # fmt: skip
    assert rounded(found.cpi, "0.0001") == Decimal("0.7048")
    assert [rounded(each, "1") for each in (found.eac(), found.etc(), found.vac())] == [352, 142, -104]


def test_two_tasks_that_earn_all_or_nothing() -> None:
    """Goodpasture, Quantitative Methods in Project Management, Two task example: all credit when a task is complete."""
    reports = (Reported(period(1), Decimal(40)), Reported(period(2), Decimal(100)))
    costs = tuple(Cost(period(n), euros(30_000)) for n in (1, 2))
    tasks = (
        a_work("A", 20_000, 1, 1, 100, rule=EarningRule.ZERO_HUNDRED),
        a_work("B", 30_000, 1, 1, rule=EarningRule.ZERO_HUNDRED, progress=reports, costs=costs),
    )

    first, second = (earned_value(tasks, period(n), EVERY_DAY).total for n in (1, 2))

    assert told(first, "pv ev ac sv cv") == (50_000, 20_000, 30_000, -30_000, -10_000)
    assert told(second, "sv cv") == (0, -10_000)


def test_every_forecast_of_one_project() -> None:
    """A building of 5,000,000, of which 1,500,000 is earned for 1,800,000 (ceboardexamgenerator.com)."""
    found = Measures(
        currency="PHP", bac=Decimal(5_000_000), pv=Decimal(2_000_000), ev=Decimal(1_500_000), ac=Decimal(1_800_000)
    )

    assert found.eac() == 6_000_000
    assert found.eac(CostForecast.AT_BUDGET) == 5_300_000
    assert found.eac(CostForecast.AT_CPI_AND_SPI) == 1_800_000 + 3_500_000 / (Decimal(1_500) / 1_800 * 1_500 / 2_000)
    assert [found.etc(), found.vac()] == [4_200_000, -1_000_000]
    assert rounded(found.tcpi(), "0.0001") == Decimal("1.0938")
    assert rounded(found.tcpi(found.eac()), "0.0001") == Decimal("0.8333")


def test_a_budget_is_spread_over_the_working_days_that_were_planned() -> None:
    work = a_work("A", 100, 1, 1, start=FRIDAY, finish=date(2026, 12, 2))

    planned = [work.planned(FRIDAY + timedelta(n), Calendar()) for n in range(-1, 7)]

    assert planned == [0, 25, 25, 25, 50, 75, 100, 100]


def test_what_is_planned_for_free_days_alone_is_due_at_their_end() -> None:
    work = a_work("A", 100, 1, 1, start=date(2026, 11, 28), finish=date(2026, 11, 29))

    assert [work.planned(FRIDAY + timedelta(n), Calendar()) for n in range(3)] == [0, 0, 100]


@pytest.mark.parametrize(
    ("rule", "planned", "earned"),
    [
        (EarningRule.PERCENT, [25, 50, 75, 100], [0, 10, 90, 100]),
        (EarningRule.ZERO_HUNDRED, [0, 0, 0, 100], [0, 0, 0, 100]),
        (EarningRule.FIFTY_FIFTY, [50, 50, 50, 100], [0, 50, 50, 100]),
    ],
)
def test_what_earns_by_a_rule_is_planned_by_it(rule: EarningRule, planned: list[int], earned: list[int]) -> None:
    reports = [Reported(period(day), Decimal(percent)) for day, percent in ((2, 10), (3, 90), (4, 100))]
    work = a_work("A", 100, 1, 4, rule=rule, progress=tuple(reports))

    assert [work.planned(period(day), EVERY_DAY) for day in range(1, 5)] == planned
    assert [work.earned(period(day)) for day in range(1, 5)] == earned


def test_the_last_report_of_a_day_holds_and_progress_may_go_back() -> None:
    reports = [(3, 50), (1, 20), (1, 30), (4, 40)]
    work = a_work("A", 100, 1, 4, progress=tuple(Reported(period(day), Decimal(percent)) for day, percent in reports))

    assert [work.earned(period(day)) for day in range(1, 5)] == [30, 30, 50, 40]


def test_what_came_back_is_taken_off_what_was_paid() -> None:
    work = a_work("A", 100, 1, 4, costs=(Cost(period(1), euros(60)), Cost(period(3), euros("-10.50"))))

    assert [work.paid(period(day)) for day in range(1, 4)] == [60, 60, Decimal("49.50")]


def test_nothing_is_divided_by_nil() -> None:
    nothing = earned_value([a_work("A", 0, 1, 2)], period(1), EVERY_DAY).total
    unpaid = earned_value([a_work("A", 100, 1, 2, 50)], period(1), EVERY_DAY).total
    unearned = earned_value([a_work("A", 100, 1, 2, 0, 30)], period(1), EVERY_DAY).total

    for each in (
        nothing.cpi,
        nothing.spi,
        nothing.complete,
        nothing.eac(),
        nothing.etc(),
        nothing.vac(),
        nothing.tcpi(),
    ):
        assert each is None
    assert (unpaid.cpi, unpaid.eac(), unpaid.eac(CostForecast.AT_CPI_AND_SPI), unpaid.tcpi()) == (
        None,
        None,
        None,
        Decimal("0.5"),
    )
    assert [unearned.cpi, unearned.eac(), unearned.eac(CostForecast.AT_BUDGET)] == [0, None, 130]
    assert unearned.tcpi(Decimal(30)) is None


def test_phases_are_told_each_and_in_all() -> None:
    works = (
        a_work("A", 100, 1, 4, 50, 70, group="design"),
        a_work("B", 200, 1, 4, 25, 40, group="build"),
        a_work("C", 0, 1, 4, 0, 5),
    )

    found = earned_value(works, period(2), EVERY_DAY)

    assert {group: told(each, "bac pv ev ac") for group, each in found.groups.items()} == {
        "design": (100, 50, 50, 70),
        "build": (200, 100, 50, 40),
        None: (0, 0, 0, 5),
    }
    assert told(found.total, "bac pv ev ac") == (300, 150, 100, 115)


@pytest.mark.parametrize(
    ("make", "field", "message"),
    [
        (lambda: earned_value([], MONDAY, EVERY_DAY), "budget", "there is nothing with a budget: give a task one"),
        (
            lambda: earned_value([a_work("A", 1, 1, 1), a_work("A", 1, 1, 1)], MONDAY, EVERY_DAY),
            "id",
            "A is there twice: each piece of work has an id of its own",
        ),
        (
            lambda: earned_value(
                [a_work("A", 1, 1, 1), a_work("B", 1, 1, 1, budget=Money(Decimal(1), "USD"))], MONDAY, EVERY_DAY
            ),
            "budget",
            "A has a budget in EUR, and B in USD: convert one of them first",
        ),
        (
            lambda: a_work("A", 1, 1, 1, costs=(Cost(MONDAY, Money(Decimal(1), "USD")),)),
            "costs",
            "A has a budget in EUR and costs in USD: convert one of them first",
        ),
        (lambda: a_work("A", -1, 1, 1), "budget", "A: a budget is nil or more, and not -1"),
        (lambda: a_work("A", 1, 2, 1), "finish", "A cannot finish before it starts, on 2026-12-01"),
        (
            lambda: Reported(MONDAY, Decimal("100.01")),
            "percent",
            "progress is from 0 to 100 percent, and not 100.01",
        ),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], field: str, message: str) -> None:
    with pytest.raises(WrongPlan) as refused:
        make()

    assert (str(refused.value), refused.value.field) == (message, field)


AMOUNTS = st.integers(0, 10**11).map(lambda cents: Decimal(cents).scaleb(-2))
PERCENTS = st.integers(0, 10**4).map(lambda hundredths: Decimal(hundredths).scaleb(-2))
DAYS = st.integers(1, 40).map(period)


@st.composite
def works(draw: st.DrawFn) -> list[Work]:
    made = []
    for number in range(draw(st.integers(1, 6))):
        start = draw(DAYS)
        reports = draw(st.lists(st.builds(Reported, DAYS, PERCENTS), max_size=3))
        costs = draw(st.lists(st.builds(Cost, DAYS, AMOUNTS.map(euros)), max_size=3))
        made.append(
            Work(
                id=f"w{number}",
                budget=euros(draw(AMOUNTS)),
                start=start,
                finish=start + timedelta(draw(st.integers(0, 30))),
                group=draw(st.sampled_from(["design", "build", None])),
                rule=draw(st.sampled_from(EarningRule)),
                progress=tuple(reports),
                costs=tuple(costs),
            )
        )
    return made


@UNHURRIED
@given(works(), DAYS)
def test_phases_add_up_to_all(given_works: list[Work], day: date) -> None:
    found = earned_value(given_works, day, Calendar())

    for name in ("bac", "pv", "ev", "ac", "cv", "sv"):
        assert sum(getattr(each, name) for each in found.groups.values()) == getattr(found.total, name)


@UNHURRIED
@given(works(), DAYS, DAYS)
def test_what_is_planned_only_grows_and_is_the_budget_in_the_end(
    given_works: list[Work], one: date, other: date
) -> None:
    sooner, later = (earned_value(given_works, day, Calendar()).total for day in sorted((one, other)))
    end = earned_value(given_works, max(work.finish for work in given_works), Calendar()).total

    assert 0 <= sooner.pv <= later.pv <= end.pv == end.bac


@UNHURRIED
@given(works(), DAYS)
def test_where_nothing_is_done_nothing_is_earned_and_where_all_is_the_whole_budget(
    given_works: list[Work], day: date
) -> None:
    nothing = earned_value([replace(work, progress=()) for work in given_works], day, Calendar()).total
    everything = (Reported(day, Decimal(100)),)
    all_of_it = earned_value([replace(work, progress=everything) for work in given_works], day, Calendar()).total

    assert nothing.ev == 0 and not nothing.spi
    assert all_of_it.ev == all_of_it.bac
    assert all_of_it.eac() in (all_of_it.ac, None)
    assert all_of_it.eac(CostForecast.AT_BUDGET) == all_of_it.ac


@UNHURRIED
@given(works(), DAYS, st.randoms(use_true_random=False))
def test_the_order_of_the_works_changes_nothing(given_works: list[Work], day: date, chance: Any) -> None:
    shuffled = list(given_works)
    chance.shuffle(shuffled)

    assert earned_value(shuffled, day, Calendar()) == earned_value(given_works, day, Calendar())


@UNHURRIED
@given(works(), DAYS)
def test_forecasts_are_tied_to_each_other_by_their_definitions(given_works: list[Work], day: date) -> None:
    found = earned_value(given_works, day, Calendar()).total

    for forecast in CostForecast:
        eac, etc, vac = found.eac(forecast), found.etc(forecast), found.vac(forecast)
        assert (eac is None) == (etc is None) == (vac is None)
        if eac is not None and etc is not None and vac is not None:
            assert Fraction(eac) == Fraction(found.ac) + Fraction(etc)
            assert Fraction(vac) == Fraction(found.bac) - Fraction(eac)
    if found.cpi and (eac := found.eac()):
        assert abs(Fraction(eac) - Fraction(found.bac) * Fraction(found.ac) / Fraction(found.ev)) <= Fraction(
            1, 2 * 10**6
        )
