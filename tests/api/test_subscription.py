"""Events as they are recorded, over a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.api.client import Api, some
from tests.api.company import an_account, an_opportunity, euros

ALL = "{ position kind nodeId version }"


@contextmanager
def socket(api: Api, **payload: Any) -> Iterator[ClientConnection]:
    """A WebSocket of a client that has introduced itself."""
    address = str(api.http.base_url.join("/graphql")).replace("http", "ws", 1)
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], close_timeout=1) as made:
        send(made, type="connection_init", payload=payload)
        yield made


@contextmanager
def following(api: Api, query: str, **variables: Any) -> Iterator[Iterator[Any]]:
    """The events of a subscription."""
    with socket(api, authorization=f"Bearer {api.token}") as made:
        assert receive(made)["type"] == "connection_ack"
        send(made, id="1", type="subscribe", payload={"query": query, "variables": variables})
        yield events(made)


def send(made: ClientConnection, **message: Any) -> None:
    made.send(json.dumps(message))


def receive(made: ClientConnection) -> Any:
    frame = made.recv(timeout=60)
    assert isinstance(frame, str), "frames are text: some clients read no others"
    return json.loads(frame)


def events(made: ClientConnection) -> Iterator[Any]:
    while True:
        message = receive(made)
        assert (message["type"], message["id"]) == ("next", "1"), message
        yield message["payload"]["data"]["events"]


def some_of(found: Iterator[Any], many: int) -> list[Any]:
    return list(islice(found, many))


# -- who asks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [{}, {"authorization": "Bearer x"}, {"authorization": 1}, {"token": "x"}])
def test_who_does_not_say_who_they_are_is_shown_out(api: Api, payload: dict[str, Any]) -> None:
    with socket(api, **payload) as made, pytest.raises(ConnectionClosed) as closed:
        receive(made)

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4403, "Forbidden")


def test_who_subscribes_before_saying_who_they_are_is_shown_out(api: Api) -> None:
    address = str(api.http.base_url.join("/graphql")).replace("http", "ws", 1)
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as made:
        send(made, id="1", type="subscribe", payload={"query": f"subscription {{ events {ALL} }}"})
        with pytest.raises(ConnectionClosed) as closed:
            receive(made)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "[]",
        "1",
        "{}",
        '{"type": "nothing"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": 1}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
        '{"type": "complete"}',
    ],
)
def test_a_frame_that_is_wrong_ends_the_connection_and_not_the_server(api: Api, frame: str) -> None:
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        made.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            receive(made)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400
    assert api.ask("{ __typename }") == {"__typename": "Query"}


def test_a_subscription_that_is_wrong_is_told_so(api: Api) -> None:
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        send(made, id="1", type="subscribe", payload={"query": "subscription { events { colour } }"})

        message = receive(made)

    assert (message["id"], message["type"]) == ("1", "error")
    [error] = message["payload"]
    assert "colour" in error["message"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_queries_and_mutations_go_over_the_socket_too(api: Api) -> None:
    with socket(api, Authorization=f"Bearer {api.token}") as made:
        receive(made)
        for id, query in (
            ("a", "{ viewer { id } }"),
            ("b", 'mutation { registerAccount(input: {name: "Acme"}) { version account { name } } }'),
        ):
            send(made, id=id, type="subscribe", payload={"query": query})
            answer, complete = receive(made), receive(made)
            assert (answer["id"], complete) == (id, {"id": id, "type": "complete"})
            assert "errors" not in answer["payload"]

    assert answer["payload"]["data"] == {"registerAccount": {"version": 1, "account": {"name": "Acme"}}}


def test_frames_are_not_compressed_though_a_client_offers_it(api: Api) -> None:
    """Node's own WebSocket, where they are, takes the end of one subscription for a fault of the next."""
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)

        assert made.protocol.extensions == []


# -- what comes ------------------------------------------------------------------------------------


def test_all_comes_from_the_beginning_in_order(api: Api) -> None:
    an_account(api)
    head = api.head()

    with following(api, f"subscription {{ events {ALL} }}") as found:
        told = some_of(found, head)

    assert [event["position"] for event in told] == list(range(1, head + 1))
    assert told[0] == {"position": 1, "kind": "USER_ADDED", "nodeId": api.me, "version": 1}


def test_an_event_tells_what_happened(api: Api) -> None:
    head, account = api.head(), an_account(api, "Acme")
    payload = api.do(
        "renameAccount",
        id=account,
        name="New",
        occurredAt="2020-01-01T00:00:00Z",
        correlationId="00000000-0000-0000-0000-000000000001",
    )
    query = """subscription ($after: Position!) { events(after: $after) {
        position kind nodeId version occurredAt actor onBehalfOf command correlationId causationId origin receipt data
        node { __typename id ... on Account { name } } } }"""

    with following(api, query, after=head + 1) as found:
        event = next(found)

    assert event.pop("occurredAt").startswith("2020-01-01T00:00:00")
    assert event == {
        "position": payload["position"],
        "kind": "ACCOUNT_RENAMED",
        "nodeId": account,
        "version": 2,
        "actor": api.me,
        "onBehalfOf": None,
        "command": "Account.rename",
        "correlationId": "00000000-0000-0000-0000-000000000001",
        "causationId": None,
        "origin": "graphql",
        "receipt": payload["receipt"],
        "data": {"name": "New"},
        "node": {"__typename": "Account", "id": account, "name": "New"},
    }


def test_what_comes_later_comes_when_it_is_recorded(api: Api) -> None:
    head = api.head()

    with following(api, f"subscription ($after: Position!) {{ events(after: $after) {ALL} }}", after=head) as found:
        first = an_account(api)
        told = [next(found)["nodeId"]]
        second = an_account(api)
        told.append(next(found)["nodeId"])

    assert told == [first, second]


def test_only_some_kinds_are_followed(api: Api, pipeline: str) -> None:
    head, account = api.head(), an_account(api)
    opportunity = an_opportunity(api, pipeline, accountId=account)
    api.given("winOpportunity", id=opportunity, amount=euros("1"))
    query = f"""subscription ($after: Position!) {{
        events(after: $after, kinds: [ACCOUNT_REGISTERED, OPPORTUNITY_WON]) {ALL} }}"""

    with following(api, query, after=head) as found:
        told = some_of(found, 2)

    assert [(event["kind"], event["nodeId"]) for event in told] == [
        ("ACCOUNT_REGISTERED", account),
        ("OPPORTUNITY_WON", opportunity),
    ]


def test_only_some_things_are_followed(api: Api) -> None:
    head, one, other = api.head(), an_account(api), an_account(api)
    api.given("renameAccount", id=one, name="One")
    api.given("renameAccount", id=other, name="Other")
    api.given("archiveAccount", id=other)
    query = f"subscription ($after: Position!, $of: [ID!]) {{ events(after: $after, of: $of) {ALL} }}"

    with following(api, query, after=head, of=[other]) as found:
        told = some_of(found, 3)

    assert [event["kind"] for event in told] == ["ACCOUNT_REGISTERED", "ACCOUNT_RENAMED", "ACCOUNT_ARCHIVED"]
    assert {event["nodeId"] for event in told} == {other}


def test_only_some_time_is_followed(api: Api) -> None:
    head = api.head()
    for day in ("2020-01-01", "2020-01-02", "2020-01-03"):
        api.given("registerAccount", name=day, occurredAt=f"{day}T00:00:00Z")
    last = an_account(api, "End")
    query = """subscription ($after: Position!) {
        some: events(after: $after, occurred: {from: "2020-01-02T00:00:00Z", to: "2020-01-03T00:00:00Z"}) { data } }"""
    since = """subscription ($after: Position!) {
        some: events(after: $after, occurred: {from: "2020-01-03T00:00:00Z"}) { nodeId } }"""

    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        send(made, id="1", type="subscribe", payload={"query": query, "variables": {"after": head}})
        within = receive(made)["payload"]["data"]["some"]
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        send(made, id="1", type="subscribe", payload={"query": since, "variables": {"after": head + 2}})
        told = [receive(made)["payload"]["data"]["some"]["nodeId"] for _ in range(2)]

    assert within["data"]["name"] == "2020-01-02"
    assert told[1] == last


@pytest.mark.parametrize("of", [["junk"], ["User_1"], ["Account_"], ["a\0b"]])
def test_what_is_no_id_cannot_be_followed(api: Api, of: list[str]) -> None:
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        query = "subscription ($of: [ID!]) { events(of: $of) { position } }"
        send(made, id="1", type="subscribe", payload={"query": query, "variables": {"of": of}})

        message = receive(made)

    [error] = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert repr(of[0]) in error["message"]


def test_two_subscriptions_share_a_socket(api: Api) -> None:
    head = api.head()
    with socket(api, authorization=f"Bearer {api.token}") as made:
        receive(made)
        for id in ("a", "b"):
            query = f"subscription {{ events(after: {head}) {ALL} }}"
            send(made, id=id, type="subscribe", payload={"query": query})
        account = an_account(api)
        both = [receive(made), receive(made)]
        send(made, id="a", type="complete")
        other = an_account(api)
        rest = receive(made)

    assert {message["id"] for message in both} == {"a", "b"}
    assert {message["payload"]["data"]["events"]["nodeId"] for message in both} == {account}
    assert (rest["id"], rest["payload"]["data"]["events"]["nodeId"]) == ("b", other)


def test_a_client_that_comes_back_misses_nothing_while_four_write(api: Api) -> None:
    start, each = api.head(), 40

    def write(_: int) -> None:
        for _ in range(each):
            api.given("registerAccount", name=some("Written"))

    query = "subscription ($after: Position!) { events(after: $after) { position } }"
    seen: list[int] = []
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, n) for n in range(4)]
        while len(seen) < 4 * each:
            with following(api, query, after=seen[-1] if seen else start) as found:
                seen += [event["position"] for event in some_of(found, min(16, 4 * each - len(seen)))]
        for writer in writing:
            writer.result()

    assert seen == list(range(start + 1, start + 4 * each + 1))
