"""A report as whoever may see everything is told it now: for the command line, and for what else is told whole."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, RawCursor
from psycopg.rows import dict_row

from infra.serving import Place, tables_of
from projections.report import Parameter, Relation, Report, pieces
from projections.view import View, shape


class StillBuilt(Exception):
    """A view that the report reads has no rows yet: says which."""


def answer(connection: Connection[Any], report: Report) -> list[dict[str, Any]]:
    """The rows of a report, in its own order. Raises StillBuilt."""
    values: list[Any] = []
    written = []
    for piece in pieces(type(report)).sql:
        match piece:
            case str():
                written.append(piece)
            case Relation():
                written.append(_relation(connection, piece))
            case Parameter("instant"):
                written.append("now()")
            case Parameter(name, type_):
                values.append(getattr(report, name))
                written.append(f"${len(values)}::{type_}")
            case _:
                raise TypeError(f"{type(report).__name__}: a report with lists is asked through the API")
    return RawCursor(connection, row_factory=dict_row).execute("".join(written).encode(), values).fetchall()


def table_of(connection: Connection[Any], view: type[View]) -> Place:
    """The tables that answer for a view. Raises StillBuilt."""
    place = tables_of(connection, view)
    if place is None:
        raise StillBuilt(f"{view.table} is still being built: try again a little later")
    return place


def _relation(connection: Connection[Any], piece: Relation) -> str:
    place = table_of(connection, piece.view)
    columns = ", ".join(f'"{column.name}"' for field in shape(piece.view) for column in field.columns)
    there = " where not _ended" if piece.view.ends else ""
    if not piece.versions:
        return f'(select {columns} from "{place.live}"{there})'
    return (
        f'(select {columns}, updated_at as _since, null::timestamptz as _until from "{place.live}"{there}'
        f' union all select {columns}, updated_at, _until from "{place.history}"{there})'
    )
