from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from domain.command import Code, Request
from domain.customers.contact import Channel, Contact, Person, Purpose
from domain.values import Email, Phone, new_id
from infra.keys import unlock
from tests.scenario import ME, World, a_contact, an_account

SPRING = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_a_person_is_kept_in_normal_form(world: World) -> None:
    ada = world.given(
        "Contact.add",
        person={
            "given_name": " Ada ",
            "emails": ["Ada@Engines.ORG"],
            "phones": ["+49 30 901820"],
            "birthday": "1815-12-10",
        },
        language="de_at",
    )

    person = Person(
        given_name="Ada",
        emails=(Email("ada@engines.org"),),
        phones=(Phone("+4930901820"),),
        birthday=date(1815, 12, 10),
    )
    assert (world.load(ada).person, world.load(ada).language) == (person, "de-AT")


@pytest.mark.parametrize(
    ("person", "field"),
    [
        ({"emails": ["ada"]}, "person.emails.0"),
        ({"phones": ["030"]}, "person.phones.0"),
        ({"emails": "a@b.org"}, "person.emails"),
    ],
)
def test_what_is_no_address_is_invalid_by_its_field(world: World, person: dict[str, object], field: str) -> None:
    world.when("Contact.add", person=person).is_refused("", field, Code.INVALID)


def test_somebody_of_whom_nothing_is_known_is_nobody(world: World) -> None:
    ada = a_contact(world)

    world.when("Contact.add", person={"birthday": "1815-12-10"}).is_refused("at least a name", "person")
    world.when("Contact.correct", ada, person={"given_name": None}).is_refused("at least a name", "person")


def test_two_people_may_share_an_address(world: World) -> None:
    for name in ("Ada", "Eve"):
        world.given("Contact.add", person={"given_name": name, "emails": ["office@engines.org"]})


def test_a_correction_leaves_what_it_does_not_name(world: World) -> None:
    ada = world.given("Contact.add", person={"given_name": "Ada", "family_name": "Byron"}, title="countess")

    world.when("Contact.correct", ada, person={"family_name": "Lovelace"}).records_only(Contact.Corrected)
    world.given("Contact.change_details", ada, department="engines")

    contact = world.load(ada)
    assert (contact.person.given_name, contact.person.family_name) == ("Ada", "Lovelace")
    assert (contact.title, contact.department) == ("countess", "engines")


def test_whoever_is_added_may_work_somewhere_at_once(world: World) -> None:
    acme = an_account(world)
    added = world.when("Contact.add", person={"given_name": "Ada"}, account_id=acme, role="champion")

    added.records_only(Contact.Added, Contact.AccountJoined).records(
        Contact.AccountJoined, account_id=acme, role="champion"
    )
    world.when("Contact.add", person={"given_name": "Ada"}, role="champion").is_refused("say at which", "account_id")


def test_accounts_come_and_go_with_the_role_in_each(world: World) -> None:
    ada, acme, zeta = a_contact(world), an_account(world), an_account(world, "Zeta")
    for account in (acme, zeta):
        world.given("Contact.join_account", ada, account_id=account, role="user")

    world.given("Contact.change_role", ada, account_id=acme, role="decision_maker")
    world.given("Contact.leave_account", ada, account_id=zeta)

    assert {id: at.role for id, at in world.load(ada).accounts.items()} == {acme: "decision_maker"}
    world.when("Contact.join_account", ada, account_id=acme).is_refused("already", "account_id")
    for command in ("leave_account", "change_role"):
        arguments = {"role": None} if command == "change_role" else {}
        world.when(f"Contact.{command}", ada, account_id=zeta, **arguments).is_refused(
            "not at this account", "account_id"
        )


def test_a_consent_is_for_one_purpose_by_one_channel(world: World) -> None:
    ada = a_contact(world)
    world.given("Contact.give_consent", ada, purpose="marketing", channel="email", evidence="form of 1 March")

    contact = world.load(ada)

    assert contact.why_not_contact(Purpose.MARKETING, Channel.EMAIL) is None
    assert contact.why_not_contact(Purpose.MARKETING, Channel.PHONE) == "there is no consent to marketing by phone"
    assert contact.why_not_contact(Purpose.SURVEY, Channel.EMAIL) == "there is no consent to survey by email"


def test_a_consent_can_be_proved_or_has_another_basis(world: World) -> None:
    ada, asked = a_contact(world), {"purpose": "survey", "channel": "phone"}

    world.when("Contact.give_consent", ada, **asked).is_refused("prove", "evidence")
    world.when("Contact.give_consent", ada, **asked, basis="legitimate_interest").records(Contact.ConsentGiven)


def test_a_consent_says_when_it_was_given_and_withdrawn_and_can_be_given_again(world: World) -> None:
    ada, asked = a_contact(world), {"purpose": "marketing", "channel": "email"}
    given = Request(
        command="Contact.give_consent", id=ada, actor=ME, occurred_at=SPRING, arguments=asked | {"evidence": "a form"}
    )
    world.when("Contact.withdraw_consent", ada, **asked).is_refused("no consent", "channel")

    world.asked(given)
    [first] = world.load(ada).consents.values()
    world.given("Contact.withdraw_consent", ada, **asked)
    [withdrawn] = world.load(ada).consents.values()
    world.given("Contact.give_consent", ada, **asked, evidence="another form")
    [again] = world.load(ada).consents.values()

    assert (first.given_at, first.withdrawn_at) == (SPRING, None)
    assert withdrawn.withdrawn_at > SPRING and withdrawn.evidence == "a form"
    assert (again.withdrawn_at, again.evidence) == (None, "another form")


def test_who_is_forgotten_is_put_away_and_refuses_everything(world: World) -> None:
    ada, eve = a_contact(world), a_contact(world, "Eve")

    world.when("Contact.forget", ada, reason="asked on 1 March").records_only(Contact.Forgotten)

    for command in ("restore", "archive", "watch", "forget"):
        arguments = {"reason": "x"} if command in ("archive", "forget") else {}
        world.when(f"Contact.{command}", ada, **arguments).is_refused("this person was forgotten")
    assert (world.load(ada).archived, world.load(ada).usable, world.load(ada).person) == (True, False, None)
    assert world.load(eve).person.given_name == "Eve"


def test_an_archived_person_can_be_forgotten(world: World) -> None:
    ada = a_contact(world)
    world.given("Contact.archive", ada, reason="moved away")

    world.when("Contact.forget", ada, reason="asked for it").records(Contact.Forgotten, forget_reason="asked for it")


def test_without_a_master_key_nobody_is_kept_and_it_says_why(world: World) -> None:
    unlock(None)

    refusal = world.when("Contact.add", person={"given_name": "Ada"}).is_refused(
        "DAYBOOK_MASTER_KEY_FILE", None, Code.FORBIDDEN
    )

    assert "Ada" not in refusal.message


def test_what_is_written_about_a_person_is_sealed_too(world: World) -> None:
    ada = a_contact(world)
    world.given("Contact.comment", ada, text="Ada likes engines")
    world.given("Contact.archive", ada, reason="Ada moved away")

    states = b"".join(row[-1] for row in world.rows())

    assert b"engines" not in states and b"moved" not in states and b"Ada" not in states


def test_an_unknown_contact_is_not_found(world: World) -> None:
    nobody: UUID = new_id()

    world.when("Contact.forget", nobody, reason="x").is_refused("no such thing", "id", Code.NOT_FOUND)


def test_who_is_held_cannot_be_forgotten_until_the_hold_is_released_and_others_can(world: World) -> None:
    ada, eve = a_contact(world), a_contact(world, "Eve")
    world.when("Contact.hold", ada, reason="lawsuit 4711").records_only(Contact.Held)

    world.when("Contact.forget", ada, reason="asked for it").is_refused("this person is held: lawsuit 4711")
    world.when("Contact.forget", eve, reason="asked for it").records_only(Contact.Forgotten)
    world.when("Contact.release_hold", ada).records_only(Contact.HoldReleased)
    world.when("Contact.forget", ada, reason="asked for it").records_only(Contact.Forgotten)


def test_a_hold_has_one_reason_which_may_become_another(world: World) -> None:
    ada = a_contact(world)
    world.when("Contact.release_hold", ada).is_refused("not held")
    world.when("Contact.hold", ada, reason=" ").is_refused("", "reason", Code.INVALID)
    world.given("Contact.hold", ada, reason="lawsuit 4711")

    world.when("Contact.hold", ada, reason="lawsuit 4711").is_refused("already", "reason")
    world.when("Contact.hold", ada, reason="lawsuit 4712").records(Contact.Held, hold_reason="lawsuit 4712")


def test_whoever_is_archived_can_be_held_and_whoever_is_forgotten_cannot(world: World) -> None:
    ada = a_contact(world)
    world.given("Contact.archive", ada)

    world.when("Contact.hold", ada, reason="lawsuit 4711").records_only(Contact.Held)
    world.when("Contact.change_details", ada, title="x").is_refused("archived")
    world.given("Contact.release_hold", ada)
    world.given("Contact.forget", ada, reason="asked for it")
    world.when("Contact.hold", ada, reason="lawsuit 4711").is_refused("this person was forgotten")
