"""Folds a part of the history into a second set of views, beside the live ones and never touching them.

It is built as a rebuild is: whole aggregates, all by COPY. It is read only once it is whole, and leaves nothing if not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

from msgspec import json
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from domain.values import id_text
from infra.binary import TRUE
from infra.database import connect
from infra.feed import Recorded
from infra.fold import Fold
from infra.misfits import NAMED, Misfit, Part, What, find_gaps, of_aggregates, of_references
from infra.projection import Aside, Unreadable, reason
from infra.rebuild import (
    NOBODY,
    REMEMBERING,
    Follow,
    Progress,
    Rows,
    batches_of,
    complete,
    live_of,
    register,
    write,
)
from infra.replays import Kept, drop_spent, holding, kept, remove
from infra.rows import copied
from infra.tables import Table
from projections.view import View, creating

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
MOST_EVENTS: Final = 10_000_000
MOST_TIME: Final = timedelta(hours=1)
KEPT_FOR: Final = timedelta(days=7)
BYTES: Final = 500
"""Of a table, for each event, where there is no live one to tell."""
COUNT: Final = """
    select split_part(topic, '.', 1), count(*) from events
    where position between %(since)s and %(until)s and split_part(topic, '.', 1) = any(%(kinds)s) group by 1"""
UNKNOWN: Final = """
    select id from unnest(%s::uuid[]) id where not exists (
        select from events where position <= %s and (command_id = id or correlation_id = id))"""
BEGIN: Final = """
    insert into replays (name, since, until, without, events, made_by, expires_at)
    values (%s, %s, %s, %s, %s, %s, now() + %s) returning id"""
MADE: Final = "update replays set made_at = now(), report = %s where name = %s"


class CannotReplay(Exception):
    """What was asked cannot be folded, or is more than is allowed: says why. Nothing is left of it."""


@dataclass(frozen=True)
class Bounds:
    """How much a replay may be: events, time, and bytes on the disk (None: nobody knows how many are free)."""

    events: int = MOST_EVENTS
    time: timedelta = MOST_TIME
    bytes: int | None = None


@dataclass(frozen=True)
class Expected:
    """What a replay will come to, told before it begins: so many events, and about so many bytes."""

    events: int
    bytes: int


class Folding(Fold):
    """A fold of a part of the history. What changes an item that was never begun in this part is passed over."""

    def __init__(self, table: Table) -> None:
        super().__init__(table, copied)
        self.begins = creating(self.view) if self.view.key and self.by_name else frozenset()
        self.unbegun: dict[int, UUID] = {}
        """Events that were passed over: their positions, and the aggregates."""

    def apply(self, recorded: Recorded, event: Any) -> None:
        if self.begins and type(event).__name__ not in self.begins and not isinstance(event, self.view.ends):
            for key in self.keys(event):
                before = self.rows.get(key)
                if not before or (self.ending and before[-1] == TRUE):
                    self.unbegun[recorded.position] = recorded.originator_id
                    return
        super().apply(recorded, event)


def replay(
    url: str,
    schema: str,
    name: str,
    part: Part,
    views: Sequence[type[View]],
    of: Collection[type[View]],
    by: str,
    bounds: Bounds = Bounds(),
    keep: timedelta = KEPT_FOR,
    expect: Callable[[Expected], None] = lambda _: None,
    progress: Follow = lambda _: None,
    most: int = 20_000,
) -> Kept:
    """Fold a part of the history into these views, `of` all that there are, and keep them under a name.

    Raises CannotReplay, and Busy while another process makes or drops what has this name.
    """
    if not NAME.fullmatch(name):
        raise CannotReplay(
            f"{name} is no name of a replay: small letters, digits and dashes, at most 40, a letter first"
        )
    with connect(url, schema) as reading, connect(url, schema) as writing, holding(writing, name):
        drop_spent(reading)
        for there in kept(writing):
            if there.name == name and there.made_at is not None:
                raise CannotReplay(f"there is a replay {name} already: choose another name, or drop it")
            if there.name == name:
                remove(writing, name)
        kinds = {view.of.__name__ for view in views}
        expected = _expected(writing, part, views, kinds, bounds)
        expect(expected)
        try:
            given = (name, part.since, part.until, list(part.without), expected.events, by, keep)
            [id] = writing.execute(BEGIN, given).fetchone() or (0,)
            making = Making(reading, writing, part, id, monotonic() + bounds.time.total_seconds())
            tables = [making.fill(view, progress, most) for view in views]
            misfits = [] if part.whole else [*of_aggregates(writing)]
            misfits += making.misfits
            for table in tables:
                misfits += of_references(writing, table, of) if not part.whole else ()
            report = {"misfits": [asdict(each) for each in misfits], "empty": [*_empty(writing, tables)]}
            writing.execute(MADE, (json.encode(report).decode(), name))
        except BaseException:
            _drop(url, schema, name)
            raise
        [made] = kept(writing, name)
        return made


@dataclass
class Making:
    """A replay in the making."""

    reading: Connection[Any]
    writing: Connection[Any]
    part: Part
    id: int
    ends: float
    misfits: list[Misfit] = field(default_factory=list)

    def fill(self, view: type[View], progress: Follow, most: int) -> Table:
        """Make the tables of a view, and fold into them."""
        table, done, failed = Table(view, replay=self.id), 0, dict[UUID, Unreadable]()
        with self.writing.transaction():
            self.writing.execute(REMEMBERING)
            register(self.writing, table, "replay", self.part.until, self.id)
        fold, aside = Folding(table), Aside.of(self.writing, table)
        total = self._count(view)
        part, only = self.part, self.part.only
        for whole, reached in batches_of(self.reading, table, NOBODY, part.until, most, apart=True, only=only):
            progress(Progress(view.table, "fold", done, total))
            if monotonic() > self.ends:
                raise CannotReplay(f"it takes too long: {view.table} is at {done:,} of {total:,} events")
            self._write(fold, _made(whole), aside, failed, last=reached is None)
            done += len(whole)
        progress(Progress(view.table, "done", total, total))
        self.writing.execute(SQL("analyze {}, {}").format(Identifier(table.name), Identifier(table.history)))
        self.misfits += _of_items(fold) + _of_failed(view, failed)
        return table

    def _write(self, fold: Folding, events: Rows, aside: Aside, failed: dict[UUID, Unreadable], last: bool) -> None:
        """What cannot be folded is put aside with all that follows of its aggregate, as by a projector."""
        while True:
            try:
                with self.writing.transaction():
                    self.writing.execute(REMEMBERING)
                    self.writing.execute("set local synchronous_commit = off")
                    write(self.writing, fold, [recorded for recorded in events if not aside.passes(recorded)])
                    if last:
                        complete(self.writing, fold.table, self.part.until)
                return
            except Unreadable as error:
                recorded = error.recorded
                fold.written()
                fold.forget()
                aside.parked[recorded.originator_id] = recorded.position
                failed[recorded.originator_id] = error

    def _count(self, view: type[View]) -> int:
        given = {**self.part.given, "kinds": [view.of.__name__]}
        [total] = [n for _, n in self.writing.execute(COUNT, given).fetchall()] or [0]
        return int(total)


def _made(whole: Rows) -> Rows:
    """The events of aggregates that were made in this part: the first of them is the first one of all."""
    made, kept = set[UUID](), []
    for recorded in whole:
        if recorded.originator_version == 1:
            made.add(recorded.originator_id)
        if recorded.originator_id in made:
            kept.append(recorded)
    return kept


def _expected(
    connection: Connection[Any], part: Part, views: Iterable[type[View]], kinds: set[str], bounds: Bounds
) -> Expected:
    """How much it will be. Raises CannotReplay where that is nothing, or too much, or where it asks for what is not."""
    [head] = connection.execute("select position from event_head").fetchone() or (0,)
    if part.until > head:
        raise CannotReplay(f"the history ends with position {head}: there is no {part.until} yet")
    if part.since > part.until:
        raise CannotReplay(f"position {part.since} comes after {part.until}: there is nothing between")
    if unknown := connection.execute(UNKNOWN, (list(part.without), part.until)).fetchall():
        ids = ", ".join(str(id) for (id,) in unknown)
        raise CannotReplay(
            f"no event up to {part.until} was recorded by a command or correlation {ids}: nothing to leave out"
        )
    counts = dict(connection.execute(COUNT, {**part.given, "kinds": list(kinds)}).fetchall())
    events = sum(counts.values())
    if not part.whole:
        gaps = find_gaps(connection, part, kinds)
        before = 0 if part.since <= 1 else _recorded(connection, Part(1, part.since - 1), kinds)
        events += before - gaps.events - gaps.without_makers
    if events <= 0:
        raise CannotReplay("nothing of this part of the history is shown by these views")
    size = sum(_bytes(connection, view, counts.get(view.of.__name__, 0)) for view in views)
    if events > bounds.events:
        raise CannotReplay(f"these are {events:,} events, and at most {bounds.events:,} are allowed: see --most-events")
    if bounds.bytes is not None and size > bounds.bytes:
        raise CannotReplay(f"it will take about {_megabytes(size)}, and {_megabytes(bounds.bytes)} are free")
    return Expected(events, size)


def _recorded(connection: Connection[Any], part: Part, kinds: set[str]) -> int:
    return sum(n for _, n in connection.execute(COUNT, {**part.given, "kinds": list(kinds)}).fetchall())


def _bytes(connection: Connection[Any], view: type[View], events: int) -> int:
    """About how large the tables of a view become, as the live ones tell."""
    live = live_of(connection, view)
    if live is None or not events:
        return events * BYTES
    size = (
        "select pg_total_relation_size(quote_ident(%(t)s)) + pg_total_relation_size(quote_ident(%(t)s || '_history'))"
    )
    [bytes] = connection.execute(size, {"t": live}).fetchone() or (0,)
    [head] = connection.execute("select position from event_head").fetchone() or (0,)
    return int(bytes * events / max(_recorded(connection, Part(1, head), {view.of.__name__}), 1))


def _megabytes(bytes: int) -> str:
    return f"{max(bytes // 1_000_000, 1):,} MB"


def _empty(connection: Connection[Any], tables: Iterable[Table]) -> Iterator[str]:
    """The views that have no row in this part."""
    for table in tables:
        if connection.execute(SQL("select from {} limit 1").format(Identifier(table.name))).fetchone() is None:
            yield table.view.table


def _of_items(fold: Folding) -> list[Misfit]:
    if not fold.unbegun:
        return []
    kind, first = fold.view.of.__name__, sorted(fold.unbegun.items())[:NAMED]
    named = tuple(f"{id_text(kind, id)}: {position}" for position, id in first)
    things = len(set(fold.unbegun.values()))
    return [Misfit(What.NEVER_BEGUN, fold.view.table, things, len(fold.unbegun), named)]


def _of_failed(view: type[View], failed: dict[UUID, Unreadable]) -> list[Misfit]:
    if not failed:
        return []
    named = (f"{error} ({reason(error)})" for error in [*failed.values()][:NAMED])
    return [Misfit(What.CANNOT, view.table, len(failed), None, tuple(named))]


def _drop(url: str, schema: str, name: str) -> None:
    """Leave nothing, over a connection that nothing happened to. The name is still held by the one that asks."""
    with connect(url, schema) as connection:
        remove(connection, name)
