"""Working days are counted over weekends, holidays and extra days, both ways."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.wrong import WrongPlan
from tests.projects.planning.plans import FRIDAY, MONDAY, UNHURRIED

DAYS = st.integers(-40, 60).map(lambda n: MONDAY + timedelta(n))
SETS = st.frozensets(DAYS, max_size=12)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    holidays, extra = draw(SETS), draw(SETS)
    return Calendar(draw(st.frozensets(st.integers(0, 6), min_size=1)), holidays, extra - holidays)


def test_three_days_from_friday_end_on_tuesday() -> None:
    assert Calendar().finish(FRIDAY, 3) == date(2026, 12, 1)
    assert Calendar().finish(FRIDAY, 1) == FRIDAY


def test_work_that_is_to_begin_on_a_sunday_begins_on_monday() -> None:
    assert Calendar().finish(date(2026, 11, 29), 2) == date(2026, 12, 1)
    assert Calendar().on_or_after(date(2026, 11, 29)) == MONDAY


def test_a_holiday_is_passed_over_and_an_extra_saturday_is_not() -> None:
    calendar = Calendar(holidays=frozenset({MONDAY}), extra=frozenset({date(2026, 11, 28)}))

    assert calendar.finish(FRIDAY, 3) == date(2026, 12, 1)
    assert [calendar.works(FRIDAY + timedelta(n)) for n in range(5)] == [True, True, False, False, True]


def test_days_are_counted_from_one_until_before_another() -> None:
    assert Calendar().count(FRIDAY, MONDAY) == 1
    assert Calendar().count(FRIDAY, FRIDAY) == 0
    assert Calendar().count(MONDAY, FRIDAY) == -1


@UNHURRIED
@given(calendars(), DAYS, DAYS)
def test_a_count_is_that_of_the_days_looked_at_one_by_one(calendar: Calendar, since: date, until: date) -> None:
    since, until = min(since, until), max(since, until)

    one_by_one = sum(calendar.works(since + timedelta(n)) for n in range((until - since).days))

    assert calendar.count(since, until) == one_by_one


@UNHURRIED
@given(calendars(), DAYS)
def test_the_day_of_a_number_is_the_first_working_day_from_there_on(calendar: Calendar, day: date) -> None:
    found = calendar.day(calendar.number(day))

    assert found >= day and calendar.works(found)
    assert not any(calendar.works(day + timedelta(n)) for n in range((found - day).days))


@UNHURRIED
@given(calendars(), st.integers(-60, 90))
def test_a_number_and_its_day_lead_to_each_other(calendar: Calendar, steps: int) -> None:
    number = calendar.number(MONDAY) + steps

    assert calendar.number(calendar.day(number)) == number
    assert calendar.through(calendar.day(number)) == number + 1


@pytest.mark.parametrize(
    ("weekdays", "extra", "field", "message"),
    [
        (frozenset(), frozenset(), "weekdays", "a week has at least one working day"),
        ({7}, frozenset(), "weekdays", "a weekday is a number from 0 for Monday to 6 for Sunday"),
        ({0}, {MONDAY}, "extra", "2026-11-30 is either a holiday or an extra working day"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(weekdays: set[int], extra: set[date], field: str, message: str) -> None:
    with pytest.raises(WrongPlan) as refused:
        Calendar(frozenset(weekdays), frozenset({MONDAY}), frozenset(extra))

    assert (str(refused.value), refused.value.field) == (message, field)


def test_what_lies_behind_the_last_year_is_refused() -> None:
    with pytest.raises(WrongPlan, match="beyond the years 1 to 9999"):
        Calendar().finish(MONDAY, 9_999_999)


def test_work_takes_a_day_at_least() -> None:
    with pytest.raises(WrongPlan, match="a working day at least"):
        Calendar().finish(MONDAY, 0)
