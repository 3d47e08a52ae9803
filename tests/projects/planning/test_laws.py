"""What holds of every plan, whatever it is: tried on plans by chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.projects.planning.plan import DependencyKind, Plan
from domain.projects.planning.schedule import Schedule, schedule
from domain.projects.planning.what_if import what_if
from tests.projects.planning.plans import UNHURRIED, a_plan, ends, linked, plans, with_task
from tests.projects.planning.reference import earliest, latest

LAGS = st.integers(-3, 3)


def leaves(plan: Plan) -> list[str]:
    return [task.id for task in plan.tasks if task.id not in plan.parents]


def exact(plan: Plan) -> bool:
    """Whether nothing waits for the start of what has others under it, which another of them may take over."""
    return all(link.kind.from_finish or link.predecessor not in plan.parents for link in plan.dependencies)


def only_later(before: Schedule, after: Schedule, ids: Iterable[str]) -> bool:
    pairs = [(before.tasks[id].early, after.tasks[id].early) for id in ids]
    return all(now.start <= then.start and now.finish <= then.finish for now, then in pairs)


@UNHURRIED
@given(plans(deadlines=True), st.randoms(use_true_random=False))
def test_the_order_in_which_a_plan_is_told_changes_nothing(plan: Plan, chance: st.DrawFn) -> None:
    tasks, links = list(plan.tasks), list(plan.dependencies)
    chance.shuffle(tasks)  # type: ignore[attr-defined]
    chance.shuffle(links)  # type: ignore[attr-defined]

    shuffled = schedule(replace(plan, tasks=tuple(tasks), dependencies=tuple(links)))

    assert shuffled == schedule(plan)
    assert list(shuffled.critical_paths()) == list(schedule(plan).critical_paths())


@settings(UNHURRIED, max_examples=150)
@given(plans(deadlines=True))
def test_the_dates_are_those_of_a_plain_computation(plan: Plan) -> None:
    made = schedule(plan)

    early = earliest(plan)
    assert {id: tuple(task.early) for id, task in made.tasks.items()} == early
    assert {id: tuple(made.tasks[id].late) for id in leaves(plan)} == latest(plan, early)


@UNHURRIED
@given(plans())
def test_some_critical_path_leads_from_a_start_to_the_end_and_has_no_slack(plan: Plan) -> None:
    made = schedule(plan)

    paths = list(made.critical_paths())

    assert paths and len(set(paths)) == len(paths)
    for path in paths:
        assert [made.tasks[id].total_slack for id in path] == [0] * len(path)
        assert not made.holders[path[0]]
        assert made.tasks[path[-1]].early.finish == made.duration
        assert all(one in made.holders[other] for one, other in pairwise(path))
    assert {id for path in paths for id in path} <= set(made.critical)


@UNHURRIED
@given(plans())
def test_what_is_earliest_is_no_later_than_what_is_latest(plan: Plan) -> None:
    for task in schedule(plan).tasks.values():
        assert task.early.start <= task.late.start and task.early.finish <= task.late.finish
        assert task.start <= task.finish and task.late_start <= task.late_finish
        assert task.start <= task.late_start and task.finish <= task.late_finish
        assert 0 <= task.free_slack <= task.total_slack


@UNHURRIED
@given(plans(deadlines=True))
def test_every_dependency_holds_in_both_passes(plan: Plan) -> None:
    made = schedule(plan)

    for link in plan.dependencies:
        for late in (False, True):
            waited, waits = ends(made, link, late)
            assert waited + link.lag <= waits
        one, other = made.tasks[link.predecessor], made.tasks[link.successor]
        spans = {one.id, other.id} & plan.parents  # such a one may begin or end with a milestone, on the day before
        if link.kind is DependencyKind.FS and link.lag >= 0 and one.duration and other.duration and not spans:
            assert one.finish < other.start and one.late_finish < other.late_start


@UNHURRIED
@given(plans(), st.integers(1, 5))
def test_a_longer_task_never_ends_a_plan_sooner(plan: Plan, more: int) -> None:
    made = schedule(plan)
    for id in leaves(plan):
        if plan.by_id[id].duration and not (held_by_its_finish(plan, id) and begins_others(plan, id)):
            longer = schedule(with_task(plan, id, duration=plan.by_id[id].duration + more))

            assert longer.duration >= made.duration and longer.finish >= made.finish


def held_by_its_finish(plan: Plan, id: str) -> bool:
    return any(link.successor == id and link.kind.to_finish for link in plan.dependencies)


def begins_others(plan: Plan, id: str) -> bool:
    ids = {id, *plan.above(id)}
    return any(link.predecessor in ids and not link.kind.from_finish for link in plan.dependencies)


def test_but_a_task_that_is_held_by_its_finish_and_begins_another_may_end_the_plan_sooner_if_it_is_longer() -> None:
    """Wiest, Precedence diagramming method: Some unusual characteristics (1981): it starts earlier, being longer."""
    plan = a_plan({"A": 10, "B": 2, "C": 5, "other": 1}, "A FF B", "B SS C")

    assert schedule(plan).duration == 13
    assert schedule(with_task(plan, "B", duration=4)).duration == 11
    assert what_if(plan, {"B": 2}).days == 2


@UNHURRIED
@given(plans(), st.data(), st.sampled_from(DependencyKind), LAGS)
def test_another_dependency_makes_nothing_earlier(
    plan: Plan, data: st.DataObject, kind: DependencyKind, lag: int
) -> None:
    names = st.sampled_from([task.id for task in plan.tasks])

    more = linked(plan, data.draw(names), data.draw(names), kind, lag)

    assert more is None or only_later(schedule(plan), schedule(more), plan.by_id)


@UNHURRIED
@given(plans(), st.data())
def test_total_slack_is_what_a_task_may_slip_before_the_end_moves(plan: Plan, data: st.DataObject) -> None:
    id = data.draw(st.sampled_from(leaves(plan)))
    slack = schedule(plan).tasks[id].total_slack

    assert what_if(plan, {id: slack}).days == 0
    if exact(plan):
        assert what_if(plan, {id: slack + 1}).days == 1


@UNHURRIED
@given(plans(), st.data())
def test_free_slack_is_what_a_task_may_slip_before_another_moves(plan: Plan, data: st.DataObject) -> None:
    id = data.draw(st.sampled_from(leaves(plan)))
    made = schedule(plan)
    free, above = made.tasks[id].free_slack, {id, *plan.above(id)}

    def others(days: int) -> list[str]:
        return [each.id for each in what_if(plan, {id: days}).moved if each.id not in above]

    assert others(free) == []
    if exact(plan):
        assert others(free + 1) or what_if(plan, {id: free + 1}).days


@UNHURRIED
@given(plans(), st.data())
def test_a_slip_moves_only_what_waits_for_it_and_only_to_later(plan: Plan, data: st.DataObject) -> None:
    delays = data.draw(st.dictionaries(st.sampled_from(leaves(plan)), st.integers(0, 5), max_size=3))

    effect = what_if(plan, delays)

    assert effect.days >= 0 and effect.finish_to >= effect.finish_from
    for moved in effect.moved:
        assert moved.days >= 0 and moved.start_to >= moved.start_from and moved.finish_to >= moved.finish_from
    assert {id for id, days in delays.items() if days} <= {moved.id for moved in effect.moved}
