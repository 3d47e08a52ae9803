"""`GET /events`: every event as a CloudEvent, by server-sent events or lines of JSON, over a real connection."""

from __future__ import annotations

import gc
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from inspect import isasyncgen
from itertools import islice
from time import monotonic, sleep
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pytest import MonkeyPatch

from api import stream
from domain.values import new_id
from infra.cloud_events import COLUMNS, Published, decode, encode
from infra.contract.schemas import envelope
from infra.database import connect
from infra.event_store import EventStore
from infra.identity import Identity
from infra.lanes import LANES, lane_of
from infra.settings import Settings
from infra.stream import EventStream
from infra.topics import context_of_event
from server import application
from tests.api.client import Api, some
from tests.api.company import a_product, a_user, an_account
from tests.api.conftest import an_administrator, schema_called, serving
from tests.contract import problems

LINES, SSE = "application/x-ndjson", "text/event-stream"


def asked(api: Api, accept: str = LINES, headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:
    """A whole answer, of what ends."""
    sent = {"authorization": f"Bearer {api.token}", "accept": accept} | (headers or {})
    return api.http.get("/events", params=parameters, headers=sent)


def lines(api: Api, **parameters: Any) -> list[dict[str, Any]]:
    """All that there is, by lines of JSON."""
    answer = asked(api, **parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (200, LINES), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@contextmanager
def following(api: Api, accept: str = SSE, last: int | None = None, **parameters: Any) -> Iterator[Iterator[str]]:
    """The lines of a stream that does not end. Each is waited for less long than a heartbeat takes."""
    sent = {"authorization": f"Bearer {api.token}", "accept": accept}
    sent |= {} if last is None else {"last-event-id": str(last)}
    with api.http.stream("GET", "/events", params=parameters, headers=sent, timeout=10) as answer:
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, accept)
        yield answer.iter_lines()


def messages(found: Iterator[str], many: int) -> list[tuple[int, dict[str, Any]]]:
    """So many server-sent events: id and data of each."""
    told: list[tuple[int, dict[str, Any]]] = []
    while len(told) < many:
        id, data, end = islice((line for line in found if line != ":"), 3)
        if (id, data) == ("", ""):
            continue
        assert (id[:4], data[:6], end) == ("id: ", "data: ", "")
        told.append((int(id[4:]), json.loads(data[6:])))
    return told


def is_whole(told: list[dict[str, Any]], last: dict[tuple[str, int], int]) -> bool:
    """Whether nothing is missing in what was told, after what was known of each source and lane; now more is known."""
    for event in told:
        lane = event["source"], event["lane"]
        if int(event["previousposition"]) != last.get(lane, 0):
            return False
        last[lane] = int(event["position"])
    return True


class Long(NamedTuple):
    """A company with a long history, and without views."""

    client: httpx.Client
    token: str
    user: UUID
    app: Any
    address: str
    events: int

    @property
    def api(self) -> Api:
        """One that waits for no view."""
        return Api(self.client, self.token, self.user)


@pytest.fixture(scope="module")
def long(database_url: str) -> Iterator[Long]:
    """A company of one user and of so many accounts that no client takes them in at once."""
    many = 30_000
    with schema_called(database_url, "test_api_long") as schema:
        user, token = an_administrator(database_url, schema)
        with connect(database_url, schema) as connection:
            [(first,)] = connection.execute("select position from event_head").fetchall()
            ids = [new_id() for _ in range(many)]
            lanes = [lane_of(id) for id in ids]
            connection.execute(ADD, {"first": first, "user": user, "ids": ids, "lanes": lanes})
            connection.execute("update event_head set position = position + %s, recorded_at = now()", [many])
        app = application(Settings(), database_url, None, schema)
        with serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
            yield Long(client, token, user, app, address, first + many)


ADD = """
    insert into events (position, originator_id, originator_version, topic, schema_version, state, recorded_at,
                        occurred_at, command_id, request_digest, command, actor, hash, lane)
    select %(first)s + n, id, 1, 'Account.Registered', 1,
           convert_to(format('{"name":"Account %%s","details":{"industry":"%%s"}}', n, repeat('x', 300)), 'UTF8'),
           now(), now(), id, '', 'Account.register', %(user)s, '', lane
    from unnest(%(ids)s::uuid[], %(lanes)s::int[]) with ordinality as e (id, lane, n)"""


# -- what comes ------------------------------------------------------------------------------------


def test_all_that_there_is_comes_as_lines_and_ends(api: Api, database_url: str) -> None:
    an_account(api)
    head = api.head()

    told = lines(api)

    assert [int(event["position"]) for event in told] == list(range(1, head + 1))
    assert is_whole(told, {})


def test_what_comes_is_what_a_topic_of_kafka_holds(api: Api, database_url: str) -> None:
    an_account(api)
    with connect(database_url, "test_api") as connection:
        rows = [Published(*row) for row in connection.execute(f"select {COLUMNS} from events order by position")]
    last: dict[tuple[str, int], int] = {}
    values = []
    for row in rows:
        lane = context_of_event(row.topic), row.lane
        values.append(encode(row, last.get(lane, 0)))
        last[lane] = row.position

    answer = asked(api)

    assert answer.content.splitlines() == values
    assert [decode(line)[0] for line in answer.content.splitlines()] == [row.recorded for row in rows]


def test_what_comes_is_valid_by_the_contract(api: Api) -> None:
    an_account(api)
    validator = Draft202012Validator(envelope(), format_checker=FormatChecker())

    for event in lines(api):
        validator.validate(event)
        _, topic, version = event["dataschema"].rsplit("/", 2)
        assert problems(topic, int(version), json.dumps(event["data"]).encode()) == []


def test_server_sent_events_bear_their_position_as_id(api: Api) -> None:
    head, account = api.head(), an_account(api)

    with following(api, after=head) as found:
        [(id, event)] = messages(found, 1)

    assert (id, event["position"]) == (head + 1, f"{head + 1:019}")
    assert (event["type"], event["subject"]) == ("daybook.customers.Account.Registered", account)


@pytest.mark.parametrize("accept", [SSE, LINES])
def test_what_comes_later_comes_when_it_is_recorded(api: Api, accept: str) -> None:
    head = api.head()

    with following(api, accept, after=head, follow="true") as found:
        told = []
        for _ in range(2):
            account = an_account(api)
            event = messages(found, 1)[0][1] if accept == SSE else json.loads(next(found))
            told.append((event["subject"], account))

    assert [subject for subject, _ in told] == [account for _, account in told]


def test_who_comes_back_goes_on_where_they_were_and_not_where_the_address_says(api: Api) -> None:
    accounts = [an_account(api) for _ in range(5)]
    head = api.head()

    with following(api, after=0, last=head - 2) as found:
        told = messages(found, 2)

    assert [id for id, _ in told] == [head - 1, head]
    assert [event["subject"] for _, event in told] == accounts[-2:]


def test_a_client_that_comes_back_misses_nothing_while_four_write(api: Api) -> None:
    start, each = api.head(), 25
    last: dict[tuple[str, int], int] = {}
    assert is_whole(lines(api), last)

    def write(_: int) -> None:
        for _ in range(each):
            api.given("registerAccount", name=some("Streamed"))

    seen: list[int] = []
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, n) for n in range(4)]
        while len(seen) < 4 * each:
            with following(api, after=start, last=seen[-1] if seen else None) as found:
                told = messages(found, min(16, 4 * each - len(seen)))
            seen += [id for id, _ in told]
            assert is_whole([event for _, event in told], last)
        for writer in writing:
            writer.result()

    assert seen == list(range(start + 1, start + 4 * each + 1))


def test_one_context_is_followed_by_itself_and_proves_that_it_is_whole(api: Api) -> None:
    head, account, product = api.head(), an_account(api), a_product(api)

    told = lines(api, context="sales")

    assert {event["source"] for event in told} == {"/daybook/sales"}
    assert is_whole(told, {})
    assert [event["subject"] for event in told if int(event["position"]) > head] == [product]
    assert account in [event["subject"] for event in lines(api, context="customers")]


def test_one_kind_is_followed_by_itself_and_keeps_its_place_in_the_topic(api: Api) -> None:
    for _ in range(LANES + 1):
        account = an_account(api)
        api.given("renameAccount", id=account, name="Renamed")
    everything = {event["id"]: event for event in lines(api)}

    told = lines(api, kind="Account.Renamed")

    assert {event["type"] for event in told} == {"daybook.customers.Account.Renamed"}
    assert account in {event["subject"] for event in told}
    assert [everything[event["id"]] for event in told] == told
    assert lines(api, kind="Account.Renamed", context="sales") == []


def test_whoever_begins_anywhere_is_told_the_same(api: Api) -> None:
    an_account(api), a_product(api), a_user(api)
    everything = lines(api)

    for after in range(0, len(everything), 7):
        assert lines(api, after=after) == everything[after:]


def test_what_is_personal_is_told_as_it_is_sealed(api: Api) -> None:
    head, name = api.head(), some("Personal")
    person = {"familyName": name, "givenName": "Ada"}
    api.given("addContact", person=person)

    [event] = lines(api, after=head)

    assert name not in json.dumps(event)
    assert isinstance(event["data"]["person"], str) and len(event["data"]["person"]) > 28


# -- many ------------------------------------------------------------------------------------------


def test_tens_of_thousands_come_each_once(long: Long) -> None:
    told = lines(long.api)

    assert [int(event["position"]) for event in told] == list(range(1, long.events + 1))
    assert is_whole(told, {})


def test_an_event_that_comes_long_after_the_one_before_it_names_it(long: Long) -> None:
    last: dict[tuple[str, int], int] = {}
    assert is_whole(lines(long.api), last)
    head = long.api.head()
    users = [a_user(long.api, some("User")) for _ in range(8)]

    told = lines(long.api, after=head)

    assert [event["subject"] for event in told] == users
    assert is_whole(told, last)
    assert is_whole(lines(long.api, context="platform"), {})


def test_of_a_client_that_does_not_read_no_more_is_read_than_it_may_take(long: Long, monkeypatch: MonkeyPatch) -> None:
    reading, read = events_of(long.app).stream.reading, []
    rows = reading.rows

    async def counted(sql: str, *more: Any, **options: Any) -> Any:
        found = await rows(sql, *more, **options)
        read.append(len(found) if COLUMNS in sql else 0)
        return found

    monkeypatch.setattr(reading, "rows", counted)
    with stalled(long):
        wait_until_still(lambda: sum(read))
        held = sum(read)

    assert 0 < held < long.events / 4
    assert len(lines(long.api)) >= long.events


def test_twenty_that_do_not_read_keep_nobody_from_reading(long: Long) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(stalled(long))
        sleep(0.5)
        answers = [long.api.ask("{ head { position } }")["head"]["position"] for _ in range(5)]
        told = lines(long.api, after=long.events - 10)

    assert min(answers) >= long.events
    assert len(told) >= 10


def test_who_leaves_leaves_nothing_behind(long: Long) -> None:
    until(lambda: streams() == 0)
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(stalled(long))
        found = stack.enter_context(following(long.api, after=long.events - 1))
        assert messages(found, 1)
        until(lambda: streams() == 6)

    until(lambda: streams() == 0)


def events_of(app: Any) -> Any:
    [endpoint] = [route.endpoint for route in app.routes if getattr(route, "path", "") == "/events"]
    return endpoint.__self__


def streams() -> int:
    """How many readers are being served by this process."""
    gc.collect()
    return sum(isasyncgen(each) and each.__qualname__ == EventStream.after.__qualname__ for each in gc.get_objects())


@contextmanager
def stalled(long: Long) -> Iterator[None]:
    """A client that asks for everything and reads nothing."""
    host, port = long.address.removeprefix("http://").split(":")
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.connect((host, int(port)))
        ask = f"GET /events HTTP/1.1\r\nhost: {host}\r\naccept: {SSE}\r\nauthorization: Bearer {long.token}\r\n\r\n"
        made.sendall(ask.encode())
        yield


def until(holds: Any) -> None:
    end = monotonic() + 120
    while not holds():
        assert monotonic() < end, "it never was so"
        sleep(0.05)


def wait_until_still(measure: Any) -> None:
    """Until it is the same for a second."""
    seen: list[Any] = []
    while len(seen) < 6 or len(set(seen[-6:])) > 1 or (not seen[-1] and len(seen) < 12):
        seen.append(measure())
        sleep(0.2)


# -- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"after": "x"}, "`after` is a position, a whole number from 0 on"),
        ({"after": "-1"}, "`after` is a position"),
        ({"after": "1.5"}, "`after` is a position"),
        ({"after": "٣"}, "`after` is a position"),
        ({"after": ""}, "`after` is a position"),
        ({"after": "9" * 20}, "`after` is a position"),
        ({"after": "9" * 19}, "and the history ends at"),
        (
            {"context": "nothing"},
            "there is no context 'nothing': there are `customers`, `platform`, `projects`, `sales`",
        ),
        ({"kind": "Account"}, "there is no kind of event 'Account'"),
        ({"follow": "maybe"}, "`follow` is `true` or `false`"),
        ({"since": "1"}, "there is no parameter `since`: there are `after`, `context`, `kind`, `follow`"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(api: Api, parameters: dict[str, Any], said: str) -> None:
    answer = asked(api, **parameters)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert said in error["message"]
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("last", ["x", "-1", "9" * 19])
def test_a_last_event_id_that_is_no_position_of_ours_is_refused(api: Api, last: str) -> None:
    answer = asked(api, SSE, {"last-event-id": last})

    assert answer.status_code == 400
    assert "`Last-Event-ID` is" in answer.json()["errors"][0]["message"]


def test_server_sent_events_cannot_be_asked_to_end(api: Api) -> None:
    answer = asked(api, SSE, follow="false")

    assert answer.status_code == 400
    assert LINES in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer daybook_x_y", "Basic YTpi"])
def test_who_does_not_say_who_they_are_is_told_nothing(api: Api, authorization: str) -> None:
    answer = asked(api, headers={"authorization": authorization}, after="x")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] in ("Bearer", 'Bearer error="invalid_token"')
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_a_token_in_the_address_or_in_a_cookie_is_none(api: Api) -> None:
    by_cookie = api.http.get("/events", headers={"cookie": f"authorization=Bearer {api.token}; token={api.token}"})
    by_address = api.http.get("/events", params={"access_token": api.token, "token": api.token})

    assert (by_cookie.status_code, by_address.status_code) == (401, 401)


@pytest.mark.parametrize("parameters", [{}, {"context": "sales"}, {"kind": "Account.Registered"}])
def test_who_may_not_see_what_happened_to_follows_nothing(
    api: Api, database_url: str, parameters: dict[str, Any]
) -> None:
    with EventStore(database_url, "test_api") as store, Identity(database_url, store, "test_api") as identity:
        user = UUID(a_user(api, some("Guest")).removeprefix("User_"))
        guest = Api(api.http, identity.create(user, "guest"), user)

        answer = asked(guest, **parameters)

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", LINES),
        ("application/*", LINES),
        (f"{SSE}, {LINES}", LINES),
        (f"{SSE};q=0.5, {LINES};q=0.4, application/json", SSE),
        (f"{SSE}, */*;q=0.1", SSE),
        (f"{LINES};q=0, */*", SSE),
        ("TEXT/EVENT-STREAM", SSE),
    ],
)
def test_the_stream_is_of_the_media_type_that_the_client_likes_best(api: Api, accept: str, media: str) -> None:
    answer = api.http.head("/events", headers={"authorization": f"Bearer {api.token}", "accept": accept})

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media)
    assert (answer.headers["cache-control"], answer.content) == ("no-store", b"")


@pytest.mark.parametrize("accept", ["application/json", "text/html", f"{LINES};q=0", f"{SSE};q=0, text/*"])
def test_a_media_type_that_there_is_not_is_refused(api: Api, accept: str) -> None:
    answer = asked(api, accept)

    assert answer.status_code == 406
    assert LINES in answer.json()["errors"][0]["message"]


def test_other_methods_are_refused(api: Api) -> None:
    assert api.http.post("/events", headers={"authorization": f"Bearer {api.token}"}).status_code == 405


@pytest.mark.parametrize(("accept", "sign"), [(SSE, ":"), (LINES, "")])
def test_a_quiet_connection_shows_that_it_lives(api: Api, monkeypatch: MonkeyPatch, accept: str, sign: str) -> None:
    monkeypatch.setattr(stream, "QUIET", 0.5)

    with following(api, accept, after=api.head(), follow="true") as found:
        first = next(found)
        account = an_account(api)
        told = next(line for line in found if account in line)

    assert first == sign
    assert told.removeprefix("data: ").startswith("{")


# -- the contract ----------------------------------------------------------------------------------


def test_the_contract_is_for_anybody(api: Api) -> None:
    document, index = api.http.get("/asyncapi.json"), api.http.get("/schemas/")
    event = lines(api)[0]
    schema = api.http.get(event["dataschema"])

    assert document.json()["asyncapi"] == "3.0.0"
    assert event["dataschema"] in index.json()["events"][schema.json()["title"]]
    assert (schema.status_code, schema.headers["content-type"]) == (200, "application/schema+json")
    assert schema.json()["$id"] == event["dataschema"]
    assert api.http.get(index.json()["envelope"]).json()["title"] == "CloudEvent"


@pytest.mark.parametrize("path", ["/schemas/Account.Registered/2", "/schemas/x", "/schemas/../asyncapi.json/x"])
def test_a_schema_that_there_is_not_is_not_found(api: Api, path: str) -> None:
    assert api.http.get(path).status_code == 404
