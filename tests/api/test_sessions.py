"""Who is in, and for how long: requests, WebSockets and streams end with their token."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import pytest
from anyio import run, sleep
from pytest import MonkeyPatch
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api import http as endpoint
from api.ports import Caller, NotReady
from api.sessions import Session
from domain.values import new_id
from infra.event_store import EventStore
from infra.identity import Identity
from infra.lockout import FREE
from infra.rights import ALL, UserRights
from infra.settings import Settings
from server import application
from tests.api.client import Api, some
from tests.api.company import a_user, an_account
from tests.api.conftest import serving
from tests.api.test_subscription import receive, send, socket

NOBODY = UUID(int=0)
FOLLOW = "subscription ($after: Position!) { events(after: $after) { position } }"


def a_token(api: Api, **input: Any) -> tuple[str, Api]:
    """The id of a new token of the same user, and the API as it is with it."""
    payload = api.do("makeApiToken", "secret", name=some("token"), **input)
    return payload["changed"][0]["id"], Api(api.http, payload["secret"], api.user_id)


@contextmanager
def following(api: Api) -> Iterator[ClientConnection]:
    """A WebSocket on which events are followed, the first of which has come."""
    head = api.head()
    with socket(api, authorization=f"Bearer {api.token}") as made:
        assert receive(made)["type"] == "connection_ack"
        send(made, id="1", type="subscribe", payload={"query": FOLLOW, "variables": {"after": head - 1}})
        assert receive(made)["payload"]["data"]["events"]["position"] == head
        yield made


def ending(made: ClientConnection) -> tuple[int, str]:
    """How a connection ends, whatever is told before."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            receive(made)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


def revoke(api: Api, token: str) -> None:
    api.given("revokeApiToken", id=token)


def archive(api: Api, token: str) -> None:
    api.given("archiveApiToken", id=token)


@pytest.mark.parametrize("end", [revoke, archive])
def test_a_websocket_ends_with_its_token_and_its_neighbour_goes_on(api: Api, end: Callable[[Api, str], None]) -> None:
    (id, one), (_, other) = a_token(api), a_token(api)

    with following(one) as made, following(other) as neighbour:
        end(api, id)

        assert ending(made) == (4403, "this token does not hold, or does not hold any more")
        last = an_account(api)
        while receive(neighbour)["payload"]["data"]["events"]["position"] < api.position:
            pass
        assert last


def test_a_websocket_ends_when_its_token_expires(api: Api) -> None:
    _, one = a_token(api, expiresAt=(datetime.now(UTC) + timedelta(seconds=2)).isoformat())

    with following(one) as made:
        assert ending(made)[0] == 4403

    assert one.post("{ head { position } }").status_code == 401


def test_a_websocket_ends_when_its_user_is_let_go(api: Api) -> None:
    ada = a_user(api, "Ada")
    theirs = Api(api.http, api.do("makeApiTokenFor", "secret", userId=ada, name="x")["secret"], api.user_id)

    with socket(theirs, authorization=f"Bearer {theirs.token}") as made:
        receive(made)
        api.given("deactivateUser", id=ada)

        assert ending(made)[0] == 4403


def test_a_websocket_ends_when_another_process_lets_its_token_hold_no_more(api: Api, database_url: str) -> None:
    with EventStore(database_url, "test_api") as store, Identity(database_url, store, "test_api") as identity:
        one = Api(api.http, identity.create(api.user_id, "lost"), api.user_id)

        with following(one) as made:
            identity.revoke(one.token.split("_")[1])

            assert ending(made)[0] == 4403


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
def test_a_stream_ends_with_its_token_and_its_neighbour_goes_on(api: Api, accept: str) -> None:
    (id, one), (_, other) = a_token(api), a_token(api)
    asked: dict[str, Any] = {"after": api.head() - 1, "follow": "true"}

    def open_(each: Api) -> Any:
        headers = {"authorization": f"Bearer {each.token}", "accept": accept}
        return api.http.stream("GET", "/events", params=asked, headers=headers, timeout=20)

    with open_(one) as answer, open_(other) as neighbour:
        told, more = answer.iter_lines(), neighbour.iter_lines()
        assert next(told) and next(more)
        revoke(api, id)

        until = monotonic() + 120
        for _ in told:
            assert monotonic() < until, "it does not end"
        account = an_account(api)
        assert any(account.removeprefix("Account_") in line for line in more)

    again = api.http.get("/events", headers={"authorization": f"Bearer {one.token}"})
    assert again.status_code == 401


def test_nobody_says_twice_who_they_are(api: Api) -> None:
    with socket(api, authorization=f"Bearer {api.token}") as made:
        assert receive(made)["type"] == "connection_ack"
        send(made, type="connection_init", payload={"authorization": f"Bearer {api.token}"})

        assert ending(made) == (4429, "Too many initialisation requests")


def test_who_never_says_who_they_are_is_shown_out(api: Api, database_url: str, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "INIT_WITHIN", 0.3)
    with serving(application(Settings(), database_url, None, "test_api")) as address:
        to = f"{address}/graphql".replace("http", "ws", 1)
        with connect(to, subprotocols=[Subprotocol("graphql-transport-ws")]) as made:
            assert ending(made) == (4408, "Connection initialisation timeout")


# -- what is not ours to know --------------------------------------------------------------------------


def test_what_may_be_done_is_looked_at_again_while_a_session_lasts() -> None:
    callers = iter([Caller(NOBODY, UserRights(NOBODY, ALL), "x"), Caller(NOBODY, UserRights(NOBODY), "x"), None])

    async def authenticate(token: str, address: str | None) -> Caller | None:
        assert (token, address) == ("t", None)
        return next(callers)

    async def asked() -> list[tuple[bool, bool]]:
        session = Session(authenticate, "t", Caller(NOBODY, UserRights(NOBODY, ALL), "x"))
        return [(await session.lasts(), session.caller.policy.may("sales.see")) for _ in range(3)]

    assert run(asked) == [(True, True), (True, False), (False, False)]


def test_a_session_goes_on_while_nobody_can_say_whether_its_token_holds_but_not_beyond_its_end() -> None:
    async def authenticate(token: str, address: str | None) -> Caller | None:
        raise NotReady("the identity provider does not answer")

    async def asked() -> list[bool]:
        ends = datetime.now(UTC) + timedelta(seconds=0.2)
        session = Session(authenticate, "t", Caller(NOBODY, UserRights(NOBODY, ALL), "x", expires_at=ends))
        before = await session.lasts()
        await sleep(0.25)
        return [before, await session.lasts()]

    assert run(asked) == [True, False]


def test_what_is_told_in_a_session_ends_by_itself_too() -> None:
    async def authenticate(token: str, address: str | None) -> Caller | None:
        return Caller(NOBODY, UserRights(NOBODY, ALL), "x")

    async def items() -> AsyncGenerator[int, None]:
        for number in (1, 2, 3):
            yield number

    async def told() -> list[int]:
        session = Session(authenticate, "t", Caller(NOBODY, UserRights(NOBODY, ALL), "x"))
        return [each async for each in session.while_it_lasts(items())]

    assert run(told) == [1, 2, 3]


# -- lock-out ------------------------------------------------------------------------------------------


def no_token() -> str:
    """What looks like a token, and is none."""
    return f"daybook_{new_id().hex}_{'0' * 64}"


def guess(api: Api, address: str, token: str, path: str) -> httpx.Response:
    """A request that comes through a proxy on this machine."""
    headers = {"authorization": f"Bearer {token}", "x-forwarded-for": address}
    if path == "/events":
        return api.http.get(path, headers=headers, params={"after": 0})
    return api.http.post(path, json={"query": "{ head { position } }"}, headers=headers)


@pytest.mark.parametrize("path", ["/graphql", "/events"])
def test_who_guesses_tokens_is_told_to_wait_and_others_are_not(api: Api, path: str) -> None:
    here, there = (f"203.0.113.{len(path)}", f"198.51.100.{len(path)}")
    answers = [guess(api, here, no_token(), path) for _ in range(FREE + 2)]

    locked = guess(api, here, api.token, path)

    assert [answer.status_code for answer in answers] == [401] * (FREE + 1) + [429]
    assert answers[0].headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (locked.status_code, locked.headers["retry-after"]) == (429, "1")
    [error] = locked.json()["errors"]
    assert error["extensions"]["code"] == "THROTTLED"
    assert "come again in 1 seconds" in error["message"]
    assert guess(api, there, api.token, path).status_code == 200


def test_who_guesses_over_websockets_is_shown_out_before_anything_is_looked_at(api: Api) -> None:
    address = str(api.http.base_url.join("/graphql")).replace("http", "ws", 1)
    protocol = [Subprotocol("graphql-transport-ws")]

    def comes(token: str) -> int:
        with connect(address, subprotocols=protocol, additional_headers={"x-forwarded-for": "203.0.113.99"}) as made:
            send(made, type="connection_init", payload={"authorization": f"Bearer {token}"})
            try:
                return 0 if receive(made)["type"] == "connection_ack" else 1
            except ConnectionClosed as closed:
                assert closed.rcvd is not None
                return closed.rcvd.code

    assert [comes(no_token()) for _ in range(FREE + 1)] == [4403] * (FREE + 1)
    assert comes(api.token) == 4403
