"""Keeps views up to date in the lanes that it holds: folds a batch in memory, and writes it all in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from psycopg import Connection, Cursor, Error

from infra.binary import know_arrays
from infra.feed import Batch, Feed, Recorded
from infra.fold import Fold, Key, Row
from infra.lanes import ALL
from infra.mapper import Stored, read
from infra.rows import columns_of
from infra.tables import TO, UNTIL, Table
from projections.columns import Column
from projections.view import View

# What is lost in a crash is projected again. Plans are made once, when the tables may be empty still: never by a scan.
# Only for the transaction, so that nothing of it stays on a connection that others may use.
SETTINGS = """
    select set_config('synchronous_commit', 'off', true), set_config('jit', 'off', true),
           set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)"""
HOLD = "select name, lane, position, turn from hold_lanes(%s, %s)"
FENCED = "DB001"
MOVE = "select move_checkpoints(%b, %b, %b, %b)"

Work = list[tuple[Recorded, Any, list[Fold]]]
"""Events that are new to some folds."""


class NotBuilt(Exception):
    """Some tables of these views are missing: they are to be built first."""


class Fenced(Exception):
    """Another worker holds some of these lanes now. Nothing of this step was written."""


class Unreadable(Exception):
    """An event cannot be read or folded. Names it; the cause is the error itself."""


class Projector:
    """Moves some views forward in some lanes, as the only one to do so: it may remember the rows that it wrote.

    Whoever held these lanes before is fenced. After an error, or when lanes come and go, start anew with another one.
    """

    REMEMBERED = 200_000
    """Rows of one view. With more, all are forgotten and read again as they are needed."""

    def __init__(
        self, connection: Connection[Any], views: Iterable[type[View] | Table], lanes: Iterable[int] = ALL
    ) -> None:
        self.connection, self.lanes = connection, sorted(lanes)
        tables = [view if isinstance(view, Table) else Table(view) for view in views]
        self.folds = {table.name: Fold(table) for table in tables}
        self.statements = {table.name: Statements.of(table, connection) for table in tables}
        know_arrays(connection)
        self.interested: dict[str, list[Fold]] = {}
        held = connection.execute(HOLD, (list(self.folds), self.lanes)).fetchall()
        self.position = {(name, lane): position for name, lane, position, _ in held}
        self.turn = {(name, lane): turn for name, lane, _, turn in held}
        if missing := {(n, lane) for n in self.folds for lane in self.lanes} - self.position.keys():
            raise NotBuilt(", ".join(sorted({name for name, _ in missing})))

    def after(self) -> dict[int, int]:
        """The position behind which each lane is to be read: that of its hindmost view."""
        return {lane: min(self.position[name, lane] for name in self.folds) for lane in self.lanes}

    def step(self, feed: Feed, most: int = 500) -> int:
        """Project what comes next. Says how many events were new to any view; -1 where the feed brought nothing."""
        batch = feed.read(self.after(), most)
        if not batch.reached:
            return -1
        work = self._new(batch)
        try:
            with self.connection.pipeline(), self.connection.transaction():
                self.connection.execute(SETTINGS, prepare=True)
                self._recall(work)
                self._apply(work)
                self._move(batch, work, all_lanes=len(batch.events) < most or not work)
                for fold in self.folds.values():
                    self._write(fold)
        except Error as error:
            if error.sqlstate == FENCED:
                raise Fenced("another worker holds these lanes") from error
            raise
        for (name, lane), position in self.position.items():
            self.position[name, lane] = max(position, batch.reached.get(lane, 0))
        return len(work)

    def _new(self, batch: Batch) -> Work:
        """The events that are beyond what some view has seen of their lane."""
        seen, work = dict(self.position), []
        for recorded in batch.events:
            position, lane, fresh = recorded.position, recorded.lane, []
            for fold in self._interested(recorded.topic):
                if seen[fold.table.name, lane] < position:
                    seen[fold.table.name, lane] = position
                    fresh.append(fold)
            if fresh:
                work.append((recorded, event_of(recorded), fresh))
        return work

    def _interested(self, topic: str) -> list[Fold]:
        if topic not in self.interested:
            aggregate = topic.partition(".")[0]
            self.interested[topic] = [fold for fold in self.folds.values() if fold.view.of.__name__ == aggregate]
        return self.interested[topic]

    def _recall(self, work: Work) -> None:
        """Bring to mind the rows that these events touch, and only those."""
        asked: list[tuple[Fold, Cursor[Any]]] = []
        for fold in self.folds.values():
            if max(len(fold.rows), len(fold.whole)) > self.REMEMBERED:
                fold.forget()
            missing, whole = _unknown(fold, work)
            statements = self.statements[fold.table.name]
            if missing:
                fold.rows.update(dict.fromkeys(missing))
                keys = columns_of(missing, [column.type for column in fold.table.key_columns])
                asked.append((fold, self.connection.execute(statements.recall, keys, prepare=True, binary=True)))
            if whole:
                fold.whole |= whole
                ids = columns_of([(id,) for id in whole], ["uuid"])
                asked.append((fold, self.connection.execute(statements.recall_all, ids, prepare=True, binary=True)))
        for fold, cursor in asked:
            places = fold.table.key_places
            for row in cursor.fetchall():
                fold.remember(tuple(row[place] for place in places), row)

    def _apply(self, work: Work) -> None:
        for recorded, event, folds in work:
            try:
                for fold in folds:
                    fold.apply(recorded, event)
            except Exception as error:
                raise Unreadable(said(recorded)) from error

    def _move(self, batch: Batch, work: Work, all_lanes: bool) -> None:
        """Move checkpoints: while there is more to come, only of what was written, for there may be many."""
        written = {(fold.table.name, recorded.lane) for recorded, _, folds in work for fold in folds}
        moved = [
            (name, lane, batch.reached[lane], self.turn[name, lane])
            for (name, lane), position in self.position.items()
            if batch.reached.get(lane, 0) > position and (all_lanes or (name, lane) in written)
        ]
        if moved:
            self.connection.execute(MOVE, columns_of(moved, ("text", "smallint", "bigint", "bigint")), prepare=True)

    def _write(self, fold: Fold) -> None:
        if fold.touched:
            table, statements = fold.table, self.statements[fold.table.name]
            self._send(statements.outdate, [*table.key_columns, TO, UNTIL], fold.outdated)
            self._send(statements.upsert, table.live_columns, fold.live())
            self._send(statements.supersede, table.history_columns, fold.superseded)
            fold.written()

    def _send(self, statement: bytes, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        if rows:
            self.connection.execute(statement, columns_of(rows, [column.type for column in columns]), prepare=True)


class Statements(NamedTuple):
    """The statements of one table, as text: composing them takes longer than a small batch does."""

    recall: bytes
    recall_all: bytes
    outdate: bytes
    upsert: bytes
    supersede: bytes

    @classmethod
    def of(cls, table: Table, connection: Connection[Any]) -> Statements:
        return cls(*(getattr(table, name).as_bytes(connection) for name in cls._fields))


def event_of(recorded: Recorded) -> Any:
    """The event itself. One that cannot be read is named."""
    try:
        return read(cast(Stored, recorded))  # which has all that a stored event has
    except Exception as error:
        raise Unreadable(said(recorded)) from error


def said(recorded: Recorded) -> str:
    """An event in words, for whoever has to look into it."""
    return f"{recorded.topic} at position {recorded.position}, of {recorded.originator_id}"


def _unknown(fold: Fold, work: Work) -> tuple[dict[Key, None], set[UUID]]:
    """The rows to be looked up by key, and the aggregates of which all are."""
    missing: dict[Key, None] = {}
    whole: set[UUID] = set()
    for recorded, event, folds in work:
        if fold not in folds:
            continue
        if recorded.originator_version == 1:
            fold.whole.add(recorded.originator_id)
        if recorded.originator_id in fold.whole:
            continue
        if fold.ends_all(event):
            whole.add(event.originator_id)
            continue
        for key in fold.keys(event):
            if key not in fold.rows:
                missing[key] = None
    return missing, whole
