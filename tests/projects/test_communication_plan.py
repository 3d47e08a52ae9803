from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregate import Refused
from domain.command import Request
from domain.projects.communication_plan import CommunicationPlan, Unit
from domain.projects.project import Project
from tests.scenario import ME, Then, World, a_stakeholder, a_user, one_of

WEEKLY: dict[str, Any] = {
    "name": "how far we are",
    "audience": "steering committee",
    "every": 1,
    "unit": "week",
    "channel": "report",
    "first_on": "2026-03-02",
}


def a_plan(world: World, **arguments: Any) -> UUID:
    return world.given("CommunicationPlan.plan", **{"project_id": one_of(world, Project)} | WEEKLY | arguments)


def on(day: str, world: World, command: str, id: UUID | None = None, **arguments: Any) -> Then:
    """What comes of a command that is said to be of that day."""
    moment = datetime.combine(date.fromisoformat(day), time(9), UTC)
    return world.asked(
        Request(command=f"CommunicationPlan.{command}", id=id, arguments=arguments, actor=ME, occurred_at=moment)
    )


def due(world: World, plan: UUID) -> str:
    return str(world.load(plan).next_due)


def test_what_is_planned_is_due_on_its_first_day_or_one_interval_from_today(world: World) -> None:
    asked = {"project_id": one_of(world, Project)} | WEEKLY

    on("2026-02-23", world, "plan", **asked).records(CommunicationPlan.Planned, next_due=date(2026, 3, 2))
    asked.pop("first_on")
    on("2026-02-23", world, "plan", **asked | {"every": 2}).records(
        CommunicationPlan.Planned, first_on=date(2026, 3, 9), next_due=date(2026, 3, 9)
    )


def test_what_was_told_is_due_again_at_the_next_day_of_its_rhythm(world: World) -> None:
    plan, neighbour = a_plan(world), a_plan(world)

    on("2026-03-02", world, "carry_out", plan).records(
        CommunicationPlan.CarriedOut, last_on=date(2026, 3, 2), times=1, next_due=date(2026, 3, 9)
    )
    on("2026-03-12", world, "carry_out", plan, on="2026-03-11").records(
        CommunicationPlan.CarriedOut, last_on=date(2026, 3, 11), times=2, next_due=date(2026, 3, 16)
    )

    assert due(world, neighbour) == "2026-03-02"


def test_what_is_told_early_counts_for_the_day_that_it_was_due_on(world: World) -> None:
    plan = a_plan(world)

    on("2026-02-27", world, "carry_out", plan).records(CommunicationPlan.CarriedOut, next_due=date(2026, 3, 9))


def test_after_a_long_silence_it_is_due_at_the_next_day_that_comes_and_not_at_all_that_were_missed(
    world: World,
) -> None:
    plan = a_plan(world)

    on("2026-04-08", world, "carry_out", plan).records(CommunicationPlan.CarriedOut, next_due=date(2026, 4, 13))


def test_the_end_of_a_month_is_the_last_day_that_a_month_has(world: World) -> None:
    plan = a_plan(world, unit="month", first_on="2026-01-31")
    found = [due(world, plan)]

    for day in ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"):
        on(day, world, "carry_out", plan)
        found.append(due(world, plan))

    assert found == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]


def test_nothing_is_told_on_a_day_that_has_not_come_or_before_it_was_told_last(world: World) -> None:
    plan = a_plan(world)
    on("2026-03-09", world, "carry_out", plan)

    on("2026-03-10", world, "carry_out", plan, on="2026-03-11").is_refused("has not come yet", "on")
    for day in ("2026-03-08", "2026-03-09"):
        on("2026-03-10", world, "carry_out", plan, on=day).is_refused("told on 2026-03-09 already", "on")


@pytest.mark.parametrize("every", [0, -1, 367])
def test_from_one_time_to_the_next_it_is_at_least_one_day_and_not_for_ever(world: World, every: int) -> None:
    plan = a_plan(world)

    world.when("CommunicationPlan.change", plan, every=every).is_refused("1 to 366", "every")


def test_a_rhythm_beyond_the_calendar_is_refused(world: World) -> None:
    plan = a_plan(world, first_on="9999-12-31", unit="month")

    world.when("CommunicationPlan.carry_out", plan).is_refused("beyond the year 9999", "first_on")


def test_another_rhythm_counts_from_when_it_was_told_last(world: World) -> None:
    plan = a_plan(world)
    on("2026-03-09", world, "carry_out", plan)

    world.given("CommunicationPlan.change", plan, unit="month")

    known = world.load(plan)
    assert (due(world, plan), known.name, known.audience) == ("2026-04-02", "how far we are", "steering committee")


def test_what_has_ended_is_due_no_more_until_it_is_resumed(world: World) -> None:
    plan = a_plan(world)
    on("2026-03-09", world, "carry_out", plan)
    world.when("CommunicationPlan.resume", plan).is_refused("has not ended")

    on("2026-03-10", world, "end", plan, reason="nobody read it").records(
        CommunicationPlan.Ended, ended_on=date(2026, 3, 10), end_reason="nobody read it"
    )

    assert world.load(plan).next_due is None
    world.when("CommunicationPlan.carry_out", plan).is_refused("has ended")
    world.when("CommunicationPlan.resume", plan).records(CommunicationPlan.Resumed, next_due=date(2026, 3, 16))


def test_whom_it_is_for_and_who_sees_to_it_are_changed(world: World) -> None:
    project, ada = one_of(world, Project), a_user(world)
    plan, hers, foreign = (
        a_plan(world, project_id=project),
        a_stakeholder(world, project_id=project),
        a_stakeholder(world),
    )

    world.given("CommunicationPlan.set_stakeholders", plan, stakeholder_ids=[hers, hers])
    world.given("CommunicationPlan.change_responsible", plan, responsible_id=ada)

    assert (world.load(plan).stakeholder_ids, world.load(plan).responsible_id) == ((hers,), ada)
    world.when("CommunicationPlan.set_stakeholders", plan, stakeholder_ids=[foreign]).is_refused(
        "of another project", "stakeholder_ids"
    )


@settings(deadline=None)
@given(
    first=st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    every=st.integers(1, 366),
    unit=st.sampled_from(Unit),
    after=st.integers(-400, 4000),
)
def test_the_next_day_of_a_rhythm_is_the_first_of_its_days_that_comes_after(
    first: date, every: int, unit: Unit, after: int
) -> None:
    day = first + timedelta(after)
    days = []
    for step in range(20_000):
        try:
            days.append(CommunicationPlan._stepped(first, every, unit, step))
        except Refused:
            break
        if days[-1] > day:
            break

    assert CommunicationPlan._due_after(day, first, every, unit) == days[-1]
    assert days == sorted(set(days))
