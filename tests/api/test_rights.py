"""A user without rights: nothing is shown, nothing is done, and errors say which permission is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from uuid import UUID

import pytest
from graphql import get_named_type, is_required_argument
from pytest import MonkeyPatch
from websockets.sync.client import connect
from websockets.typing import Subprotocol

import infra.known
from domain.catalogue import AGGREGATES
from domain.rights import permissions
from infra.event_store import EventStore
from infra.identity import Identity
from tests.api.cast import casting
from tests.api.client import Api, some
from tests.api.company import a_user, an_account, an_opportunity
from tests.api.inputs import SCHEMA, filled

OPEN_TO_ALL = {"head", "viewer", "rights"}
OF_SEVERAL = {"personalData", "toForget"}
"""What one permission is not enough for: see test_disclosed.py and test_retention.py."""


@pytest.fixture(scope="module")
def identity(api: Api, database_url: str) -> Iterator[Identity]:
    with EventStore(database_url, "test_api") as store, Identity(database_url, store, "test_api") as identity:
        yield identity


@pytest.fixture(scope="module")
def guest(api: Api, identity: Identity) -> Api:
    """A user who works here, and is no administrator."""
    user = UUID(a_user(api, "Guest").removeprefix("User_"))
    return Api(api.http, identity.create(user, "guest"), user)


@pytest.fixture(scope="module")
def project(api: Api) -> str:
    return api.given("proposeProject", name=some("Project"))


def root_fields() -> list[str]:
    query = SCHEMA.query_type
    assert query
    return sorted(name for name in query.fields if name not in OPEN_TO_ALL and not name.startswith("preview"))


def asked(field: str, account: str, project: str) -> str:
    """A field of the root with what it cannot go without, and one thing read from it."""
    assert SCHEMA.query_type
    declared = SCHEMA.query_type.fields[field]
    kind = "User" if field in ("viewer", "whoCouldSee") else getattr(get_named_type(declared.type), "name", "")
    of_account = field in ("node", "nodes", "history", "compare", "timeline")
    id = account if of_account else f"{kind}_{account.removeprefix('Account_')}"
    given = {"id": f'"{id}"', "ids": f'["{id}"]', "query": '"x"', "from": "{position: 1}", "of": f'"{id}"'}
    given |= {"position": "1", "projectId": f'"{project}"'}
    needed = (name for name, each in declared.args.items() if is_required_argument(each) or name == "projectId")
    arguments = [f"{name}: {given[name]}" for name in needed]
    given_with = f"({', '.join(arguments)})" if arguments else ""
    return f"{{ {field}{given_with} {{ __typename }} }}"


@pytest.mark.parametrize("field", root_fields())
def test_nothing_is_read_without_a_permission_and_the_error_names_it(
    api: Api, guest: Api, project: str, field: str
) -> None:
    account = an_account(api)

    error = guest.error(asked(field, account, project))

    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["message"].rpartition(" ")[2] in permissions(AGGREGATES)


@pytest.fixture(scope="module")
def readers(api: Api, database_url: str) -> Iterator[Callable[[str], Api]]:
    """Somebody who has one permission and no other."""
    with casting(api, database_url, "test_api") as cast:
        yield cache(lambda permission: cast.user({permission: "ALL"}))


@pytest.mark.parametrize("field", sorted({*root_fields()} - OF_SEVERAL))
def test_what_has_a_permission_is_read_with_it_and_no_other(
    api: Api, guest: Api, project: str, readers: Callable[[str], Api], field: str
) -> None:
    account = an_account(api)
    needs = guest.error(asked(field, account, project))["message"].rpartition(" ")[2]
    reader = readers({"search": "customers.see", "whoCouldSee": "platform.*"}.get(field, needs))

    answer = reader.post(asked(field, account, project)).json()

    assert "errors" not in answer, answer
    assert answer["data"].keys() == {field}


def test_what_is_read_beside_something_forbidden_is_answered(guest: Api) -> None:
    role = guest.me.replace("User", "Role")
    answer = guest.post(f'{{ head {{ position }} viewer {{ name email }} role(id: "{role}") {{ name }} }}').json()

    assert answer["data"]["head"]["position"] > 0
    assert answer["data"]["viewer"] == {"name": "Guest", "email": None}
    assert answer["data"]["role"] is None
    assert [error["path"] for error in answer["errors"]] == [["role"]]


def test_no_query_reaches_rows_by_another_way(api: Api, guest: Api, pipeline: str) -> None:
    account = an_account(api, "Secret")
    an_opportunity(api, pipeline, "Secret", accountId=account)
    queries = [
        '{ accounts(filter: {name: {eq: "Secret"}}) { totalCount } }',
        "{ opportunities { groupBy(by: {field: ACCOUNT_ID}) { key { account { name } } } } }",
        "{ opportunities { aggregate { count } } }",
        f'{{ nodes(ids: ["{account}"], asOf: {{position: {api.position}}}) {{ id }} }}',
        '{ search(query: "Secret", kinds: [ACCOUNT]) { totalCount } }',
        '{ users(filter: {name: {startsWith: "a"}}) { totalCount } }',
        "{ __typename accounts { pageInfo { endCursor } } }",
    ]

    codes = [guest.error(query)["extensions"]["code"] for query in queries]

    assert codes == ["FORBIDDEN"] * len(queries)


def mutations() -> list[str]:
    mutation = SCHEMA.mutation_type
    assert mutation
    return sorted(set(mutation.fields) - {"batch", "undo"})


def test_a_batch_is_no_way_around_a_permission(api: Api, guest: Api) -> None:
    account, before = an_account(api), api.head()
    commands = f'[{{registerAccount: {{name: "x"}}}}, {{archiveAccount: {{id: "{account}"}}}}]'

    for atomic in ("true", "false"):
        text = f"mutation {{ batch(commands: {commands}, atomic: {atomic}) {{ userErrors {{ code message }} }} }}"
        errors = guest.ask(text)["batch"]["userErrors"]
        assert {error["code"] for error in errors} <= {"FORBIDDEN", "NOT_FOUND"} and errors

    assert api.head() == before


@pytest.mark.parametrize("name", mutations())
def test_nothing_is_done_without_a_permission(api: Api, guest: Api, name: str) -> None:
    bare, before = api.me.removeprefix("User_"), api.head()
    input = filled(name, lambda kind: f"{kind}_{bare}")

    error = guest.user_error(name, **input)

    assert error["code"] in ("FORBIDDEN", "NOT_FOUND")
    assert api.head() == before


def test_who_may_not_make_something_is_told_what_it_needs(guest: Api) -> None:
    error = guest.user_error("registerAccount", name="Acme")

    assert error["code"] == "FORBIDDEN"
    assert error["message"] == "you may not do this: it needs customers.edit"


def test_what_one_may_not_know_of_is_not_found(api: Api, guest: Api) -> None:
    account = an_account(api)

    of_mine = guest.user_error("renameAccount", id=account, name="Mine")
    of_none = guest.user_error("renameAccount", id=account[:-4] + "0000", name="Mine")

    assert of_mine == of_none
    assert of_mine["code"] == "NOT_FOUND"


def test_who_may_not_merge_is_told_nothing_of_what_a_merge_would_do(api: Api, guest: Api) -> None:
    ids = f'{{id: "{an_account(api)}", survivorId: "{an_account(api)}"}}'
    shown = "differences { field } references { kind } userErrors { code }"

    told = guest.ask(f"{{ it: previewMergeAccountInto(input: {ids}) {{ {shown} }} }}")["it"]

    assert told == {"differences": [], "references": [], "userErrors": [{"code": "NOT_FOUND"}]}


def test_an_upsert_does_not_tell_what_is_there(api: Api, guest: Api) -> None:
    known = {"externalId": {"system": "erp", "id": some("key")}, "name": "Acme", "details": {"employees": -1}}
    api.given("upsertAccount", **known | {"details": {}})

    of_known = guest.user_error("upsertAccount", **known)
    of_none = guest.user_error("upsertAccount", **known | {"externalId": {"system": "erp", "id": some("key")}})

    assert of_known == of_none
    assert of_known["code"] == "FORBIDDEN"


def test_events_show_nothing_to_who_may_see_nothing(api: Api, guest: Api) -> None:
    address = str(api.http.base_url.join("/graphql")).replace("http", "ws", 1)
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {guest.token}"}}))
        socket.recv(timeout=60)
        subscribe = {"query": "subscription { events { position data } }"}
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": subscribe}))
        an_account(api)

        with pytest.raises(TimeoutError):
            socket.recv(timeout=1)


def test_a_user_who_was_deactivated_is_not_let_in(api: Api, identity: Identity, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(infra.known, "REMEMBERED", 0.0)
    user, other = a_user(api, "Former"), a_user(api, "Other")
    former, colleague = (
        Api(api.http, identity.create(UUID(id.removeprefix("User_")), "theirs"), api.user_id) for id in (user, other)
    )
    before = former.post("{ __typename }").status_code

    api.given("deactivateUser", id=user)

    after = former.post("{ __typename }").status_code
    api.given("reactivateUser", id=user)
    again = former.post("{ __typename }").status_code
    assert (before, after, again) == (200, 401, 200)
    assert colleague.post("{ __typename }").status_code == 200


def test_a_token_that_was_revoked_is_not_let_in(
    api: Api, guest: Api, identity: Identity, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(infra.known, "REMEMBERED", 0.0)
    token = identity.create(guest.user_id, "short")
    other = Api(api.http, token, guest.user_id)
    before = other.post("{ __typename }").status_code

    identity.revoke(token.split("_")[1])

    assert (before, other.post("{ __typename }").status_code) == (200, 401)
    assert guest.post("{ __typename }").status_code == 200
