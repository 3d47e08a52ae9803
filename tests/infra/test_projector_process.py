"""The loop of a projector process: it starts from nothing, and outlives what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from infra.instants import wait_for_all
from infra.projector import CHANNEL, run
from infra.tables import Table
from projections.view import View
from tests.infra.past import ANN, Past, database, published, random_sales, record, shown, told
from tests.infra.sale import VIEWS, Sale, SaleView

Start = Callable[..., Thread]


class Revised(SaleView, revision=2):
    pass


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


@pytest.fixture
def projecting(database_url: str, schema: str) -> Any:
    @contextmanager
    def start(views: tuple[type[View], ...] = VIEWS) -> Iterator[Event]:
        stop = Event()
        thread = Thread(target=run, args=(database_url, schema, views, stop))
        thread.start()
        yield stop
        stop.set()
        thread.join(10)
        assert not thread.is_alive()

    return start


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    end = monotonic() + seconds
    while not holds():
        assert monotonic() < end, "it never came"
        sleep(0.005)


def live(connection: Connection[Any]) -> set[str]:
    return {name for (name,) in connection.execute("select name from projections where state = 'live'")}


def test_it_builds_what_is_missing_and_follows_what_comes(db: Connection[Any], projecting: Any) -> None:
    rows = random_sales(5, 200, 20).rows
    record(db, rows[:100])

    with projecting():
        eventually(lambda: len(live(db)) == 2)
        record(db, rows[100:])
        wait_for_all(db, VIEWS, 200)

        assert [shown(db, view) for view in VIEWS] == list(told(rows, 200))


def test_it_is_woken_when_something_was_recorded(db: Connection[Any], projecting: Any) -> None:
    past, took = Past(), []
    with projecting():
        eventually(lambda: len(live(db)) == 2)
        for n in range(5):
            past.add(Sale.Opened, UUID(int=n + 1), owner_id=ANN, stage="a")
            sleep(0.4)  # long enough to fall asleep
            record(db, past.rows[n:])
            db.execute(f"notify {CHANNEL}".encode())
            began = monotonic()
            wait_for_all(db, VIEWS, n + 1)
            took.append(monotonic() - began)

    assert sorted(took)[2] < 0.1


HOLDERS = """
    select distinct pid from pg_locks where locktype = 'advisory' and granted and objid in (
        select (hashtextextended(%s || '.' || name, 0) & 4294967295)::oid from projections)"""


def test_it_comes_back_when_its_connections_are_cut(db: Connection[Any], projecting: Any, schema: str) -> None:
    rows = random_sales(5, 200, 20).rows
    with projecting():
        eventually(lambda: len(live(db)) == 2)
        record(db, rows[:100])
        wait_for_all(db, VIEWS, 100)

        [(pid,)] = db.execute(HOLDERS, [schema]).fetchall()
        db.execute("select pg_terminate_backend(%s)", [pid])
        record(db, rows[100:])
        wait_for_all(db, VIEWS, 200, seconds=10)

    assert [shown(db, view) for view in VIEWS] == list(told(rows, 200))


def test_a_second_process_waits_and_takes_over(db: Connection[Any], projecting: Any) -> None:
    rows = random_sales(5, 200, 20).rows
    with projecting() as first:
        eventually(lambda: len(live(db)) == 2)
        with projecting():
            record(db, rows[:100])
            wait_for_all(db, VIEWS, 100)
            turns = db.execute("select max(turn) from checkpoints").fetchone()
            sleep(1.2)
            assert db.execute("select max(turn) from checkpoints").fetchone() == turns  # they do not fight
            first.set()
            record(db, rows[100:])
            wait_for_all(db, VIEWS, 200, seconds=10)

    assert [shown(db, view) for view in VIEWS] == list(told(rows, 200))


def test_a_changed_view_is_built_beside_the_live_one_while_others_go_on(db: Connection[Any], projecting: Any) -> None:
    rows = random_sales(5, 200, 20).rows
    record(db, rows[:100])
    published(db)

    with projecting((Revised, VIEWS[1])):
        eventually(lambda: live(db) == {Table(Revised).name, Table(VIEWS[1]).name})
        record(db, rows[100:])
        wait_for_all(db, (Revised, VIEWS[1]), 200)

    assert [shown(db, view) for view in VIEWS] == list(told(rows, 200))
