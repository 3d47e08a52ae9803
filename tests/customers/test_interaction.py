from datetime import UTC, date, datetime
from typing import Any

import pytest
from psycopg.sql import SQL, Identifier

from domain.command import Code, Request
from domain.customers.interaction import Interaction, Status
from infra.feed.log import LogFeed
from infra.projection import Projector
from infra.tables import Table
from projections.customers.interaction import InteractionView
from tests.infra.past import published, without_views
from tests.scenario import ME, World, a_contact, a_user, an_account, an_interaction, an_opportunity

THEN = datetime(2026, 3, 1, 9, tzinfo=UTC)


def a_planned_one(world: World, **arguments: Any) -> Any:
    given = {"kind": "meeting", "starts_at": "2027-03-01T09:00:00Z", "contact_id": a_contact(world)}
    return world.given("Interaction.schedule", **given | arguments)


def test_what_took_place_is_written_down_with_the_time_it_took_place(world: World) -> None:
    ada, acme, me = a_contact(world), an_account(world), a_user(world)
    told = {
        "kind": "call",
        "direction": "inbound",
        "contact_id": ada,
        "account_id": acme,
        "user_ids": [me],
        "minutes": 5,
    }

    world.asked(Request(command="Interaction.log", actor=ME, occurred_at=THEN, arguments=told)).records(
        Interaction.Logged, contact_id=ada, account_id=acme, user_ids=(me,), held_at=THEN, status=Status.HELD
    )


def test_it_is_about_something(world: World) -> None:
    world.when("Interaction.log", kind="note", direction="inbound", body="x").is_refused("say what it is about")
    world.when("Interaction.log", kind="note", direction="inbound", opportunity_id=an_opportunity(world)).records(
        Interaction.Logged
    )


def test_what_is_planned_is_held_or_cancelled_once(world: World) -> None:
    held, cancelled = a_planned_one(world), a_planned_one(world)
    world.given("Interaction.reschedule", held, starts_at="2027-04-01T09:00:00Z")

    world.when("Interaction.hold", held, outcome="they buy", sentiment="positive").records(
        Interaction.Held, minutes=None
    )
    world.when("Interaction.cancel", cancelled, reason="ill").records(Interaction.Cancelled, cancelled_because="ill")

    assert world.load(held).starts_at == datetime(2027, 4, 1, 9, tzinfo=UTC)
    for id, status in ((held, "held"), (cancelled, "cancelled")):
        world.when("Interaction.hold", id).is_refused(f"{status} already")
        world.when("Interaction.cancel", id).is_refused(f"{status}, not planned")
    world.when("Interaction.record_outcome", cancelled, outcome="x").is_refused("was cancelled")


def test_marketing_wants_consent_by_that_channel(world: World) -> None:
    ada, eve = a_contact(world), a_contact(world, "Eve")
    world.given("Contact.give_consent", ada, purpose="marketing", channel="email", evidence="a form")
    offer = {"direction": "outbound", "purpose": "marketing"}

    world.when("Interaction.log", **offer, kind="email", contact_id=ada).records(Interaction.Logged)
    world.when("Interaction.log", **offer, kind="call", contact_id=ada).is_refused(
        "there is no consent to marketing by phone", "purpose"
    )
    for others in ({"contact_id": eve}, {"contact_id": ada, "contact_ids": [eve]}):
        world.when("Interaction.log", **offer, kind="email", **others).is_refused("no consent", "purpose")
    world.when("Interaction.log", direction="inbound", purpose="marketing", kind="email", contact_id=eve).records(
        Interaction.Logged
    )
    world.when("Interaction.log", direction="outbound", kind="email", contact_id=eve).records(Interaction.Logged)


def test_a_consent_that_was_withdrawn_in_the_meantime_stops_what_was_planned(world: World) -> None:
    ada, asked = a_contact(world), {"purpose": "marketing", "channel": "in_person"}
    world.given("Contact.give_consent", ada, **asked, evidence="a form")
    planned = a_planned_one(world, contact_id=ada, purpose="marketing")

    world.given("Contact.withdraw_consent", ada, **asked)

    world.when("Interaction.hold", planned).is_refused("no consent to marketing by in_person", "purpose")


def test_what_was_written_down_wrongly_is_corrected(world: World) -> None:
    call = an_interaction(world, subject="pumps", body="they want two", minutes=5)

    world.when("Interaction.correct", call, body="they want three").records(
        Interaction.Corrected, subject="pumps", body="they want three", minutes=5
    )
    world.when("Interaction.correct", call, minutes=-1).is_refused("less than no time", "minutes")


def test_a_follow_up_is_done_once_or_cancelled(world: World) -> None:
    call, user = an_interaction(world), a_user(world)
    world.when("Interaction.complete_follow_up", call).is_refused("nothing is to follow")

    world.given("Interaction.plan_follow_up", call, due="2026-04-01", owner_id=user)
    planned = world.load(call)
    world.given("Interaction.complete_follow_up", call)

    assert (planned.follow_up_due, planned.follow_up_owner_id) == (date(2026, 4, 1), user)
    assert world.load(call).follow_up_done_on is not None
    world.when("Interaction.cancel_follow_up", call).is_refused("nothing is to follow")
    world.given("Interaction.plan_follow_up", call, due="2026-05-01")
    world.given("Interaction.cancel_follow_up", call)
    assert world.load(call).follow_up_due is None


def test_what_was_said_is_sealed_and_forgotten_with_the_contact(world: World) -> None:
    ada, eve, acme = a_contact(world), a_contact(world, "Eve"), an_account(world)
    about = {
        name: an_interaction(world, contact_id=id, subject=f"secret of {name}")
        for name, id in (("ada", ada), ("eve", eve))
    }
    alone = world.given("Interaction.log", kind="note", direction="inbound", account_id=acme, body="secret of acme")

    world.given("Contact.forget", ada, reason="asked for it")

    assert world.load(about["ada"]).subject is None
    assert (world.load(about["eve"]).subject, world.load(alone).body) == ("secret of eve", "secret of acme")
    assert not any(b"secret" in row[-1] for row in world.rows())
    world.when("Interaction.correct", about["ada"], subject="again").is_refused("this person was forgotten")
    world.when("Interaction.log", kind="note", direction="inbound", contact_id=ada).is_refused(
        "not in use", "contact_id", Code.INVALID
    )


def test_text_that_is_of_no_contact_can_be_erased_by_itself(world: World) -> None:
    acme = an_account(world)
    note, other = (
        world.given("Interaction.log", kind="note", direction="inbound", account_id=acme, body=body) for body in "ab"
    )

    world.given("Interaction.forget", note, reason="of the wrong account")

    assert (world.load(note).body, world.load(other).body) == (None, "b")
    world.when("Interaction.correct", note, body="c").is_refused("erased")
    world.when("Interaction.forget", an_interaction(world), reason="x").is_refused("forget the contact")


def test_forgetting_empties_the_rows_of_the_contact_and_no_others(world: World) -> None:
    without_views(world.connection)
    published(world.connection, [InteractionView])
    ada, eve = a_contact(world), a_contact(world, "Eve")
    for id in (ada, eve):
        call = an_interaction(world, contact_id=id, subject="before", minutes=3)
        world.given("Interaction.correct", call, subject="after")
    projector = Projector(world.connection, [InteractionView])
    while projector.step(LogFeed(world.connection)) >= 0:
        pass

    world.given("Contact.forget", ada, reason="asked for it")

    table = Table(InteractionView)
    for name, text in ((table.name, "after"), (table.history, "before")):
        statement = SQL("select contact_id, subject, minutes from {} order by id").format(Identifier(name))
        assert world.connection.execute(statement).fetchall() == [(ada, None, 3), (eve, text, 3)]


@pytest.mark.parametrize("command", ["reschedule", "hold"])
def test_what_is_past_is_not_planned_again(world: World, command: str) -> None:
    arguments = {"starts_at": "2027-03-01T09:00:00Z"} if command == "reschedule" else {}

    world.when(f"Interaction.{command}", an_interaction(world), **arguments).is_refused("held already")
