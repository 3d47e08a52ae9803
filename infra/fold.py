"""What events do to the rows of one table: pure, in memory, a tuple per row in the order of its columns.

A row holds its values as they are written to PostgreSQL, so that what an event does not change is written no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING
from typing import Any, Final, NamedTuple
from uuid import UUID

from infra.binary import FALSE, NULL, TRUE, Write, bigint, instant, text, uuid
from infra.feed import Recorded
from infra.rows import Row, carried
from infra.tables import Table
from projections.columns import Column, Parts, plain
from projections.view import default_of, folds_by_name, names_item, shape, told

Key = bytes
"""The id as it is written; of an item, then its key."""
ID: Final = len(uuid(UUID(int=0)))
"""Bytes of a key that are the id."""


class Unsendable(Exception):
    """A value of a row is none of its column's type."""


class Setter(NamedTuple):
    """How the value of a field becomes its columns, from one place in a row to another."""

    name: str
    start: int
    end: int
    parts: Parts | None
    writes: tuple[Write, ...]


class Plan(NamedTuple):
    """What a kind of event does to a row."""

    name: bytes
    setters: list[Setter]
    ends: bool


Stamp = tuple[bytes, bytes, bytes, bytes]
"""What every row has that an event made: its version, position, and when it was recorded and occurred."""


class Fold:
    """Rows as they are remembered, and what changed in them since they were last written.

    They are written as `write` says: carried in parameters, or by COPY.
    """

    def __init__(self, table: Table, write: Callable[[Column], Write] = carried) -> None:
        self.table, self.view = table, table.view
        self.rows: dict[Key, Row | None] = {}
        """None: known not to exist."""
        self.items: dict[Key, set[Key]] = {}
        """The remembered items of an aggregate, where rows are items."""
        self.whole: set[Key] = set()
        """The aggregates of which every row is remembered: what is not, does not exist."""
        self.touched: set[Key] = set()
        self.superseded: list[Row] = []
        """Versions that another followed: then come the position and time of that."""
        self.by_name, self.ending = folds_by_name(self.view), bool(self.view.ends)
        self.setters: dict[str, Setter] = {}
        self.plans: dict[type, Plan] = {}
        self.tail = len(table.columns)
        self.blank: list[bytes] = [NULL] * len(table.live_columns)
        start = 0
        for f in shape(self.view):
            end, writes = start + len(f.columns), tuple(map(write, f.columns))
            setter = self.setters[f.name] = Setter(f.name, start, end, f.parts, writes)
            if (default := default_of(self.view, f.name)) is not MISSING:
                _put(self.blank, setter, default)
            start = end
        if self.view.key:
            [self.write_key] = self.setters[self.view.key].writes

    # -- what is needed before a batch -------------------------------------------------------------------

    def keys(self, event: Any) -> Iterable[Key]:
        """The rows that an event touches, where it names them."""
        id = uuid(event.originator_id)
        if not self.view.key:
            return (id,)
        if self.by_name or isinstance(event, self.view.ends):
            named = names_item(self.view, type(event))
            return (self._item(id, getattr(event, self.view.key)),) if named else ()
        return [self._item(id, key) for key, _ in self.view.each(event)]

    def ends_all(self, event: Any) -> bool:
        """Whether an event ends every item of its aggregate."""
        return bool(self.view.key) and isinstance(event, self.view.ends) and not names_item(self.view, type(event))

    def key_of(self, row: Row) -> Key:
        return b"".join([row[place] for place in self.table.key_places])

    def parts_of(self, key: Key) -> Row:
        """A key as the columns that it is made of."""
        return (key[:ID], key[ID:]) if self.view.key else (key,)

    def forget(self) -> None:
        """Remember nothing any more: all is written."""
        self.rows.clear()
        self.items.clear()
        self.whole.clear()

    # -- the fold -----------------------------------------------------------------------------------------

    def apply(self, recorded: Recorded, event: Any) -> None:
        """Change the rows that this event touches. They must be remembered, or known not to exist.

        Raises Unsendable where a value is none of its column's type.
        """
        view, kind = self.view, type(event)
        plan = self.plans.get(kind) or self._plan(kind)
        stamp, id = _stamp(recorded), uuid(recorded.originator_id)
        if plan.ends:
            keys = list(self.items.get(id, ())) if self.ends_all(event) else self.keys(event)
            for key in keys:
                self._end(key, stamp, plan.name)
        elif self.by_name:
            for key in self.keys(event) if view.key else (id,):
                self._change(key, stamp, plan.name, plan.setters, vars(event))
        else:
            changed = view.each(event) if view.key else ((None, view.changes(event)),)
            for name, changes in changed:
                key = self._item(id, name) if view.key else id
                self._change(key, stamp, plan.name, [self.setters[name] for name in changes], changes)

    def remember(self, key: Key, row: Row | None) -> None:
        self.rows[key] = row
        if row and self.view.key:
            self.items.setdefault(key[:ID], set()).add(key)

    def _item(self, id: Key, key: Any) -> Key:
        return id + self.write_key(plain(key))

    def _change(
        self, key: Key, stamp: Stamp, name: bytes, setters: Iterable[Setter], content: Mapping[str, Any]
    ) -> None:
        before = self.rows.get(key)
        if before and not (self.ending and before[-1] == TRUE):
            row = list(before)
        else:
            row = self.blank.copy()
            row[0], row[2] = key[:ID], stamp[2]
        for setter in setters:
            _put(row, setter, content[setter[0]])
        self._made(key, before, row, stamp, name, FALSE)

    def _end(self, key: Key, stamp: Stamp, name: bytes) -> None:
        before = self.rows.get(key)
        if before and before[-1] != TRUE:
            self._made(key, before, list(before), stamp, name, TRUE)

    def _made(self, key: Key, before: Row | None, row: list[bytes], stamp: Stamp, name: bytes, ended: bytes) -> None:
        tail = self.tail
        row[1], position, recorded, occurred = stamp
        row[3] = recorded
        row[tail : tail + 3] = position, occurred, name
        if self.ending:
            row[-1] = ended
        if before:
            self.superseded.append((*before, position, recorded))
        self.touched.add(key)
        self.remember(key, tuple(row))

    def _plan(self, kind: type) -> Plan:
        ends = issubclass(kind, self.view.ends)
        setters = [self.setters[name] for name in told(self.view, kind)]
        self.plans[kind] = Plan(text(kind.__name__), setters, ends)
        return self.plans[kind]

    # -- what a batch leaves to be written -----------------------------------------------------------------

    def live(self) -> list[Row]:
        """The newest version of each row that was touched."""
        return [row for key in self.touched if (row := self.rows[key])]

    def written(self) -> None:
        """Nothing is left to be written."""
        self.touched.clear()
        self.superseded.clear()


def _stamp(recorded: Recorded) -> Stamp:
    known, happened = recorded.recorded_at, recorded.occurred_at
    at = instant(known)
    occurred = at if happened == known else instant(happened)
    return bigint(recorded.originator_version), bigint(recorded.position), at, occurred


def _put(row: list[bytes], setter: Setter, value: Any) -> None:
    _, start, end, parts, writes = setter
    try:
        if value is None:
            row[start:end] = (NULL,) * (end - start)
        elif parts is None:
            row[start] = writes[0](value)
        else:
            row[start:end] = [
                NULL if part is None else write(part) for write, part in zip(writes, parts(value), strict=True)
            ]
    except Exception as error:
        raise Unsendable(f"{setter.name}: {type(error).__name__}: {error}") from error
