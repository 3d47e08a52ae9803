"""A working calendar: the days on which work is done, counted in whole days."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Final, NamedTuple

from domain.projects.planning.wrong import WrongPlan

MONDAY_TO_FRIDAY: Final = frozenset(range(5))
WEEK: Final = range(7)


class _Table(NamedTuple):
    """What makes a look-up quick: the week, and by how much each exception moves the count of the days behind it."""

    in_week: tuple[int, ...]
    """The working days of a week, Monday being 0."""
    before: tuple[int, ...]
    """How many working days of a week lie before each of its days."""
    exceptions: tuple[int, ...]
    """The days that are not as their weekday is, as ordinals."""
    moved: tuple[int, ...]
    """By how many working days the first n exceptions change the count."""
    behind: tuple[int, ...]
    """The number of the first working day behind each exception."""


@dataclass(frozen=True)
class Calendar:
    """Which days are worked on: weekdays (Monday is 0), but not holidays, and extra days besides.

    Working days are numbered from the first of January of the year 1. Both ways, from a date to its number and back,
    take time with the logarithm of the number of exceptions.
    """

    weekdays: Annotated[frozenset[int], "that are worked on: 0 is Monday"] = MONDAY_TO_FRIDAY
    holidays: Annotated[frozenset[date], "that are not worked on, whatever their weekday"] = frozenset()
    extra: Annotated[frozenset[date], "that are worked on although their weekday is free"] = frozenset()

    def __post_init__(self) -> None:
        if not self.weekdays:
            raise WrongPlan("a week has at least one working day", "weekdays")
        if not self.weekdays <= set(WEEK):
            raise WrongPlan("a weekday is a number from 0 for Monday to 6 for Sunday", "weekdays")
        if both := self.holidays & self.extra:
            raise WrongPlan(f"{min(both)} is either a holiday or an extra working day", "extra")

    def works(self, day: date) -> bool:
        """Whether work is done on a day."""
        return day in self.extra or (day.weekday() in self.weekdays and day not in self.holidays)

    def number(self, day: date) -> int:
        """How many working days there were before a day: its own number, where it is one."""
        return self._before(day.toordinal())

    def through(self, day: date) -> int:
        """How many working days there were by the end of a day."""
        return self._before(day.toordinal() + 1)

    def day(self, number: int) -> date:
        """The working day of a number. WrongPlan where no calendar reaches."""
        table = self._table
        passed = bisect_right(table.behind, number)
        if passed < len(table.exceptions):
            next_one = table.exceptions[passed]
            if self._before(next_one) == number and self._before(next_one + 1) > number:
                return date.fromordinal(next_one)
        weeks, rest = divmod(number - table.moved[passed], len(table.in_week))
        try:
            return date.fromordinal(weeks * 7 + table.in_week[rest] + 1)
        except (ValueError, OverflowError):
            raise WrongPlan("this goes beyond the years 1 to 9999: is a duration too long?", "duration") from None

    def count(self, since: date, until: date) -> int:
        """The working days from one day on until before another; less than nil where that one is the earlier."""
        return self.number(until) - self.number(since)

    def finish(self, start: date, days: int) -> date:
        """The last of so many days, from a day or the working day after it on: 3 from a Friday end on Tuesday."""
        if days < 1:
            raise WrongPlan("work takes a working day at least", "days")
        return self.day(self.number(start) + days - 1)

    def on_or_after(self, day: date) -> date:
        """The day, or the first working day after it."""
        return self.day(self.number(day))

    def _before(self, ordinal: int) -> int:
        table = self._table
        weeks, rest = divmod(ordinal - 1, 7)  # the first of January of the year 1 was a Monday
        plain = weeks * len(table.in_week) + table.before[rest]
        return plain + table.moved[bisect_left(table.exceptions, ordinal)]

    @cached_property
    def _table(self) -> _Table:
        in_week = tuple(sorted(self.weekdays))
        before = tuple(bisect_left(in_week, weekday) for weekday in WEEK)
        free = {day: -1 for day in self.holidays if day.weekday() in self.weekdays}
        worked = {day: 1 for day in self.extra if day.weekday() not in self.weekdays}
        exceptions = sorted({**free, **worked}.items())
        moved, behind = [0], []
        for day, change in exceptions:
            moved.append(moved[-1] + change)
            weeks, rest = divmod(day.toordinal(), 7)
            behind.append(weeks * len(in_week) + before[rest] + moved[-1])
        ordinals = tuple(day.toordinal() for day, _ in exceptions)
        return _Table(in_week, before, ordinals, tuple(moved), tuple(behind))
