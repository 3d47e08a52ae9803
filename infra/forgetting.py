"""To forget a person: what is personal goes out of the tables of views, in the transaction that destroys the key.

Of every table there is: those that are read, those that are being built, and those that are kept for a rollback; rows
and superseded rows alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.sql import SQL, Identifier

ALONE: Final = "lock table projections in exclusive mode"
"""Nobody builds, flips or drops tables meanwhile."""
PERSONAL: Final = "select name, personal from projections where personal <> '{}' order by name"
FENCE: Final = """
    update checkpoints set turn = turn + 1 from (
        select name as held, lane as part from checkpoints where name = any(%s) order by name, lane for update) c
    where name = held and lane = part"""
"""Whoever moves these tables starts anew: what it remembers of their rows, and of keys, it would write back."""
DESTROY: Final = "select destroy_key(%s)"


def scrub(connection: Connection[Any], persons: Iterable[UUID]) -> None:
    """Empty what is about these persons, in all tables of all views. To be called in a transaction."""
    wanted = list(persons)
    connection.execute(ALONE)
    tables: dict[str, dict[str, str]] = dict(connection.execute(PERSONAL).fetchall())
    connection.execute(FENCE, [list(tables)])
    for name, personal in tables.items():
        columns = defaultdict[str, list[str]](list)
        for column, whose in personal.items():
            columns[whose].append(column)
        for whose, emptied in columns.items():
            for table in (name, f"{name}_history"):
                connection.execute(_emptied(table, emptied, whose), [wanted])


def _emptied(table: str, columns: Iterable[str], whose: str) -> Any:
    return SQL("update {} set {} where {} = any(%s)").format(
        Identifier(table),
        SQL(", ").join(SQL("{} = null").format(Identifier(column)) for column in columns),
        Identifier(whose),
    )


def destroy(connection: Connection[Any], persons: Iterable[UUID]) -> None:
    """Destroy the keys of these persons. Nobody gets another one."""
    for person in persons:
        connection.execute(DESTROY, [person])
