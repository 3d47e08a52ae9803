"""Plans in files: what is written is read again, and what cannot be meant is refused with what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.plan import DependencyKind
from infra.plans.plan import MOST_TASKS, Line, Link, PlanFile, Resource, WrongPlanFile
from infra.plans.reading import read
from infra.plans.writing import written

SAMPLE = Path(__file__).parent / "plan_files" / "rollout.xml"
START = date(2026, 11, 30)
ROOT = '<Project xmlns="http://schemas.microsoft.com/project"><StartDate>2026-11-30T08:00:00</StartDate>'


def sample() -> tuple[PlanFile, dict[int, Line], list[str]]:
    with SAMPLE.open("rb") as file:
        plan, notes = read(file)
    return plan, {line.number: line for line in plan.lines}, list(notes)


def a_file(tasks: str, head: str = ROOT) -> BytesIO:
    return BytesIO(f"{head}<Tasks>{tasks}</Tasks></Project>".encode())


# -- a file as Microsoft Project writes it -----------------------------------------------------------


def test_tasks_come_in_their_breakdown_without_the_line_of_the_project_and_empty_ones() -> None:
    plan, lines, _ = sample()

    assert (plan.name, plan.start, plan.manager) == ("CRM 上线 for Acme Pumps", START, "Maria Lopez")
    assert {number: line.parent for number, line in lines.items()} == {
        1: None,
        2: 1,
        3: 1,
        4: 1,
        7: None,
        8: None,
        9: None,
    }


def test_a_task_says_what_it_takes_and_how_far_it_is() -> None:
    _, lines, _ = sample()

    assert lines[2] == Line(
        number=2,
        name="流程设计 & review",
        parent=1,
        wbs="1.1",
        notes="As is and to be.",
        duration=5,
        effort=Decimal(60),
        progress=Decimal(40),
        priority=700,
        starts_on=START,
        due_on=date(2026, 12, 7),
        started_on=date(2026, 11, 23),
        start=START,
        finish=date(2026, 12, 4),
        is_critical=True,
        resources=(1,),
        baseline_start=START,
        baseline_finish=date(2026, 12, 3),
    )


def test_what_is_finished_is_done_whatever_its_percent_says() -> None:
    plan, _ = read(a_file("<Task><UID>1</UID><Name>a</Name><ActualFinish>2026-11-02T17:00:00</ActualFinish></Task>"))

    assert (plan.lines[0].progress, plan.lines[0].finished_on) == (Decimal(100), date(2026, 11, 2))


def test_of_a_deadline_and_the_day_by_which_it_must_finish_the_earlier_is_kept() -> None:
    said = "<Deadline>2026-12-21T17:00:00</Deadline><ConstraintType>7</ConstraintType>"
    on = "<ConstraintDate>2026-12-18T17:00:00</ConstraintDate>"

    plan, _ = read(a_file(f"<Task><UID>1</UID><Name>a</Name>{said}{on}</Task>"))

    assert plan.lines[0].due_on == date(2026, 12, 18)


def test_all_four_kinds_of_dependencies_are_kept_with_their_lags_in_working_days() -> None:
    _, lines, _ = sample()

    assert lines[3].waits_for == (Link(2, DependencyKind.SS, 3),)
    assert lines[4].waits_for == (Link(2, DependencyKind.FS, 0), Link(3, DependencyKind.FS, 0))
    assert lines[7].waits_for == (Link(4, DependencyKind.FS, -1),)
    assert lines[8].waits_for == (Link(7, DependencyKind.SS, 4),)  # half of eight days
    assert lines[9].waits_for == (
        Link(8, DependencyKind.FF, 5),
        Link(7, DependencyKind.SF, 0),
    )  # seven days, weekends included


def test_the_calendar_of_the_project_has_its_days_off_and_those_that_are_worked_on_instead() -> None:
    plan, _, _ = sample()

    free = frozenset({date(2026, 12, 24), date(2026, 12, 25), date(2027, 1, 1)})
    assert plan.calendar == Calendar(holidays=free, extra=frozenset({date(2027, 1, 2)}))


def test_what_is_not_kept_is_told_with_the_tasks_that_it_is_about() -> None:
    _, _, notes = sample()

    assert sorted(notes) == [
        "a lag in percent becomes working days: Test",
        "a lag that counts days off becomes working days: Train",
        "baselines are not kept: approving the project takes its first one",
        "calendars of single tasks are not kept: Train",
        "costs are not kept: plan a budget: Interfaces",
        "dependencies on tasks that are not in the file are left out: Configure",
        "durations are rounded up to whole working days: Interfaces",
        "inactive tasks are left out: Old idea",
        "only the calendar of the project is kept, and not those of resources",
        "tasks that are scheduled by hand are scheduled by what they wait for: Configure",
        "the constraint “as late as possible” is not kept: Test",
        "the constraint “finish no later than” becomes a deadline: Configure",
    ]


def test_people_and_things_are_told_apart() -> None:
    plan, lines, _ = sample()

    assert plan.resources == (
        Resource(number=1, name="Maria Lopez", email="maria@acme.example"),
        Resource(number=2, name="Test server", is_person=False),
    )
    assert lines[8].resources == (2,)


# -- what is refused ---------------------------------------------------------------------------------

REFUSED = {
    "an entity": (
        '<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + ROOT + "<Name>&b;</Name></Project>",
        "declares a document type or entities",
    ),
    "an entity from outside": (
        '<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + ROOT + "<Name>&a;</Name></Project>",
        "declares a document type or entities",
    ),
    "a document type": ('<!DOCTYPE p SYSTEM "http://127.0.0.1:9/p.dtd">' + ROOT + "</Project>", "a document type"),
    "another namespace": ("<Project><Tasks/></Project>", "a plan begins with <Project xmlns="),
    "another language": ("<html xmlns='http://www.w3.org/1999/xhtml'/>", "the file begins with 'html'"),
    "no XML": ("Task;Start\nDesign;2026-11-30", "save it anew as Microsoft Project XML"),
    "half of it": (ROOT + "<Tasks><Task><UID>1</UID>", "save it anew as Microsoft Project XML"),
    "deep nesting": (ROOT + "<a>" * 40 + "</a>" * 40 + "</Project>", "nested more than"),
    "no tasks": (ROOT + "</Project>", "the file has no tasks"),
}  # fmt: skip
WRONG_TASKS = {
    "no name": ("<Task><UID>1</UID></Task>", "the task with the UID 1 has no name: give it one"),
    "no number": ("<Task><Name>a</Name></Task>", "a has no <UID>: give it one"),
    "a number twice": (2 * "<Task><UID>1</UID><Name>a</Name></Task>", "two tasks have the UID 1"),
    "a wrong day": (
        "<Task><UID>1</UID><Name>a</Name><Start>soon</Start></Task>",
        "<Start> looks like 2026-11-30T08:00",
    ),
    "a wrong duration": ("<Task><UID>1</UID><Name>a</Name><Duration>5d</Duration></Task>", "looks like PT8H0M0S"),
    "a duration beyond all": (
        "<Task><UID>1</UID><Name>a</Name><Duration>PT9999999H</Duration></Task>",
        "at most 36,500",
    ),
    "too much progress": ("<Task><UID>1</UID><Name>a</Name><PercentComplete>120</PercentComplete></Task>", "0 to 100"),
    "a wrong number": ("<Task><UID>1</UID><Name>a</Name><Priority>NaN</Priority></Task>", "<Priority> is a number"),
    "an unknown dependency": (
        "<Task><UID>1</UID><Name>a</Name></Task><Task><UID>2</UID><Name>b</Name><PredecessorLink><PredecessorUID>1"
        "</PredecessorUID><Type>9</Type></PredecessorLink></Task>",
        "0, 1, 2 or 3, for FF, FS, SF or SS",
    ),
    "too deep a breakdown": (
        "".join(f"<Task><UID>{n}</UID><Name>a</Name><OutlineLevel>{n}</OutlineLevel></Task>" for n in range(1, 60)),
        "make the breakdown flatter",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_plan_is_refused_with_what_would_be_right(name: str) -> None:
    text, reason = REFUSED[name]

    with pytest.raises(WrongPlanFile, match=reason):
        read(BytesIO(text.encode()))


@pytest.mark.parametrize("name", WRONG_TASKS)
def test_a_task_that_cannot_be_is_refused_with_its_name(name: str) -> None:
    text, reason = WRONG_TASKS[name]

    with pytest.raises(WrongPlanFile, match=reason):
        read(a_file(text))


VERY_LONG = 8 << 20


class Endless:
    """A file that ends only where it is very long, and tells how much of it was read."""

    def __init__(self, head: str, part: Callable[[int], str]) -> None:
        self.taken, self._rest, self._part, self._number = 0, head.encode(), part, 0

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and self.taken < VERY_LONG:
            self._rest += "".join(self._part(self._number + nth) for nth in range(500)).encode()
            self._number += 500
        some, self._rest = self._rest[:size], self._rest[size:]
        self.taken += len(some)
        return some


def test_more_tasks_than_could_be_meant_are_refused_while_they_are_read() -> None:
    endless = Endless(ROOT + "<Tasks>", lambda nth: f"<Task><UID>{nth}</UID><Name>a task</Name></Task>")

    with pytest.raises(WrongPlanFile, match="more than 20,000 elements 'Task': split the plan"):
        read(endless)  # type: ignore[arg-type]

    assert endless.taken < (MOST_TASKS + 5_000) * 60 < VERY_LONG


def test_a_text_that_never_ends_is_refused_while_it_is_read() -> None:
    endless = Endless(ROOT + "<Name>", lambda nth: "a" * 200)

    with pytest.raises(WrongPlanFile, match="longer than"):
        read(endless)  # type: ignore[arg-type]

    assert endless.taken < VERY_LONG / 4


# -- there and back ----------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
days = st.dates(date(2026, 1, 1), date(2030, 12, 31))
calendars = st.builds(
    lambda week, days: Calendar(
        week,
        frozenset(on for on in days if on.weekday() in week),
        frozenset(on for on in days if on.weekday() not in week),
    ),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.frozensets(days, max_size=5),
)


@st.composite
def plans(draw: st.DrawFn) -> PlanFile:
    """Plans, each task of which is under one before it, or under none, and waits for some before it."""
    lines, above = list[Line](), list[int]()
    size = draw(st.integers(1, 8))
    for number in range(1, size + 1):
        above = above[: draw(st.integers(0, len(above)))]
        others = draw(st.lists(st.sampled_from(range(1, number)), max_size=3, unique=True)) if number > 1 else []
        links = tuple(Link(other, draw(st.sampled_from(DependencyKind)), draw(st.integers(-9, 9))) for other in others)
        starts, start = draw(st.none() | days), draw(days)
        started = draw(st.none() | days)
        finished = draw(st.none() | st.just(started)) if started else None
        lines.append(
            Line(
                number=number,
                name=draw(names),
                parent=above[-1] if above else None,
                wbs=draw(names),
                notes=draw(st.none() | names),
                duration=draw(st.integers(0, 400)),
                effort=draw(st.none() | st.integers(1, 9_999).map(lambda quarters: Decimal(quarters) / 4)),
                progress=Decimal(100) if finished else draw(st.integers(0, 100).map(Decimal)),
                priority=draw(st.integers(0, 1000)),
                starts_on=starts,
                due_on=draw(st.none() | st.just(starts)) if starts else draw(st.none() | days),
                started_on=started,
                finished_on=finished,
                start=start,
                finish=start + timedelta(days=draw(st.integers(0, 99))),
                is_critical=draw(st.booleans()),
                waits_for=links,
                resources=tuple(draw(st.lists(st.sampled_from((1, 2)), max_size=2, unique=True))),
                baseline_start=start,
                baseline_finish=start,
                phase=draw(st.none() | names),
            )
        )
        above = [*above, number]
    parents = {line.parent for line in lines}
    return PlanFile(
        name=draw(names),
        start=draw(days),
        calendar=draw(calendars),
        lines=tuple(replace(line, effort=None) if line.number in parents else line for line in lines),
        resources=(
            Resource(number=1, name=draw(names), email="maria@acme.example"),
            Resource(number=2, name=draw(names), is_person=False),
        ),
        manager=draw(st.none() | names),
    )


@settings(max_examples=40, deadline=None)
@given(plans())
def test_a_plan_that_is_written_and_read_again_is_the_same(plan: PlanFile) -> None:
    again, _ = read(BytesIO(written(plan)))

    assert again == plan


def test_a_line_stands_for_a_phase_only_where_the_field_is_called_so() -> None:
    field = "<ExtendedAttribute><FieldID>{}</FieldID>{}</ExtendedAttribute>"
    task = "<Task><UID>1</UID><Name>a</Name>" + field.format("{}", "<Value>design</Value>") + "</Task>"
    head = ROOT + "<ExtendedAttributes>" + field.format("{}", "<Alias>{}</Alias>") + "</ExtendedAttributes>"
    text30, text1 = "188744016", "188743731"

    ours, theirs, other, none = (
        read(a_file(task.format(said), head.format(defined, alias)))[0].lines[0].phase
        for said, defined, alias in (
            (text30, text30, "Daybook phase"),
            (text30, text30, "Site"),
            (text1, text30, "Daybook phase"),
            (text30, text1, "Daybook phase"),
        )
    )

    assert (ours, theirs, other, none) == ("design", None, None, None)


def test_what_xml_cannot_hold_is_replaced() -> None:
    plan = PlanFile(name="a\x01b", start=START, lines=(Line(number=1, name="<b>\ud800&"),))

    again, _ = read(BytesIO(written(plan)))

    assert (again.name, again.lines[0].name) == ("a\ufffdb", "<b>\ufffd&")


def test_elements_come_in_the_order_of_the_schema() -> None:
    line = Line(
        number=1, name="a", effort=Decimal(8), starts_on=START, due_on=START, started_on=START, finished_on=START,
        start=START, finish=START, notes="n", waits_for=(Link(2),), baseline_start=START, baseline_finish=START,
        phase="design",
    )  # fmt: skip
    text = written(PlanFile(name="p", start=START, lines=(line, Line(number=2, name="b")))).decode()

    task = text.partition("<Task>")[2].partition("</Task>")[0]

    assert [name for name in ORDER if f"<{name}>" in task] == list(children(task))


ORDER = (
    "UID", "ID", "Name", "Active", "Manual", "Type", "IsNull", "CreateDate", "Contact", "WBS", "WBSLevel",
    "OutlineNumber", "OutlineLevel", "Priority", "Start", "Finish", "Duration", "DurationFormat", "Work", "Stop",
    "Resume", "ResumeValid", "EffortDriven", "Recurring", "OverAllocated", "Estimated", "Milestone", "Summary",
    "Critical", "PercentComplete", "ActualStart", "ActualFinish", "RemainingDuration", "ConstraintType",
    "CalendarUID", "ConstraintDate", "Deadline", "Notes", "PredecessorLink", "ExtendedAttribute", "Baseline",
)  # fmt: skip
"""Of a task, from Microsoft's mspdi_pj12.xsd (and, for the second and third versions of tasks, mspdi_pj14.xsd)."""


def children(task: str) -> Iterator[str]:
    depth = task.index("<") - task.rindex("\n", 0, task.index("<"))
    for text in task.splitlines():
        if len(text) - len(text.lstrip()) + 1 == depth and text.lstrip()[:2] not in ("", "</"):
            yield text.lstrip()[1:].partition(">")[0]
