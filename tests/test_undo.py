"""Given what commands recorded, when it is undone, then all is as it was before, or it is said why it cannot be."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.command import Code, Refusal, Request
from domain.taking_back import Fate, Undo, Undone
from domain.values import new_id
from infra.undoing import Undoing
from tests.scenario import ME, World, a_contact, a_team, a_user, an_account, an_interaction, an_opportunity


def an_edit(world: World, correlation: UUID, command: str, id: UUID | None = None, /, **arguments: Any) -> UUID:
    """A command that belongs together with others."""
    asked = Request(command=command, id=id, arguments=arguments, actor=ME, correlation_id=correlation)
    return world.asked(asked).id


def undo(world: World, correlation: UUID | None, **asked: Any) -> Undone:
    undoing = Undoing(world.pipeline, lambda: nullcontext(world.connection))
    return undoing.undo(replace(Undo(actor=ME, origin="test", correlation_id=correlation), **asked))


def known(world: World, *ids: UUID) -> list[dict[str, Any]]:
    """All that aggregates know, but for how often they were changed."""
    left_out = {"_version", "_modified_on", "_pending_events"}
    return [{n: v for n, v in vars(world.load(id)).items() if n not in left_out} for id in ids]


def test_a_mass_edit_is_undone_and_its_neighbours_are_untouched(world: World) -> None:
    mine, other = an_opportunity(world), an_opportunity(world)
    ada, edit = a_user(world), new_id()
    world.given("Opportunity.assign_owner", mine, owner_id=ada)
    before = known(world, mine, other)
    an_edit(world, edit, "Opportunity.assign_owner", mine)
    an_edit(world, edit, "Opportunity.tag", mine, label="moved")
    an_edit(world, edit, "Opportunity.win", mine, amount={"amount": "7", "currency": "EUR"})
    position = world.position

    done = undo(world, edit, reason="the wrong list")

    assert done.refusal is None and done.counts[Fate.UNDONE] == 1
    assert known(world, mine, other) == before
    told = world.connection.execute(
        "select command, causation_id, correlation_id, origin from events where position > %s", [position]
    ).fetchall()
    assert set(told) == {("Opportunity.undo", edit, done.correlation_id, "test: the wrong list")}


def test_what_others_did_since_to_other_parts_stays(world: World) -> None:
    account, edit = an_account(world, industry="steel", region="north"), new_id()
    an_edit(world, edit, "Account.change_details", account, details={"industry": "coal"})
    an_edit(world, edit, "Account.tag", account, label="mine")
    world.given("Account.change_details", account, details={"region": "south"})
    world.given("Account.tag", account, label="theirs")

    done = undo(world, edit)

    found = world.load(account)
    assert done.refusal is None
    assert (found.details.industry, found.details.region, found.tags) == ("steel", "south", {"theirs"})


def test_what_others_changed_since_is_refused_and_says_by_what(world: World) -> None:
    account, other, edit = an_account(world), an_account(world, "Other"), new_id()
    an_edit(world, edit, "Account.rename", other, name="Renamed")
    an_edit(world, edit, "Account.rename", account, name="Renamed")
    world.given("Account.rename", account, name="Renamed again")
    before, position = known(world, account, other), world.position

    refused = undo(world, edit)

    [why] = [each.refusal for each in refused.affected if each.refusal]
    assert why and (why.code, why.field) == (Code.REFUSED, "name")
    assert why.message == f"name was changed since, by Account.rename at position {position}"
    assert refused.refusal and refused.refusal.code is Code.REFUSED
    assert (known(world, account, other), world.position) == (before, position)


def test_in_part_what_can_be_undone_is_and_the_rest_is_told(world: World) -> None:
    account, other, edit = an_account(world), an_account(world, "Other"), new_id()
    an_edit(world, edit, "Account.rename", other, name="Renamed")
    an_edit(world, edit, "Account.rename", account, name="Renamed")
    world.given("Account.rename", account, name="Renamed again")

    done = undo(world, edit, partial=True)
    again = undo(world, edit, partial=True)

    assert (world.load(other).name, world.load(account).name) == ("Other", "Renamed again")
    assert {each.id: each.fate for each in done.affected} == {account: Fate.REFUSED, other: Fate.UNDONE}
    assert {each.id: each.fate for each in again.affected} == {account: Fate.REFUSED, other: Fate.ALREADY}
    assert again.refusal


def test_a_preview_records_nothing_and_tells_what_would_be(world: World) -> None:
    account, edit = an_account(world), new_id()
    an_edit(world, edit, "Account.rename", account, name="Renamed")
    position = world.position

    shown = undo(world, edit, preview=True)

    [each] = shown.affected
    assert each.now and each.then and (vars(each.now)["name"], vars(each.then)["name"]) == ("Renamed", "Acme")
    assert world.position == position and shown.position is None and shown.refusal is None


def test_it_is_undone_once_and_the_undo_can_be_undone(world: World) -> None:
    account, edit = an_account(world), new_id()
    an_edit(world, edit, "Account.rename", account, name="Renamed")
    before = known(world, account)

    first = undo(world, edit)
    second = undo(world, edit)
    redone = undo(world, first.correlation_id)
    after_redo = known(world, account)
    third = undo(world, edit)

    assert second.refusal and second.refusal.message == "this was undone already"
    assert redone.refusal is None and after_redo == before
    assert third.refusal is None and world.load(account).name == "Acme"


def test_to_undo_an_undo_asks_for_what_the_command_asked_for(world: World) -> None:
    opportunity, edit = an_opportunity(world), new_id()
    an_edit(world, edit, "Opportunity.change_amount", opportunity, amount={"amount": "7", "currency": "EUR"})
    undone = undo(world, edit)
    world.given("Opportunity.lose", opportunity, reason="price")

    refused = undo(world, undone.correlation_id)

    assert refused.refusal and refused.refusal.message == "this opportunity is lost"


def test_a_closed_opportunity_is_not_changed_by_an_undo(world: World) -> None:
    opportunity, edit = an_opportunity(world), new_id()
    an_edit(world, edit, "Opportunity.change_amount", opportunity, amount={"amount": "7", "currency": "EUR"})
    world.given("Opportunity.tag", opportunity, label="since")
    world.given("Opportunity.lose", opportunity, reason="price")

    refused = undo(world, edit)

    assert refused.refusal and refused.refusal.message == "this opportunity is lost"


def test_the_end_of_a_sale_is_undone_by_the_events_that_reopen_it(world: World) -> None:
    opportunity, edit = an_opportunity(world, amount={"amount": "3", "currency": "EUR"}), new_id()
    an_edit(world, edit, "Opportunity.win", opportunity, amount={"amount": "7", "currency": "EUR"})
    position = world.position

    undo(world, edit)

    assert [type(event).__name__ for event in world.since(position)] == ["Reopened", "AmountChanged"]


@pytest.mark.parametrize(
    ("command", "arguments", "why"),
    [
        ("Contact.give_consent", {"purpose": "survey", "channel": "email", "evidence": "form"}, "withdraw_consent"),
        ("Contact.forget", {"reason": "asked"}, "this person was forgotten"),
    ],
)
def test_what_no_event_takes_back_is_refused(world: World, command: str, arguments: Any, why: str) -> None:
    contact, edit = a_contact(world), new_id()
    an_edit(world, edit, command, contact, **arguments)

    refused = undo(world, edit)

    assert refused.refusal and why in refused.refusal.message


def test_what_cannot_be_taken_back_names_its_command(world: World) -> None:
    meeting, edit = an_interaction(world), new_id()
    planned = world.given(
        "Interaction.schedule", kind="call", starts_at="2030-01-01T10:00:00Z", contact_id=a_contact(world, "Eve")
    )
    an_edit(world, edit, "Interaction.hold", planned)

    refused = undo(world, edit)

    assert refused.refusal and refused.refusal.message == "Interaction.hold cannot be undone"
    assert world.load(meeting).status == "held"


def test_a_merge_is_undone_by_the_command_that_undoes_it(world: World) -> None:
    account, survivor, edit = an_account(world), an_account(world, "Survivor"), new_id()
    an_edit(world, edit, "Account.merge_into", account, survivor_id=survivor)

    refused = undo(world, edit)

    messages = {each.refusal.message for each in refused.affected if each.refusal}
    assert messages == {"this account was merged", "Account.merge_into is undone by another command: Account.unmerge"}


def test_a_value_that_another_has_taken_since_is_not_taken_back(world: World) -> None:
    team, edit = a_team(world, "North"), new_id()
    an_edit(world, edit, "Team.rename", team, name="South")
    a_team(world, "North")

    refused = undo(world, edit)

    assert refused.refusal and (refused.refusal.code, refused.refusal.field) == (Code.DUPLICATE, "name")


def test_two_that_changed_places_change_back(world: World) -> None:
    one, two, edit = a_team(world, "one"), a_team(world, "two"), new_id()
    an_edit(world, edit, "Team.rename", one, name="meanwhile")
    an_edit(world, edit, "Team.rename", two, name="one")
    an_edit(world, edit, "Team.rename", one, name="two")

    done = undo(world, edit)

    assert done.refusal is None, done
    assert (world.load(one).name, world.load(two).name) == ("one", "two")


def test_nothing_names_again_what_is_not_in_use_any_more(world: World) -> None:
    opportunity, ada, edit = an_opportunity(world), a_user(world), new_id()
    world.given("Opportunity.assign_owner", opportunity, owner_id=ada)
    an_edit(world, edit, "Opportunity.assign_owner", opportunity)
    world.given("User.deactivate", ada)

    refused = undo(world, edit)

    assert refused.refusal and refused.refusal.message == "the User that it would name again is not in use any more"


def test_no_circle_is_closed_by_an_undo(world: World) -> None:
    child, parent, edit = an_account(world, "child"), an_account(world, "parent"), new_id()
    world.given("Account.set_parent", child, parent_id=parent)
    an_edit(world, edit, "Account.set_parent", child)
    world.given("Account.set_parent", parent, parent_id=child)

    refused = undo(world, edit)

    assert refused.refusal and "belong to itself" in refused.refusal.message


def test_nothing_is_recorded_under_an_id_that_nobody_gave(world: World) -> None:
    an_account(world)

    by_command, by_position = undo(world, None, command_id=new_id()), undo(world, None, position=99)

    for refused in (by_command, by_position):
        assert refused.refusal and refused.refusal.code is Code.NOT_FOUND
    assert undo(world, None).refusal == Refusal(Code.INVALID, "give one of these: commandId, correlationId, position")


def test_a_position_stands_for_its_command(world: World) -> None:
    account = an_account(world)
    world.given("Account.rename", account, name="Renamed")

    undo(world, None, position=world.position)

    assert world.load(account).name == "Acme"


def test_what_was_said_of_somebody_who_was_forgotten_does_not_come_back(world: World) -> None:
    contact, edit = a_contact(world), new_id()
    call = an_interaction(world, contact_id=contact, body="secret")
    an_edit(world, edit, "Interaction.correct", call, body="corrected")
    world.given("Contact.forget", contact, reason="asked")

    refused = undo(world, edit)

    assert refused.refusal is not None
    assert world.load(call).body is None
