"""Live = rebuilt = told by hand, whatever the order of lanes, the size of batches, duplicates and restarts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from infra.database import connect
from infra.feed.log import LogFeed
from infra.lanes import ALL, lane_of, murmur2
from infra.projection import Fenced, NotBuilt, Projector, Unreadable
from infra.rebuild import build, check, level, prepare
from infra.tables import Table
from tests.infra.past import (
    ANN,
    Past,
    ScrambledFeed,
    database,
    emptied,
    published,
    random_sales,
    record,
    shown,
    told,
    versions,
    without_views,
)
from tests.infra.sale import VIEWS, Sale, SaleLineView, SaleView

ONE = UUID(int=99)
NAMES = [Table(view).name for view in VIEWS]


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


@pytest.fixture
def other(database_url: str, schema: str, db: Connection[Any]) -> Iterator[Connection[Any]]:
    with connect(database_url, schema) as connection:
        yield connection


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 120),
    aggregates=st.integers(1, 12),
    first=st.integers(0, 120),
    split=st.integers(0, 63),
)
def test_live_is_rebuilt_is_told_by_hand(
    db: Connection[Any], other: Connection[Any], seed: int, size: int, aggregates: int, first: int, split: int
) -> None:
    r, rows = random.Random(seed), random_sales(seed, size, aggregates).rows
    emptied(db)
    record(db, rows[:first])  # what is there when the views are first built ...
    published(db)
    record(db, rows[first:])  # ... and what comes later

    _project(r, [db, other], rows, split)

    end = len(rows)
    for at in [None, *r.sample(range(end + 1), min(4, end))]:
        assert [shown(db, view, at) for view in VIEWS] == list(told(rows, end if at is None else at))
    live = [versions(db, name) for name in NAMES]
    assert all(row["_from"] < row["_to"] for _, history in live for (row,) in history)  # none without length
    without_views(db)
    prepare(db, VIEWS)
    for view in VIEWS:
        while not build(db, db, view, most=r.choice([3, 10, 1000]), batches=r.choice([1, 2])):
            pass  # each turn of this loop is a process that died between two batches
    level(db, db, VIEWS)
    assert [versions(db, name) for name in NAMES] == live
    for view in VIEWS:
        check(db, view, end)


def _project(r: random.Random, connections: list[Connection[Any]], rows: list[Any], split: int) -> None:
    """Two workers with lanes of their own, that stop and start anew at random, until both find nothing more."""
    feed, idle = ScrambledFeed(rows, r), [0, 0]
    lanes = [[lane for lane in ALL if split >> lane & 1], [lane for lane in ALL if not split >> lane & 1]]
    workers = [Projector(c, VIEWS, mine) if mine else None for c, mine in zip(connections, lanes, strict=True)]
    while min(idle) < 2:
        n = r.randrange(2)
        worker = workers[n]
        idle[n] = idle[n] + 1 if not worker or worker.step(feed, r.choice([1, 2, 7, 50])) < 0 else 0
        if worker and r.random() < 0.2:
            workers[n] = Projector(connections[n], VIEWS, lanes[n])


def test_the_hash_is_that_of_java_clients() -> None:
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536, b"abc": 479470107,
             b"a-little-bit-longer-string": -1486304829,
             b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971}  # fmt: skip

    found = {key: (h := murmur2(key)) - (h >> 31 << 32) for key in known}

    assert found == known


def test_two_workers_hold_lanes_of_their_own(db: Connection[Any], other: Connection[Any]) -> None:
    rows = random_sales(7, 200, 30).rows
    published(db)
    record(db, rows)
    one, two = Projector(db, VIEWS, {0, 1, 2}), Projector(other, VIEWS, {3, 4, 5})

    drained(one, LogFeed(db))
    mine = {lane_of(row[0]) for row in shown(db, SaleView)}
    drained(two, LogFeed(other))

    assert mine == {0, 1, 2}
    assert set(one.after().values()) == set(two.after().values()) == {200}
    assert [shown(db, view) for view in VIEWS] == list(told(rows, 200))


def test_a_stale_worker_is_fenced_even_where_nothing_moved(db: Connection[Any], other: Connection[Any]) -> None:
    published(db)
    record(db, random_sales(7, 50, 5).rows)
    stale = Projector(db, VIEWS)
    Projector(other, VIEWS, {lane_of(UUID(int=10))})  # takes one lane, and does nothing with it yet

    with pytest.raises(Fenced):
        stale.step(LogFeed(db), 50)

    assert shown(other, SaleView) == []
    Projector(db, VIEWS).step(LogFeed(db), 50)
    assert len(shown(other, SaleView)) == 5


def test_the_log_moves_all_lanes_at_once_and_kafka_those_with_events(db: Connection[Any]) -> None:
    past = Past()
    past.add(Sale.Opened, ONE, owner_id=ANN, stage="a")
    published(db)
    record(db, past.rows)
    worker = Projector(db, VIEWS)

    worker.step(ScrambledFeed(past.rows, random.Random(1)), 1)
    by_kafka = sorted(worker.after().values())
    worker.step(LogFeed(db), 5)

    assert by_kafka == [0, 0, 0, 0, 0, 1]
    assert set(worker.after().values()) == {1}


def test_a_lane_in_which_nothing_happens_is_level_with_the_history(db: Connection[Any]) -> None:
    past, idle = Past(), (lane_of(ONE) + 1) % 6
    past.add(Sale.Opened, ONE, owner_id=ANN, stage="a")
    published(db)
    record(db, past.rows)
    worker = Projector(db, VIEWS, {idle})

    events = worker.step(LogFeed(db), 5)

    assert (events, worker.after()) == (0, {idle: 1})
    assert worker.step(LogFeed(db), 5) == -1


def test_without_tables_a_projector_does_not_start(db: Connection[Any]) -> None:
    with pytest.raises(NotBuilt, match=r"sale_lines_\w{8}, sales_\w{8}"):
        Projector(db, VIEWS)


def test_views_may_be_given_as_a_generator(db: Connection[Any]) -> None:
    past = Past()
    past.add(Sale.Opened, ONE, owner_id=ANN, stage="a")
    record(db, past.rows)

    published(db, (view for view in VIEWS))

    assert len(shown(db, SaleView)) == 1


def test_an_event_that_cannot_be_folded_is_named_and_nothing_moves(db: Connection[Any]) -> None:
    past = Past()
    past.add(Sale.Opened, ONE, owner_id=ANN, stage="a")
    record(db, [past.rows[0]._replace(state=b'{"stage": 5}')])
    prepare(db, VIEWS)

    with pytest.raises(Unreadable, match=f"Sale.Opened at position 1, of {ONE}"):
        build(db, db, SaleView)

    assert db.execute("select state, built from projections where view = 'sales'").fetchall() == [
        ("building", UUID(int=0))
    ]


def test_no_settings_of_a_projector_stay_on_its_connection(db: Connection[Any]) -> None:
    asked = (
        "select name, setting from pg_settings where name ~ '^(enable_|plan_cache|synchronous_commit|jit)' order by 1"
    )
    before = db.execute(asked).fetchall()
    record(db, random_sales(7, 50, 5).rows)

    published(db)
    drained(Projector(db, VIEWS), LogFeed(db))

    assert db.execute(asked).fetchall() == before


def test_an_item_that_ended_stays_marked_and_may_come_back(db: Connection[Any]) -> None:
    past, line = Past(), UUID(int=5)
    past.add(Sale.Opened, ONE, owner_id=ANN, stage="a")
    past.add(Sale.LineAdded, ONE, line_id=line, product="x", quantity=1)
    past.add(Sale.LineAdded, ONE, line_id=UUID(int=6), product="untouched", quantity=1)
    past.add(Sale.LineRemoved, ONE, line_id=line)
    past.add(Sale.LineAdded, ONE, line_id=line, product="y", quantity=2)
    past.add(Sale.LineRemoved, ONE, line_id=UUID(int=6))
    past.add(Sale.LinesCleared, ONE)
    published(db)
    record(db, past.rows)
    name = Table(SaleLineView).name
    state = f"select product, _from, _event, _ended, created_at = updated_at from {name} where line_id = %s"
    seen = []

    worker = Projector(db, [SaleLineView])
    while worker.step(LogFeed(db), 1) >= 0:
        seen.append(db.execute(state.encode(), [line]).fetchone())

    assert seen[1:] == [("x", 2, "LineAdded", False, True), ("x", 2, "LineAdded", False, True),
                        ("x", 4, "LineRemoved", True, False), ("y", 5, "LineAdded", False, True),
                        ("y", 5, "LineAdded", False, True), ("y", 7, "LinesCleared", True, False)]  # fmt: skip
    assert db.execute(f"select _from, _to, _ended from {name}_history order by _from".encode()).fetchall() == [
        (2, 4, False),
        (3, 6, False),  # and its end at 6 stays as it is, whatever ends the others
        (4, 5, True),
        (5, 7, False),
    ]
    assert [len(shown(db, SaleLineView, at)) for at in range(8)] == [0, 0, 1, 2, 1, 2, 1, 0]
    assert [row[5] for row in shown(db, SaleLineView, 5)] == ["y", "untouched"]


def drained(projector: Projector, feed: Any, most: int = 7) -> None:
    while projector.step(feed, most) >= 0:
        pass
