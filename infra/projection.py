"""Keeps views up to date in the lanes that it holds: folds a batch in memory, and writes it all in one transaction."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from time import time_ns
from typing import Any, NamedTuple, cast
from uuid import UUID

from psycopg import Connection, Cursor, DataError, Error, IntegrityError

from infra import tracing
from infra.binary import Array, bigints, know_arrays, smallints, texts, uuid
from infra.feed import Batch, Feed, Recorded
from infra.fold import Fold, Key
from infra.keys import NoMasterKey, PersonKeys
from infra.lanes import ALL
from infra.mapper import Keys, Stored, persons_in, read, seals
from infra.rows import Row, columns_of, remembering, row_of
from infra.tables import Table
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
PARKED = "select originator_id, position from dead_letters where name = %s"
SKIPPED = "select position from skipped where view = %s"
PARK = "insert into dead_letters (name, originator_id, position, reason, tries) values (%s, %s, %s, %s, %s)"
REFUSALS = ("22", "23", "54")
"""Classes of errors by which PostgreSQL refuses a row: data, constraints, limits (a long text in an index)."""

LONGEST = 500
"""Characters of a reason."""

Work = list[tuple[Recorded, Any, list[Fold]]]
"""Events that are new to some folds."""


class NotBuilt(Exception):
    """Some tables of these views are missing: they are to be built first."""


class Fenced(Exception):
    """Another worker holds some of these lanes now. Nothing of this step was written."""


class Unreadable(Exception):
    """An event cannot be read or folded, or PostgreSQL refuses what it does to a row. Names it; the cause says why."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(said(recorded))
        self.recorded = recorded


@dataclass
class Aside:
    """What a table passes over: events that an operator chose to skip, and aggregates that are parked from one on."""

    skipped: set[int] = field(default_factory=set)
    parked: dict[UUID, int] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection[Any], table: Table) -> Aside:
        skipped = {position for (position,) in connection.execute(SKIPPED, [table.view.table])}
        return cls(skipped, dict(connection.execute(PARKED, [table.name]).fetchall()))

    def passes(self, recorded: Recorded) -> bool:
        """Whether a table does not take this event."""
        if not self.skipped and not self.parked:
            return False
        parked = self.parked.get(recorded.originator_id)
        return recorded.position in self.skipped or (parked is not None and parked <= recorded.position)


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
        self.keys = keys_of(connection)  # asked after the lanes were taken: of who is forgotten later, these are fenced
        self.aside = {table.name: Aside.of(connection, table) for table in tables}  # whoever changes it takes the lanes
        self.limit = sys.maxsize
        if missing := {(n, lane) for n in self.folds for lane in self.lanes} - self.position.keys():
            raise NotBuilt(", ".join(sorted({name for name, _ in missing})))

    def after(self) -> dict[int, int]:
        """The position behind which each lane is to be read: that of its hindmost view."""
        return {lane: min(self.position[name, lane] for name in self.folds) for lane in self.lanes}

    def step(self, feed: Feed, most: int = 500) -> int:
        """Project what comes next. Says how many events were new to any view; -1 where the feed brought nothing.

        Where an event of many cannot be projected, those before it are projected first, in steps that are cut in half
        until it stands alone. Then Unreadable is raised, and nothing of it is written.
        """
        most, began = min(most, self.limit), time_ns()
        batch = feed.read(self.after(), most)
        if not batch.reached:
            return -1
        fresh = self._fresh(batch)
        try:
            recall(self.keys, [recorded for recorded, _ in fresh])
            work = [(recorded, event_of(recorded, self.keys), folds) for recorded, folds in fresh]
            self._project(batch, work, all_lanes=len(batch.events) < most)
        except Unreadable as error:
            self._forget()
            if fresh[0][0] is error.recorded:
                raise
            self.limit = batch.events.index(error.recorded)
            return 0
        except Exception as error:
            if isinstance(error, Error) and error.sqlstate == FENCED:
                raise Fenced("another worker holds these lanes") from error
            if not refused(error):
                raise
            self._forget()
            if len(fresh) == 1:
                raise Unreadable(fresh[0][0]) from error
            self.limit = len(batch.events) // 2
            return 0
        self.limit = min(self.limit * 2, sys.maxsize)
        for (name, lane), position in self.position.items():
            self.position[name, lane] = max(position, batch.reached.get(lane, 0))
        if work and tracing.is_on():
            tracing.projected(self.connection, [recorded.position for recorded, _, _ in work], began)
        return len(work)

    def _project(self, batch: Batch, work: Work, all_lanes: bool) -> None:
        with self.connection.pipeline(), self.connection.transaction():
            self.connection.execute(SETTINGS, prepare=True)
            self._recall(work)
            self._apply(work)
            self._move(batch, work, all_lanes=all_lanes or not work)
            for fold in self.folds.values():
                self._write(fold)

    def park(self, recorded: Recorded, tries: int) -> list[str]:
        """Put an event aside, with all that follow of its aggregate, for the tables that cannot take it. Says which.

        All events before it must have been projected: Unreadable, raised by `step`, says so.
        """
        id, position, lane = recorded.originator_id, recorded.position, recorded.lane
        refusing = {
            fold.table.name: reason
            for fold in self._interested(recorded.topic)
            if self.position[fold.table.name, lane] < position and not self.aside[fold.table.name].passes(recorded)
            if (reason := self._reason(fold, recorded)) is not None
        }
        if refusing:
            held = [(name, lane, self.position[name, lane], self.turn[name, lane]) for name in refusing]
            try:
                with self.connection.transaction():
                    self.connection.execute(MOVE, _moves(held))
                    for name, reason in refusing.items():
                        self.connection.execute(PARK, (name, id, position, reason, tries))
            except Error as error:
                if error.sqlstate == FENCED:
                    raise Fenced("another worker holds these lanes") from error
                raise
        for name in refusing:
            self.aside[name].parked[id] = position
        return list(refusing)

    def replay(self, table: Table, events: Sequence[Recorded]) -> Unreadable | None:
        """Fold events that a table did not take when they came, all of one aggregate. Says at which one that ended.

        To be called in a transaction, by a projector that has just taken the lane.
        """
        fold, skipped = self.folds[table.name], self.aside[table.name].skipped
        left = [recorded for recorded in events if recorded.position not in skipped]
        try:
            with self.connection.transaction():
                self._alone(fold, left)
            return None
        except Unreadable:
            self._forget()
        for recorded in left:
            try:
                with self.connection.transaction():
                    self._alone(fold, [recorded])
            except Unreadable as error:
                self._forget()
                return error
        return None

    def _alone(self, fold: Fold, events: Sequence[Recorded]) -> None:
        """Write what some events do to one table. Raises Unreadable; the event that it names is one of them."""
        work: Work = [(recorded, event_of(recorded, self.keys), [fold]) for recorded in events]
        try:
            self.connection.execute(SETTINGS)
            self._recall(work)
            self._apply(work)
            self._write(fold)
        except Unreadable:
            raise
        except Exception as error:
            if refused(error):
                raise Unreadable(events[0]) from error
            raise

    def _reason(self, fold: Fold, recorded: Recorded) -> str | None:
        """Why a table does not take an event; None where it does."""
        try:
            with self.connection.transaction(force_rollback=True):
                self._alone(fold, [recorded])
            return None
        except Unreadable as error:
            return reason(error)
        finally:
            self._forget()

    def _forget(self) -> None:
        """After something failed: what is remembered was not written."""
        for fold in self.folds.values():
            fold.written()
            fold.forget()

    def _fresh(self, batch: Batch) -> list[tuple[Recorded, list[Fold]]]:
        """The events that are beyond what some view has seen of their lane."""
        seen, found = dict(self.position), []
        for recorded in batch.events:
            position, lane, folds = recorded.position, recorded.lane, []
            for fold in self._interested(recorded.topic):
                if seen[fold.table.name, lane] < position:
                    seen[fold.table.name, lane] = position
                    if not self.aside[fold.table.name].passes(recorded):
                        folds.append(fold)
            if folds:
                found.append((recorded, folds))
        return found

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
        for fold, (missing, whole) in _unknown(work).items():
            table, statements = fold.table, self.statements[fold.table.name]
            if missing:
                fold.rows.update(dict.fromkeys(missing))
                keys = columns_of([fold.parts_of(key) for key in missing], table.key_columns)
                asked.append((fold, self._asked(table, statements.recall, keys)))
            if whole:
                fold.whole |= whole
                ids = columns_of([(id,) for id in whole], table.key_columns[:1])
                asked.append((fold, self._asked(table, statements.recall_all, ids)))
        for fold, cursor in asked:
            for row in map(row_of, cursor.fetchall()):
                fold.remember(fold.key_of(row), row)

    def _asked(self, table: Table, statement: bytes, given: list[Array]) -> Cursor[Any]:
        return remembering(self.connection, table.live_columns).execute(statement, given, prepare=True)

    def _apply(self, work: Work) -> None:
        for recorded, event, folds in work:
            try:
                for fold in folds:
                    fold.apply(recorded, event)
            except Exception as error:
                raise Unreadable(recorded) from error

    def _move(self, batch: Batch, work: Work, all_lanes: bool) -> None:
        """Move checkpoints: while there is more to come, only of what was written, for there may be many."""
        written = {(fold.table.name, recorded.lane) for recorded, _, folds in work for fold in folds}
        moved = [
            (name, lane, batch.reached[lane], self.turn[name, lane])
            for (name, lane), position in self.position.items()
            if batch.reached.get(lane, 0) > position and (all_lanes or (name, lane) in written)
        ]
        if moved:
            self.connection.execute(MOVE, _moves(moved), prepare=True)

    def _write(self, fold: Fold) -> None:
        if fold.touched:
            table, statements = fold.table, self.statements[fold.table.name]
            self._send(statements.upsert, table.live_columns, fold.live())
            self._send(statements.supersede, table.history_columns, fold.superseded)
            fold.written()

    def _send(self, statement: bytes, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        if rows:
            self.connection.execute(statement, columns_of(rows, columns), prepare=True)


class Statements(NamedTuple):
    """The statements of one table, as text: composing them takes longer than a small batch does."""

    recall: bytes
    recall_all: bytes
    upsert: bytes
    supersede: bytes

    @classmethod
    def of(cls, table: Table, connection: Connection[Any]) -> Statements:
        return cls(*(getattr(table, name).as_bytes(connection) for name in cls._fields))


def keys_of(connection: Connection[Any]) -> PersonKeys:
    """The keys of persons, asked over this connection and remembered for as long as it is used for one thing."""
    return PersonKeys(lambda statement, given: connection.execute(statement.encode(), given).fetchall(), lasts=inf)


def recall(keys: PersonKeys, events: Iterable[Recorded]) -> None:
    """Bring to mind the keys that these events are sealed under. An event that cannot be read is passed over."""
    persons: set[UUID] = set()
    for recorded in events:
        with suppress(Exception):
            if seals(recorded.topic):
                persons |= persons_in(recorded.topic, recorded.originator_id, recorded.state)
    if persons:
        keys.recall(persons)


def event_of(recorded: Recorded, keys: Keys) -> Any:
    """The event itself. One that cannot be read is named; that the keys cannot be had is no fault of the event."""
    try:
        return read(cast(Stored, recorded), keys)  # which has all that a stored event has
    except (NoMasterKey, Error):
        raise
    except Exception as error:
        raise Unreadable(recorded) from error


def refused(error: Exception) -> bool:
    """Whether an error is about the rows that were to be written, not about the database or our hold of it."""
    return isinstance(error, DataError | IntegrityError) or (
        isinstance(error, Error) and (error.sqlstate or "")[:2] in REFUSALS
    )


def reason(error: Unreadable) -> str:
    """Why an event was not taken. Nothing is quoted that may be about a person: not what PostgreSQL tells of values,
    nor the words of an error about an event that has something sealed in it.
    """
    cause, recorded = error.__cause__ or error, error.recorded
    if isinstance(cause, Error):
        which, quotes = cause.sqlstate or type(cause).__name__, (cause.sqlstate or "").startswith("22")
        told = None if quotes else cause.diag.message_primary
        return f"PostgreSQL refuses the row ({which}{f': {told}' if told else ''})"[:LONGEST]
    try:
        personal = bool(persons_in(recorded.topic, recorded.originator_id, recorded.state))
    except Exception:
        personal = False  # it cannot be read, so that nothing was unsealed
    return (type(cause).__name__ if personal else f"{type(cause).__name__}: {cause}")[:LONGEST]


def said(recorded: Recorded) -> str:
    """An event in words, for whoever has to look into it."""
    return f"{recorded.topic} at position {recorded.position}, of {recorded.originator_id}"


def _unknown(work: Work) -> dict[Fold, tuple[dict[Key, None], set[Key]]]:
    """The rows of each fold to be looked up by key, and the aggregates of which all are."""
    found: dict[Fold, tuple[dict[Key, None], set[Key]]] = {}
    for recorded, event, folds in work:
        id = uuid(recorded.originator_id)
        for fold in folds:
            if recorded.originator_version == 1:
                fold.whole.add(id)
            if id in fold.whole:
                continue
            missing, whole = found.setdefault(fold, ({}, set()))
            try:
                if fold.ends_all(event):
                    whole.add(id)
                else:
                    missing.update((key, None) for key in fold.keys(event) if key not in fold.rows)
            except Exception as error:
                raise Unreadable(recorded) from error
    return found


def _moves(moved: Iterable[tuple[str, int, int, int]]) -> list[Array]:
    names, lanes, positions, turns = zip(*moved, strict=True)
    return [texts(names), smallints(lanes), bigints(positions), bigints(turns)]
