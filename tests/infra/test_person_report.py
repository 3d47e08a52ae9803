"""What is held about a person is told whole: what is current and was, who knows of it, and nothing of anybody else."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from domain.catalogue import AGGREGATES
from domain.declaration import personal
from domain.values import id_text, new_id
from infra.accesses import COMMAND_LINE, Reader, note_now
from infra.person_report import NoPerson, person_report, persons
from projections.catalogue import VIEWS
from tests.infra.past import published, without_views
from tests.infra.test_forgetting import SECRETS, _much_known, forget
from tests.scenario import ME, World


@pytest.fixture
def company(world: World) -> World:
    without_views(world.connection)
    published(world.connection, VIEWS)
    return world


@pytest.fixture
def zebedee(company: World) -> UUID:
    return _much_known(company)


@pytest.fixture
def neighbour(company: World) -> UUID:
    id = company.given("Contact.add", person={"given_name": "Nell", "family_name": "Neighbour"})
    company.given("Contact.give_consent", id, purpose="survey", channel="phone", evidence="Nell said so")
    return id


def report(world: World, id: UUID, kind: str = "Contact") -> dict[str, Any]:
    world.projected()
    return person_report(world.connection, world.store.keys, kind, id)


def test_it_holds_everything_that_was_ever_recorded_of_the_person(
    company: World, zebedee: UUID, neighbour: UUID
) -> None:
    company.given("Interaction.log", kind="call", direction="inbound", contact_id=zebedee, subject="a quiet word")

    told = report(company, zebedee)

    text = json.dumps(told)
    assert [secret for secret in (*SECRETS, "a quiet word") if secret.lower() not in text.lower()] == []
    assert "Nell" not in text and str(neighbour) not in text
    assert (told["format"], told["person"], told["forgotten_at"]) == (1, id_text("Contact", zebedee), None)
    assert told["position"] == company.position


def test_every_event_of_theirs_is_there_with_who_asked_for_it_and_what_was_sealed_is_open(
    company: World, zebedee: UUID, neighbour: UUID
) -> None:
    told = report(company, zebedee)["events"]

    stream = [event for event in told if event["of"] == id_text("Contact", zebedee)]
    assert [event["version"] for event in stream] == list(range(1, company.load(zebedee).version + 1))
    assert {event["by"] for event in told} == {id_text("User", ME)}
    added, *_ = stream
    assert (added["event"], added["command"], added["sealed"]) == ("Contact.Added", "Contact.add", True)
    assert added["told"]["person"]["family_name"] == "Quillfeather"
    assert len(added["receipt"]) == 64 and added["recorded_at"]


def test_consents_come_with_their_history(company: World, zebedee: UUID) -> None:
    company.given("Contact.withdraw_consent", zebedee, purpose="marketing", channel="email")
    company.given("Contact.give_consent", zebedee, purpose="marketing", channel="email", evidence="form of May")

    told = report(company, zebedee)["items"]

    assert [(each["event"], each["consent"], each.get("evidence")) for each in told["consents"]] == [
        ("Contact.ConsentGiven", "marketing.email", "signed by Zeb"),
        ("Contact.ConsentWithdrawn", "marketing.email", None),
        ("Contact.ConsentGiven", "marketing.email", "form of May"),
    ]
    assert all(each["by"] and each["recorded_at"] for each in told["consents"])
    assert [each["event"] for each in told["accounts"]] == ["Contact.AccountJoined"]


def test_what_was_said_about_another_is_not_told_though_they_took_part(
    company: World, zebedee: UUID, neighbour: UUID
) -> None:
    asked: dict[str, Any] = {"kind": "meeting", "direction": "inbound", "contact_id": neighbour}
    meeting = company.given("Interaction.log", **asked, contact_ids=[zebedee], subject="about Nell alone")

    told = report(company, zebedee)

    assert "about Nell" not in json.dumps(told)
    named = [each for each in told["references"] if each["list"] == "interactions"]
    assert named == [{"list": "interactions", "field": "contact_ids", "ids": [id_text("Interaction", meeting)]}]


def test_who_read_and_who_took_a_copy_is_told_apart(company: World, zebedee: UUID, neighbour: UUID) -> None:
    reader = Reader("/graphql", ME, operation="Card")
    note_now(company.connection, reader, "Contact", [zebedee])
    note_now(company.connection, reader, "Contact", [neighbour])
    note_now(company.connection, Reader(COMMAND_LINE, local="root", operation="export contacts"), "Contact", [zebedee])

    told = report(company, zebedee)

    assert [(each["user"], each["operation"]) for each in told["read_by"]] == [(id_text("User", ME), "Card")]
    assert [(each["local"], each["operation"]) for each in told["copies"]["exports"]] == [("root", "export contacts")]
    assert told["copies"]["topics"] == ["daybook.customers.v1"]


def test_it_says_by_which_rules_they_are_kept_and_until_when(company: World, zebedee: UUID, neighbour: UUID) -> None:
    rule = {"counts_from": "added", "basis": "legal_obligation", "because": "a law"}
    ten = company.given("RetentionRule.define", **rule, purpose="the books", months=120)
    company.given("RetentionRule.define", **rule, purpose="of others", months=1, only_tagged="another")
    company.given("Contact.hold", zebedee, reason="lawsuit 4711")

    [kept], [other] = (report(company, id)["retention"] for id in (zebedee, neighbour))

    assert (kept["person"], kept["rule"]) == (id_text("Contact", zebedee), id_text("RetentionRule", ten))
    assert (kept["purpose"], kept["months"], kept["because"]) == ("the books", 120, "a law")
    assert int(kept["runs_out_on"][:4]) == int(kept["counted_from"][:4]) + 10
    assert (kept["kept_because"], other["kept_because"]) == (["held", "time_runs"], ["time_runs"])


def test_after_a_forget_it_says_so_and_holds_nothing_personal(company: World, zebedee: UUID) -> None:
    company.projected()
    forget(company, zebedee)

    told = report(company, zebedee)

    text = json.dumps(told).lower()
    assert [secret for secret in SECRETS if secret.lower() in text] == []
    assert told["forgotten_at"] and told["current"]["contacts"][0]["forgotten"]


def test_of_nobody_and_of_no_person_it_is_said(company: World) -> None:
    account = company.given("Account.register", name="Acme")

    with pytest.raises(NoPerson, match="there is no Contact_"):
        report(company, new_id())
    with pytest.raises(NoPerson, match="Account is no kind of person: give the id of one of Contact, Interaction"):
        report(company, account, "Account")


def test_every_kind_with_personal_fields_of_its_own_is_a_person() -> None:
    own = {kind.__name__ for kind in AGGREGATES if any(mark.whose == "id" for mark in personal(kind).values())}

    assert own <= set(persons())


def test_a_correction_leaves_the_old_value_in_no_view_and_in_the_history_for_whom_may_see_it(
    company: World, zebedee: UUID
) -> None:
    company.given("Contact.correct", zebedee, person={"family_name": "Quill"})

    told = report(company, zebedee)

    assert "Quillfeather" not in json.dumps(told["current"])
    assert told["current"]["contacts"][0]["family_name"] == "Quill"
    names = [e["told"]["person"]["family_name"] for e in told["events"] if "person" in e["told"]]
    assert names[0] == "Quillfeather" and names[-1] == "Quill"
