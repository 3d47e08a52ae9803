"""Accesses: who read what is personal, and of whom, for whoever answers for it. No part of the history.

They are counted, and written every few seconds: of one who asks the same again there is one row. It names the persons
by their ids, and says nothing of what was read.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from getpass import getuser
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import class_row
from psycopg_pool import PoolTimeout

from infra.database import SCHEMA, pool

SOON: Final = 50_000
"""When so many persons wait to be written, it is time."""
MOST_AT_ONCE: Final = 500_000
"""So many are named between two writes; what comes beyond that is counted without names."""
MOST_IN_ROW: Final = 10_000
MOST_KEPT: Final = 1_000_000
"""So many rows are kept, whatever their age."""
COMMAND_LINE: Final = "command line"
LONGEST: Final = 100

log = logging.getLogger("daybook.accesses")


class Reader(NamedTuple):
    """Who reads, and by which way. `local` is who, for the operating system, sits at the command line."""

    way: str
    user_id: UUID | None = None
    token: str | None = None
    address: str | None = None
    local: str | None = None
    operation: str | None = None


def local_reader(command: str) -> Reader:
    """Whoever uses the command line."""
    name = None
    with suppress(OSError, KeyError):  # a user without a name
        name = getuser()
    return Reader(COMMAND_LINE, local=name, operation=command)


@dataclass
class Count:
    """What was read of one kind by one reader since the last write."""

    times: int = 0
    unnamed: int = 0
    persons: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Access:
    """So often, in the seconds before `at`, somebody was told what is personal of these persons; of nobody, where it
    was only sought.
    """

    at: datetime
    way: str
    user_id: UUID | None
    token: str | None
    address: str | None
    local: str | None
    operation: str | None
    kind: str
    persons: list[UUID]
    times: int
    unnamed: int


class Accesses:
    """What is read through this server, kept for so many days. Used from any thread."""

    def __init__(self, url: str, days: int, schema: str = SCHEMA) -> None:
        self._pool = pool(url, schema, "accesses", most=1)
        self._days, self._named = days, 0
        self._waiting: dict[tuple[Reader, str], Count] = {}
        self._lock = threading.Lock()

    @property
    def pressing(self) -> bool:
        """Whether so much waits that it should be written now."""
        return self._named >= SOON

    def note(self, reader: Reader, told: Mapping[str, Sequence[str]]) -> None:
        """Somebody is told something: by the kind of rows, of which persons."""
        if reader.operation:
            reader = reader._replace(operation=reader.operation[:LONGEST])
        with self._lock:
            for kind, persons in told.items():
                count = self._waiting.setdefault((reader, kind), Count())
                count.times += 1
                if self._named < MOST_AT_ONCE:
                    before = len(count.persons)
                    count.persons.update(persons)
                    self._named += len(count.persons) - before
                else:
                    count.unnamed += len(persons)

    def write(self) -> None:
        """Keep what was counted since the last time, and forget what is old."""
        with self._lock:
            waiting, self._waiting, self._named = self._waiting, {}, 0
        try:
            with self._pool.connection() as connection, connection.transaction():
                _insert(connection, waiting)
                connection.execute(FORGET, {"days": self._days, "most": MOST_KEPT})
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("%s accesses cannot be kept yet: %s", len(waiting), type(error).__name__)
            with self._lock:
                for key, count in waiting.items():
                    kept = self._waiting.setdefault(key, Count())
                    kept.times, kept.unnamed = kept.times + count.times, kept.unnamed + count.unnamed
                    kept.persons.update(count.persons)
                self._named = sum(len(count.persons) for count in self._waiting.values())

    def close(self) -> None:
        """Keep what waits, and close the connection."""
        self.write()
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def note_now(connection: Connection[Any], reader: Reader, kind: str, persons: Sequence[UUID]) -> None:
    """Keep at once that these persons are told of: before they are, for what is copied out is not brought back."""
    with connection.transaction():
        _insert(connection, {(reader, kind): Count(1, persons=Counter(map(str, persons)))})


def since(connection: Connection[Any], moment: datetime, most: int, person: UUID | None = None) -> list[Access]:
    """Who read what is personal since then, of anybody or of one person; the latest first."""
    with connection.cursor(row_factory=class_row(Access)) as cursor:
        return cursor.execute(SINCE, {"since": moment, "most": most, "person": person}).fetchall()


def _insert(connection: Connection[Any], counts: Mapping[tuple[Reader, str], Count]) -> None:
    rows = [
        (*reader, kind, named[at : at + MOST_IN_ROW], count.times, 0 if at else count.unnamed)
        for (reader, kind), count in counts.items()
        for named in (sorted(count.persons),)
        for at in range(0, max(len(named), 1), MOST_IN_ROW)
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(INSERT, rows)


INSERT: Final = """
    insert into accesses (way, user_id, token, address, local, operation, kind, persons, times, unnamed)
    values (%s, %s, %s, %s, %s, %s, %s, %s::text[]::uuid[], %s, %s)"""
FORGET: Final = """
    delete from accesses where at < now() - make_interval(days => %(days)s)
        or id <= (select max(id) from accesses) - %(most)s"""
SINCE: Final = """
    select at, way, user_id, token, address, local, operation, kind, persons, times, unnamed from accesses
    where at >= %(since)s and (%(person)s::uuid is null or persons @> array[%(person)s::uuid])
    order by id desc limit %(most)s"""
