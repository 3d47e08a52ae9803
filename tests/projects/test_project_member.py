from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.command import Code, Request
from domain.projects.project import Project
from domain.projects.project_member import ProjectMember
from domain.values import id_text
from tests.scenario import ME, World, a_contact, a_project_member, a_user, one_of

THEN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def then(world: World, command: str, id: UUID, **arguments: Any) -> Any:
    """What comes of a command that is said to be of the second of March."""
    return world.asked(Request(command=command, id=id, arguments=arguments, actor=ME, occurred_at=THEN))


def test_a_user_joins_a_project_in_a_role_with_all_of_their_time_from_today_unless_said_otherwise(world: World) -> None:
    project, ada = one_of(world, Project), a_user(world)
    asked = {"project_id": project, "role": "trainer", "user_id": ada}

    joined = world.asked(Request(command="ProjectMember.join", arguments=asked, actor=ME, occurred_at=THEN))

    joined.records(
        ProjectMember.Joined,
        project_id=project,
        user_id=ada,
        contact_id=None,
        role="trainer",
        allocation=Decimal(100),
        since=date(2026, 3, 2),
        until=None,
    )


def test_who_speaks_for_the_users_of_a_customer_is_a_contact(world: World) -> None:
    bob = a_contact(world, "Bob")

    joined = world.when(
        "ProjectMember.join", project_id=one_of(world, Project), role="user_representative", contact_id=bob
    )

    joined.records(ProjectMember.Joined, contact_id=bob, user_id=None)


def test_a_member_is_one_person_and_not_two_or_none(world: World) -> None:
    asked = {"project_id": one_of(world, Project), "role": "qa"}
    both = {"user_id": a_user(world), "contact_id": a_contact(world)}

    for who in ({}, both):
        world.when("ProjectMember.join", **asked, **who).is_refused("either a user or a contact", "user_id")


def test_nobody_has_the_same_role_in_a_project_twice_at_a_time(world: World) -> None:
    project, ada, eve = one_of(world, Project), a_user(world), a_user(world, "Eve")
    first = a_project_member(world, project_id=project, user_id=ada, role="developer")
    asked = {"project_id": project, "user_id": ada}

    twice = world.when("ProjectMember.join", **asked, role="developer")

    assert twice.is_refused("in use", "role", Code.DUPLICATE).holder == id_text("ProjectMember", first)
    other = world.given("ProjectMember.join", **asked, role="qa")
    world.when("ProjectMember.change_role", other, role="developer").is_refused("in use", "role", Code.DUPLICATE)
    world.given("ProjectMember.join", project_id=project, user_id=eve, role="developer")
    world.given("ProjectMember.join", project_id=one_of(world, Project), user_id=ada, role="developer")
    world.given("ProjectMember.leave", first)
    world.given("ProjectMember.join", **asked, role="developer")
    world.when("ProjectMember.rejoin", first).is_refused("in use", "role", Code.DUPLICATE)


@pytest.mark.parametrize(("allocation", "refused"), [("0.5", True), ("1", False), ("100", False), ("100.5", True)])
def test_an_allocation_is_between_1_and_100_percent(world: World, allocation: str, refused: bool) -> None:
    member = a_project_member(world)

    changed = world.when("ProjectMember.change_allocation", member, allocation=allocation)

    if refused:
        changed.is_refused("between 1 and 100 percent", "allocation")
    else:
        changed.records(ProjectMember.AllocationChanged, allocation=Decimal(allocation))


def test_of_an_allocation_what_is_left_out_stays_and_it_ends_after_it_begins(world: World) -> None:
    member, other = a_project_member(world, since="2026-03-02", until="2026-06-30"), a_project_member(world)

    world.given("ProjectMember.change_allocation", member, allocation="40")
    ends_before = world.when("ProjectMember.change_allocation", member, until="2026-03-01")

    ends_before.is_refused("not before the first", "until")
    known = world.load(member)
    assert (known.allocation, known.since, known.until) == (40, date(2026, 3, 2), date(2026, 6, 30))
    assert world.load(other).allocation == 100


def test_what_somebody_has_to_do_with_a_deliverable_is_said_changed_and_dropped(world: World) -> None:
    member = a_project_member(world)
    world.given("ProjectMember.set_responsibility", member, deliverable="Cut-over plan", responsibility="consulted")

    world.given("ProjectMember.set_responsibility", member, deliverable="Cut-over plan", responsibility="responsible")
    world.given("ProjectMember.set_responsibility", member, deliverable="Training", responsibility="informed")
    world.given("ProjectMember.drop_responsibility", member, deliverable="Training")

    known = world.load(member).responsibilities
    assert {name: each.responsibility for name, each in known.items()} == {"Cut-over plan": "responsible"}
    world.when("ProjectMember.drop_responsibility", member, deliverable="Training").is_refused(
        "nothing is said of this deliverable", "deliverable"
    )


def test_in_a_project_only_one_answers_for_a_deliverable_until_they_leave(world: World) -> None:
    project = one_of(world, Project)
    ada, eve = (a_project_member(world, project_id=project, user_id=a_user(world, name)) for name in ("Ada", "Eve"))
    elsewhere = a_project_member(world)
    answers = {"responsibility": "accountable"}
    world.given("ProjectMember.set_responsibility", ada, deliverable="Cut-over plan", **answers)

    second = world.when("ProjectMember.set_responsibility", eve, deliverable="Cut-over Plan", **answers)

    assert second.is_refused("in use", "deliverable", Code.DUPLICATE).holder == id_text("ProjectMember", ada)
    world.given("ProjectMember.set_responsibility", eve, deliverable="Cut-over plan", responsibility="responsible")
    world.given("ProjectMember.set_responsibility", elsewhere, deliverable="Cut-over plan", **answers)
    world.given("ProjectMember.leave", ada)
    world.given("ProjectMember.set_responsibility", eve, deliverable="Cut-over plan", **answers)


def test_who_leaves_has_a_last_day_that_has_come_and_is_not_before_their_first(world: World) -> None:
    member, neighbour = a_project_member(world, since="2026-02-01"), a_project_member(world)

    then(world, "ProjectMember.leave", member, on="2026-03-03").is_refused("has not come yet", "on")
    then(world, "ProjectMember.leave", member, on="2026-01-31").is_refused("before they have joined", "on")
    then(world, "ProjectMember.leave", member, reason="another job").records(
        ProjectMember.Left, until=date(2026, 3, 2), leave_reason="another job"
    )

    assert (world.load(member).left, world.load(neighbour).left) == (True, False)


def test_who_has_left_takes_part_in_nothing_until_they_are_back(world: World) -> None:
    member = a_project_member(world, since="2026-02-01")
    world.when("ProjectMember.rejoin", member).is_refused("has not left")
    world.given("ProjectMember.leave", member)

    world.when("ProjectMember.change_role", member, role="qa").is_refused("this member has left")
    world.when("ProjectMember.rejoin", member, until="2026-01-01").is_refused("not before the first", "until")
    world.when("ProjectMember.rejoin", member).records(ProjectMember.Rejoined, until=None)

    world.when("ProjectMember.change_role", member, role="qa").records(ProjectMember.RoleChanged, role="qa")


def test_nobody_joins_a_project_that_is_over(world: World) -> None:
    project = one_of(world, Project)
    world.given("Project.cancel", project, reason="no money")

    joined = world.when("ProjectMember.join", project_id=project, role="qa", user_id=a_user(world))

    joined.is_refused("this project is cancelled", "project_id")
