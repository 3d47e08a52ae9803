"""The audit log as a file: who did what to which thing, a row for each event, for whoever reads it elsewhere."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO
from uuid import UUID

from msgspec import json
from psycopg import Connection

from infra.evidence.writing import positions
from infra.exporting import FORMULA, Format, Progress
from infra.trail import Names

AT_ONCE: Final = 10_000
COLUMNS: Final = (
    "position", "recorded_at", "occurred_at", "actor", "actor_name", "on_behalf_of", "on_behalf_of_name", "command",
    "event", "subject", "version", "command_id", "correlation_id", "causation_id", "origin", "receipt",
)  # fmt: skip
ROWS: Final = """
    select position, recorded_at, occurred_at, actor, on_behalf_of, command, topic, originator_id, originator_version,
           command_id, correlation_id, causation_id, origin, encode(hash, 'hex')
    from events where position between %(first)s and %(last)s
      and (%(only)s::text[] is null or topic = any(%(only)s) or split_part(topic, '.', 1) = any(%(only)s))
      and (%(actor)s::uuid is null or actor = %(actor)s or on_behalf_of = %(actor)s)
      and (%(command)s::text is null or command = %(command)s)
      and (%(of)s::uuid is null or originator_id = %(of)s)
      and (%(correlation)s::uuid is null or correlation_id = %(correlation)s)
    order by position"""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which events; what is None does not matter. `actor` is who asked, or for whom."""

    only: Sequence[str] | None = None
    actor: UUID | None = None
    command: str | None = None
    of: UUID | None = None
    correlation: UUID | None = None


def export_log(
    connection: Connection[Any],
    out: TextIO,
    format: Format,
    first: int = 1,
    last: int | None = None,
    chosen: Filter = Filter(),
    progress: Progress = lambda done, all: None,
) -> int:
    """Write the events of these positions that pass the filter, and return how many. What they told is not in it.

    In CSV a text that a spreadsheet might take for a formula gets a `'` before it. Raises CannotExport.
    """
    first, last = positions(connection, first, last)
    names, write, written = Names(connection), _writer(out, format), 0
    for begin in range(first, last + 1, AT_ONCE):
        end = min(begin + AT_ONCE - 1, last)
        asked = {**vars(chosen), "only": chosen.only and list(chosen.only), "first": begin, "last": end}
        rows = connection.execute(ROWS, asked).fetchall()
        for row in rows:
            write(list(_cells(row, names)))
        written += len(rows)
        progress(end - first + 1, last - first + 1)
    return written


def _cells(row: Sequence[Any], names: Names) -> Iterator[Any]:
    position, recorded, occurred, actor, behalf, command, topic, id, version, *ids, origin, receipt = row
    kind, _, event = topic.partition(".")
    yield from (position, *(f"{time:%Y-%m-%dT%H:%M:%S.%fZ}" for time in (recorded, occurred)))
    yield from names.of(actor)
    yield from names.of(behalf) if behalf else (None, None)
    yield from (command, event, f"{kind}_{id}", version, *(each and str(each) for each in ids), origin, receipt)


def _writer(out: TextIO, format: Format) -> Callable[[list[Any]], object]:
    if format is Format.NDJSON:
        return lambda cells: out.write(json.encode(dict(zip(COLUMNS, cells, strict=True))).decode() + "\n")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    return lambda cells: writer.writerow(
        f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell for cell in cells
    )
