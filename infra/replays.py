"""Replays that are kept: parts of the history, each folded into tables of its own; who reads one names it.

They stand in `projections` beside all other tables of views, so that whoever is forgotten goes out of them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from infra.rebuild import Busy, alone, drop_tables

FIND: Final = """
    select r.until, p.view, p.name from replays r join projections p on p.replay = r.id
    join jsonb_to_recordset($2::text::jsonb) asked (view text, columns jsonb)
      on asked.view = p.view and p.columns @> asked.columns
    where r.name = $1 and r.made_at is not null and r.expires_at > now()"""
"""Up to which position a replay goes, and its tables by view: those that this server can read."""
KEPT: Final = """
    select r.name, r.since, r.until, r.without, r.events, r.made_by, r.begun_at, r.made_at, r.expires_at, r.report,
           array(select p.view from projections p where p.replay = r.id order by p.view) as views,
           (select coalesce(sum(pg_total_relation_size(to_regclass(quote_ident(p.name || part)))), 0)::bigint
            from projections p, (values (''), ('_history')) t (part) where p.replay = r.id) as bytes
    from replays r where r.name = %(name)s or %(name)s::text is null order by r.begun_at, r.name"""
SPENT: Final = "select name from replays where made_at is null or expires_at <= now() order by name"
UNSEEN: Final = "update replays set made_at = null where name = %s"
TABLES: Final = "select p.name from projections p join replays r on p.replay = r.id where r.name = %s order by 1"


class NoReplay(Exception):
    """There is no replay of this name."""


@dataclass(frozen=True)
class Kept:
    """A replay, and what no longer fits in it. It answers if it is made and has not expired."""

    name: str
    since: int
    until: int
    without: list[UUID]
    events: int
    views: list[str]
    bytes: int
    made_by: str
    begun_at: datetime
    made_at: datetime | None
    expires_at: datetime
    report: Any


def kept(connection: Connection[Any], name: str | None = None) -> list[Kept]:
    """All replays that there are, the oldest first; or the one of a name. Raises NoReplay where there is none."""
    found = connection.cursor(row_factory=class_row(Kept)).execute(KEPT, {"name": name}).fetchall()
    if name is not None and not found:
        raise NoReplay(f"there is no replay {name}")
    return found


@contextmanager
def holding(connection: Connection[Any], name: str) -> Iterator[None]:
    """Keep every other process away from a replay. Raises Busy."""
    with alone(connection, f"replay {name}"):
        yield


def drop(connection: Connection[Any], name: str) -> None:
    """Drop a replay, which answers nobody from now on. Raises NoReplay, and Busy while it is being made."""
    with holding(connection, name):
        if connection.execute("select from replays where name = %s", [name]).fetchone() is None:
            raise NoReplay(f"there is no replay {name}")
        remove(connection, name)


def remove(connection: Connection[Any], name: str) -> None:
    """The same of one that is held."""
    connection.execute(UNSEEN, [name])
    for (table,) in connection.execute(TABLES, [name]).fetchall():
        list(drop_tables(connection, table))
    connection.execute("delete from replays where name = %s", [name])


def drop_spent(connection: Connection[Any]) -> list[str]:
    """Drop what has expired, and what somebody began to make and did not end. Says which."""
    dropped = []
    for (name,) in connection.execute(SPENT).fetchall():
        try:
            with holding(connection, name):
                if (name,) in connection.execute(SPENT).fetchall():  # it was not made anew meanwhile
                    remove(connection, name)
                    dropped.append(name)
        except Busy:
            continue
    return dropped
