"""Refusals: who was kept from what, for whoever looks after the safety of the company. No part of the history.

They are counted, and written every few seconds: of a few of one kind there is one row. So nobody fills the disk by
asking. What was asked, and with what values, does not stand here; of a token only its id does.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol, Self
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg_pool import PoolTimeout

from infra.database import SCHEMA, pool

AUDITED: Final = ("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "THROTTLED")
"""Codes of what is kept from somebody: NOT_FOUND too, since that is what is told of things one may not know of."""
MOST_AT_ONCE: Final = 200
"""So many kinds are told apart between two writes; what comes beyond that is counted without telling from whom."""
MOST_KEPT: Final = 1_000_000
"""So many rows are kept, whatever their age."""
LONGEST: Final = 100

log = logging.getLogger("daybook.refusals")


class Kind(NamedTuple):
    """What is counted together."""

    code: str
    what: str | None
    path: str
    user_id: UUID | None
    token: str | None
    address: str | None


@dataclass(frozen=True)
class Refusal:
    """So often, in the seconds before `at`, this was refused.

    `what` is the command or the permission, `token` the id of the token that was shown.
    """

    at: datetime
    code: str
    what: str | None
    path: str
    user_id: UUID | None
    token: str | None
    address: str | None
    times: int


class Asked(Protocol):
    """What is known of a request in the end."""

    @property
    def path(self) -> str: ...
    @property
    def address(self) -> str | None: ...
    @property
    def user_id(self) -> UUID | None: ...
    @property
    def token(self) -> str | None: ...
    @property
    def refused(self) -> Collection[tuple[str, str | None]]: ...


class Refusals:
    """What is refused by this server, kept for so many days. Used from any thread."""

    def __init__(self, url: str, days: int, schema: str = SCHEMA) -> None:
        self._pool = pool(url, schema, "refusals", most=1)
        self._days = days
        self._waiting = Counter[Kind]()
        self._lock = threading.Lock()

    def note(self, asked: Asked) -> None:
        """Count what was refused in a request."""
        for code, what in asked.refused:
            if code in AUDITED:
                self._count(
                    Kind(code, what and what[:LONGEST], _known(asked.path), asked.user_id, asked.token, asked.address)
                )

    def write(self) -> None:
        """Keep what was counted since the last time, and forget what is old."""
        with self._lock:
            waiting, self._waiting = self._waiting, Counter()
        rows = [(*kind, times) for kind, times in waiting.items()]
        try:
            with self._pool.connection() as connection, connection.cursor() as cursor:
                if rows:
                    cursor.executemany(INSERT, rows)
                cursor.execute(FORGET, {"days": self._days, "most": MOST_KEPT})
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("%s refusals cannot be kept yet: %s", sum(waiting.values()), type(error).__name__)
            for kind, times in waiting.items():
                self._count(kind, times)

    def since(self, moment: datetime, most: int) -> list[Refusal]:
        """What was refused since then, the latest first."""
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Refusal)) as cursor:
            return cursor.execute(SINCE, [moment, most]).fetchall()

    def close(self) -> None:
        """Keep what waits, and close the connection."""
        self.write()
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count(self, kind: Kind, times: int = 1) -> None:
        with self._lock:
            if kind not in self._waiting and len(self._waiting) >= MOST_AT_ONCE:
                kind = Kind(kind.code, None, kind.path, None, None, None)
            self._waiting[kind] += times


def _known(path: str) -> str:
    """The path, where it is one of ours: others are invented."""
    return path if path in ("/graphql", "/events") else "other"


INSERT: Final = """
    insert into refusals (code, what, path, user_id, token, address, times) values (%s, %s, %s, %s, %s, %s, %s)"""
FORGET: Final = """
    delete from refusals where at < now() - make_interval(days => %(days)s)
        or id <= (select max(id) from refusals) - %(most)s"""
SINCE: Final = """
    select at, code, what, path, user_id, token, address, times from refusals where at >= %s
    order by id desc limit %s"""
