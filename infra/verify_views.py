"""Proves that a view says what the history says: against a shadow that is built anew, and against the aggregates.

Nothing stops meanwhile, for all is compared as of one position; the shadow is seen by nobody and leaves no trace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from msgspec import json
from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal

from infra.database import connect
from infra.feed import Recorded
from infra.feed.log import COLUMNS
from infra.fold import Fold
from infra.projection import Aside, NotBuilt, event_of, keys_of, recall
from infra.rebuild import MOVED_TO, NOBODY, Follow, Progress, batches_of, count_of, state_of, write
from infra.rows import copied
from infra.tables import Table, digest, names
from projections.view import ALWAYS, View, holders, shape

NAMED = 20
"""Differences that are named."""
SUSPECTS = 1_000
"""Aggregates that are looked at once more before a difference is said to be one."""
SAMPLE = """
    select originator_id from events where originator_version = 1 and starts_with(topic, %s) and position <= %s
    order by hashtextextended(originator_id::text, %s), originator_id limit %s"""
OF_SOME = f"""
    select {COLUMNS} from events where originator_id = any(%s) and position <= %s
    order by originator_id, originator_version"""


@dataclass(frozen=True)
class Difference:
    """A value that a view shows and that should be another. The position is that of the version of the row."""

    id: UUID
    key: str | None
    position: int | None
    column: str
    shown: Any
    told: Any


@dataclass(frozen=True)
class Verified:
    """What was compared, as of which position, and the first differences."""

    view: str
    position: int
    events: int
    aggregates: int
    """So many were compared with their rows, attribute by attribute."""
    parked: int
    """Aggregates that the view cannot follow: their rows are compared as of before, see `daybook dead list`."""
    differences: tuple[Difference, ...]


def verify(
    url: str,
    schema: str,
    view: type[View],
    sample: int | None = 1_000,
    progress: Follow = lambda _: None,
    seed: int = 0,
) -> Verified:
    """Compare a view with a shadow of it, and so many of its aggregates, or all, with their rows.

    Raises NotBuilt where there are no tables of this declaration, Unreadable where the history cannot be folded.
    """
    table = Table(view)
    with connect(url, schema) as reading, connect(url, schema) as writing:
        if state_of(writing, table) not in ("live", "old"):
            raise NotBuilt(f"{view.table} has no tables of this declaration yet")
        shadow, aside = Shadow(reading, writing, table), Aside.of(writing, table)
        [at] = writing.execute(MOVED_TO, [table.name]).fetchone() or (0,)
        events = shadow.fill(at, aside, progress)
        found: list[Difference] = []
        if shadow.digest(table.name, at) != shadow.digest(shadow.table.name, at):
            found = shadow.differences(at, shadow.suspects(at))
        ids = [id for (id,) in writing.execute(SAMPLE, (shadow.topics, at, seed, sample)).fetchall()]
        compared = 0
        for start in range(0, len(ids), 500):
            progress(Progress(view.table, "aggregates", start, len(ids)))
            number, wrong = _against_aggregates(writing, table, at, ids[start : start + 500])
            compared, found = compared + number, [*found, *wrong]
        progress(Progress(view.table, "done", events, events))
        return Verified(view.table, at, events, compared, len(aside.parked), tuple(found[:NAMED]))


class Shadow:
    """Tables like those of a view, for this connection only."""

    def __init__(self, reading: Connection[Any], writing: Connection[Any], table: Table) -> None:
        self.reading, self.writing, self.real = reading, writing, table
        self.table, self.topics = Table(table.view), f"{table.view.of.__name__}."
        self.table.name, self.table.history = f"{table.name}_shadow", f"{table.name}_shadow_history"
        for name, like in ((self.table.name, table.name), (self.table.history, table.history)):
            make = SQL("create temp table {} (like {})").format(Identifier(name), Identifier(like))
            writing.execute(make)

    def fill(self, at: int, aside: Aside, progress: Follow) -> int:
        """Fold the history up to a position. Says how many events there are."""
        done, (_, total) = 0, count_of(self.reading, self.table, None, at)
        for whole, _ in batches_of(self.reading, self.table, NOBODY, at, 20_000, apart=True):
            progress(Progress(self.table.view.table, "build", done, total))
            self._add(whole, aside)
            done += len(whole)
        return done

    def _add(self, events: Iterable[Recorded], aside: Aside) -> None:
        with self.writing.transaction():
            write(self.writing, Fold(self.table, copied), [event for event in events if not aside.passes(event)])

    def digest(self, name: str, at: int) -> Any:
        columns = [column.name for column in self.table.live_columns]
        return self.writing.execute(digest(name, columns, at)).fetchone()

    def suspects(self, at: int) -> list[UUID]:
        """Aggregates whose rows are not the same."""
        one, other = self._versions(self.real.name, at), self._versions(self.table.name, at)
        asked = SQL(
            "select distinct id from (({0} except all {1}) union all ({1} except all {0})) v order by id limit {2}"
        )
        return [id for (id,) in self.writing.execute(asked.format(one, other, Literal(SUSPECTS))).fetchall()]

    def differences(self, at: int, ids: Collection[UUID]) -> list[Difference]:
        """What is still different when these aggregates are folded once more: somebody may have been forgotten, or
        what was parked been tried again, since the shadow was begun.
        """
        self.writing.execute(SQL("truncate {}, {}").format(*map(Identifier, (self.table.name, self.table.history))))
        rows = self.writing.execute(OF_SOME, (list(ids), at), binary=True).fetchall()
        of_view = (e for row in rows if (e := Recorded(*row)).topic.startswith(self.topics))
        self._add(of_view, Aside.of(self.writing, self.real))
        shown, told = (self._rows(name, at, ids) for name in (self.real.name, self.table.name))
        found: list[Difference] = []
        for key in sorted(shown.keys() | told.keys(), key=str):
            one, other = shown.get(key, {}), told.get(key, {})
            id, item, position = key
            if not one or not other:
                found.append(Difference(id, item, position, "(row)", one or None, other or None))
            found += (
                Difference(id, item, position, name, one[name], other[name])
                for name in one.keys() & other.keys()
                if one[name] != other[name]
            )
        return found

    def _versions(self, name: str, at: int) -> Any:
        columns = names([column.name for column in self.table.live_columns])
        return SQL("""
            select {0}, null::bigint as _to, null::timestamptz as _until from {1} where _from <= {3} union all
            select {0}, case when _to <= {3} then _to end, case when _to <= {3} then _until end
            from {2} where _from <= {3}""").format(
            columns, Identifier(name), Identifier(f"{name}_history"), Literal(at)
        )

    def _rows(self, name: str, at: int, ids: Collection[UUID]) -> dict[tuple[UUID, str | None, int], dict[str, Any]]:
        query = SQL("select id, to_jsonb(v) from ({}) v where id = any(%s)").format(self._versions(name, at))
        key = self.table.view.key
        rows = self.writing.execute(query, [list(ids)]).fetchall()
        return {(id, str(row[key]) if key else None, row["_from"]): row for id, row in rows}


def _against_aggregates(
    connection: Connection[Any], table: Table, at: int, ids: Sequence[UUID]
) -> tuple[int, list[Difference]]:
    """Compare what aggregates know with their rows. Those are left out of which the view does not take every event."""
    view, aside, keys = table.view, Aside.of(connection, table), keys_of(connection)
    rows = [Recorded(*row) for row in connection.execute(OF_SOME, (ids, at), binary=True).fetchall()]
    apart = {recorded.originator_id for recorded in rows if aside.passes(recorded)}
    recall(keys, rows)
    known: dict[UUID, Any] = {}
    for recorded in rows:
        id = recorded.originator_id
        if id not in apart:
            known[id] = event_of(recorded, keys).mutate(known.get(id))
    told = {key: _columns(view, thing) for id, one in known.items() for key, thing in _things(view, id, one)}
    ended = SQL(" and not _ended" if view.ends else "")
    asked = SQL("""
        select {0} from {1} where id = any(%(ids)s) and _from <= %(at)s {3} union all
        select {0} from {2} where id = any(%(ids)s) and _from <= %(at)s and _to > %(at)s {3}""").format(
        names([column.name for column in table.columns]), Identifier(table.name), Identifier(table.history), ended
    )
    shown = {}
    for row in connection.execute(asked, {"ids": list(known), "at": at}).fetchall():
        named = dict(zip((column.name for column in table.columns), row, strict=True))
        shown[tuple(named[name] for name in table.key)] = named
    found = []
    for key in sorted(shown.keys() | told.keys(), key=str) if _comparable(view) else []:
        id, item = key[0], str(key[1]) if view.key else None
        if key not in shown or key not in told:
            found.append(Difference(id, item, None, "(row)", shown.get(key), told.get(key)))
            continue
        found += (
            Difference(id, item, None, name, shown[key][name], value)
            for name, value in told[key].items()
            if shown[key][name] != value
        )
    return len(known) if _comparable(view) else 0, found


def _comparable(view: type[View]) -> bool:
    return not view.key or _items(view) is not None


def _items(view: type[View]) -> str | None:
    """The attribute that holds the items which a view shows."""
    found = [*holders(view)]
    return found[0] if len(found) == 1 else None


def _things(view: type[View], id: UUID, aggregate: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if not view.key:
        yield (id,), aggregate
    elif name := _items(view):
        for key, item in getattr(aggregate, name).items():
            yield (id, key), item


def _columns(view: type[View], thing: Any) -> Mapping[str, Any]:
    """The columns of a row as the attributes of an aggregate, or of an item, say."""
    told: dict[str, Any] = {} if view.key else {"version": thing.version}
    for f in shape(view):
        if f.name in ALWAYS or not hasattr(thing, f.name):
            continue
        value = getattr(thing, f.name)
        values = (None,) * len(f.columns) if value is None else f.parts(value) if f.parts else (value,)
        for column, each in zip(f.columns, values, strict=True):
            told[column.name] = json.decode(each) if column.type == "jsonb" and each is not None else each
    return told
