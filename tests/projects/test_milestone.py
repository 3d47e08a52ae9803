from datetime import date
from uuid import UUID

import pytest

from domain.projects.milestone import Milestone
from domain.projects.project import Project
from tests.projects.test_gates import a_milestone
from tests.projects.test_phases import with_phases
from tests.projects.test_project import TOMORROW, a_project
from tests.scenario import ME, World, a_user

LONG_AGO = "2026-03-02"


def one(world: World, due_on: str = LONG_AGO) -> UUID:
    return a_milestone(world, a_project(world), phase=None, due_on=due_on)


def test_a_milestone_says_by_what_it_is_accepted_and_its_project_knows_of_it(world: World) -> None:
    project = with_phases(world, "Design")

    planned = world.when(
        "Milestone.plan", project_id=project, name="Design accepted", due_on=LONG_AGO, phase="design",
        criteria=["Every process is drawn"], deliverables=["Process map"],
    )  # fmt: skip

    planned.records_only(Project.MilestoneAdded, Milestone.Planned)
    planned.records(Milestone.Planned, criteria=("Every process is drawn",), deliverables=("Process map",))
    assert list(world.load(project).milestones) == [planned.id]


def test_a_milestone_is_of_a_phase_that_is_there(world: World) -> None:
    project = with_phases(world, "Design")
    milestone = a_milestone(world, project)

    planned = world.when("Milestone.plan", project_id=project, name="x", due_on=LONG_AGO, phase="test")
    world.when("Milestone.move_to_phase", milestone, phase="test").is_refused("no such phase", "phase")
    world.given("Milestone.move_to_phase", milestone, phase=None)

    planned.is_refused("no such phase", "phase")
    assert world.load(milestone).phase is None


def test_whoever_delivered_it_does_not_accept_it(world: World) -> None:
    milestone, ada, eve = one(world), a_user(world), a_user(world, "Eve")
    world.given("Milestone.reach", milestone, by=ada, on="2026-02-27", evidence="Minutes of the demonstration")

    world.when("Milestone.accept", milestone, by=ada).is_refused("whoever delivered it does not accept it")
    accepted = world.when("Milestone.accept", milestone, by=eve)

    accepted.records(Milestone.Accepted, accepted_by_id=eve)
    assert (world.load(milestone).reached_by_id, world.load(milestone).reached_on) == (ada, date(2026, 2, 27))


def test_nothing_is_reached_or_accepted_on_a_day_to_come_nor_accepted_before_it_was_reached(world: World) -> None:
    milestone, ada = one(world), a_user(world)

    world.when("Milestone.reach", milestone, on=TOMORROW).is_refused("not come yet", "on")
    world.when("Milestone.accept", milestone).is_refused("is planned")
    world.given("Milestone.reach", milestone, by=ada, on="2026-02-27")
    world.when("Milestone.accept", milestone, on=TOMORROW).is_refused("not come yet", "on")
    world.when("Milestone.accept", milestone, on="2026-02-26").is_refused("reached after this day", "on")


def test_what_was_rejected_can_be_reached_again(world: World) -> None:
    milestone, ada = one(world), a_user(world)
    world.given("Milestone.reach", milestone, by=ada)

    rejected = world.when("Milestone.reject", milestone, reason="Two processes are missing")
    world.when("Milestone.accept", milestone).is_refused("is rejected")
    world.given("Milestone.reach", milestone, by=ada)
    world.given("Milestone.accept", milestone)

    rejected.records(Milestone.Rejected, rejected_by_id=ME, reject_reason="Two processes are missing")
    assert (world.load(milestone).status, world.load(milestone).reject_reason) == ("accepted", None)


def test_to_put_it_off_has_a_reason_and_counts_as_a_slip(world: World) -> None:
    milestone, other = one(world), one(world)

    world.when("Milestone.reschedule", milestone, due_on="2026-03-09").is_refused("why it is put off", "reason")
    world.given("Milestone.reschedule", milestone, due_on="2026-03-09", reason="The vendor was late")
    world.given("Milestone.reschedule", milestone, due_on="2026-03-06")
    world.given("Milestone.reschedule", milestone, due_on="2026-03-20", reason="Sick leave")

    known = world.load(milestone)
    assert (known.slips, known.due_on, known.reschedule_reason) == (2, date(2026, 3, 20), "Sick leave")
    assert world.load(other).slips == 0


def test_a_milestone_is_missed_when_its_day_has_come_and_may_be_reached_late(world: World) -> None:
    late, early = one(world), one(world, due_on=TOMORROW)

    world.when("Milestone.miss", early, reason="x").is_refused("not come yet")
    world.given("Milestone.miss", late, reason="The vendor was late")
    world.given("Milestone.reach", late)

    assert (world.load(late).status, world.load(late).miss_reason) == ("reached", "The vendor was late")


def test_what_was_missed_is_open_again_when_it_is_planned_for_another_day(world: World) -> None:
    milestone = one(world)
    world.given("Milestone.miss", milestone, reason="The vendor was late")

    moved = world.when("Milestone.reschedule", milestone, due_on=TOMORROW, reason="The vendor delivers tomorrow")

    moved.records_only(Milestone.Reopened, Milestone.Rescheduled)
    assert (world.load(milestone).status, world.load(milestone).miss_reason) == ("planned", None)


@pytest.mark.parametrize("judged", ["accept", "reject"])
def test_a_judgement_may_be_reconsidered(world: World, judged: str) -> None:
    milestone, ada = one(world), a_user(world)
    world.given("Milestone.reach", milestone, by=ada, evidence="Minutes")
    world.given(f"Milestone.{judged}", milestone, **{"reason": "x"} if judged == "reject" else {})

    world.given("Milestone.reconsider", milestone)

    known = world.load(milestone)
    assert (known.status, known.evidence, known.accepted_on, known.reject_reason) == ("reached", "Minutes", None, None)
    world.when("Milestone.reconsider", milestone).is_refused("is reached")


def test_what_was_not_reached_after_all_is_open_again(world: World) -> None:
    milestone = one(world)
    world.given("Milestone.reach", milestone, evidence="Minutes")

    world.given("Milestone.reopen", milestone)

    assert (world.load(milestone).status, world.load(milestone).evidence) == ("planned", None)


def test_what_was_accepted_is_neither_changed_nor_put_off(world: World) -> None:
    milestone, ada = one(world), a_user(world)
    world.given("Milestone.change_details", milestone, criteria=["Every process is drawn"])
    world.given("Milestone.reach", milestone, by=ada)
    world.given("Milestone.accept", milestone)

    refused: dict[str, dict[str, str | None]] = {
        "change_details": {"name": "x"},
        "reschedule": {"due_on": TOMORROW, "reason": "x"},
        "move_to_phase": {"phase": None},
        "miss": {"reason": "x"},
        "reach": {},
    }
    for name, arguments in refused.items():
        world.when(f"Milestone.{name}", milestone, **arguments).is_refused("is accepted")

    assert world.load(milestone).criteria == ("Every process is drawn",)
