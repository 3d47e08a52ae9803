"""Which tables a server reads: those of its own declarations, or until they are built live ones that answer it too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from msgspec import json
from psycopg import Connection, RawCursor

from infra.tables import Table
from projections.view import View

FIND: Final = """
    select asked.view, found.name from jsonb_to_recordset($1::text::jsonb) asked (view text, own text, columns jsonb)
    cross join lateral (
        select name from projections p
        where p.view = asked.view
          and (state = 'live' and p.columns @> asked.columns or state = 'old' and name = asked.own)
        order by (state = 'live') desc limit 1) found"""
"""Of each view that is asked for, and has any, the name of its tables."""


@dataclass(frozen=True)
class Place:
    """Where the rows of a view are: the names of its tables. Checkpoints are kept under the first.

    Of a replay: by which table it is judged `whose` they are, and the position with which it ends.
    """

    live: str
    history: str
    whose: str | None = None
    until: int | None = None

    @classmethod
    def called(cls, name: str, whose: str | None = None, until: int | None = None) -> Place:
        return cls(name, f"{name}_history", whose, until)


def tables_of(connection: Connection[Any], view: type[View]) -> Place | None:
    """The tables that answer for a view; None while there are none, which `/readyz` says."""
    row = RawCursor(connection).execute(FIND, [question(view)]).fetchone()
    return Place.called(row[1]) if row else None


@cache
def question(*views: type[View]) -> str:
    """The parameter of FIND."""
    asked = []
    for table in map(Table, views):
        columns = {column.name: column.type for column in table.live_columns}
        asked.append({"view": table.view.table, "own": table.name, "columns": columns})
    return json.encode(asked).decode()
