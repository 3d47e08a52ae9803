"""Who points to something: what other aggregates say in their views, whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection, sql

from infra.level import when_level
from infra.tables import Table
from projections.catalogue import VIEWS
from projections.view import View, belongs_to

PATIENCE: Final = 10.0
"""Seconds to wait for a view that is being built, or is behind the history."""


class Pointer(NamedTuple):
    """One aggregate names another."""

    kind: str
    id: UUID
    field: str
    to: UUID


def pointers(connection: Connection[Any], kind: str, ids: Collection[UUID]) -> Iterator[Pointer]:
    """Whatever points to these, which are of one kind, but for what was put away. Raises ViewBehind."""
    for view in VIEWS:
        for column, to in belongs_to(view, VIEWS).items():
            if to.of.__name__ == kind:
                for id, pointed in _rows(connection, view, column, ids):
                    if id != pointed:
                        yield Pointer(view.of.__name__, id, column, pointed)


def _rows(connection: Connection[Any], view: type[View], column: str, ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    place, names = when_level(connection, view, PATIENCE), {c.name: c.type for c in Table(view).live_columns}
    named = sql.Identifier(column)
    many = names[column] == "uuid[]"
    one, met = ("unnest({})", "{} && %s") if many else ("{}", "{} = any(%s)")
    conditions: list[sql.Composable] = [sql.SQL(met).format(named)]
    conditions += [sql.SQL("not archived")] if "archived" in names else []
    conditions += [sql.SQL("not _ended")] if "_ended" in names else []
    asked = sql.SQL("select id, {} from {} where {}").format(
        sql.SQL(one).format(named), sql.Identifier(place.live), sql.SQL(" and ").join(conditions)
    )
    found, meant = connection.execute(asked, [list(ids)]).fetchall(), set(ids)
    return [(id, pointed) for id, pointed in found if pointed in meant]
