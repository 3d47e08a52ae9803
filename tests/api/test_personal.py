"""Personal data through the API: shown, and after a forget null: now, as it was, in lists and in the stream."""

from __future__ import annotations

import logging

import pytest

from tests.api.client import Api, some
from tests.api.company import an_account
from tests.api.test_subscription import following, some_of

SHOWN = "givenName familyName emails phones birthday title forgotten archived"
NOTHING = {"givenName": None, "familyName": None, "emails": None, "phones": None, "birthday": None, "title": "buyer"}


def a_contact(api: Api, given_name: str, **input: object) -> str:
    person = {"givenName": given_name, "familyName": "Hidden", "emails": ["A@Hidden.example"], "birthday": "1987-03-21"}
    return api.given("addContact", person=person, title="buyer", **input)


def test_a_person_is_shown_with_their_accounts_and_found_by_name(api: Api) -> None:
    name, account = some("Ada"), an_account(api)
    ada = a_contact(api, name, accountId=account, role="CHAMPION")

    text = f"""query ($name: String!, $account: ID!) {{
        contacts(filter: {{givenName: {{eq: $name}}}}) {{ nodes {{ id {SHOWN} accounts {{ nodes {{ role }} }} }} }}
        contactAccounts(filter: {{accountId: {{eq: $account}}}}) {{ nodes {{ contact {{ givenName }} }} }}
    }}"""
    found = api.ask(text, name=name, account=account)

    assert found["contacts"]["nodes"] == [
        {
            "id": ada,
            "givenName": name,
            "familyName": "Hidden",
            "emails": ["a@hidden.example"],
            "phones": [],
            "birthday": "1987-03-21",
            "title": "buyer",
            "forgotten": False,
            "archived": False,
            "accounts": {"nodes": [{"role": "CHAMPION"}]},
        }
    ]
    assert found["contactAccounts"]["nodes"] == [{"contact": {"givenName": name}}]


def test_forgotten_a_person_is_null_now_and_as_of_before(api: Api) -> None:
    ada, eve = a_contact(api, some("Ada")), a_contact(api, name := some("Eve"))
    api.given("logInteraction", kind="CALL", direction="INBOUND", contactId=ada, subject="hidden words")
    before = api.head()

    payload = api.do("forgetContact", f"contact {{ {SHOWN} }}", id=ada, reason="asked for it")

    text = f"""query ($id: ID!, $before: Position!) {{
        now: contact(id: $id) {{ {SHOWN} interactions {{ nodes {{ subject }} }} }}
        then: contact(id: $id, asOf: {{position: $before}}) {{ {SHOWN} }}
    }}"""
    gone, other = api.ask(text, id=ada, before=before), api.ask(text, id=eve, before=before)
    assert payload["contact"] == NOTHING | {"forgotten": True, "archived": True}
    assert gone["now"] == NOTHING | {
        "forgotten": True,
        "archived": True,
        "interactions": {"nodes": [{"subject": None}]},
    }
    assert gone["then"] == NOTHING | {"forgotten": False, "archived": False}
    assert (other["now"]["givenName"], other["then"]["givenName"]) == (name, name)


def test_the_stream_of_events_tells_nothing_personal(api: Api) -> None:
    before, ada = api.head(), a_contact(api, some("Ada"))

    with following(api, f"subscription {{ events(after: {before}) {{ kind nodeId data }} }}") as events:
        [added] = some_of(events, 1)

    assert added == {
        "kind": "CONTACT_ADDED",
        "nodeId": ada,
        "data": {"person": None, "title": "buyer", "department": None, "language": None, "preferred_channel": None},
    }


def test_no_error_and_no_log_repeats_what_is_personal(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    ada = a_contact(api, some("Ada"))

    with caplog.at_level(logging.DEBUG):
        wrong = api.user_error(
            "correctContact", id=ada, person={"emails": ["not-hidden-address"], "familyName": "Hush"}
        )
        api.do("forgetContact", id=ada, reason="asked for it")
        refused = api.user_error("correctContact", id=ada, person={"familyName": "Hush"})

    assert (wrong["field"], wrong["code"]) == (["person", "emails", "0"], "INVALID")
    assert (refused["message"], refused["code"]) == ("this person was forgotten", "REFUSED")
    told = f"{wrong}{refused}{caplog.text}"
    assert "Hush" not in told and "not-hidden-address" not in told
