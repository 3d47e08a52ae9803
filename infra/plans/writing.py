"""Plans written as Microsoft Project XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from domain.projects.planning.calendar import Calendar
from infra.plans.mspdi import (
    AS_SOON_AS_POSSIBLE,
    MINUTES_PER_DAY,
    NAMESPACE,
    PHASE_ALIAS,
    PHASE_FIELD,
    START_NO_EARLIER,
    TYPES,
    duration,
)
from infra.plans.plan import Line, PlanFile

HOURS: Final = MINUTES_PER_DAY // 60
SHIFTS: Final = (("08:00:00", "12:00:00"), ("13:00:00", "17:00:00"))
BEGIN, END = SHIFTS[0][0], SHIFTS[-1][1]
NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def written(plan: PlanFile) -> bytes:
    """The file. Its elements come in the order that the schema of Microsoft asks for."""
    root = Element("Project", xmlns=NAMESPACE)
    _add(root, "SaveVersion", "14")
    _add(root, "Name", plan.name)
    _add(root, "Title", plan.name)
    if plan.manager:
        _add(root, "Manager", plan.manager)
    _add(root, "ScheduleFromStart", "1")
    _add(root, "StartDate", _at(plan.start, BEGIN))
    _add(root, "CalendarUID", "1")
    _add(root, "DefaultStartTime", BEGIN)
    _add(root, "DefaultFinishTime", END)
    _add(root, "MinutesPerDay", MINUTES_PER_DAY)
    _add(root, "MinutesPerWeek", MINUTES_PER_DAY * len(plan.calendar.weekdays))
    _add(root, "DurationFormat", "7")
    _add(root, "NewTasksAreManual", "0")
    if any(line.phase for line in plan.lines):
        field = SubElement(SubElement(root, "ExtendedAttributes"), "ExtendedAttribute")
        _add(field, "FieldID", PHASE_FIELD)
        _add(field, "FieldName", "Text30")
        _add(field, "Alias", PHASE_ALIAS)
    _calendar(SubElement(SubElement(root, "Calendars"), "Calendar"), plan.calendar)
    parents = {line.parent for line in plan.lines}
    numbers = _outline(plan)
    tasks = SubElement(root, "Tasks")
    for place, line in enumerate(plan.lines, 1):
        _task(SubElement(tasks, "Task"), line, place, numbers[line.number], line.number in parents)
    resources = SubElement(root, "Resources")
    for place, resource in enumerate(plan.resources, 1):
        made = SubElement(resources, "Resource")
        _add(made, "UID", resource.number)
        _add(made, "ID", place)
        _add(made, "Name", resource.name)
        _add(made, "Type", "1" if resource.is_person else "0")
        if resource.email:
            _add(made, "EmailAddress", resource.email)
    assignments, numbered = SubElement(root, "Assignments"), count(1)
    for line in plan.lines:
        for resource_number in line.resources:
            made = SubElement(assignments, "Assignment")
            _add(made, "UID", next(numbered))
            _add(made, "TaskUID", line.number)
            _add(made, "ResourceUID", resource_number)
            _add(made, "Units", "1")
            if line.effort is not None:
                _add(made, "Work", duration(line.effort / len(line.resources)))
    indent(root)
    text: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"


def _task(made: Element, line: Line, place: int, outline: str, is_summary: bool) -> None:
    milestone = line.duration == 0 and not is_summary
    _add(made, "UID", line.number)
    _add(made, "ID", place)
    _add(made, "Name", line.name)
    _add(made, "Active", "1")
    _add(made, "Manual", "0")
    _add(made, "Type", "1")  # of fixed duration: more people do not shorten it by themselves
    _add(made, "IsNull", "0")
    _add(made, "WBS", line.wbs or outline)
    _add(made, "OutlineNumber", outline)
    _add(made, "OutlineLevel", outline.count(".") + 1)
    _add(made, "Priority", line.priority)
    if line.start and line.finish:
        _add(made, "Start", _at(line.start, END if milestone else BEGIN))
        _add(made, "Finish", _at(line.finish, END))
    _add(made, "Duration", duration(line.duration * HOURS))
    _add(made, "DurationFormat", "7")
    if line.effort is not None and not is_summary:
        _add(made, "Work", duration(line.effort))
    _add(made, "EffortDriven", "0")
    _add(made, "Milestone", int(milestone))
    _add(made, "Summary", int(is_summary))
    _add(made, "Critical", int(line.is_critical))
    _add(made, "PercentComplete", int(line.progress))
    if line.started_on:
        _add(made, "ActualStart", _at(line.started_on, BEGIN))
    if line.finished_on:
        _add(made, "ActualFinish", _at(line.finished_on, END))
    _add(made, "ConstraintType", START_NO_EARLIER if line.starts_on else AS_SOON_AS_POSSIBLE)
    if line.starts_on:
        _add(made, "ConstraintDate", _at(line.starts_on, BEGIN))
    if line.due_on:
        _add(made, "Deadline", _at(line.due_on, END))
    if line.notes:
        _add(made, "Notes", line.notes)
    for link in line.waits_for:
        waits = SubElement(made, "PredecessorLink")
        _add(waits, "PredecessorUID", link.predecessor)
        _add(waits, "Type", TYPES[link.kind])
        _add(waits, "CrossProject", "0")
        _add(waits, "LinkLag", link.lag * MINUTES_PER_DAY * 10)
        _add(waits, "LagFormat", "7")
    if line.phase:
        phase = SubElement(made, "ExtendedAttribute")
        _add(phase, "FieldID", PHASE_FIELD)
        _add(phase, "Value", line.phase)
    if line.baseline_start and line.baseline_finish:
        baseline = SubElement(made, "Baseline")
        _add(baseline, "Number", "0")
        _add(baseline, "Start", _at(line.baseline_start, END if milestone else BEGIN))
        _add(baseline, "Finish", _at(line.baseline_finish, END))


def _outline(plan: PlanFile) -> dict[int, str]:
    """The outline number of each line: 1, 1.1, 1.2, 2 …"""
    found, taken = dict[int, str](), dict[int | None, int]()
    for line in plan.lines:
        taken[line.parent] = nth = taken.get(line.parent, 0) + 1
        found[line.number] = f"{found[line.parent]}.{nth}" if line.parent is not None else str(nth)
    return found


def _calendar(made: Element, calendar: Calendar) -> None:
    _add(made, "UID", "1")
    _add(made, "Name", "Standard")
    _add(made, "IsBaseCalendar", "1")
    _add(made, "BaseCalendarUID", "-1")
    days = SubElement(made, "WeekDays")
    for number in range(1, 8):  # Sunday is 1
        day = SubElement(days, "WeekDay")
        _add(day, "DayType", number)
        _working(day, (number - 2) % 7 in calendar.weekdays)
    exceptions = SubElement(made, "Exceptions")
    for on, works in _exceptions(calendar):
        day = SubElement(exceptions, "Exception")
        _add(day, "EnteredByOccurrences", "0")
        period = SubElement(day, "TimePeriod")
        _add(period, "FromDate", _at(on, "00:00:00"))
        _add(period, "ToDate", _at(on, "23:59:00"))
        _add(day, "Occurrences", "1")
        _add(day, "Name", "working day" if works else "holiday")
        _add(day, "Type", "1")
        _working(day, works)


def _exceptions(calendar: Calendar) -> Iterator[tuple[date, bool]]:
    for on in sorted(calendar.holidays | calendar.extra):
        yield on, on in calendar.extra


def _working(day: Element, works: bool) -> None:
    _add(day, "DayWorking", int(works))
    if works:
        times = SubElement(day, "WorkingTimes")
        for begin, end in SHIFTS:
            time = SubElement(times, "WorkingTime")
            _add(time, "FromTime", begin)
            _add(time, "ToTime", end)


def _at(on: date, time: str) -> str:
    return f"{on.isoformat()}T{time}"


def _add(parent: Element, name: str, value: object) -> None:
    SubElement(parent, name).text = NOT_IN_XML.sub("\ufffd", str(value))
