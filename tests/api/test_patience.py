"""What takes too long is given up, and so is what nobody waits for: in PostgreSQL too."""

from __future__ import annotations

import json
import socket as sockets
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import httpx
import psycopg
import pytest
from psycopg import Connection

from infra.settings import Settings, WrongSetting
from server import application
from tests.api.client import Api
from tests.api.company import an_account
from tests.api.conftest import serving

LIST, COMPLETED = "{ accounts { totalCount } }", "{ accounts { totalCount } __schema { __typename } }"
WAITING = """select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query ~ 'accounts_'"""


@contextmanager
def impatient(api: Api, database_url: str, settings: Settings) -> Iterator[Api]:
    app = application(settings, database_url, None, "test_api")
    with serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield Api(client, api.token, api.user_id)


@pytest.fixture
def locked(api: Api, database_url: str) -> Iterator[Connection[tuple[int]]]:
    """The table of the accounts, which nobody can read meanwhile; and a look at who waits for it."""
    an_account(api)
    api.ask(LIST)  # waits for the projector, which would have to wait too
    with (
        psycopg.connect(database_url) as connection,
        psycopg.connect(database_url, autocommit=True) as looking,
    ):
        [(table,)] = connection.execute(
            "select name from test_api.projections where view = 'accounts' and state = 'live'"
        ).fetchall()
        connection.execute(f'lock table test_api."{table}" in access exclusive mode'.encode())
        yield looking
        connection.rollback()


def request(api: Api, query: str) -> bytes:
    """A request as it goes over the wire, for a client that does not wait for the answer."""
    body = json.dumps({"query": query})
    head = f"host: x\r\nauthorization: Bearer {api.token}\r\ncontent-type: application/json"
    return f"POST /graphql HTTP/1.1\r\n{head}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


def waiting(connection: Connection[tuple[int]]) -> int:
    [(count,)] = connection.execute(WAITING).fetchall()
    return count


def eventually(connection: Connection[tuple[int]], count: int) -> None:
    end = monotonic() + 120
    while waiting(connection) != count:
        assert monotonic() < end, f"{waiting(connection)} statements wait, and not {count}"
        sleep(0.02)


@pytest.mark.parametrize("query", [LIST, COMPLETED], ids=["direct", "completed"])
@pytest.mark.parametrize(
    "settings",
    [Settings(operation_seconds=0.3), Settings(statement_seconds=0.3)],
    ids=["the operation", "the statement"],
)
def test_what_takes_too_long_is_given_up_and_nothing_of_it_goes_on(
    api: Api, database_url: str, locked: Connection[tuple[int]], settings: Settings, query: str
) -> None:
    with impatient(api, database_url, settings) as here:
        answer = here.post(query)
        eventually(locked, 0)
        after = here.post("{ users { totalCount } }")

    [error] = answer.json()["errors"]
    assert (error["extensions"]["code"], "data" in error["message"]) == ("TIMEOUT", False)
    assert "statement" not in answer.text and "cancel" not in answer.text
    assert answer.status_code in (200, 504)
    assert answer.status_code == 504 or answer.json()["data"] is None
    assert after.json()["data"]["users"]["totalCount"] > 0


@pytest.mark.parametrize("query", [LIST, COMPLETED], ids=["direct", "completed"])
def test_when_the_client_has_left_its_statement_ends(
    api: Api, database_url: str, locked: Connection[tuple[int]], query: str
) -> None:
    patient = Settings(statement_seconds=600, operation_seconds=600)
    with impatient(api, database_url, patient) as here:
        url = here.http.base_url
        with sockets.create_connection((url.host, url.port or 80)) as connection:
            connection.sendall(request(api, query))
            eventually(locked, 1)
        eventually(locked, 0)

        assert here.ask("{ __typename }") == {"__typename": "Query"}


def test_who_leaves_while_a_command_is_carried_out_has_it_carried_out(api: Api, database_url: str) -> None:
    """Nobody could know otherwise what came of it."""
    before = api.head()
    url = api.http.base_url

    with sockets.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(request(api, 'mutation { registerAccount(input: {name: "Left"}) { version } }'))

    end = monotonic() + 120
    while api.head() == before:
        assert monotonic() < end
        sleep(0.02)
    assert api.head() == before + 1


@pytest.mark.parametrize("text", ["0", "-1", "x", "1e3", "inf"])
def test_a_time_is_a_number_of_seconds(text: str) -> None:
    with pytest.raises(WrongSetting, match="DAYBOOK_OPERATION_SECONDS"):
        Settings.from_environment({"DAYBOOK_OPERATION_SECONDS": text})
