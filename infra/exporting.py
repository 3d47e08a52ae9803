"""Export: all rows of a view as CSV or as one JSON object per line, as they stand at one instant."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Any, Final, TextIO

from psycopg import Connection, sql

from infra.accesses import Reader, note_now
from infra.instants import ViewBehind
from infra.level import when_level
from infra.serving import tables_of
from projections.catalogue import VIEWS
from projections.columns import Column
from projections.view import View, belongs_to, shape

Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""

AT_ONCE: Final = 2_000
PATIENCE: Final = 30.0
"""Seconds to wait for a view that is being built, or is behind the history."""
ONE_INSTANT: Final = "set transaction isolation level repeatable read, read only"
FORMULA: Final = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet may take for the beginning of a formula."""


class Format(StrEnum):
    """How a file holds rows."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


class CannotExport(Exception):
    """There is nothing of this name to export, or not yet."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    connection: str
    rows: int
    seconds: float


def export(
    connection: Connection[Any],
    name: str,
    format: Format,
    out: TextIO,
    reader: Reader,
    progress: Progress | None = None,
    patience: float = PATIENCE,
) -> Exported:
    """Write what a list of this name in the API shows: not what is archived or merged. Rows come by their ids.

    Whose data goes out is noted first, with its reader: what has begun to go out cannot be brought back.

    The columns are those of the view, in the order of their declaration. Ids name their kind; numbers are exact; lists
    and documents are JSON. In CSV a text that a spreadsheet might take for a formula gets a `'` before it; an empty
    cell is null. Everything up to now is waited for, `patience` seconds. Raises CannotExport.
    """
    view, begin, rows = _view(name), monotonic(), 0
    try:
        when_level(connection, view, patience)
    except ViewBehind as behind:
        raise CannotExport(f"{view.table} cannot be exported now: {behind}") from None
    table = _table(connection, view)
    _note(connection, view, table, reader)
    with connection.transaction():
        connection.execute(ONE_INSTANT)
        write, columns = (_as_csv if format is Format.CSV else _as_json)(view, out)
        source = sql.SQL(" from {} where {}").format(sql.Identifier(table), _shown(view))
        (total,) = connection.execute(sql.SQL("select count(*)") + source).fetchone() or (0,)
        with connection.cursor("export") as cursor:
            cursor.execute(sql.SQL("select ") + columns + source + _order(view))
            while some := cursor.fetchmany(AT_ONCE):
                write(some)
                rows += len(some)
                if progress:
                    progress(rows, total)
    return Exported(view.table, rows, round(monotonic() - begin, 3))


def _view(name: str) -> type[View]:
    """The view of a list: `opportunityLines`, or `opportunity_lines`."""
    table = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
    if found := next((view for view in VIEWS if view.table == table), None):
        return found
    raise CannotExport(f"there is no {name}: there are {', '.join(sorted(view.table for view in VIEWS))}")


def _table(connection: Connection[Any], view: type[View]) -> str:
    place = tables_of(connection, view)
    if place is None:
        raise CannotExport(f"{view.table} is still being built: try again a little later")
    return place.live


def _note(connection: Connection[Any], view: type[View], table: str, reader: Reader) -> None:
    for whose in sorted({field.whose for field in shape(view) if field.whose}):
        persons = sql.SQL("select distinct {} from {} where {}").format(
            sql.Identifier(whose), sql.Identifier(table), _shown(view)
        )
        note_now(connection, reader, view.of.__name__, [person for (person,) in connection.execute(persons) if person])


def _shown(view: type[View]) -> sql.Composable:
    """Which rows a list shows."""
    names = {column.name for field in shape(view) for column in field.columns}
    conditions = [
        sql.SQL("not archived") if "archived" in names else None,
        sql.SQL("merged_into_id is null") if "merged_into_id" in names else None,
        sql.SQL("not _ended") if view.ends else None,
    ]
    return sql.SQL(" and ").join([sql.SQL("true"), *filter(None, conditions)])


def _order(view: type[View]) -> sql.Composable:
    keys = [sql.Identifier(key) for key in ("id", *([view.key] if view.key else []))]
    return sql.SQL(" order by ") + sql.SQL(", ").join(keys)


def _as_csv(view: type[View], out: TextIO) -> tuple[Callable[[Sequence[Any]], None], sql.Composable]:
    writer = csv.writer(out)
    found = list(_columns(view))
    writer.writerow([column.name for _, column in found])
    texts = [at for at, (_, column) in enumerate(found) if column.type == "text"]

    def write(rows: Sequence[Any]) -> None:
        for row in rows:
            cells = list(row)
            for at in texts:
                if cells[at] and FORMULA.match(cells[at]):
                    cells[at] = f"'{cells[at]}"
            writer.writerow(cells)

    return write, sql.SQL(", ").join(_text(column, kind) for kind, column in found)


def _as_json(view: type[View], out: TextIO) -> tuple[Callable[[Sequence[Any]], None], sql.Composable]:
    members = [sql.SQL("{} as {}").format(_exact(c, kind), sql.Identifier(c.name)) for kind, c in _columns(view)]
    columns = sql.SQL("(select row_to_json(o)::text from (select {}) o)").format(sql.SQL(", ").join(members))

    def write(rows: Sequence[Any]) -> None:
        out.writelines(f"{text}\n" for (text,) in rows)

    return write, columns


def _columns(view: type[View]) -> Iterator[tuple[str | None, Column]]:
    """The columns in their order, each with the kind of aggregate that it is the id of."""
    kinds = {name: other.of.__name__ for name, other in belongs_to(view, VIEWS).items()}
    for field in shape(view):
        for column in field.columns:
            yield view.of.__name__ if column.name == "id" else kinds.get(field.name), column


def _exact(column: Column, kind: str | None) -> sql.Composable:
    """A column with ids that name their kind, and numbers that no reader rounds."""
    name = sql.Identifier(column.name)
    if kind and column.type == "uuid":
        return sql.SQL("{} || {}::text").format(sql.Literal(f"{kind}_"), name)
    if kind and column.type == "uuid[]":
        return sql.SQL("array(select {} || each from unnest({}) each)").format(sql.Literal(f"{kind}_"), name)
    return sql.SQL("{}::text").format(name) if column.type == "numeric" else name


def _text(column: Column, kind: str | None) -> sql.Composable:
    """The same as text; times, lists and documents as JSON writes them."""
    if column.type == "text" or column.type == "numeric" or (kind and column.type == "uuid"):
        return _exact(column, kind)
    return sql.SQL("to_json({}) #>> '{{}}'").format(_exact(column, kind))
