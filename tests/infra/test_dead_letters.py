"""An event that a view cannot take: it and what follows of its aggregate wait, and everything else goes on."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator
from threading import Event
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.errors import DiskFull, NumericValueOutOfRange

from infra.database import connect
from infra.dead_letters import NothingToSkip, letters, retry, skip
from infra.feed import Batch, Recorded
from infra.feed.log import LogFeed
from infra.instants import ViewBehind, wait_for, wait_for_all
from infra.lanes import lane_of
from infra.projection import Fenced, Projector, Unreadable, reason, refused
from infra.projector import Careful
from infra.reading import Reading
from infra.rebuild import build, check, flip, prepare, rebuild
from infra.tables import Table
from projections.view import View
from tests.infra.past import ANN, START, Past, database, published, random_sales, record, shown, told, versions
from tests.infra.sale import VIEWS, Sale, SaleLineView, SaleView
from tests.infra.test_projector_process import eventually, live
from tests.infra.test_projector_process import projecting as projecting
from tests.infra.test_projector_process import source as source

ILL, WELL = UUID(int=50), UUID(int=51)
LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9000))
"""Too long for an index, however well it is compressed."""
refusing: set[str] = set()
"""Stages that the view below cannot take, until somebody mends it."""


class BrittleView(View, of=Sale, table="brittle_sales", needs="sales.see"):
    stage: str | None = None

    @classmethod
    def changes(cls, event: Any) -> dict[str, Any]:
        if getattr(event, "stage", None) in refusing:
            raise KeyError("what is this stage?")
        return super().changes(event)


ALL = (SaleView, SaleLineView, BrittleView)


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    refusing.clear()
    with database(database_url, schema) as connection:
        yield connection


@pytest.fixture
def other(database_url: str, schema: str, db: Connection[Any]) -> Iterator[Connection[Any]]:
    with connect(database_url, schema) as connection:
        yield connection


def the_past(stage: str) -> Past:
    """One that falls ill at position 3, and goes on; and a neighbour."""
    past = Past()
    past.add(Sale.Opened, ILL, owner_id=ANN, stage="a")
    past.add(Sale.Opened, WELL, owner_id=ANN, stage="a")
    past.add(Sale.StageChanged, ILL, stage=stage)
    past.add(Sale.StageChanged, WELL, stage="b")
    past.add(Sale.StageChanged, ILL, stage="c")
    return past


def carefully(connection: Connection[Any], views: Any = ALL) -> int:
    """Project all that there is. Says in how many steps."""
    worker, steps = careful(connection, views), 0
    while worker.step() >= 0:
        steps += 1
        assert steps < 200
    return steps


def careful(connection: Connection[Any], views: Any = ALL) -> Careful:
    worker = Careful(Projector(connection, views), LogFeed(connection), Event())
    worker.put_aside = monotonic()  # so that nobody waits
    return worker


def stages(connection: Connection[Any], view: type[View]) -> dict[UUID, tuple[str, int]]:
    found = connection.execute(f"select id, stage, version from {view.table}".encode())
    return {id: (stage, version) for id, stage, version in found}


def test_what_a_view_refuses_waits_in_that_view_and_everything_else_goes_on(db: Connection[Any]) -> None:
    published(db, ALL)
    record(db, the_past("x").rows)
    refusing.add("x")

    carefully(db)

    assert stages(db, BrittleView) == {ILL: ("a", 1), WELL: ("b", 2)}
    assert stages(db, SaleView) == {ILL: ("c", 3), WELL: ("b", 2)}
    assert [(a.view, a.id, a.position, a.topic, a.reason, a.waiting) for a in letters(db)] == [
        ("brittle_sales", ILL, 3, "Sale.StageChanged", "KeyError: 'what is this stage?'", 2)
    ]
    assert db.execute("select distinct position from checkpoints").fetchall() == [(5,)]


@pytest.mark.parametrize(
    "change", [{"state": b'{"stage": 5}'}, {"state": b"no json"}, {"topic": "Sale.Vanished", "state": b"{}"}]
)
def test_what_nobody_can_read_waits_in_every_view_of_its_aggregate(db: Connection[Any], change: Any) -> None:
    rows = the_past("x").rows
    rows[2] = rows[2]._replace(**change)
    published(db, ALL)
    record(db, rows)

    carefully(db)

    assert sorted(letter.view for letter in letters(db)) == ["brittle_sales", "sale_lines", "sales"]
    assert stages(db, SaleView) == stages(db, BrittleView) == {ILL: ("a", 1), WELL: ("b", 2)}


@pytest.mark.parametrize(("stage", "why"), [(LONG, "54000: index row "), ("a\0b", "22021)")])
def test_a_row_that_the_database_refuses_is_found_in_a_crowd_and_steps_grow_again(
    db: Connection[Any], stage: str, why: str
) -> None:
    past = random_sales(3, 4000, 300)
    past.add(Sale.StageChanged, UUID(int=10), stage=stage)
    ill = len(past.rows)
    for n in range(4000):
        past.add(Sale.Opened, UUID(int=5000 + n), owner_id=ANN, stage="b")
    published(db)
    record(db, past.rows)

    steps = carefully(db, VIEWS)

    [letter] = letters(db)
    assert (letter.view, letter.position, letter.waiting) == ("sales", ill, 1) and why in letter.reason
    assert LONG not in letter.reason
    assert steps < 60  # 8 if nothing were wrong; one by one it were 8,000
    assert len(shown(db, SaleView)) == 300 + 4000


def test_what_cannot_be_sent_waits_too(db: Connection[Any]) -> None:
    class Overflowing(BrittleView, table="overflowing"):
        number: int | None = None

        @classmethod
        def changes(cls, event: Any) -> dict[str, Any]:
            return {**super().changes(event), "number": 2**70 if isinstance(event, Sale.StageChanged) else 1}

    published(db, [Overflowing])
    record(db, the_past("b").rows)

    carefully(db, [Overflowing])

    assert [(letter.position, letter.reason[:10]) for letter in letters(db)] == [(3, "Unsendable"), (4, "Unsendable")]


def test_what_is_wrong_with_the_database_is_no_fault_of_an_event() -> None:
    assert not refused(DiskFull("no space left on device"))
    assert refused(NumericValueOutOfRange("too large"))


def test_events_are_tried_again_before_they_are_put_aside(db: Connection[Any], caplog: Any) -> None:
    published(db, ALL)
    record(db, the_past("x").rows)
    refusing.add("x")
    worker = careful(db)
    worker.put_aside = 0.0

    for _ in range(3):
        worker.step()
    early = letters(db)
    refusing.clear()
    while worker.step() >= 0:
        pass

    assert early == letters(db) == []
    assert stages(db, BrittleView) == {ILL: ("c", 3), WELL: ("b", 2)}


def test_a_projector_that_starts_knows_what_waits(db: Connection[Any]) -> None:
    past = the_past("x")
    published(db, ALL)
    record(db, past.rows)
    refusing.add("x")
    carefully(db)
    past.add(Sale.StageChanged, ILL, stage="d")
    record(db, past.rows[5:])

    carefully(db)

    assert stages(db, BrittleView)[ILL] == ("a", 1)
    assert [letter.waiting for letter in letters(db)] == [3]


def test_a_stale_worker_puts_nothing_aside(db: Connection[Any], other: Connection[Any]) -> None:
    published(db, ALL)
    record(db, the_past("x").rows)
    refusing.add("x")
    stale = Projector(db, ALL)
    with pytest.raises(Unreadable) as found:
        while stale.step(LogFeed(db)) >= 0:
            pass
    Projector(other, ALL)

    with pytest.raises(Fenced):
        stale.park(found.value.recorded, 1)

    assert letters(db) == []


def test_what_waits_is_folded_in_its_order_once_it_can_be(db: Connection[Any], other: Connection[Any]) -> None:
    past = the_past("x")
    published(db, ALL)
    record(db, past.rows)
    refusing.add("x")
    working = careful(db)
    while working.step() >= 0:
        pass
    still_ill = retry(other, ALL)
    refusing.clear()

    done, left = retry(other, ALL, {ILL})
    with pytest.raises(Fenced):
        past.add(Sale.StageChanged, ILL, stage="d")
        record(db, past.rows[5:])
        working.step()
    carefully(db)

    assert [(letter.position, letter.tries) for letter in still_ill[1]] == [(3, 2)] and still_ill[0] == []
    assert ([letter.position for letter in done], left, letters(db)) == ([3], [], [])
    assert stages(db, BrittleView) == {ILL: ("d", 4), WELL: ("b", 2)}
    assert live_is_rebuilt(db, BrittleView)


def test_a_retry_goes_as_far_as_it_can(db: Connection[Any]) -> None:
    past = the_past("x")
    past.add(Sale.StageChanged, ILL, stage="y")
    past.add(Sale.StageChanged, ILL, stage="d")
    published(db, ALL)
    record(db, past.rows)
    refusing.update("xy")
    carefully(db)
    refusing.remove("x")

    done, [left] = retry(db, ALL)

    assert (done, left.position, left.waiting) == ([], 6, 2)
    assert stages(db, BrittleView)[ILL] == ("c", 3)
    refusing.clear()
    assert retry(db, ALL)[1] == [] and live_is_rebuilt(db, BrittleView)


def test_what_is_skipped_stays_skipped_whenever_the_view_is_built(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    published(db, ALL)
    record(db, the_past("x").rows)
    refusing.add("x")
    carefully(db)

    named, left = skip(db, ALL, 3)
    [rebuilt] = rebuild(database_url, schema, [BrittleView])

    assert (named, left, rebuilt.as_before) == (["brittle_sales"], [], True)
    assert stages(db, BrittleView) == {ILL: ("c", 3), WELL: ("b", 2)}
    assert db.execute("select count(*) from brittle_sales_as_of(4) where stage = 'x'").fetchone() == (0,)
    check(db, BrittleView, 5)


def test_the_last_event_of_an_aggregate_may_be_skipped_too(db: Connection[Any], database_url: str, schema: str) -> None:
    published(db, ALL)
    record(db, the_past("x").rows[:3])
    refusing.add("x")
    carefully(db)

    skip(db, ALL, 3)

    [rebuilt] = rebuild(database_url, schema, [BrittleView])
    assert rebuilt.as_before and stages(db, BrittleView) == {ILL: ("a", 1), WELL: ("a", 1)}


def test_a_rebuild_that_an_event_stops_goes_on_when_it_is_skipped(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    rows = the_past("x").rows
    rows[2] = rows[2]._replace(topic="Sale.Vanished", state=b"{}")
    record(db, rows)
    with pytest.raises(Unreadable, match=r"Sale\.Vanished at position 3"):
        rebuild(database_url, schema, [SaleView])

    with pytest.raises(NothingToSkip, match="name the view"):
        skip(db, ALL, 3)
    skip(db, ALL, 3, "sales")
    rebuild(database_url, schema, [SaleView])

    assert stages(db, SaleView) == {ILL: ("c", 3), WELL: ("b", 2)}
    with pytest.raises(NothingToSkip, match="no event at position 77"):
        skip(db, ALL, 77)


def test_reads_of_what_waits_say_so_and_those_of_others_do_not_wait(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    published(db, ALL)
    record(db, the_past("x").rows)
    refusing.add("x")
    carefully(db)

    wait_for(db, ALL, 1, seconds=0)
    wait_for(db, ALL, 4, seconds=0)
    wait_for_all(db, ALL, 5, seconds=0)
    for position in (3, 5):
        with pytest.raises(ViewBehind, match="daybook dead list"):
            wait_for(db, ALL, position, seconds=0)

    async def asked() -> list[bool]:
        tables = {"Sale": [Table(view).name for view in ALL]}
        async with Reading(database_url, schema, most=1) as reading:
            return [await reading.shown(position, tables) for position in range(1, 6)]

    assert asyncio.run(asked()) == [True, True, False, True, False]


def test_the_process_puts_aside_and_goes_on(db: Connection[Any], projecting: Any, caplog: Any) -> None:
    past = random_sales(3, 100, 10)
    refusing.add("x")
    with caplog.at_level(logging.ERROR), projecting(ALL):
        eventually(lambda: len(live(db)) == 3)
        past.add(Sale.StageChanged, UUID(int=10), stage="x")
        past.add(Sale.StageChanged, UUID(int=11), stage="y")
        record(db, past.rows)
        wait_for_all(db, ALL, 102, seconds=120)

    assert [letter.position for letter in letters(db)] == [101]
    assert "Sale.StageChanged at position 101" in caplog.text
    assert [shown(db, view) for view in VIEWS] == list(told(past.rows, 102))


def live_is_rebuilt(connection: Connection[Any], view: type[View]) -> bool:
    name = Table(view).name
    before = versions(connection, name)
    new = Table(view, shadow=True)
    prepare(connection, [new])
    build(connection, connection, new)
    flip(connection, [new])
    return versions(connection, name) == before


def test_events_of_other_lanes_are_not_named_by_mistake(db: Connection[Any]) -> None:
    published(db, ALL)
    rows = the_past("x").rows
    record(db, rows)
    refusing.add("x")
    lane = lane_of(ILL)
    worker = Careful(Projector(db, ALL, {lane}), Twice(LogFeed(db)), Event())
    worker.put_aside = monotonic()

    while worker.step() >= 0:
        pass

    assert [(letter.id, letter.position) for letter in letters(db)] == [(ILL, 3)]


class Twice:
    """A feed that brings the first event again, every other time."""

    def __init__(self, feed: LogFeed) -> None:
        self.feed, self.reads = feed, 0

    def read(self, after: Any, most: int) -> Batch:
        self.reads += 1
        if self.reads % 2:
            return self.feed.read(after, most)
        again, batch = self.feed.read(dict.fromkeys(after, 0), 1), self.feed.read(after, max(most - 1, 1))
        return Batch([*again.events, *batch.events], batch.reached)


def test_what_is_personal_in_an_event_is_not_quoted() -> None:
    position, version, at, id = 1, 1, START, UUID(int=1)
    sealed = Recorded(position, id, version, "Contact.Added", 1, b'{"name": "c2VhbGVk"}', at, at, 0)
    plain = sealed._replace(topic="Sale.Opened", state=b"{}")

    said = []
    for recorded in (sealed, plain):
        error = Unreadable(recorded)
        error.__cause__ = KeyError("Ann")
        said.append(reason(error))

    assert said == ["KeyError", "KeyError: 'Ann'"]
