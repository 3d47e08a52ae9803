"""When things take place: by kind of dependency, over weekends, under one another, and once they have begun."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.plan import Plan, Task
from domain.projects.planning.schedule import Span, schedule
from tests.projects.planning.plans import FRIDAY, MONDAY, a_link, a_plan, days_of, with_task

TUESDAY, WEDNESDAY, THURSDAY = date(2026, 12, 1), date(2026, 12, 2), date(2026, 12, 3)


@pytest.mark.parametrize(
    ("link", "second"),
    [
        ("A FS B", ("Thu 3", "Fri 4")),
        ("A FS+1 B", ("Fri 4", "Mon 7")),
        ("A FS-1 B", ("Wed 2", "Thu 3")),
        ("A SS B", ("Mon 30", "Tue 1")),
        ("A SS+2 B", ("Wed 2", "Thu 3")),
        ("A FF B", ("Tue 1", "Wed 2")),
        ("A FF+3 B", ("Fri 4", "Mon 7")),
        ("A SF+4 B", ("Wed 2", "Thu 3")),
        ("A SF B", ("Mon 30", "Tue 1")),
    ],
)
def test_each_kind_of_dependency_with_its_dates(link: str, second: tuple[str, str]) -> None:
    made = schedule(a_plan({"A": 3, "B": 2, "other": 1}, link))

    assert days_of(made, "A", "B", "other") == [("Mon 30", "Wed 2"), second, ("Mon 30", "Mon 30")]


def test_start_to_finish_ends_what_goes_on_until_another_begins() -> None:
    """Microsoft Project: the guard's shift finishes when the next guard starts."""
    plan = with_task(a_plan({"next": 5, "guard": 2}, "next SF guard"), "next", not_earlier_than=date(2026, 12, 7))

    assert days_of(schedule(plan), "guard", "next") == [("Thu 3", "Fri 4"), ("Mon 7", "Fri 11")]


def test_a_milestone_after_a_task_that_ends_on_friday_is_on_friday() -> None:
    made = schedule(a_plan({"A": 5, "M": 0, "B": 1}, "A FS M", "M FS B"))

    assert days_of(made, "M", "B") == [("Fri 4", "Fri 4"), ("Mon 7", "Mon 7")]
    assert (made.tasks["M"].milestone, made.tasks["M"].late_finish) == (True, date(2026, 12, 4))


def test_a_milestone_that_begins_something_is_on_its_first_day() -> None:
    plan = a_plan({"kick-off": 0, "A": 5, "B": 1, "M": 0, "N": 0}, "A FS B", "B SS M", "M FS N")

    assert days_of(schedule(plan), "kick-off", "M", "N") == [
        ("Mon 30", "Mon 30"),
        ("Mon 7", "Mon 7"),
        ("Mon 7", "Mon 7"),
    ]


def test_a_milestone_with_a_date_is_not_before_it() -> None:
    plan = with_task(a_plan({"A": 5, "M": 0}, "A FS M"), "M", not_earlier_than=date(2026, 12, 7))

    assert days_of(schedule(plan), "M") == [("Mon 7", "Mon 7")]


def test_holidays_and_weekends_are_passed_over() -> None:
    calendar = Calendar(holidays=frozenset({TUESDAY}), extra=frozenset({date(2026, 12, 5)}))

    made = schedule(a_plan({"A": 4, "B": 2}, "A FS B", calendar=calendar))

    assert days_of(made, "A", "B") == [("Mon 30", "Fri 4"), ("Sat 5", "Mon 7")]


def test_a_plan_that_starts_on_a_free_day_starts_on_the_next_working_day() -> None:
    made = schedule(a_plan({"A": 1}, start=date(2026, 11, 28)))

    assert (made.start, made.finish, made.duration) == (MONDAY, MONDAY, 1)


def test_a_missed_deadline_is_told_as_negative_slack_along_what_leads_to_it() -> None:
    plan = with_task(a_plan({"A": 3, "B": 2, "C": 9}, "A FS B"), "B", deadline=WEDNESDAY)

    made = schedule(plan)

    assert {id: task.total_slack for id, task in made.tasks.items()} == {"A": -2, "B": -2, "C": 0}
    assert (made.tasks["B"].finish, made.tasks["B"].late_finish) == (date(2026, 12, 4), WEDNESDAY)
    assert made.critical == ("A", "C", "B")
    assert list(made.critical_paths()) == [("C",)]


def test_a_deadline_that_is_kept_takes_slack_away() -> None:
    plan = with_task(a_plan({"A": 3, "C": 9}), "A", deadline=THURSDAY)

    assert schedule(plan).tasks["A"].total_slack == 1


def test_a_milestone_on_the_day_after_its_deadline_misses_it_by_a_day() -> None:
    plan = a_plan({"A": 5, "B": 3, "M": 0}, "A FS B", "B SS M")

    made = schedule(with_task(plan, "M", deadline=date(2026, 12, 4)))

    assert days_of(made, "M") == [("Mon 7", "Mon 7")]
    assert {id: made.tasks[id].total_slack for id in ("A", "B", "M")} == {"A": -1, "B": -1, "M": -1}


def test_a_parent_spans_what_is_under_it() -> None:
    made = schedule(a_plan({"P": 0, "A": 3, "B": 4, "C": 20}, "A FS B", under={"A": "P", "B": "P"}))

    parent = made.tasks["P"]
    assert (parent.start, parent.finish, parent.duration) == (MONDAY, date(2026, 12, 8), 7)
    assert (parent.total_slack, parent.free_slack, parent.critical, parent.milestone) == (13, 13, False, False)


def test_what_waits_for_a_parent_waits_for_all_that_is_under_it() -> None:
    plan = a_plan({"P": 0, "A": 3, "B": 4, "C": 1, "D": 1}, "P FS C", "P SS+1 D", under={"A": "P", "B": "P"})

    made = schedule(plan)

    assert days_of(made, "C", "D") == [("Fri 4", "Fri 4"), ("Tue 1", "Tue 1")]
    assert {id: made.tasks[id].total_slack for id in ("A", "B", "C", "D", "P")} == {
        "A": 1,
        "B": 0,
        "C": 0,
        "D": 3,
        "P": 0,
    }
    assert list(made.critical_paths()) == [("B", "C")]
    assert str(made.tasks["C"].driven_by) == "P FS C"


def test_all_that_is_under_a_parent_waits_for_what_the_parent_waits_for() -> None:
    plan = a_plan({"A": 3, "P": 0, "Q": 0, "B": 4, "C": 1, "other": 1}, "A FS P", under={"B": "P", "Q": "P", "C": "Q"})

    made = schedule(plan)

    assert days_of(made, "B", "C", "other") == [("Thu 3", "Tue 8"), ("Thu 3", "Thu 3"), ("Mon 30", "Mon 30")]
    assert [str(made.tasks[id].driven_by) for id in ("P", "Q", "B", "C")] == ["A FS P"] * 4
    assert made.tasks["A"].total_slack == 0
    assert list(made.critical_paths()) == [("A", "B")]


def test_a_date_and_a_deadline_of_a_parent_are_those_of_all_under_it() -> None:
    plan = a_plan({"P": 0, "A": 1, "B": 3}, under={"A": "P", "B": "P"})

    made = schedule(with_task(plan, "P", not_earlier_than=WEDNESDAY, deadline=THURSDAY))

    assert days_of(made, "A", "B") == [("Wed 2", "Wed 2"), ("Wed 2", "Fri 4")]
    assert {id: made.tasks[id].total_slack for id in ("A", "B", "P")} == {"A": 1, "B": -1, "P": -1}


def test_progress_of_a_parent_is_weighed_by_duration() -> None:
    plan = a_plan({"P": 0, "A": 3, "B": 1, "M": 0}, under={"A": "P", "B": "P", "M": "P"})

    made = schedule(with_task(with_task(plan, "A", progress=Decimal(50)), "B", progress=Decimal(10)))

    assert made.tasks["P"].progress == Decimal("40.00")


def test_progress_of_a_parent_is_weighed_by_effort_where_all_have_one() -> None:
    plan = a_plan({"P": 0, "A": 3, "B": 1}, under={"A": "P", "B": "P"})
    weighed = with_task(with_task(plan, "A", effort=Decimal(8), progress=Decimal(50)), "B", effort=Decimal(24))

    assert schedule(weighed).tasks["P"].progress == Decimal("12.50")
    assert schedule(with_task(weighed, "B", effort=None)).tasks["P"].progress == Decimal("37.50")


def test_progress_of_milestones_alone_is_how_many_are_reached() -> None:
    plan = a_plan({"P": 0, "M": 0, "N": 0, "O": 0}, under={"M": "P", "N": "P", "O": "P"})

    assert schedule(with_task(plan, "M", finished=MONDAY)).tasks["P"].progress == Decimal("33.33")


def test_what_is_finished_stands_where_it_was_and_what_waits_for_it_follows() -> None:
    plan = a_plan({"A": 3, "B": 2}, "A FS B", as_of=date(2026, 12, 4))

    made = schedule(with_task(plan, "A", started=TUESDAY, finished=THURSDAY))

    done = made.tasks["A"]
    assert days_of(made, "A", "B") == [("Tue 1", "Thu 3"), ("Fri 4", "Mon 7")]
    assert (done.finished, done.critical, done.total_slack, done.progress) == (True, False, 0, Decimal(100))
    assert list(made.critical_paths()) == [("B",)]


def test_nothing_that_is_left_to_do_lies_before_the_day_of_the_plan() -> None:
    made = schedule(a_plan({"A": 3, "M": 0}, as_of=THURSDAY))

    assert days_of(made, "A", "M") == [("Thu 3", "Mon 7"), ("Thu 3", "Thu 3")]


@pytest.mark.parametrize(
    ("told", "finish"),
    [
        ({}, "Wed 16"),
        ({"progress": Decimal(50)}, "Wed 9"),
        ({"progress": Decimal(55)}, "Wed 9"),
        ({"progress": Decimal(60)}, "Tue 8"),
        ({"remaining": 2}, "Fri 4"),
        ({"remaining": 0}, "Wed 2"),
    ],
)
def test_what_has_begun_goes_on_for_what_is_left_of_it(told: dict[str, Decimal | int], finish: str) -> None:
    plan = with_task(a_plan({"A": 10, "B": 1}, "A FS B", as_of=THURSDAY), "A", started=MONDAY, **told)

    assert days_of(schedule(plan), "A") == [("Mon 30", finish)]


def test_without_a_day_of_the_plan_what_has_begun_takes_its_duration() -> None:
    plan = with_task(a_plan({"A": 3}), "A", started=WEDNESDAY, progress=Decimal(90))

    assert days_of(schedule(plan), "A") == [("Wed 2", "Fri 4")]


def test_no_dependency_moves_what_has_begun_but_one_may_hold_its_finish() -> None:
    plan = a_plan({"A": 8, "B": 2, "C": 2}, "A FS B", "A FF C")

    made = schedule(with_task(with_task(plan, "B", started=TUESDAY), "C", started=TUESDAY))

    assert days_of(made, "B", "C") == [("Tue 1", "Wed 2"), ("Tue 1", "Wed 9")]
    assert (made.tasks["B"].drivers, made.tasks["A"].critical) == ((), True)
    assert str(made.tasks["C"].driven_by) == "A FF C"


@pytest.mark.parametrize("finished", [None, TUESDAY])
def test_what_has_happened_out_of_order_takes_no_slack_from_what_it_should_have_waited_for(
    finished: date | None,
) -> None:
    plan = a_plan({"A": 3, "B": 2, "other": 9}, "A FS B", "A SS+2 B")

    made = schedule(with_task(plan, "B", started=MONDAY, finished=finished))

    assert (made.tasks["A"].total_slack, made.tasks["A"].free_slack) == (6, 6)


def test_ten_thousand_tasks_that_wait_for_ten_thousand_by_what_they_are_under_are_told_why() -> None:
    before, behind = [f"a{n:04}" for n in range(5_000)], [f"b{n:04}" for n in range(5_000)]
    durations = dict.fromkeys(["P", *before, *behind], 1)

    made = schedule(a_plan(durations, *[f"{id} FS P" for id in before], under=dict.fromkeys(behind, "P")))

    assert len(made.tasks["b4999"].drivers) == 5_000
    assert list(made.critical_paths(at_most=2)) == [("a0000", "b0000"), ("a0001", "b0000")]


def test_what_was_begun_and_finished_on_free_days_keeps_its_dates() -> None:
    saturday, sunday = date(2026, 11, 28), date(2026, 11, 29)
    plan = a_plan({"A": 3, "B": 1}, "A FS B", start=FRIDAY, as_of=MONDAY)

    made = schedule(with_task(plan, "A", started=saturday, finished=sunday))

    assert days_of(made, "A", "B") == [("Sat 28", "Sun 29"), ("Mon 30", "Mon 30")]


def test_a_reached_milestone_is_where_it_was_reached() -> None:
    plan = a_plan({"A": 3, "M": 0, "B": 1}, "A FS M", "M FS B", as_of=TUESDAY)

    made = schedule(with_task(plan, "M", finished=MONDAY))

    assert days_of(made, "M", "B") == [("Mon 30", "Mon 30"), ("Tue 1", "Tue 1")]


def test_of_several_ways_through_a_plan_each_is_a_critical_path() -> None:
    plan = a_plan({"A": 2, "B": 3, "C": 3, "D": 1, "E": 1}, "A FS B", "A FS C", "B FS D", "C FS D")

    made = schedule(plan)

    assert list(made.critical_paths()) == [("A", "B", "D"), ("A", "C", "D")]
    assert list(made.critical_paths(at_most=1)) == [("A", "B", "D")]
    assert [str(each) for each in made.tasks["D"].drivers] == ["B FS D", "C FS D"]
    assert made.tasks["E"].driven_by is None


def test_a_ladder_of_a_thousand_forks_has_as_many_paths_as_are_asked_for() -> None:
    durations = {f"{side}{n}": 1 for n in range(1_000) for side in "ab"}
    links = [f"{one}{n} FS {other}{n + 1}" for n in range(999) for one in "ab" for other in "ab"]

    paths = list(schedule(a_plan(durations, *links)).critical_paths(at_most=3))

    assert [len(path) for path in paths] == [1_000] * 3


def test_a_chain_of_ten_thousand_needs_no_depth() -> None:
    durations = {f"t{n:05}": 1 for n in range(10_000)}

    made = schedule(a_plan(durations, *[f"t{n:05} FS t{n + 1:05}" for n in range(9_999)]))

    assert made.duration == 10_000
    assert list(made.critical_paths()) == [tuple(durations)]


def test_instants_are_counted_from_the_first_working_day() -> None:
    made = schedule(a_plan({"A": 3, "B": 2, "C": 9}, "A FS B", start=FRIDAY))

    assert (made.tasks["B"].early, made.tasks["B"].late) == (Span(3, 5), Span(7, 9))


def test_a_plan_is_a_value() -> None:
    plan = a_plan({"A": 3, "B": 2}, "A FS B")

    assert plan == replace(plan) and hash(plan) == hash(replace(plan))
    assert plan.dependencies == (a_link("A FS B"),)
    assert Plan(start=MONDAY, tasks=(Task(id="A", duration=3), Task(id="B", duration=2))) != plan
