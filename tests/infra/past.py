"""Histories to project, written straight into the database, and what they say when they are told by hand."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from domain.values import Money
from infra.database import connect, migrate
from infra.feed import Batch, Recorded
from infra.lanes import lane_of
from infra.mapper import Stored, read, write
from infra.rebuild import build, flip, prepare
from infra.tables import digest
from projections.view import View
from tests.infra.sale import VIEWS, Sale, SaleView

START = datetime(2026, 1, 1, tzinfo=UTC)
ANN, BOB = UUID(int=1), UUID(int=2)

ADD = """
    copy events (position, originator_id, originator_version, topic, schema_version, state, recorded_at, occurred_at,
                 lane, command_id, request_digest, command, actor, hash) from stdin (format binary)"""
TYPES = (
    *("bigint", "uuid", "bigint", "text", "int4", "bytea", "timestamptz", "timestamptz", "int2"),
    *("uuid", "bytea", "text", "uuid", "bytea"),
)


@contextmanager
def database(url: str, schema: str) -> Iterator[Connection[Any]]:
    """A connection to a schema that has all tables of ours, all empty."""
    migrate(url, schema)
    with connect(url, schema) as connection:
        yield connection


@dataclass
class Past:
    """Events in the making, one recorded each second. Each occurred when it was recorded, unless it is said."""

    rows: list[Recorded] = field(default_factory=list)
    versions: dict[UUID, int] = field(default_factory=dict)

    def add(self, kind: Any, id: UUID, occurred: datetime | None = None, **content: Any) -> int:
        version = self.versions[id] = self.versions.get(id, 0) + 1
        at = START + timedelta(seconds=len(self.rows))
        begun = {"originator_topic": "Sale"} if version == 1 else {}
        event = kind(originator_id=id, originator_version=version, timestamp=occurred or at, **begun, **content)
        row, position = write(event), len(self.rows) + 1
        self.rows.append(
            Recorded(position, id, version, row.topic, row.schema_version, row.state, at, occurred or at, lane_of(id))
        )
        return position


def event(row: Recorded) -> Any:
    return read(
        Stored(row.originator_id, row.originator_version, row.topic, row.schema_version, row.occurred_at, row.state)
    )


def record(connection: Connection[Any], rows: Iterable[Recorded], commands: Mapping[int, UUID] | None = None) -> None:
    """Write these events as they are; some, by position, as what commands recorded."""
    nobody, nothing = UUID(int=0), b""
    with connection.cursor() as cursor, cursor.copy(ADD) as to:
        to.set_types(TYPES)
        for row in rows:
            by = (commands or {}).get(row.position, nobody)
            to.write_row((*row, by, nothing, "Sale.test", nobody, nothing))


def published(connection: Connection[Any], views: Iterable[type[View]] = VIEWS) -> None:
    """These views, built and live."""
    views = list(views)
    prepare(connection, views)
    for view in views:
        assert build(connection, connection, view)
    flip(connection, views)


def emptied(connection: Connection[Any]) -> None:
    """No history, and no views."""
    connection.execute("set session_replication_role = replica; delete from events; reset session_replication_role")
    without_views(connection)


def without_views(connection: Connection[Any]) -> None:
    for name, view in connection.execute("delete from projections returning name, view").fetchall():
        drop = SQL("drop function if exists {}(bigint); drop view if exists {}; drop table {}, {}")
        tables = (f"{view}_as_of", view, name, f"{name}_history")
        connection.execute(drop.format(*map(Identifier, tables)))


def random_sales(seed: int, size: int, aggregates: int) -> Past:
    r, past, lines = random.Random(seed), Past(), dict[UUID, set[UUID]]()
    for _ in range(size):
        id, line = UUID(int=r.randrange(aggregates) + 10), UUID(int=r.randrange(3))
        occurred = START - timedelta(days=r.randrange(50)) if r.random() < 0.3 else None
        if id not in past.versions:
            owner, amount = r.choice([None, ANN, BOB]), money(r)
            past.add(Sale.Opened, id, occurred, owner_id=owner, stage=r.choice("abc"), amount=amount)
            continue
        mine = lines.setdefault(id, set())
        match r.randrange(10):
            case 0:
                past.add(Sale.StageChanged, id, occurred, stage=r.choice("abc"))
            case 1:
                past.add(Sale.AmountChanged, id, occurred, amount=money(r))
            case 2:
                past.add(Sale.OwnerAssigned, id, occurred, owner_id=r.choice([ANN, BOB]))
            case 3:
                tags = r.choice([(), ("x",), ("a,b", 'q"\\'), ("{}", "NULL", "")])
                past.add(Sale.TagsChanged, id, occurred, tags=frozenset(tags))
            case 4:
                past.add(Sale.CustomFieldsChanged, id, occurred, custom_fields=r.choice([{}, {"a": 'b"\\', "c": 1}]))
            case 5 | 6 if line not in mine:
                product, quantity = r.choice("xyz"), Decimal(r.randrange(9))
                past.add(Sale.LineAdded, id, occurred, line_id=line, product=product, quantity=quantity)
                mine.add(line)
            case 7 if line in mine:
                past.add(Sale.LineChanged, id, occurred, line_id=line, quantity=Decimal(r.randrange(9)))
            case 8 if line in mine:
                past.add(Sale.LineRemoved, id, occurred, line_id=line)
                mine.discard(line)
            case 9 if r.random() < 0.4:
                past.add(Sale.LinesCleared, id, occurred)
                mine.clear()
            case _:
                amount, day = Money(Decimal(5), "EUR"), date(2026, 1, r.randrange(28) + 1)
                past.add(Sale.Won, id, occurred, amount=amount, closed_on=day)
    return past


def money(r: random.Random) -> Money | None:
    return r.choice([None, Money(Decimal(r.randrange(100)), r.choice(["EUR", "USD"]))])


HEADS = (
    "id, version, created_at, updated_at, owner_id, stage, amount, amount_currency, status, closed_on, tags, "
    "custom_fields"
)
LINES = "id, line_id, version, created_at, updated_at, product, quantity"


BLANK: dict[str, Any] = {
    "owner": None, "stage": None, "amount": None, "status": "open", "closed": None, "tags": (), "more": {},
}  # fmt: skip


def told(rows: Iterable[Recorded], until: int) -> tuple[list[Any], list[Any]]:
    """What a history says up to a position: sales and lines. Nothing of it is shared with the projector.

    In one that has gaps, what happens to a line that was never added changes no line, and a line may be added twice.
    """
    heads: dict[Any, Any] = {}
    lines: dict[Any, Any] = {}
    for row in rows:
        if row.position > until:
            break
        e, id = event(row), row.originator_id
        new: dict[str, Any] = {
            "owner": None,
            "stage": None,
            "amount": None,
            "status": "open",
            "closed": None,
            "tags": (),
            "more": {},
        }
        h = heads.setdefault(id, {**new, "made": row.recorded_at})
        h["version"], h["updated"] = row.originator_version, row.recorded_at
        match e:
            case Sale.Opened():
                h |= {"owner": e.owner_id, "stage": e.stage, "amount": e.amount}
            case Sale.StageChanged():
                h["stage"] = e.stage
            case Sale.AmountChanged():
                h["amount"] = e.amount
            case Sale.OwnerAssigned():
                h["owner"] = e.owner_id
            case Sale.TagsChanged():
                h["tags"] = e.tags
            case Sale.CustomFieldsChanged():
                h["more"] = e.custom_fields
            case Sale.Won():
                h |= {"amount": e.amount, "closed": e.closed_on, "status": "won"}
            case Sale.LineAdded():
                made = lines.get((id, e.line_id), {}).get("made", row.recorded_at)
                lines[id, e.line_id] = {"product": e.product, "quantity": e.quantity, "made": made}
            case Sale.LineChanged() if (id, e.line_id) in lines:
                lines[id, e.line_id]["quantity"] = e.quantity
            case Sale.LineRemoved():
                lines.pop((id, e.line_id), None)
            case Sale.LinesCleared():
                lines = {key: line for key, line in lines.items() if key[0] != id}
        if isinstance(e, Sale.LineAdded | Sale.LineChanged) and (id, e.line_id) in lines:
            lines[id, e.line_id] |= {"version": row.originator_version, "updated": row.recorded_at}
    return _heads(heads), _lines(lines)


def _heads(heads: Mapping[Any, Any]) -> list[Any]:
    return [
        (id, h["version"], h["made"], h["updated"], h["owner"], h["stage"], h["amount"] and h["amount"].amount,
         h["amount"] and h["amount"].currency, h["status"], h["closed"], sorted(h["tags"]), h["more"])
        for id, h in sorted(heads.items())
    ]  # fmt: skip


def _lines(lines: Mapping[Any, Any]) -> list[Any]:
    return [
        (*key, v["version"], v["made"], v["updated"], v["product"], v["quantity"]) for key, v in sorted(lines.items())
    ]


def shown(connection: Connection[Any], view: type[View], at: int | None = None) -> list[Any]:
    """What people see under the plain name, now or as of a position."""
    source = view.table if at is None else f"{view.table}_as_of({at})"
    columns, order = (HEADS, "id") if view.table == SaleView.table else (LINES, "id, line_id")
    return connection.execute(f"select {columns} from {source} order by {order}".encode()).fetchall()


def versions(connection: Connection[Any], name: str) -> list[Any]:
    """Everything that the tables of a view hold, the machinery's columns included."""
    both = [f"select to_jsonb(r) from {table} r order by 1" for table in (name, f"{name}_history")]
    return [connection.execute(query.encode()).fetchall() for query in both]


def digests(connection: Connection[Any], names: Iterable[str], at: int) -> list[Any]:
    return [connection.execute(digest(name, ["id", "version", "_from"], at)).fetchone() for name in names]


@dataclass
class ScrambledFeed:
    """As Kafka may bring it: lanes in any interleaving, some not at all, and some events again."""

    rows: list[Recorded]
    random: random.Random

    def read(self, after: Mapping[int, int], most: int) -> Batch:
        waiting = {
            lane: [r for r in self.rows if r.lane == lane and position - self.random.choice([0, 0, 3, 50]) < r.position]
            for lane, position in after.items()
        }
        if all(not rows or rows[-1].position <= after[lane] for lane, rows in waiting.items()):
            return Batch([], {})
        events: list[Recorded] = []
        while len(events) < most and (full := [lane for lane, rows in waiting.items() if rows]):
            events.append(waiting[self.random.choice(full)].pop(0))
            if self.random.random() < 0.1:
                events.append(events[-1])
        return Batch(events, {event.lane: event.position for event in events})
