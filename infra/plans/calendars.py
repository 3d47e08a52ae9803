"""The working calendar of a plan's file: its days off, and the days that are worked on besides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from domain.projects.planning.calendar import MONDAY_TO_FRIDAY, Calendar
from infra.plans.elements import Node, day, nodes, text, whole
from infra.plans.notes import Notes
from infra.plans.plan import WrongPlanFile

LONGEST_EXCEPTION: Final = 3 * 366
"""Days."""


def calendar_of(root: Node, notes: Notes) -> Calendar:
    """That of the project. Its hours are not kept: a day is worked on or not."""
    calendars = nodes(root, "Calendars", "Calendar")
    wanted = text(root, "CalendarUID")
    chosen = next((each for each in calendars if text(each, "UID") == wanted), None)
    if chosen is None:
        return Calendar()
    weekdays, holidays, extra = set(MONDAY_TO_FRIDAY), set[date](), set[date]()
    periods = [(each, text(each, "DayWorking") == "1") for each in nodes(chosen, "Exceptions", "Exception")]
    for each in nodes(chosen, "WeekDays", "WeekDay"):
        works = text(each, "DayWorking") == "1"
        if number := whole(each, "DayType", 0):  # Sunday is 1
            (weekdays.add if works else weekdays.discard)((number - 2) % 7)
        else:  # as older versions write an exception
            periods.append((each, works))
    for node, works in periods:
        for on in _days_of(node, notes):
            (extra if works else holidays).add(on)
    if not weekdays:
        raise WrongPlanFile("the calendar of the project has no working day: a week has at least one")
    free = {on for on in holidays if on.weekday() in weekdays} - extra
    return Calendar(frozenset(weekdays), frozenset(free), frozenset(e for e in extra if e.weekday() not in weekdays))


def _days_of(node: Node, notes: Notes) -> Iterator[date]:
    name = text(node, "Name") or "an exception of the calendar"
    if text(node, "Type") not in (None, "1") or whole(node, "Period", 1) > 1:
        notes.note("of days off that come again, only those are kept that are written out", name)
    period = next(iter(nodes(node, "TimePeriod")), {})
    begin, end = day(period, "FromDate", name), day(period, "ToDate", name)
    if not begin or not end or end < begin:
        return
    if (end - begin).days > LONGEST_EXCEPTION:
        raise WrongPlanFile(f"{name}: an exception of the calendar lasts at most {LONGEST_EXCEPTION} days")
    for nth in range((end - begin).days + 1):
        yield begin + timedelta(days=nth)
