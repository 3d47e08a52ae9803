"""Plans read from Microsoft Project XML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import BinaryIO

from domain.projects.planning.calendar import MONDAY_TO_FRIDAY
from domain.projects.planning.plan import DEEPEST, HUNDRED, LONGEST
from infra.plans.calendars import calendar_of
from infra.plans.elements import Node, day, hours, nodes, number, text, tree, whole
from infra.plans.mspdi import ELAPSED, KINDS, MINUTES_PER_DAY, PERCENT, PHASE_ALIAS
from infra.plans.notes import Notes
from infra.plans.plan import Line, Link, PlanFile, Resource, WrongPlanFile


def read(file: BinaryIO) -> tuple[PlanFile, Notes]:
    """A plan, and what of the file is not kept. Raises WrongPlanFile."""
    return _Plan(tree(file)).plan()


class _Plan:
    """The plan of what was read."""

    def __init__(self, root: Node) -> None:
        self._root, self._notes = root, Notes()
        minutes = number(root, "MinutesPerDay", "the project")
        self._hours_a_day = (minutes if minutes and minutes > 0 else Decimal(MINUTES_PER_DAY)) / 60

        fields = nodes(root, "ExtendedAttributes", "ExtendedAttribute")
        self._has_phases = any(text(each, "Alias") == PHASE_ALIAS for each in fields)

    def plan(self) -> tuple[PlanFile, Notes]:
        tasks = [node for node in nodes(self._root, "Tasks", "Task") if self._is_meant(node)]
        resources = tuple(self._resources())
        lines = tuple(self._lines(tasks, self._assigned({each.number for each in resources})))
        if not lines:
            raise WrongPlanFile("the file has no tasks: there is nothing to import")
        starts = [line.start or line.starts_on for line in lines]
        start = day(self._root, "StartDate", "the project") or min(filter(None, starts), default=None)
        if start is None:
            raise WrongPlanFile("the file does not say when the project starts: give it a <StartDate>")
        name = text(self._root, "Title") or text(self._root, "Name") or "Imported plan"
        plan = PlanFile(
            name=name.removesuffix(".mpp").removesuffix(".xml"),
            start=start,
            calendar=calendar_of(self._root, self._notes),
            lines=lines,
            resources=resources,
            manager=text(self._root, "Manager"),
        )
        self._note_what_is_lost()
        return plan, self._notes

    # -- tasks -----------------------------------------------------------------------------------

    def _is_meant(self, node: Node) -> bool:
        """Not the line of the project itself, an empty line, or what was put aside."""
        if text(node, "IsNull") == "1" or text(node, "OutlineLevel") == "0":
            return False
        if text(node, "Active") == "0":
            self._notes.note("inactive tasks are left out", text(node, "Name"))
            return False
        return True

    def _lines(self, tasks: list[Node], assigned: Mapping[int, list[int]]) -> Iterator[Line]:
        numbers = [whole(node, "UID") for node in tasks]
        known, above, top = dict.fromkeys(numbers), list[tuple[int, int]](), Node()
        if len(known) < len(numbers):
            twice = next(number for number in numbers if numbers.count(number) > 1)
            raise WrongPlanFile(f"two tasks have the UID {twice}: each has one of its own")
        levels = [whole(node, "OutlineLevel", 1) for node in tasks]
        days = {uid: self._duration(node) for uid, node in zip(numbers, tasks, strict=True)}
        for node, uid, level, below in zip(tasks, numbers, levels, [*levels, 0][1:], strict=True):
            while above and above[-1][0] >= level:
                above.pop()
            top = top if above else node
            if len(above) - (self._phase(top) is not None) >= DEEPEST:
                raise WrongPlanFile(f"tasks are nested more than {DEEPEST} levels deep: make the breakdown flatter")
            parent = above[-1][1] if above else None
            above.append((level, uid))
            yield self._line(node, uid, parent, below > level, days, tuple(assigned.get(uid, ())))

    def _line(
        self, node: Node, uid: int, parent: int | None, is_summary: bool, days: Mapping[int, int], by: tuple[int, ...]
    ) -> Line:
        name = text(node, "Name")
        if not name:
            raise WrongPlanFile(f"the task with the UID {uid} has no name: give it one")
        if text(node, "Manual") == "1":
            self._notes.note("tasks that are scheduled by hand are scheduled by what they wait for", name)
        baseline = next(iter(nodes(node, "Baseline")), {})
        starts_on, due_on = self._bounds(node, name)
        effort = None if is_summary else hours(node, "Work", name)
        links = tuple(self._links(node, name, days))
        finished = day(node, "ActualFinish", name)
        progress = number(node, "PercentComplete", name) or Decimal(0)
        if not 0 <= progress <= HUNDRED:
            raise WrongPlanFile(f"{name}: progress is from 0 to 100 percent, and not {progress}")
        return Line(
            number=uid,
            name=name,
            parent=parent,
            wbs=text(node, "WBS") or "",
            notes=text(node, "Notes"),
            duration=days[uid],
            effort=effort or None,
            progress=HUNDRED if finished else progress,
            priority=whole(node, "Priority", 500),
            starts_on=starts_on,
            due_on=due_on,
            started_on=day(node, "ActualStart", name),
            finished_on=finished,
            start=day(node, "Start", name),
            finish=day(node, "Finish", name),
            is_critical=text(node, "Critical") == "1",
            waits_for=links,
            resources=by,
            baseline_start=day(baseline, "Start", name),
            baseline_finish=day(baseline, "Finish", name),
            phase=self._phase(node),
        )

    def _phase(self, node: Node) -> str | None:
        """The key of the phase that a line stands for."""
        said = nodes(node, "ExtendedAttribute") if self._has_phases else []
        return text(said[0], "Value") if said else None

    def _duration(self, node: Node) -> int:
        """Whole working days: what is begun counts."""
        name = text(node, "Name") or "a task"
        days = (hours(node, "Duration", name) or Decimal(0)) / self._hours_a_day
        rounded = int(days.to_integral_value(ROUND_CEILING))
        if rounded != days:
            self._notes.note("durations are rounded up to whole working days", name)
        if rounded > LONGEST:
            raise WrongPlanFile(f"{name}: a task takes at most {LONGEST:,} working days, and not {rounded:,}")
        return rounded

    def _bounds(self, node: Node, name: str) -> tuple[date | None, date | None]:
        """Not earlier than, and due: what a constraint says, as far as it is kept."""
        kind, on = text(node, "ConstraintType") or "0", day(node, "ConstraintDate", name)
        starts_on, due_on = None, day(node, "Deadline", name)
        if on and kind in ("2", "4"):
            starts_on = on
        elif on and kind in ("3", "7"):
            due_on = min(due_on or on, on)
        if on and kind in ("2", "3", "7"):
            said = {"2": "must start on", "3": "must finish on", "7": "finish no later than"}[kind]
            kept = "start no earlier than" if kind == "2" else "a deadline"
            self._notes.note(f"the constraint “{said}” becomes {kept}", name)
        elif kind in ("1", "5", "6"):
            said = {"1": "as late as possible", "5": "start no later than", "6": "finish no earlier than"}[kind]
            self._notes.note(f"the constraint “{said}” is not kept", name)
        if starts_on and due_on and due_on < starts_on:
            self._notes.note("a deadline before the earliest start is not kept", name)
            due_on = None
        return starts_on, due_on

    def _links(self, node: Node, name: str, days: Mapping[int, int]) -> Iterator[Link]:
        found = dict[int, Link]()
        for link in nodes(node, "PredecessorLink"):
            predecessor = whole(link, "PredecessorUID")
            if text(link, "CrossProject") == "1" or predecessor not in days:
                self._notes.note("dependencies on tasks that are not in the file are left out", name)
                continue
            kind = KINDS.get(text(link, "Type") or "1")
            if kind is None:
                raise WrongPlanFile(f"{name}: the type of a dependency is 0, 1, 2 or 3, for FF, FS, SF or SS")
            if predecessor in found:
                self._notes.note("of several dependencies on one task, the first is kept", name)
                continue
            found[predecessor] = Link(predecessor, kind, self._lag(link, name, days[predecessor]))
        yield from found.values()

    def _lag(self, link: Node, name: str, duration: int) -> int:
        lag, format = number(link, "LinkLag", name) or Decimal(0), text(link, "LagFormat")
        if format in PERCENT:
            self._notes.note("a lag in percent becomes working days", name)
            days = lag * duration / HUNDRED
        elif format in ELAPSED:
            self._notes.note("a lag that counts days off becomes working days", name)
            days = lag / (10 * 60 * 24) * len(MONDAY_TO_FRIDAY) / 7
        else:
            days = lag / 600 / self._hours_a_day
        rounded = int(days.to_integral_value(ROUND_HALF_EVEN))
        if rounded != days and format not in PERCENT | ELAPSED:
            self._notes.note("lags are rounded to whole working days", name)
        if abs(rounded) > LONGEST:
            raise WrongPlanFile(f"{name}: a lag is at most {LONGEST:,} working days either way")
        return rounded

    # -- resources -------------------------------------------------------------------------------

    def _resources(self) -> Iterator[Resource]:
        for node in nodes(self._root, "Resources", "Resource"):
            name = text(node, "Name")
            if name and text(node, "IsNull") != "1":
                is_person = (text(node, "Type") or "1") == "1"
                number = whole(node, "UID")
                yield Resource(number=number, name=name, email=text(node, "EmailAddress"), is_person=is_person)

    def _assigned(self, known: set[int]) -> dict[int, list[int]]:
        found = dict[int, list[int]]()
        for node in nodes(self._root, "Assignments", "Assignment"):
            resource = whole(node, "ResourceUID", -1)
            if resource in known:
                those = found.setdefault(whole(node, "TaskUID"), [])
                those += [] if resource in those else [resource]
        return found

    def _note_what_is_lost(self) -> None:
        tasks = nodes(self._root, "Tasks", "Task")
        for node in tasks:
            if any(nodes(node, "Baseline")):
                self._notes.note("baselines are not kept: approving the project takes its first one")
            if text(node, "CalendarUID") not in (None, "-1"):
                self._notes.note("calendars of single tasks are not kept", text(node, "Name"))
            if text(node, "FixedCost") not in (None, "0", "0.00"):
                self._notes.note("costs are not kept: plan a budget", text(node, "Name"))
        if len(nodes(self._root, "Calendars", "Calendar")) > 1:
            self._notes.note("only the calendar of the project is kept, and not those of resources")
