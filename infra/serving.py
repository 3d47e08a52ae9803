"""Which tables a server reads: those of its own declarations, or until they are built live ones that answer it too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from infra.tables import Table
from projections.columns import once
from projections.view import View

FIND = """
    select name from projections
    where view = %(view)s and (state = 'live' and columns @> %(columns)s or state = 'old' and name = %(own)s)
    order by (state = 'live') desc"""


@dataclass(frozen=True)
class Place:
    """Where the rows of a view are: the names of its tables. Checkpoints are kept under the first."""

    live: str
    history: str


def tables_of(connection: Connection[Any], view: type[View]) -> Place | None:
    """The tables that answer for a view; None while there are none, which `/readyz` says."""
    row = connection.execute(FIND, question(view)).fetchone()
    return Place(row[0], f"{row[0]}_history") if row else None


@once
def question(view: type[View]) -> dict[str, Any]:
    """The parameters of FIND, for a caller who asks it in another way."""
    table = Table(view)
    return {"view": view.table, "own": table.name, "columns": Jsonb({c.name: c.type for c in table.live_columns})}
