"""What events do to the rows of one table: pure, in memory, a tuple per row in the order of its columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING
from typing import Any
from uuid import UUID

from infra.feed import Recorded
from infra.tables import Table
from projections.columns import Parts, plain
from projections.view import default_of, folds_by_name, shape, told

Row = tuple[Any, ...]
"""A version of a row: the columns of the table, those of the machinery last."""
Key = tuple[Any, ...]
"""The id; of an item, then its key."""
Setter = tuple[str, int, int, Parts | None]
"""A field, from which place to which its columns stand in a row, and how its value becomes them."""


class Fold:
    """Rows as they are remembered, and what changed in them since they were last written."""

    def __init__(self, table: Table) -> None:
        self.table, self.view = table, table.view
        self.rows: dict[Key, Row | None] = {}
        """None: known not to exist."""
        self.items: dict[UUID, set[Key]] = {}
        """The remembered items of an aggregate, where rows are items."""
        self.whole: set[UUID] = set()
        """The aggregates of which every row is remembered: what is not, does not exist."""
        self.touched: set[Key] = set()
        self.superseded: list[Row] = []
        """Versions that were never written, for another followed: then come the position and time of that."""
        self.outdated: list[Row] = []
        """The keys of rows whose written version was followed by another: then come the position and time of that."""
        self.by_name = folds_by_name(self.view)
        self.setters: dict[str, Setter] = {}
        self.plans: dict[type, list[Setter]] = {}
        self.tail = len(table.columns)
        self.blank: list[Any] = [None] * len(table.live_columns)
        start = 0
        for f in shape(self.view):
            end = start + len(f.columns)
            setter = self.setters[f.name] = (f.name, start, end, f.parts)
            if (default := default_of(self.view, f.name)) is not MISSING:
                _put(self.blank, setter, default)
            start = end

    # -- what is needed before a batch -------------------------------------------------------------------

    def keys(self, event: Any) -> Iterable[Key]:
        """The rows that an event touches, where it names them."""
        if not self.view.key:
            return ((event.originator_id,),)
        if self.by_name or isinstance(event, self.view.ends):
            content = vars(event)
            return ((event.originator_id, plain(content[self.view.key])),) if self.view.key in content else ()
        return [(event.originator_id, plain(key)) for key, _ in self.view.each(event)]

    def ends_all(self, event: Any) -> bool:
        """Whether an event ends every item of its aggregate."""
        return bool(self.view.key) and isinstance(event, self.view.ends) and self.view.key not in vars(event)

    def forget(self) -> None:
        """Remember nothing any more: all is written."""
        self.rows.clear()
        self.items.clear()
        self.whole.clear()

    # -- the fold -----------------------------------------------------------------------------------------

    def apply(self, recorded: Recorded, event: Any) -> None:
        """Change the rows that this event touches. They must be remembered, or known not to exist."""
        view = self.view
        if view.ends and isinstance(event, view.ends):
            keys = list(self.items.get(event.originator_id, ())) if self.ends_all(event) else self.keys(event)
            for key in keys:
                self._end(key, recorded, event)
        elif not view.key:
            self._change((event.originator_id,), recorded, event, None if self.by_name else view.changes(event))
        elif self.by_name:
            for key in self.keys(event):
                self._change(key, recorded, event, None)
        else:
            for name, changes in view.each(event):
                self._change((event.originator_id, plain(name)), recorded, event, changes)

    def remember(self, key: Key, row: Row | None) -> None:
        self.rows[key] = row
        if row and self.view.key:
            self.items.setdefault(key[0], set()).add(key)

    def _change(self, key: Key, recorded: Recorded, event: Any, changes: dict[str, Any] | None) -> None:
        before = self.rows.get(key)
        if before:
            self._supersede(key, before, recorded)
        if before and not (self.view.ends and before[-1]):
            row = list(before)
        else:
            row = self.blank.copy()
            row[0], row[2] = event.originator_id, recorded.recorded_at
        if changes is None:
            content, kind = vars(event), type(event)
            plan = self.plans.get(kind)
            for setter in self._plan(kind) if plan is None else plan:
                _put(row, setter, content[setter[0]])
        else:
            for name, value in changes.items():
                _put(row, self.setters[name], value)
        self._made(key, row, recorded, event, False)

    def _end(self, key: Key, recorded: Recorded, event: Any) -> None:
        before = self.rows.get(key)
        if before and not before[-1]:
            self._supersede(key, before, recorded)
            self._made(key, list(before), recorded, event, True)

    def _supersede(self, key: Key, before: Row, recorded: Recorded) -> None:
        if key in self.touched:
            self.superseded.append((*before, recorded.position, recorded.recorded_at))
        else:
            self.outdated.append((*key, recorded.position, recorded.recorded_at))

    def _made(self, key: Key, row: list[Any], recorded: Recorded, event: Any, ended: bool) -> None:
        row[1], row[3] = recorded.originator_version, recorded.recorded_at
        row[self.tail : self.tail + 3] = recorded.position, recorded.occurred_at, type(event).__name__
        if self.view.ends:
            row[-1] = ended
        self.remember(key, tuple(row))
        self.touched.add(key)

    def _plan(self, kind: type) -> list[Setter]:
        self.plans[kind] = [self.setters[name] for name in told(self.view, kind)]
        return self.plans[kind]

    # -- what a batch leaves to be written -----------------------------------------------------------------

    def live(self) -> list[Row]:
        """The newest version of each row that was touched."""
        return [row for key in self.touched if (row := self.rows[key])]

    def written(self) -> None:
        """Nothing is left to be written."""
        self.touched.clear()
        self.superseded.clear()
        self.outdated.clear()


def _put(row: list[Any], setter: Setter, value: Any) -> None:
    _, start, end, parts = setter
    if value is None:
        row[start:end] = (None,) * (end - start)
    elif parts is None:
        row[start] = value
    else:
        row[start:end] = parts(value)
