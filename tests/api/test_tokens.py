"""API tokens, as their users make and use them."""

from __future__ import annotations

from typing import Any

import pytest

from server import schema_of
from tests.api.client import Api, some
from tests.api.company import a_user, an_account, an_opportunity

MUTATIONS = schema_of("UTC")[0]._schema.mutation_type


def made(api: Api, **input: Any) -> tuple[str, Api]:
    """The id of a new token of the same user, and the API as it is with it."""
    payload = api.do("makeApiToken", "secret", **{"name": some("token"), **input})
    assert payload["userErrors"] == [], payload
    return payload["changed"][0]["id"], Api(api.http, payload["secret"], api.user_id, payload["position"])


def test_a_token_is_made_listed_used_and_revoked(api: Api) -> None:
    id, other = made(api, name="nightly", scopes=["read"], expiresAt="2999-01-01T00:00:00Z")
    _, neighbour = made(api)
    assert other.ask("{ viewer { id } }") == {"viewer": {"id": api.me}}

    shown = api.ask("query ($id: ID!) { apiToken(id: $id) { name scopes expiresAt revoked user { id } } }", id=id)
    api.given("revokeApiToken", id=id)

    assert shown["apiToken"] == {
        "name": "nightly",
        "scopes": ["read"],
        "expiresAt": "2999-01-01T00:00:00+00:00",
        "revoked": False,
        "user": {"id": api.me},
    }
    assert other.post("{ viewer { id } }").status_code == 401
    assert neighbour.ask("{ viewer { id } }") == {"viewer": {"id": api.me}}


def test_what_lets_somebody_in_is_shown_nowhere_but_in_the_first_answer(api: Api) -> None:
    key = some("key")
    first = api.do("makeApiToken", "secret apiToken { id }", name="x", idempotencyKey=key)
    again = api.do("makeApiToken", "secret apiToken { id }", name="x", idempotencyKey=key)

    assert first["secret"].startswith("daybook_")
    assert again["secret"] is None
    assert again["apiToken"] == first["apiToken"]
    assert "secret" not in str(api.ask('{ __type(name: "ApiToken") { fields { name } } }'))


def test_only_what_makes_a_secret_tells_one(api: Api) -> None:
    told = "{ __schema { types { name fields { name } } } }"

    types = api.ask(told)["__schema"]["types"]

    telling = {each["name"] for each in types for field in each["fields"] or () if field["name"] == "secret"}
    assert telling == {"ApiTokenPayload"}


def test_what_daybook_notes_for_itself_cannot_be_asked_for() -> None:
    assert MUTATIONS is not None
    assert not [name for name in MUTATIONS.fields if name.startswith("note")]


def test_a_token_that_reads_changes_nothing(api: Api) -> None:
    account = an_account(api)
    _, reader = made(api, scopes=["read"])

    assert reader.ask("query ($id: ID!) { account(id: $id) { id } }", id=account)["account"] == {"id": account}
    refused = [
        reader.user_error("renameAccount", id=account, name="Other"),
        reader.user_error("registerAccount", name="Other"),
        reader.user_error("makeApiToken", name="Other"),
    ]

    needed = ["customers.edit", "customers.edit", "platform.tokens"]
    assert [(each["code"], each["message"]) for each in refused] == [
        ("FORBIDDEN", f"the token does not reach so far: it needs the scope {scope}") for scope in needed
    ]


def test_a_token_of_one_context_sees_nothing_of_another(api: Api, pipeline: str) -> None:
    account = an_account(api)
    opportunity = an_opportunity(api, pipeline, accountId=account)
    _, seller = made(api, scopes=["sales.*"])

    seen = seller.ask("query ($id: ID!) { opportunity(id: $id) { id accountId } }", id=opportunity)
    hidden = [
        "{ accounts { totalCount } }",
        "query ($id: ID!) { node(id: $id) { id } }",
        "{ users { nodes { name } } }",
        "{ opportunities { nodes { account { name } } } }",
    ]

    assert seen["opportunity"] == {"id": opportunity, "accountId": account}
    for query in hidden:
        answer = seller.post(query, {"id": account}).json()
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}, query


def test_a_token_learns_nothing_of_what_it_does_not_reach(api: Api, pipeline: str) -> None:
    account = an_account(api)
    nothing = account[:-4] + "0000"
    _, seller = made(api, scopes=["sales.*"])

    answers = [
        (
            seller.user_error("renameAccount", id=id, name="Other"),
            seller.user_error("openOpportunity", pipelineId=pipeline, name="x", accountId=id),
        )
        for id in (account, nothing)
    ]

    assert answers[0] == answers[1]


def test_a_token_for_somebody_else_comes_in_as_them(api: Api) -> None:
    ada = a_user(api, "Ada")

    payload = api.do("makeApiTokenFor", "secret apiToken { user { id } owner { id } }", userId=ada, name="theirs")

    assert payload["apiToken"] == {"user": {"id": ada}, "owner": {"id": ada}}
    theirs = Api(api.http, payload["secret"], api.user_id)
    assert theirs.refused("{ accounts { totalCount } }")[0] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("input", "field", "code"),
    [
        ({"scopes": ["sales.sel"]}, ["scopes"], "REFUSED"),
        ({"scopes": []}, ["scopes"], "REFUSED"),
        ({"scopes": [""]}, ["scopes", "0"], "INVALID"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, ["expiresAt"], "REFUSED"),
        ({"name": " "}, ["name"], "INVALID"),
    ],
)
def test_what_makes_no_sense_is_named(api: Api, input: dict[str, Any], field: list[str], code: str) -> None:
    error = api.user_error("makeApiToken", **{"name": "x", **input})

    assert (error["field"], error["code"]) == (field, code)


def test_who_is_let_go_is_out_at_once(api: Api) -> None:
    ada = a_user(api, "Ada")
    theirs = Api(api.http, api.do("makeApiTokenFor", "secret", userId=ada, name="x")["secret"], api.user_id)
    assert theirs.post("{ head { position } }").status_code == 200

    api.given("deactivateUser", id=ada)

    assert theirs.post("{ head { position } }").status_code == 401
