"""What is held about a person, by the API: whole, to whoever may see all of it, and noted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pytest import MonkeyPatch

import server
from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.test_accesses import a_contact, accessed, of

ASK = "query Report($id: ID!) { personalData(id: $id) { format person position receipt document } }"
ALL = {
    "platform.privacy": "ALL", "customers.see": "ALL", "customers.personal": "ALL", "sales.see": "ALL",
    "projects.see": "ALL", "projects.personal": "ALL",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def written_at_once() -> Iterator[None]:
    with MonkeyPatch.context() as patch:
        patch.setattr(server, "WRITE", 1)
        patch.setattr(server, "LOOK_AGAIN", 0.1)
        yield


def test_whoever_may_see_all_of_it_is_told_all_of_it_and_that_is_noted(api: Api, database_url: str, cast: Cast) -> None:
    word = some("Quill")
    id, officer = a_contact(api, word), cast.user(ALL)
    officer.position = api.position

    told = officer.ask(ASK, id=id)["personalData"]

    assert (told["format"], told["person"]) == (1, id)
    assert told["document"]["current"]["contacts"][0]["family_name"] == word
    assert told["document"]["receipt"] == told["receipt"]
    [row] = accessed(api, database_url, officer)
    assert (row.operation, of([row])) == ("Report", {"Contact": {id}})


@pytest.mark.parametrize(
    ("grants", "hidden", "needs"),
    [
        ({**ALL, "platform.privacy": None}, (), "platform.privacy"),
        ({**ALL, "customers.see": None}, (), "customers.see"),
        ({**ALL, "customers.see": "OWN"}, (), "customers.see"),
        ({**ALL, "customers.personal": None}, (), "customers.personal"),
        ({**ALL, "sales.see": "OWN"}, (), "sales.see"),
        ({**ALL, "customers.personal": "TEAM"}, (), "customers.personal"),
        (ALL, ("Contact.title",), "customers.personal"),
        (ALL, ("Interaction.outcome",), "customers.personal"),
    ],
)
def test_whoever_may_not_see_all_of_it_is_told_nothing_of_it(
    api: Api, cast: Cast, grants: dict[str, str | None], hidden: tuple[str, ...], needs: str
) -> None:
    id = a_contact(api, "Quill")
    asking = cast.user({name: scope for name, scope in grants.items() if scope}, hidden)

    answer = asking.post(ASK, {"id": id}).json()

    [error] = answer["errors"]
    assert answer["data"] == {"personalData": None}
    assert (error["extensions"]["code"], error["extensions"]["needs"]) == ("FORBIDDEN", needs)


def test_of_nobody_there_is_nothing_and_of_what_is_no_person_it_is_said(api: Api, cast: Cast) -> None:
    officer = cast.user(ALL)
    account = api.given("registerAccount", name="Acme")

    assert officer.ask(ASK, id=account.replace("Account", "Contact")) == {"personalData": None}
    kinds = "Contact, Interaction, Stakeholder"
    assert officer.refused(ASK, id=account) == ("BAD_USER_INPUT", f"`id` is of no kind of person: {kinds}")


def test_whether_there_was_a_consent_on_a_day_is_asked_as_of_that_day(api: Api) -> None:
    id = a_contact(api, "Quill")
    asked = {"id": id, "purpose": "MARKETING", "channel": "EMAIL"}
    api.given("giveContactConsent", **asked, evidence="a form", occurredAt="2024-03-01T09:00:00Z")
    given = api.now()
    api.given("withdrawContactConsent", **asked, occurredAt="2024-06-01T09:00:00Z")
    text = """query ($id: ID!, $then: DateTime!) {
        known: contact(id: $id, asOf: {time: $then}) { consents { nodes { givenAt withdrawnAt basis evidence } } }
        may: contact(id: $id, occurred: {until: "2024-05-01"}) { consents { nodes { givenAt withdrawnAt } } }
        now: contact(id: $id) { consents { nodes { givenAt withdrawnAt } } } }"""

    told = api.ask(text, id=id, then=given)

    held = {name: each["consents"]["nodes"][0] for name, each in told.items() if each}
    assert (held["known"]["withdrawnAt"], held["known"]["basis"], held["known"]["evidence"]) == (
        None,
        "CONSENT",
        "a form",
    )
    assert datetime.fromisoformat(held["now"]["withdrawnAt"]) == datetime(2024, 6, 1, 9, tzinfo=UTC)
    assert held["now"]["givenAt"] == held["known"]["givenAt"]


PREVIEW = """query ($id: ID!, $reason: String!) {
    previewForgetContact(input: {id: $id, reason: $reason}) {
        places { place rows personal becomes } userErrors { code } } }"""


def test_what_a_forget_would_do_is_told_and_nothing_is_done(api: Api, cast: Cast) -> None:
    word = some("Quill")
    id, worker = a_contact(api, word), cast.user({"customers.see": "ALL", "customers.edit": "ALL"})
    head = worker.position = api.head()

    told = worker.ask(PREVIEW, id=id, reason="asked for it")["previewForgetContact"]

    counted = {each["place"]: (each["rows"], each["personal"]) for each in told["places"]}
    assert told["userErrors"] == []
    assert counted["key of the person"] == (1, 1) and counted["sealed events of the history"] == (1, 1)
    assert [n for name, n in counted.items() if re.fullmatch("table contacts_[0-9a-f]{8}", name)] == [(1, 1)]
    assert (api.head(), api.ask("query ($id: ID!) { contact(id: $id) { familyName } }", id=id)) == (
        head,
        {"contact": {"familyName": word}},
    )


def test_whoever_may_not_forget_is_told_no_places(api: Api, cast: Cast) -> None:
    id, reader = a_contact(api, "Quill"), cast.user({"customers.see": "ALL"})
    stranger = cast.user()
    reader.position = stranger.position = api.position

    told = [each.ask(PREVIEW, id=id, reason="x")["previewForgetContact"] for each in (reader, stranger)]

    assert told == [
        {"places": [], "userErrors": [{"code": "FORBIDDEN"}]},
        {"places": [], "userErrors": [{"code": "NOT_FOUND"}]},
    ]
