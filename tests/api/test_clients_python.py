"""gql, the GraphQL client that Python programs use: over HTTP and over WebSockets, with the schema known beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from gql import Client, gql
from gql.client import SyncClientSession
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport, HTTPXTransport
from gql.transport.websockets import WebsocketsTransport
from graphql import build_schema
from websockets.exceptions import ConnectionClosedError

from server import sdl
from tests.api.client import Api, some
from tests.api.company import an_account

SCHEMA = build_schema(sdl())
LIST = gql("""query ($of: String!, $after: String) {
    accounts(filter: {name: {contains: $of}}, orderBy: [{field: NAME}], first: 2, after: $after) {
        totalCount nodes { id name createdAt } pageInfo { hasNextPage endCursor } } }""")
RENAME = gql("""mutation ($input: RenameAccountInput!) {
    renameAccount(input: $input) { account { name version } position userErrors { field code version } } }""")
EVENTS = gql("subscription ($after: Position!) { events(after: $after) { position kind nodeId data } }")


def address(api: Api, scheme: str = "http") -> str:
    return str(api.http.base_url.join("/graphql")).replace("http", scheme, 1)


@pytest.fixture
def asking(api: Api) -> Any:
    """A client that fetches the schema from the server, as it does by default where it is told to."""
    transport = HTTPXTransport(url=address(api), headers={"authorization": f"Bearer {api.token}"}, timeout=30)
    with Client(transport=transport, fetch_schema_from_transport=True) as session:
        yield session


def run(session: SyncClientSession, document: Any, **variables: Any) -> Any:
    document.variable_values = variables
    return session.execute(document)


def test_the_schema_that_it_fetches_is_the_one_that_we_release(asking: SyncClientSession) -> None:
    fetched = asking.client.schema

    assert fetched is not None
    assert set(fetched.type_map) == set(SCHEMA.type_map)


def test_a_page_follows_a_page(api: Api, asking: SyncClientSession) -> None:
    of = some("Listed by gql")
    for letter in "abc":
        an_account(api, f"{of} {letter}")
    an_account(api, some("Neighbour"))

    one = run(asking, LIST, of=of)["accounts"]
    two = run(asking, LIST, of=of, after=one["pageInfo"]["endCursor"])["accounts"]

    assert [node["name"][-1] for page in (one, two) for node in page["nodes"]] == ["a", "b", "c"]
    assert (one["totalCount"], two["pageInfo"]["hasNextPage"]) == (3, False)


def test_who_changes_what_another_changed_is_told_so(api: Api, asking: SyncClientSession) -> None:
    account, neighbour = an_account(api), an_account(api, "Neighbour")
    mine = run(asking, RENAME, input={"id": account, "name": "Mine", "expectedVersion": 1})["renameAccount"]

    yours = run(asking, RENAME, input={"id": account, "name": "Yours", "expectedVersion": 1})["renameAccount"]

    assert (mine["account"], mine["userErrors"]) == ({"name": "Mine", "version": 2}, [])
    assert yours["account"] is None
    assert yours["userErrors"] == [{"field": ["expectedVersion"], "code": "CONFLICT", "version": 2}]
    assert api.ask("query ($id: ID!) { account(id: $id) { name } }", id=neighbour) == {"account": {"name": "Neighbour"}}


def test_what_is_wrong_is_told_by_its_code(asking: SyncClientSession) -> None:
    with pytest.raises(TransportQueryError) as told:
        asking.execute(gql('{ account(id: "Contact_1") { id } }'))

    assert told.value.errors is not None
    assert told.value.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_wrong_token_is_told_by_its_code(api: Api) -> None:
    transport = HTTPXTransport(url=address(api), headers={"authorization": "Bearer daybook_0_0"})

    with Client(transport=transport) as session, pytest.raises(TransportQueryError) as told:
        session.execute(gql("{ viewer { id } }"))

    assert told.value.errors is not None
    assert told.value.errors[0]["extensions"]["code"] == "UNAUTHENTICATED"


@asynccontextmanager
async def connected(api: Api, token: str) -> AsyncIterator[Any]:
    init = {"authorization": f"Bearer {token}"}
    transport = WebsocketsTransport(url=address(api, "ws"), init_payload=init)
    async with Client(transport=transport, schema=SCHEMA) as session:
        yield session


def test_who_follows_sees_their_own_write(api: Api) -> None:
    async def seen(after: int) -> tuple[str, Any]:
        async with connected(api, api.token) as session:
            EVENTS.variable_values = {"after": after}
            events = session.subscribe(EVENTS)
            account = await asyncio.to_thread(an_account, api, "Followed")
            event = (await anext(events))["events"]
            await events.aclose()
            return account, event

    account, event = asyncio.run(seen(api.head()))

    assert (event["kind"], event["nodeId"], event["data"]["name"]) == ("ACCOUNT_REGISTERED", account, "Followed")


def test_who_follows_with_a_wrong_token_is_shown_out(api: Api) -> None:
    async def follow() -> None:
        async with connected(api, "daybook_0_0") as session:
            await anext(session.subscribe(EVENTS))

    with pytest.raises(TransportConnectionFailed) as closed:
        asyncio.run(follow())

    cause = closed.value.__cause__
    assert isinstance(cause, ConnectionClosedError) and cause.rcvd is not None
    assert (cause.rcvd.code, cause.rcvd.reason) == (4403, "Forbidden")


def test_many_questions_go_at_once_over_http(api: Api) -> None:
    accounts = [an_account(api) for _ in range(5)]

    async def asked() -> list[Any]:
        headers = {"authorization": f"Bearer {api.token}"}
        async with Client(transport=HTTPXAsyncTransport(url=address(api), headers=headers)) as session:
            query = '{{ account(id: "{}") {{ id }} }}'
            return await asyncio.gather(*(session.execute(gql(query.format(each))) for each in accounts))

    found = asyncio.run(asked())

    assert [each["account"]["id"] for each in found] == accounts
