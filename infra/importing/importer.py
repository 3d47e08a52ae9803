"""Import: the rows of a file become commands. A row is whole or it is refused, and no row is imported twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from hashlib import sha256
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import UUID

from msgspec import json
from psycopg import Connection

from domain.command import Accepted, Code, Refusal, Request
from domain.undoing import undone_by
from domain.values import new_id
from infra.event_store import EventStore
from infra.importing.aside import Aside
from infra.importing.in_flight import InFlight
from infra.importing.lookup import Lookup
from infra.importing.mapping import THIS, Find, RowMapping, Step, Whole, columns_of, part
from infra.importing.problems import BadRow, CannotImport
from infra.importing.refusals import Refusals
from infra.importing.table import Row, Rows
from infra.importing.values import Values, short
from infra.pipeline import CommandPipeline, Pending, command_id

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""

AT_ONCE: Final = 256
"""Rows that are looked up at once, and rows that are decided while others are being recorded."""
LATER: Final = frozenset({Code.CONFLICT, Code.THROTTLED})
"""Answers that say nothing about a row: it is tried again at the end."""

EVENTS: Final = "select count(*) from events where position > %s and correlation_id = %s"
ORIGINS: Final = """
    select command_id, origin, originator_id from events where command_id = any(%(ids)s)
    union all
    select command_id, null, null from answers where command_id = any(%(ids)s) and jsonb_typeof(outcome) = 'array'"""
"""Which commands were carried out, and where they came from and of what, if that was recorded with an event."""
UNDONE: Final = """
    select distinct u.originator_id from events u
    where u.originator_id = any(%s) and u.command = split_part(u.topic, '.', 1) || '.undo'"""
"""Of which of these something was undone, whatever it was."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What became of a file; of a dry run, what would.

    `changed` rows were imported before with other content, and stay as they were; they are among the refused.
    `undecided` are commands of a dry run that name what only this file brings. `correlation_id` finds the events.
    """

    file: str
    mapping: str
    kind: str
    dry_run: bool
    delimiter: str
    unused_columns: tuple[str, ...]
    rows: int
    imported: int
    already_there: int
    refused: int
    changed: int
    undecided: int
    events: int
    seconds: float
    rows_per_second: float
    correlation_id: UUID


def run(
    file: Path,
    kind: str,
    mapping: RowMapping,
    pipeline: CommandPipeline,
    store: EventStore,
    connection: Connection[Any],
    actor: UUID,
    zone: tzinfo,
    progress: Progress | None = None,
    dry_run: bool = False,
    errors_to: Path | None = None,
) -> Report:
    """Import a file, in which a date is midnight in `zone`. Progress is told in bytes.

    `connection` reads history and views, and commits by itself.

    Raises CannotImport, before anything is recorded, where the file or the mapping as a whole is of no use.
    """
    if kind != mapping.kind:
        raise CannotImport(f"the mapping {mapping.name} makes one of {mapping.kind} of a row, not of {kind}")
    with Rows(file, mapping) as rows, Refusals(errors_to, rows) as refusals:
        begin, before = monotonic(), store.head()[0]
        importer = _Importer(mapping, pipeline, connection, actor, zone, dry_run, refusals)
        importer.everything(rows, progress or (lambda done, of: None))
        seconds, counts = max(monotonic() - begin, 0.001), importer.counts
        (events,) = connection.execute(EVENTS, (before, importer.correlation_id)).fetchone() or (0,)
        return Report(
            file=str(file),
            mapping=mapping.name,
            kind=kind,
            dry_run=dry_run,
            delimiter=rows.delimiter,
            unused_columns=tuple(rows.unused),
            events=events,
            seconds=round(seconds, 3),
            rows_per_second=round(counts.rows / seconds, 1),
            correlation_id=importer.correlation_id,
            **vars(counts),
        )


@dataclass
class _Counts:
    rows: int = 0
    imported: int = 0
    already_there: int = 0
    refused: int = 0
    changed: int = 0
    undecided: int = 0


class _Waits(BadRow):
    """A row names what another row of the file may still bring."""


class _WouldBring(Exception):
    """In a dry run: a command names what the file would have brought by now."""


class _Decided(Exception):
    """In a dry run: all commands of a row were decided, and nothing is to be recorded."""


@dataclass(frozen=True)
class _Call:
    """One command of a row. Without `on` it is asked of what the first one made, unless it makes something."""

    step: Step
    on: UUID | None
    arguments: dict[str, Any]
    at: datetime | None


@dataclass
class _Unit:
    """All commands of one row. `content` tells whether two rows become the same."""

    row: Row
    key: str
    content: str
    calls: list[_Call]
    asked: Step
    """The command that was asked last: a refusal is about it."""
    this: UUID | None = None
    """What the first command is asked of, or makes."""
    again: bool = False
    """Whether its first command is known already."""
    turn: str = ""
    """By which undo it is new again, if it was imported before and undone."""


class _Importer:
    def __init__(
        self,
        mapping: RowMapping,
        pipeline: CommandPipeline,
        connection: Connection[Any],
        actor: UUID,
        zone: tzinfo,
        dry_run: bool,
        refusals: Refusals,
    ) -> None:
        self.mapping, self.pipeline, self.connection = mapping, pipeline, connection
        self.actor, self.zone, self.dry_run, self.refusals = actor, zone, dry_run, refusals
        self.correlation_id, self.counts = new_id(), _Counts()
        self.lookup = Lookup(pipeline, connection)
        self.in_flight: InFlight[str, _Unit] = InFlight(AT_ONCE, self._settle)
        self.last_try = False
        self.known: dict[str, str | None] = {}
        """Of the rows at hand, those whose keys were imported, and the origin of their events, if there are any."""
        self.turns: dict[str, str] = {}
        """Of the rows at hand, those that were imported and undone, with the undo."""
        self.would_bring: dict[bytes, str] = {}
        """The same, of all rows that a dry run would import."""
        own = f"external_ids.{mapping.system}"
        self.brings = Find(mapping.kind, own) if mapping.steps[0].command.creates else None

    def everything(self, rows: Rows, progress: Progress) -> None:
        """All rows, and then again those that wait for others, as long as that helps."""
        self.lookup.prepare(column.find for column in self.mapping.columns.values() if column.find)
        with Aside() as self.aside:
            for some in _batches(self._counted(rows), AT_ONCE):
                self._some(some)
                progress(rows.read, rows.size)
            self.in_flight.drain()
            while waiting := self.aside.turn():
                for some in _batches(self.aside.take(), AT_ONCE):
                    self._some(some)
                self.in_flight.drain()
                self.last_try = len(self.aside) == waiting
        progress(rows.size, rows.size)

    def _counted(self, rows: Rows) -> Iterator[Row]:
        for row in rows:
            self.counts.rows += 1
            yield row

    def _some(self, rows: list[Row]) -> None:
        """Some rows, with one look at which of them are known already."""
        keyed: list[tuple[Row, Values, str]] = []
        for row in rows:
            try:
                if row.wrong:
                    raise row.wrong
                values = Values(self.mapping, row.cells, self._find, self.zone)
                keyed.append((row, values, values.key()))
            except BadRow as wrong:
                self._refuse(row, wrong)
        self.known = self._known_of({key for _, _, key in keyed})
        for row, values, key in keyed:
            try:
                self._begin(row, values, key)
            except BadRow as wrong:
                if isinstance(wrong, _Waits) and not self.last_try:
                    self.aside.put(row)
                else:
                    self._refuse(row, wrong)

    def _begin(self, row: Row, values: Values, key: str) -> None:
        """Decide a row, and let it be recorded while others are decided."""
        self.in_flight.wait_for(key)
        chosen = [step for step in self.mapping.steps if values.holds(step)]
        calls = [call for step in chosen if (call := self._call(step, values))]
        content = sha256(json.encode([[c.step.name, c.on, c.arguments, c.at] for c in calls], order="sorted"))
        unit = _Unit(row, key, content.hexdigest()[:32], calls, chosen[0], turn=self.turns.get(key, ""))
        known = self.known.get(key) or self.would_bring.get(_digest(key))
        unit.again = known is not None or key in self.known
        if known is not None:
            self._again(unit, known)
        elif self.dry_run:
            self._would(unit)
        else:
            self.in_flight.add(key, unit, self.pipeline.start(lambda run: self._steps(unit, run)))

    def _call(self, step: Step, values: Values) -> _Call | None:
        """What is asked; None in a dry run that cannot know."""
        try:
            on = values.value(step.on.column) if step.on and step.on.column != THIS else None
            return _Call(step, on, values.arguments(step), values.moment(step))
        except _WouldBring:
            self.counts.undecided += 1
            return None

    def _steps(self, unit: _Unit, run: Callable[[Request], Accepted]) -> None:
        unit.this = None
        for call in unit.calls:
            unit.asked = step = call.step
            made = run(
                Request(
                    command=step.command.name,
                    id=None if step.command.creates else call.on or unit.this,
                    arguments=_with_this(call.arguments, unit.this),
                    actor=self.actor,
                    idempotency_key=self._idempotency_key(step, unit.key, unit.turn),
                    correlation_id=self.correlation_id,
                    origin=self._origin(unit.content),
                    occurred_at=call.at,
                )
            )
            unit.this = unit.this or made.changed[0].id
        if self.dry_run:
            raise _Decided

    def _would(self, unit: _Unit) -> None:
        """What would become of a row. Whether others hold what must be unique is asked for its key alone."""
        if unit.again:
            self.counts.already_there += 1
            return
        if self.brings and (holder := self.lookup.find(self.brings, unit.key)):
            raise BadRow(f"{self.mapping.kind}_{holder} has this key already", self._column_of_key())
        self.would_bring[_digest(unit.key)] = self._origin(unit.content)
        if not unit.calls or unit.calls[0].step != self.mapping.steps[0]:
            self.counts.undecided += len(unit.calls)
            self.counts.imported += 1
            return
        try:
            refusal = self.pipeline.together(lambda run: self._steps(unit, run))
        except _Decided:
            self.counts.imported += 1
        else:
            del self.would_bring[_digest(unit.key)]
            assert isinstance(refusal, Refusal)
            raise self._wrong(unit, refusal)

    def _again(self, unit: _Unit, origin: str) -> None:
        """A row of a key that is known: the same, or another one that has to say so."""
        if origin == self._origin(unit.content):
            self.counts.already_there += 1
        else:
            raise self._changed()

    def _changed(self) -> BadRow:
        self.counts.changed += 1
        reason = "a row of this key was imported before, with other content or by another form of the mapping"
        return BadRow(reason, self._column_of_key())

    def _settle(self, unit: _Unit, pending: Pending) -> None:
        outcome = pending.result()
        if isinstance(outcome, Accepted):
            before = unit.again or outcome.changed[0].id != unit.this
            self.counts.already_there += before
            self.counts.imported += not before
            self.known[unit.key] = self._origin(unit.content)
        elif outcome.code in LATER and not self.last_try:
            self.aside.put(unit.row)
        elif outcome.code is Code.REPEATED_OTHERWISE:
            self._refuse(unit.row, self._changed())
        else:
            self._refuse(unit.row, self._wrong(unit, outcome))

    def _wrong(self, unit: _Unit, refusal: Refusal) -> BadRow:
        """A refusal in words for whoever reads the list of errors, with the column that the value came from."""
        step, path = unit.asked, refusal.field or ""
        column = self._column_of(step, path)
        if column is None and refusal.code is Code.DUPLICATE:
            columns = (self._column_of(call.step, path) for call in unit.calls)
            column = next(
                (c for c in columns if c), self._column_of_key() if path.startswith("external_ids.") else None
            )
        about = f" ({path})" if path and column is None else ""
        holder = f": {refusal.holder} has it" if refusal.holder else ""
        return BadRow(f"{step.command.name}: {refusal.message}{about}{holder}", column)

    def _column_of(self, step: Step, path: str) -> str | None:
        given = step.at if path == "occurred_at" else step.on if path == "id" else part(step.arguments, path)
        headers = (self.mapping.columns[name].header for name in columns_of(given) if name != THIS)
        return next((header for header in headers if header), None)

    def _column_of_key(self) -> str | None:
        headers = (self.mapping.columns[name].header for name in columns_of(self.mapping.key))
        return next((header for header in headers if header), None)

    def _refuse(self, row: Row, why: BadRow) -> None:
        self.counts.refused += 1
        self.refusals.write(row, why)

    def _find(self, find: Find, text: str) -> UUID:
        own = find == self.brings
        if own:
            self.in_flight.wait_for(text)
        if found := self.lookup.find(find, text):
            return found
        if own and _digest(text) in self.would_bring:
            raise _WouldBring
        by = "" if find.by.startswith("external_ids.") else f" by its {find.by}"
        raise (_Waits if own else BadRow)(f"there is no {find.kind} called {short(text)}{by}")

    def _known_of(self, keys: set[str]) -> dict[str, str | None]:
        """Of these keys, those whose rows were imported before, with the origin of their first command.

        What was undone since is not known any more: it may come in again, and otherwise.
        """
        first, known = self.mapping.steps[0], dict[str, str | None]()
        self.turns = {}
        while keys:
            ids = {command_id(self.actor, self._idempotency_key(first, k, self.turns.get(k, ""))): k for k in keys}
            found = self.connection.execute(ORIGINS, {"ids": list(ids)}, prepare=True).fetchall()
            undone = self._undone({id: of for id, _, of in found if of})
            known |= {ids[id]: origin for id, origin, _ in found if id not in undone}
            keys = {ids[id] for id in undone}
            self.turns |= {ids[id]: f" after {by}" for id, by in undone.items()}
        return known

    def _undone(self, commands: dict[UUID, UUID]) -> dict[UUID, UUID]:
        """Of commands, each with what it was asked of, those that were undone, each with the undo."""
        touched = self.connection.execute(UNDONE, [list(commands.values())], prepare=True).fetchall()
        pasts = {of: self.pipeline.store.past(of) for (of,) in touched}
        found = {}
        for id, of in commands.items():
            mine = [each for each in pasts.get(of, ()) if each.command_id == id]
            if mine and (by := undone_by(pasts[of], mine[0])) and by.correlation_id:
                found[id] = by.correlation_id
        return found

    def _idempotency_key(self, step: Step, key: str, turn: str) -> str:
        return f"import {_digest(self.mapping.name, step.name, key).hex()}{turn}"

    def _origin(self, content: str) -> str:
        """Where a command comes from, and the digest of what the row became: the next import compares it."""
        return f"import {self.mapping.name} {content}"


def _digest(*texts: str) -> bytes:
    return sha256(json.encode(texts)).digest()


def _with_this(given: Any, this: UUID | None) -> Any:
    """The arguments with what the first command made put in."""
    if isinstance(given, dict):
        return {name: _with_this(value, this) for name, value in given.items()}
    if isinstance(given, list):
        return [_with_this(value, this) for value in given]
    return this if isinstance(given, Whole) else given


def _batches(items: Iterable[T], most: int) -> Iterator[list[T]]:
    waiting = iter(items)
    while batch := list(islice(waiting, most)):
        yield batch
