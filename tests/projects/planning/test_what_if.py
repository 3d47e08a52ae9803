"""What moves if something slips."""

from __future__ import annotations

from datetime import date

import pytest

from domain.projects.planning.what_if import what_if
from domain.projects.planning.wrong import WrongPlan
from tests.projects.planning.plans import MONDAY, a_plan, with_task

PLAN = a_plan({"A": 5, "B": 5, "M": 0, "C": 5, "other": 3, "N": 0}, "A FS B", "B FS M", "M FS C", "other FS N")


def test_every_milestone_downstream_is_told_from_when_to_when_and_by_how_much() -> None:
    effect = what_if(PLAN, {"A": 3})

    assert [(each.id, each.days) for each in effect.moved] == [("A", 3), ("B", 3), ("M", 3), ("C", 3)]
    [milestone] = effect.milestones
    assert (milestone.id, milestone.finish_from, milestone.finish_to) == ("M", date(2026, 12, 11), date(2026, 12, 16))
    assert (effect.finish_from, effect.finish_to, effect.days) == (date(2026, 12, 18), date(2026, 12, 23), 3)


def test_what_slips_within_its_slack_moves_no_end() -> None:
    effect = what_if(PLAN, {"other": 2})

    assert [(each.id, each.days, each.slack) for each in effect.moved] == [("other", 2, 10), ("N", 2, 10)]
    assert effect.days == 0


def test_a_milestone_that_slips_stays_at_the_end_of_a_day() -> None:
    [moved] = [each for each in what_if(PLAN, {"M": 1}).moved if each.id == "M"]

    assert (moved.finish_from, moved.finish_to, moved.days) == (date(2026, 12, 11), date(2026, 12, 14), 1)


def test_slips_of_several_tasks_do_not_add_up_where_one_hides_another() -> None:
    assert what_if(PLAN, {"A": 3, "B": 2}).days == 3
    assert what_if(PLAN, {"A": 3, "B": 4}).days == 4


def test_a_parent_slips_with_all_that_is_under_it() -> None:
    plan = a_plan({"P": 0, "A": 2, "B": 3, "C": 1}, "P FS C", under={"A": "P", "B": "P"})

    effect = what_if(plan, {"P": 2})

    assert {each.id: each.days for each in effect.moved} == {"P": 2, "A": 2, "B": 2, "C": 2}


def test_what_has_begun_finishes_later_and_started_when_it_did() -> None:
    plan = with_task(a_plan({"A": 4, "B": 1}, "A FS B", as_of=date(2026, 12, 2)), "A", started=MONDAY, remaining=2)

    effect = what_if(plan, {"A": 2})

    assert {each.id: (each.start_from, each.start_to, each.days) for each in effect.moved} == {
        "A": (MONDAY, MONDAY, 2),
        "B": (date(2026, 12, 4), date(2026, 12, 8), 2),
    }


def test_a_slip_past_a_deadline_is_told() -> None:
    effect = what_if(with_task(PLAN, "N", deadline=date(2026, 12, 3)), {"other": 4})

    assert [(each.id, each.slack) for each in effect.milestones] == [("N", -3)]


def test_no_slip_moves_nothing() -> None:
    assert what_if(PLAN, {"A": 0}).moved == ()
    assert what_if(PLAN, {}).days == 0


@pytest.mark.parametrize(
    ("delays", "message"),
    [
        ({"Z": 1}, "Z is to slip, but is not in the plan: name a task of it"),
        ({"A": -1}, "A: a delay is from 0 to 36500 working days, and not -1"),
        ({"A": 36_501}, "A: a delay is from 0 to 36500 working days, and not 36501"),
        ({"D": 1}, "D is finished, and cannot slip: name what is left to do"),
    ],
)
def test_a_slip_that_cannot_be_is_refused(delays: dict[str, int], message: str) -> None:
    plan = with_task(a_plan({"A": 1, "D": 1}), "D", started=MONDAY, finished=MONDAY)

    with pytest.raises(WrongPlan) as refused:
        what_if(plan, delays)

    assert (str(refused.value), refused.value.field) == (message, "delays")
