from typing import Any

import pytest

from domain.command import Code
from domain.projects.project import Project
from domain.projects.stakeholder import Stakeholder
from domain.values import id_text
from tests.scenario import World, a_contact, a_stakeholder, a_user, an_account, one_of


def test_a_stakeholder_is_a_contact_an_account_or_a_user_and_only_one_of_these(world: World) -> None:
    project = one_of(world, Project)
    everybody = {"contact_id": a_contact(world), "account_id": an_account(world), "user_id": a_user(world)}

    for name, id in everybody.items():
        world.when("Stakeholder.identify", project_id=project, **{name: id}).records(
            Stakeholder.Identified, project_id=project, **{name: id}
        )

    for who in ({}, everybody):
        world.when("Stakeholder.identify", project_id=project, **who).is_refused("either a contact", "contact_id")


def test_each_matters_to_a_project_once_until_they_are_dropped(world: World) -> None:
    project, ada = one_of(world, Project), a_contact(world)
    first = a_stakeholder(world, project_id=project, contact_id=ada)

    again = world.when("Stakeholder.identify", project_id=project, contact_id=ada)

    assert again.is_refused("in use", "contact_id", Code.DUPLICATE).holder == id_text("Stakeholder", first)
    a_stakeholder(world, contact_id=ada)
    world.given("Stakeholder.drop", first, reason="left the company")
    a_stakeholder(world, project_id=project, contact_id=ada)
    world.when("Stakeholder.resume", first).is_refused("in use", "contact_id", Code.DUPLICATE)


@pytest.mark.parametrize("field", ["interest", "influence"])
def test_interest_and_influence_are_between_1_and_5(world: World, field: str) -> None:
    stakeholder = a_stakeholder(world)

    for value in (0, 6):
        world.when("Stakeholder.assess", stakeholder, **{field: value}).is_refused("between 1 (little)", field)
    world.when("Stakeholder.assess", stakeholder, **{field: 5}).records(Stakeholder.Assessed, **{field: 5})


def test_who_is_judged_anew_keeps_what_is_left_out(world: World) -> None:
    stakeholder = a_stakeholder(world, interest=2, influence=4, attitude="resistant", expectation="no change at all")
    neighbour = a_stakeholder(world, interest=1, attitude="neutral")

    world.given("Stakeholder.assess", stakeholder, attitude="supportive")

    known = world.load(stakeholder)
    assert (known.interest, known.influence, known.attitude) == (2, 4, "supportive")
    assert known.expectation == "no change at all"
    assert world.load(neighbour).attitude == "neutral"


def test_how_they_are_involved_is_planned(world: World) -> None:
    stakeholder = a_stakeholder(world)

    planned = world.when("Stakeholder.plan_involvement", stakeholder, involvement="invite to each demonstration")

    planned.records(Stakeholder.InvolvementPlanned, involvement="invite to each demonstration")


def test_who_was_dropped_is_judged_no_more_until_they_matter_again(world: World) -> None:
    stakeholder = a_stakeholder(world)
    world.when("Stakeholder.resume", stakeholder).is_refused("is active")
    world.given("Stakeholder.drop", stakeholder)

    world.when("Stakeholder.assess", stakeholder, interest=1).is_refused("is dropped")
    world.when("Stakeholder.resume", stakeholder).records(Stakeholder.Resumed)
    world.when("Stakeholder.assess", stakeholder, interest=1).records(Stakeholder.Assessed)


def test_what_is_written_of_a_contact_is_forgotten_with_them(world: World) -> None:
    ada, eve = a_contact(world), a_contact(world, "Eve")
    hers, neighbour = (a_stakeholder(world, contact_id=id, expectation="a secret", interest=3) for id in (ada, eve))
    world.given("Stakeholder.plan_involvement", hers, involvement="another secret")

    world.given("Contact.forget", ada, reason="asked for it")

    known = world.load(hers)
    assert (known.expectation, known.involvement, known.interest) == (None, None, 3)
    assert world.load(neighbour).expectation == "a secret"
    for command, told in told_of_them().items():
        world.when(f"Stakeholder.{command}", hers, **told).is_refused("this person was forgotten")


def told_of_them() -> dict[str, dict[str, Any]]:
    return {"assess": {"expectation": "x"}, "plan_involvement": {"involvement": "x"}}


def test_what_is_written_of_an_organisation_is_erased_by_itself(world: World) -> None:
    acme, contact = (
        a_stakeholder(world, expectation="a secret", **who)
        for who in ({"contact_id": None, "account_id": an_account(world)}, {})
    )

    world.when("Stakeholder.forget", contact, reason="x").is_refused("forget the contact")
    world.given("Stakeholder.forget", acme, reason="asked for it")

    assert (world.load(acme).expectation, world.load(contact).expectation) == (None, "a secret")
    for command, told in told_of_them().items():
        world.when(f"Stakeholder.{command}", acme, **told).is_refused("was erased")
