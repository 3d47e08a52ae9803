"""The loop of a projector process: it starts from nothing, and outlives what goes wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from infra.bell import CHANNEL
from infra.feed import Source
from infra.feed.kafka import KafkaSource
from infra.feed.log import LogSource
from infra.instants import wait_for, wait_for_all
from infra.kafka.cluster import Cluster
from infra.projecting import check, source_of
from infra.projector import run
from infra.rebuild import rebuild
from infra.settings import Settings
from infra.tables import Table
from projections.view import View
from tests.infra.past import ANN, Past, database, published, random_sales, record, shown, told
from tests.infra.sale import VIEWS, Sale, SaleView
from tests.infra.streams import in_a_thread, relaying

ROOT = Path(__file__).parent.parent.parent


class Revised(SaleView, revision=2):
    pass


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


@pytest.fixture(params=["log", "kafka"])
def source(request: pytest.FixtureRequest, db: Any, database_url: str, schema: str) -> Iterator[Callable[..., Source]]:
    """Where projectors get their events from: they must not be able to tell."""
    if request.param == "log":
        yield LogSource
        return
    cluster = replace(request.getfixturevalue("cluster"), contexts=("infra",))
    with relaying(database_url, schema, cluster):
        yield lambda reading, _: KafkaSource(cluster, reading)


@pytest.fixture
def projecting(database_url: str, schema: str, source: Callable[..., Source]) -> Any:
    @contextmanager
    def start(views: tuple[type[View], ...] = VIEWS) -> Iterator[Event]:
        with in_a_thread(run, database_url, schema, views, source=source) as stop:
            yield stop

    return start


def eventually(holds: Callable[[], bool], seconds: float = 120) -> None:
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


def test_it_is_woken_when_something_was_recorded(
    db: Connection[Any], projecting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, took = Past(), []
    with projecting():
        eventually(lambda: len(live(db)) == 2)
        wait_for_all(db, VIEWS, 0)
        for name in ("projector.SOON", "projector.LATE", "following.LATE"):
            monkeypatch.setattr(f"infra.{name}", 12.0)
        for n in range(5):
            past.add(Sale.Opened, UUID(int=n + 1), owner_id=ANN, stage="a")
            sleep(0.4)  # long enough to fall asleep
            record(db, past.rows[n:])
            db.execute(f"notify {CHANNEL}".encode())
            began = monotonic()
            wait_for(db, VIEWS, n + 1, 60)
            took.append(monotonic() - began)

    assert sorted(took)[2] < 6.0, "nobody who sleeps for 12 s was woken"


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
        wait_for_all(db, VIEWS, 200, seconds=120)

    assert [shown(db, view) for view in VIEWS] == list(told(rows, 200))


def test_processes_share_lanes_and_take_over_from_one_that_ends(
    db: Connection[Any], projecting: Any, schema: str
) -> None:
    rows = random_sales(5, 300, 40).rows
    with projecting() as first:
        eventually(lambda: sorted(shares(db, schema)) == [6])
        with projecting(), projecting():
            eventually(lambda: sorted(shares(db, schema)) == [2, 2, 2])
            record(db, rows[:100])
            wait_for_all(db, VIEWS, 100)
            turns = db.execute("select sum(turn) from checkpoints").fetchone()
            sleep(1.2)
            assert db.execute("select sum(turn) from checkpoints").fetchone() == turns  # they do not fight
            first.set()
            eventually(lambda: sorted(shares(db, schema)) == [3, 3])
            record(db, rows[100:])
            wait_for_all(db, VIEWS, 300, seconds=120)

    assert [shown(db, view) for view in VIEWS] == list(told(rows, 300))


def test_more_processes_than_lanes_stand_by(db: Connection[Any], projecting: Any, schema: str) -> None:
    with ExitStack() as all_of_them:
        for _ in range(7):
            all_of_them.enter_context(projecting())

        eventually(lambda: sorted(shares(db, schema)) == [1] * 6)


LANES = """
    select pid, count(*) from (values (0), (1), (2), (3), (4), (5)) l (lane) join pg_locks k
      on (k.classid::bigint << 32 | k.objid::bigint) = hashtextextended(%s || '.' || %s || ' lane ' || lane, 0)
    where k.locktype = 'advisory' and k.granted group by pid"""


def shares(connection: Connection[Any], schema: str) -> list[int]:
    """How many lanes each process holds: the same ones of every view."""
    found = [connection.execute(LANES, (schema, Table(view).name)).fetchall() for view in VIEWS]
    assert sum(number for _, number in found[0]) <= 6
    return [number for _, number in found[0]] if found[0] == found[1] else []


def test_a_killed_process_is_replaced_and_nothing_is_lost_or_doubled(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    rows, batch = random_sales(5, 3000, 300).rows, 30
    record(db, rows[:batch])
    published(db)
    processes = [started(database_url, schema) for _ in range(3)]
    try:
        eventually(lambda: sorted(shares(db, schema)) == [2, 2, 2])
        for start in range(batch, 2000, batch):
            record(db, rows[start : min(start + batch, 2000)])
            if start == 990:
                processes[0].kill()
        record(db, rows[2000:])
        wait_for_all(db, VIEWS, 3000, seconds=120)
    finally:
        for process in processes:
            process.kill()
            process.wait()

    assert [shown(db, view) for view in VIEWS] == list(told(rows, 3000))
    made = rebuild(database_url, schema, VIEWS)
    assert [each.as_before for each in made] == [True, True]


def started(url: str, schema: str) -> subprocess.Popen[bytes]:
    """A projector in a process of its own."""
    code = (
        "import sys, threading; from infra.projector import run; from tests.infra.sale import VIEWS;"
        "run(sys.argv[1], sys.argv[2], VIEWS, threading.Event())"
    )
    return subprocess.Popen([sys.executable, "-c", code, url, schema], cwd=ROOT)


def test_a_changed_view_is_built_beside_the_live_one_while_others_go_on(db: Connection[Any], projecting: Any) -> None:
    rows = random_sales(5, 200, 20).rows
    record(db, rows[:100])
    published(db)

    with projecting((Revised, VIEWS[1])):
        eventually(lambda: live(db) == {Table(Revised).name, Table(VIEWS[1]).name})
        record(db, rows[100:])
        wait_for_all(db, (Revised, VIEWS[1]), 200)

    assert [shown(db, view) for view in VIEWS] == list(told(rows, 200))


def test_where_the_settings_name_a_cluster_its_topics_are_followed(
    db: Connection[Any], cluster: Cluster, brokers: str
) -> None:
    settings = Settings(kafka=brokers, kafka_prefix=cluster.prefix)
    check(settings)
    cluster.prepare()

    with closing(source_of(settings)(db, db)) as source:
        assert isinstance(source, KafkaSource)
    with closing(source_of(Settings())(db, db)) as source:
        assert isinstance(source, LogSource)
