"""Operations over HTTP whose answers come one after another: server-sent events, and Apollo's multipart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import httpx
import pytest
from pytest import MonkeyPatch

from tests.api.client import Api
from tests.api.company import an_account

SSE = "text/event-stream"
APOLLO = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"
JSON = "application/json"
EVENTS = "subscription ($after: Position!) { events(after: $after) { position nodeId } }"


@contextmanager
def streamed(
    api: Api, query: str, accept: str, headers: dict[str, str] | None = None, **variables: Any
) -> Iterator[httpx.Response]:
    body = {"query": query, "variables": variables}
    sent = api.headers | {"accept": accept} | (headers or {})
    with api.http.stream("POST", "/graphql", json=body, headers=sent) as response:
        yield response


def messages(response: httpx.Response) -> Iterator[dict[str, str]]:
    """Server-sent events, without comments."""
    text = ""
    for piece in response.iter_text():
        text += piece
        assert "\r" not in text, "some clients take nothing but LF"
        while "\n\n" in text:
            block, text = text.split("\n\n", 1)
            fields = [line.partition(":")[::2] for line in block.split("\n") if line and not line.startswith(":")]
            if fields:
                yield {name: value.removeprefix(" ") for name, value in fields}


def parts(response: httpx.Response) -> Iterator[Any]:
    """Parts of a multipart body as Apollo's client reads them: one is there when the next boundary is."""
    text, end = "", "\r\n--graphql"
    for piece in response.iter_text():
        text += piece
        while end in text:
            part, text = text.split(end, 1)
            head, _, body = part.partition("\r\n\r\n")
            if body:
                assert "content-type: application/json" in head.lower()
                yield json.loads(body)
    assert text.startswith("--")


# -- server-sent events ----------------------------------------------------------------------------


def test_events_come_as_they_are_recorded(api: Api) -> None:
    head = api.head()

    with streamed(api, EVENTS, SSE, after=head) as response:
        found = messages(response)
        told = []
        for _ in range(2):
            account = an_account(api)
            message = next(found)
            told.append((message["event"], json.loads(message["data"])["data"]["events"]["nodeId"], account))

    assert (response.status_code, response.headers["content-type"].partition(";")[0]) == (200, SSE)
    assert [(event, node) for event, node, _ in told] == [("next", account) for _, _, account in told]


def test_a_stream_that_broke_off_goes_on_after_the_last_event_that_came(api: Api) -> None:
    start = api.head()
    made = [an_account(api) for _ in range(5)]

    with streamed(api, EVENTS, SSE, after=start) as response:
        first = list(islice(messages(response), 2))
    with streamed(api, EVENTS, SSE, {"last-event-id": first[-1]["id"]}, after=start) as response:
        rest = list(islice(messages(response), 3))

    assert [int(message["id"]) for message in [*first, *rest]] == list(range(start + 1, start + 6))
    assert [json.loads(message["data"])["data"]["events"]["nodeId"] for message in [*first, *rest]] == made


def test_a_query_is_one_result_and_the_end(api: Api) -> None:
    with streamed(api, "{ accounts(first: 2) { nodes { __typename } } }", SSE) as response:
        told = list(messages(response))

    assert [message["event"] for message in told] == ["next", "complete"]
    assert json.loads(told[0]["data"])["data"]["accounts"]["nodes"][0] == {"__typename": "Account"}


def test_a_mutation_is_carried_out_once(api: Api) -> None:
    before = api.head()

    with streamed(api, 'mutation { registerAccount(input: {name: "x"}) { version } }', SSE) as response:
        told = list(messages(response))

    assert json.loads(told[0]["data"]) == {"data": {"registerAccount": {"version": 1}}}
    assert api.head() == before + 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { events { colour } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ('subscription { events(of: ["junk"]) { position } }', "BAD_USER_INPUT"),
        ("subscription A { events { position } } subscription B { events { position } }", "BAD_USER_INPUT"),
    ],
)
@pytest.mark.parametrize("accept", [SSE, APOLLO])
def test_what_is_wrong_is_told_and_the_stream_ends(api: Api, accept: str, query: str, code: str) -> None:
    with streamed(api, query, accept) as response:
        if response.headers["content-type"].startswith(SSE):
            told = list(messages(response))
            [error] = json.loads(told[0]["data"])["errors"]
            assert [message["event"] for message in told] == ["next", "complete"]
        elif response.headers["content-type"].startswith("multipart"):
            [error] = next(part["payload"] for part in parts(response) if part)["errors"]
        else:
            response.read()
            [error] = response.json()["errors"]

    assert error["extensions"]["code"] == code


def test_a_mutation_is_not_asked_by_get_in_a_stream_either(api: Api) -> None:
    before = api.head()
    asked = {"query": 'mutation { registerAccount(input: {name: "x"}) { version } }'}

    answer = api.http.get("/graphql", params=asked, headers=api.headers | {"accept": SSE})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert api.head() == before


def test_a_subscription_is_asked_by_get_too(api: Api) -> None:
    head, account = api.head(), an_account(api)
    asked = {"query": EVENTS, "variables": json.dumps({"after": head})}

    with api.http.stream("GET", "/graphql", params=asked, headers=api.headers | {"accept": SSE}) as response:
        message = next(messages(response))

    assert json.loads(message["data"])["data"]["events"]["nodeId"] == account


# -- Apollo's multipart ----------------------------------------------------------------------------


def test_events_come_in_parts(api: Api) -> None:
    head = api.head()

    with streamed(api, EVENTS, APOLLO, after=head) as response:
        found = parts(response)
        alive = next(found)
        account = an_account(api)
        told = next(found)

    assert re.match(r"multipart/mixed; *boundary=graphql; *subscriptionSpec=1.0", response.headers["content-type"])
    assert alive == {}
    assert told == {"payload": {"data": {"events": {"position": head + 1, "nodeId": account}}}}


# -- which one -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "query", "subscription"),
    [
        (f"application/graphql-response+json, {JSON}, {SSE}, multipart/mixed", JSON, SSE),  # urql
        (f"{SSE}, multipart/mixed", SSE, SSE),
        (APOLLO, JSON, "multipart/mixed"),
        (f"multipart/mixed;q=0.9, {SSE};q=0.1, {JSON}", JSON, "multipart/mixed"),
        ("*/*", JSON, SSE),
        (SSE, SSE, SSE),
        (JSON, JSON, None),
        ("text/html", None, None),
        (f"{SSE};q=0, {JSON}", JSON, None),
    ],
)
def test_json_wins_for_one_answer_and_a_stream_for_many(
    api: Api, accept: str, query: str | None, subscription: str | None
) -> None:
    following = f"subscription {{ events(after: {api.head() - 1}) {{ kind }} }}"
    for asked, media in (("{ head { position } }", query), (following, subscription)):
        with streamed(api, asked, accept) as response:
            got = response.headers["content-type"].partition(";")[0]

        if media is None:
            assert response.status_code == 406
        elif media == JSON:
            assert response.status_code == 200 and got.endswith("json")
        else:
            assert (response.status_code, got) == (200, media)


# -- how long, and how many ------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [SSE, APOLLO])
def test_who_hears_nothing_sees_that_the_connection_lives(api: Api, accept: str, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr("api.streaming.QUIET", dict.fromkeys(("text/event-stream", "multipart/mixed"), 0.05))

    with streamed(api, EVENTS, accept, after=api.head()) as response:
        heard = ""
        for piece in response.iter_text():
            heard += piece
            if heard.count(":\n\n" if accept == SSE else "{}") > 3:
                break


def test_one_user_follows_only_so_much_at_once(api: Api, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr("api.http.MOST_STREAMS", 1)

    with streamed(api, EVENTS, SSE, after=api.head()), streamed(api, EVENTS, SSE, after=api.head()) as second:
        second.read()
    for _ in range(100):
        with streamed(api, EVENTS, SSE, after=api.head()) as third:
            if third.status_code == 200:
                break

    assert (second.status_code, second.json()["errors"][0]["extensions"]["code"]) == (429, "THROTTLED")
    assert third.status_code == 200
