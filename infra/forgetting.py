"""To forget a person: what is personal goes out of the tables of views, in the transaction that destroys the key.

Of every table there is: those that are read, those that are being built, and those that are kept for a rollback; rows
and superseded rows alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UndefinedTable
from psycopg.sql import SQL, Identifier

from domain.catalogue import AGGREGATES
from domain.values import id_text

ALONE: Final = "lock table projections in exclusive mode"
"""Nobody builds, flips or drops tables meanwhile."""
PERSONAL: Final = "select name, personal from projections where personal <> '{}' order by name"
FENCE: Final = """
    update checkpoints set turn = turn + 1 from (
        select name as held, lane as part from checkpoints where name = any(%s) order by name, lane for update) c
    where name = held and lane = part"""
"""Whoever moves these tables starts anew: what it remembers of their rows, and of keys, it would write back."""
DESTROY: Final = "select destroy_key(%s)"
DESTROY_AGAIN: Final = "select destroy_key(originator_id) from events where topic = any(%s)"
FORGOTTEN: Final = """
    select split_part(e.topic, '.', 1), k.person, k.forgotten_at from person_keys k
    left join events e on e.originator_id = k.person and e.originator_version = 1
    where k.forgotten_at >= coalesce(%s::timestamptz, '-infinity') order by k.forgotten_at, k.person"""
KNOWN: Final = "select count(*) from person_keys where person = any(%s) and wrapped is not null"


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


def look_anew(connection: Connection[Any]) -> None:
    """Have the database look anew at the tables that hold what is personal: the statistics by which it plans queries
    quote values. Not in a transaction: whoever makes an index meanwhile would wait for it, and it for them.
    """
    for (name,) in connection.execute("select name from projections where personal <> '{}' order by name").fetchall():
        for table in (name, f"{name}_history"):
            with suppress(UndefinedTable):  # a table that is kept for a rollback may be dropped meanwhile
                connection.execute(SQL("analyze {}").format(Identifier(table)))


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


def destroy_again(connection: Connection[Any]) -> None:
    """Destroy the key of everybody of whom the history says that they were forgotten, whatever else says otherwise."""
    topics = [event.TOPIC for kind in AGGREGATES for event in kind.events().values() if event.forgets]
    connection.execute(DESTROY_AGAIN, [topics])


@dataclass(frozen=True)
class Gone:
    """Somebody who was forgotten. The id names the kind, if anything was ever recorded of them."""

    id: str
    forgotten_at: datetime


def forgotten(connection: Connection[Any], since: datetime | None = None) -> list[Gone]:
    """Who was forgotten, or since an instant, the first one first."""
    rows = connection.execute(FORGOTTEN, [since]).fetchall()
    return [Gone(id_text(kind, id) if kind else str(id), at) for kind, id, at in rows]


def is_known(connection: Connection[Any], persons: Iterable[UUID]) -> bool:
    """Whether any of these persons still has a key."""
    return connection.execute(KNOWN, [list(persons)]).fetchone() != (0,)
