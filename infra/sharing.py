"""Which lanes of which tables a projector moves, among all projectors of a database: each has its share.

PostgreSQL keeps count. A projector that is there holds a lock on each of its tables, shared with the others; its place
among them says which lanes are its own, and those it locks alone. All of that ends with its connection, so that the
others have what a dead one leaves when they look next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from infra.lanes import ALL
from infra.rebuild import state_of
from infra.tables import Table

KEY = "hashtextextended(current_schema() || '.' || %s, 0)"
COME = f"select pg_try_advisory_lock_shared({KEY})"
TAKE = f"select pg_try_advisory_lock({KEY})"
LEAVE = f"select pg_advisory_unlock({KEY})"
PLACES = """
    select n.name, count(*) filter (where l.pid < pg_backend_pid()), count(*)
    from unnest(%s::text[]) n (name) join pg_locks l
      on (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(current_schema() || '.' || n.name, 0)
    where l.locktype = 'advisory' and l.objsubid = 1 and l.mode = 'ShareLock' and l.granted
      and l.database = (select oid from pg_database where datname = current_database())
    group by n.name"""


class Share:
    """The lanes that are held over one connection, for as long as that lives."""

    def __init__(self, connection: Connection[Any], tables: Iterable[Table]) -> None:
        self.connection = connection
        self.absent = {table.name: table for table in tables}
        self.present: dict[str, Table] = {}
        self.held: dict[str, set[int]] = defaultdict(set)

    def look(self, old_ones: bool) -> bool:
        """Come to tables that were built since, give up lanes that are others' now, take those that are ours.

        Says whether what is held has changed: whoever moves lanes that were given up is to stop first.
        """
        for name, table in list(self.absent.items()):
            built = state_of(self.connection, table) in (("live", "old") if old_ones else ("live",))
            if built and self._locked(COME, name):
                self.present[name] = self.absent.pop(name)
        before = {name: set(lanes) for name, lanes in self.held.items()}
        for name, place, number in self.connection.execute(PLACES, [list(self.present)]).fetchall():
            ours, held = {lane for lane in ALL if lane % number == place}, self.held[name]
            for lane in held - ours:
                self._locked(LEAVE, _lane(name, lane))
            held &= ours
            held |= {lane for lane in ours - held if self._locked(TAKE, _lane(name, lane))}
        return self.held != before

    def parts(self) -> list[tuple[list[Table], list[int]]]:
        """Tables with the lanes that are held of each, those together that have the same: as a rule, all."""
        found = defaultdict[tuple[int, ...], list[Table]](list)
        for name, lanes in self.held.items():
            if lanes:
                found[tuple(sorted(lanes))].append(self.present[name])
        return [(tables, list(lanes)) for lanes, tables in found.items()]

    def _locked(self, statement: str, key: str) -> bool:
        return self.connection.execute(statement.encode(), [key]).fetchone() == (True,)


def _lane(name: str, lane: int) -> str:
    return f"{name} lane {lane}"
