"""Following the history to do something elsewhere with what was recorded: to publish it, to send it, to act on it.

A follower has a name, and a position in the database up to which all is done: its own, so that views built anew bring
it nothing again, and a new version of it goes on where the old one stood. What was done and not yet noted when a
process died is done again: at least once. What must not be doubled bears an id that follows from the event, such as its
position. However many processes run a follower, one of them leads and the others stand by.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Event
from time import monotonic
from typing import Any, Final, Protocol

from psycopg import Connection, OperationalError

from infra.bell import CHANNEL
from infra.cloud_events import COLUMNS, Published
from infra.database import connect

log = logging.getLogger(__name__)

STANDS_BY: Final = 1.0
"""Seconds from one try of a stand-by to lead to the next."""
LATE: Final = 0.5
"""Seconds after which it looks at the history though nobody said that it grew."""
SOON: Final = 0.1
AGAIN: Final = 5.0
"""Seconds until something that failed is tried again, at first and at last."""

LEAD = "select pg_try_advisory_lock(hashtextextended(current_schema() || '.follower ' || %s, 0))"
STANDS_AT = "select position from followers where name = %s"
COME = """
    insert into followers (name, position) values (%s, %s)
    on conflict (name) do update set position = excluded.position"""
NOTE = "update followers set position = %s, moved_at = clock_timestamp() where name = %s and position = %s"
HEAD = "select coalesce(max(position), 0) from events"
READ = f"select {COLUMNS} from events where position > %s order by position limit %s"


class Follower(Protocol):
    """What is done with events. Any error is told in the log, and all is tried again from the last note on."""

    name: str
    most: int
    """Events at a time."""
    hindrances: tuple[type[Exception], ...]
    """What may go wrong outside of us, and is told in one line."""

    def begin(self, connection: Connection[Any], position: int | None, head: int) -> int:
        """Called when it leads: `position` is the last note, None if there is none. Says after which it goes on."""

    def carry_out(self, events: Sequence[Published]) -> None:
        """Do it: when this returns, it is done."""

    def note(self, connection: Connection[Any]) -> None:
        """Write down what it needs to know beside the position, in the same transaction."""

    def idle(self, connection: Connection[Any]) -> None:
        """Called from time to time, whether something came or not."""

    def end(self) -> None:
        """Let go of what `begin` took, whatever state it is in."""


class Displaced(Exception):
    """Another process leads: this one lost its connection for a while."""


def follow(url: str, schema: str, follower: Follower, stop: Event) -> None:
    """Follow until told to stop. What goes wrong is told in the log and tried again, ever less often."""
    pause = SOON
    while not stop.is_set():
        began = monotonic()
        try:
            with connect(url, schema) as connection:
                if connection.execute(LEAD, [follower.name]).fetchone() == (True,):
                    _lead(connection, follower, stop)
                else:
                    stop.wait(STANDS_BY)
                    began = 0.0
        except Exception as error:
            pause = SOON if monotonic() - began > AGAIN else min(pause * 2, AGAIN)
            if isinstance(error, OperationalError):
                log.warning("%s: PostgreSQL is away (%s)", follower.name, str(error).strip())
            elif isinstance(error, (Displaced, *follower.hindrances)):
                log.warning("%s: %s", follower.name, error)
            else:
                log.exception("%s failed", follower.name)
            stop.wait(pause)
        finally:
            follower.end()


def _lead(connection: Connection[Any], follower: Follower, stop: Event) -> None:
    connection.execute(f"listen {CHANNEL}".encode())
    noted = connection.execute(STANDS_AT, [follower.name]).fetchone()
    [head] = connection.execute(HEAD).fetchone() or (0,)
    position = follower.begin(connection, noted[0] if noted else None, head)
    connection.execute(COME, (follower.name, position))
    log.info("%s leads, from position %d on", follower.name, position)
    while not stop.is_set():
        rows = connection.execute(READ, (position, follower.most), prepare=True, binary=True).fetchall()
        if rows:
            events = [Published(*row) for row in rows]
            follower.carry_out(events)
            with connection.transaction():
                done = connection.execute(NOTE, (events[-1].position, follower.name, position), prepare=True)
                if done.rowcount != 1:
                    raise Displaced(f"{follower.name} was moved by another process")
                follower.note(connection)
            position = events[-1].position
        follower.idle(connection)
        if len(rows) < follower.most and not stop.is_set():
            any(connection.notifies(timeout=LATE, stop_after=1))
