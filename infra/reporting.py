"""A report as whoever may see everything is told it: for the command line, and for what else is told whole."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, RawCursor
from psycopg.rows import dict_row

from infra.serving import Place, tables_of
from projections.computed import Computed, gathered
from projections.occurred import occurred_versions
from projections.report import Events, Relation, Report, TimeAxis, pieces
from projections.view import View, shape
from projections.writing import events_of, writer


class StillBuilt(Exception):
    """A view that the report reads has no rows yet: says which."""


def answer(
    connection: Connection[Any], report: Report, position: int | None = None, time_zone: str = "UTC"
) -> list[dict[str, Any]]:
    """The rows of a report that is SQL, in its own order; as of a position, or now. Days are those of a time zone.

    Raises StillBuilt.
    """
    sql, values = _asked(connection, report, position, time_zone)
    return RawCursor(connection, row_factory=dict_row).execute(sql.encode(), values).fetchall()


def rows(
    connection: Connection[Any], report: Computed[Any], position: int | None = None, time_zone: str = "UTC"
) -> list[Any]:
    """The same of a report that is computed. Raises StillBuilt, and what `compute` does."""
    sql, values = _asked(connection, report, position, time_zone)
    gathering = f"select row_to_json(g)::text from ({sql}) g"
    [[text]] = RawCursor(connection).execute(gathering.encode(), values).fetchall()
    return list(report.compute(gathered(type(report), text)))


def table_of(connection: Connection[Any], view: type[View]) -> Place:
    """The tables that answer for a view. Raises StillBuilt."""
    place = tables_of(connection, view)
    if place is None:
        raise StillBuilt(f"{view.table} is still being built: try again a little later")
    return place


def _asked(connection: Connection[Any], report: Report, position: int | None, time_zone: str) -> tuple[str, list[Any]]:
    """The SQL of a report, and its values."""
    values: list[Any] = []

    def bind(value: Any, type_: str) -> str:
        values.append(value)
        return f"${len(values)}::{type_}"

    at = None if position is None else bind(position, "bigint")
    moment = "now()" if at is None else f"(select recorded_at from events where position = {at})"
    written = writer(
        report, lambda piece: _relation(connection, piece, at, report.axis), lambda: moment, time_zone, bind
    )
    return written(pieces(type(report)).sql), values


def _relation(connection: Connection[Any], piece: Relation | Events, at: str | None, axis: TimeAxis) -> str:
    if isinstance(piece, Events):
        return f"({events_of(piece.view, [f'position <= {at}'] if at else [])})"
    place = table_of(connection, piece.view)
    columns = ", ".join(f'"{column.name}"' for field in shape(piece.view) for column in field.columns)
    conditions = ["not _ended"] if piece.view.ends else []
    known = [*conditions, f"_from <= {at}"] if at else conditions
    live = _where(known)
    if piece.versions and axis is TimeAxis.OCCURRED:
        tables = (f'"{table}"' for table in (place.live, place.history))
        return f"({occurred_versions(piece.view, tables, [f'r._from <= {at}'] if at else [])})"
    if piece.versions:
        until = f"case when _to <= {at} then _until end" if at else "_until"
        return (
            f'(select {columns}, updated_at as _since, null::timestamptz as _until from "{place.live}"{live}'
            f' union all select {columns}, updated_at, {until} from "{place.history}"{live})'
        )
    if at is None:
        return f'(select {columns} from "{place.live}"{live})'
    return (
        f'(select {columns} from "{place.live}"{live}'
        f' union all select {columns} from "{place.history}"{_where([*known, f"_to > {at}"])})'
    )


def _where(conditions: list[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""
