"""How fast a view is built and moved, its history included, against the library's ProjectionRunner on the same events,
and against PostgreSQL that copies the finished rows.

`python -m tests.bench.rebuild` prints it. The library's projection writes the newest row only, and no history. All is
measured on one server, in one run: only the ratios mean something elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

from domain.sales.opportunity import Opportunity
from domain.values import Money
from infra.database import connect, migrate
from infra.embedded import embedded
from infra.feed.log import LogFeed
from infra.misfits import Part
from infra.projection import Projector
from infra.rebuild import rebuild
from infra.replaying import replay
from infra.replays import drop
from infra.tables import Table
from projections.catalogue import VIEWS
from projections.sales.opportunity import OpportunityView
from projections.view import View
from tests.infra.past import Past, published, record, without_views
from tests.infra.test_recorder import settings

SCHEMA = "bench_rebuild"
EVENTS = 120_000
PER_AGGREGATE = 10
SECONDS = 3.0
BATCHES = (1, 50, 500, 2_000)
ROUNDS = 3
LEFT_OUT = UUID(int=7)


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"drop schema if exists {SCHEMA} cascade".encode())
    migrate(database_url, SCHEMA)
    with connect(database_url, SCHEMA) as connection:
        rows = history(EVENTS).rows
        record(connection, rows, {row.position: LEFT_OUT for row in rows if row.position % 10 == 0})
        connection.execute("update event_head set position = %s", [EVENTS])
        connection.execute("vacuum analyze events")
        slow = library(database_url)
        against = f"the library's ProjectionRunner {slow:,.0f}/s"
        fast, limit = rebuilt(database_url, connection)
        yield (
            "rebuild of one view with its history",
            f"{fast:,.0f} events/s",
            f"{against} (goal 25)",
            f"{fast / slow:.0f}",
        )
        told = f"COPY of the finished rows {limit:,.0f} rows/s"
        yield "rebuild of one view with its history", f"{fast:,.0f} events/s", told, f"{fast / limit:.2f}"
        for without, said in (((), "all of it"), ((LEFT_OUT,), "a tenth left out")):
            rate = replayed(database_url, connection, without)
            told = f"a rebuild {fast:,.0f} events/s"
            yield f"replay of one view, {said}", f"{rate:,.0f} events/s", told, f"{rate / fast:.2f}"
        for views, of in (((OpportunityView,), "one view"), (VIEWS, f"all {len(VIEWS)} views")):
            for most in BATCHES:
                fast = moved(connection, views, most)
                what = f"{of} moved, {most} {'event' if most == 1 else 'events'} at a time"
                yield what, f"{fast:,.0f} events/s", against, f"{fast / slow:.1f}"


def main() -> None:
    with TemporaryDirectory() as folder, embedded(Path(folder) / "data") as server:
        for row in rows(server.superuser_url):
            print(" | ".join(row))


def rebuilt(database_url: str, connection: psycopg.Connection[Any]) -> tuple[float, float]:
    """Events per second of a rebuild, and rows per second that PostgreSQL copies into tables like those it made; the
    median of some turns.
    """
    turns = []
    for _ in range(ROUNDS):
        without_views(connection)
        begun = perf_counter()
        rebuild(database_url, SCHEMA, [OpportunityView])
        turns.append((EVENTS / (perf_counter() - begun), EVENTS / copied(connection)))
    fast, limit = (median(each) for each in zip(*turns, strict=True))
    return fast, limit


def replayed(database_url: str, connection: psycopg.Connection[Any], without: tuple[UUID, ...]) -> float:
    """Events per second of a replay, all that comes before and after the fold included; the median of some turns."""
    turns = []
    for _ in range(ROUNDS):
        begun = perf_counter()
        replay(database_url, SCHEMA, "bench", Part(1, EVENTS, without), [OpportunityView], VIEWS, "bench")
        turns.append(EVENTS / (perf_counter() - begun))
        drop(connection, "bench")
    return median(turns)


def copied(connection: psycopg.Connection[Any]) -> float:
    """Seconds that a COPY of all versions takes, and the indexes of both tables after it."""
    made, copy = Table(OpportunityView), Table(OpportunityView, shadow=True)
    tables = ((made.name, copy.name), (made.history, copy.history))
    given = [b"".join(_copy_out(connection, name)) for name, _ in tables]
    with connection.transaction(force_rollback=True):
        connection.execute("set local synchronous_commit = off")
        begun = perf_counter()
        connection.execute(copy.create())
        for (_, name), content in zip(tables, given, strict=True):
            statement = SQL("copy {} from stdin (format binary)").format(Identifier(name))
            with connection.cursor() as cursor, cursor.copy(statement) as to:
                to.write(content)
        connection.execute(copy.constrain())
        for name, indexes in copy.indexes.items():
            for columns in indexes:
                connection.execute(copy.index(name, columns))
        return perf_counter() - begun


def _copy_out(connection: psycopg.Connection[Any], name: str) -> Iterator[bytes]:
    statement = SQL("copy {} to stdout (format binary)").format(Identifier(name))
    with connection.cursor() as cursor, cursor.copy(statement) as out:
        yield from map(bytes, out)


def at_the_beginning(connection: psycopg.Connection[Any], views: Sequence[type[View]]) -> None:
    """Views that are live, and have seen nothing yet."""
    without_views(connection)
    published(connection, views)
    connection.execute("update checkpoints set position = 0")
    for name in connection.execute("select name from projections").fetchall():
        connection.execute(SQL("truncate {}, {}").format(Identifier(name[0]), Identifier(f"{name[0]}_history")))


def moved(connection: psycopg.Connection[Any], views: Sequence[type[View]], most: int) -> float:
    """Events per second that views take in which stand at the beginning."""
    at_the_beginning(connection, views)
    projector, feed = Projector(connection, views), LogFeed(connection)
    done, begun = 0, perf_counter()
    while perf_counter() - begun < SECONDS and projector.step(feed, most) >= 0:
        done += most
    return min(done, EVENTS) / (perf_counter() - begun)


def history(size: int) -> Past:
    """Opportunities of ten events each, many of them open at once."""
    r, past, ids = random.Random(1), Past(), list[UUID]()
    owners = [UUID(int=n + 1) for n in range(20)]
    while len(past.rows) < size:
        if not ids or r.random() < 1 / PER_AGGREGATE:
            ids.append(UUID(int=(1_750_000_000_000 + len(past.rows)) << 80 | 0x7 << 76 | 2 << 62 | r.getrandbits(62)))
            told: dict[str, Any] = {
                "pipeline_id": UUID(int=1),
                "stage": "a",
                "probability": 10,
                "account_id": None,
                "amount": None,
            }
            past.add(Opportunity.Opened, ids[-1], name="Pumps", expected_close=None, source=None, **told)
            continue
        id = ids[-1 - r.randrange(min(len(ids), 3000))]
        match r.randrange(4):
            case 0 | 1:
                past.add(Opportunity.StageChanged, id, stage=r.choice("abcdefgh"), probability=20)
            case 2:
                past.add(Opportunity.AmountChanged, id, amount=Money(Decimal(r.randrange(10**6)), "EUR"))
            case _:
                past.add(Opportunity.OwnerAssigned, id, owner_id=r.choice(owners))
    return past


# -- the same with the library ----------------------------------------------------------------------------------


class LibraryView(PostgresTrackingRecorder):
    """A table with the columns that these events name."""

    def __init__(self, datastore: PostgresDatastore, **options: Any) -> None:
        super().__init__(datastore, **options)
        self.sql_create_statements.append(
            SQL(
                """create table if not exists {}.bench_library (id uuid primary key, version bigint, name text,
                   pipeline_id text, stage text, probability bigint, account_id text, amount text,
                   expected_close text, source text, owner_id text)"""
            ).format(Identifier(datastore.schema))
        )

    def put(self, id: UUID, version: int, told: dict[str, Any], tracking: Tracking) -> None:
        columns = ["id", "version", *told]
        statement = SQL("insert into {}.bench_library ({}) values ({}) on conflict (id) do update set {}").format(
            Identifier(self.datastore.schema),
            SQL(", ").join(map(Identifier, columns)),
            SQL(", ").join(SQL("%s") * len(columns)),
            SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(column)) for column in columns[1:]),
        )
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement, [id, version, *told.values()], prepare=True)


NAMED = {"name", "pipeline_id", "stage", "probability", "account_id", "expected_close", "source", "owner_id"}


class LibraryProjection(Projection[LibraryView]):
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        told = {name: value for name, value in vars(domain_event).items() if name in NAMED}
        self.view.put(domain_event.originator_id, domain_event.originator_version, told, tracking)


def library(database_url: str) -> float:
    """Events per second that the library projects, one after another, out of the same table."""
    env = settings(database_url, SCHEMA)
    runner = ProjectionRunner(
        application_class=Application[UUID],
        projection_class=LibraryProjection,
        view_class=LibraryView,
        env=env,
    )
    with runner:
        runner.wait(100, timeout=20)
        before, begun = runner.view.max_tracking_id("Application") or 0, perf_counter()
        sleep(SECONDS)
        after, taken = runner.view.max_tracking_id("Application") or 0, perf_counter() - begun
    return (after - before) / taken


if __name__ == "__main__":
    main()
