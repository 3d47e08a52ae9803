"""The bell that rings when the history has grown."""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Thread
from time import sleep
from typing import Any, Final

import psycopg
from psycopg import Connection

from infra.database import connect

CHANNEL: Final = "daybook_events"
"""Notified after the commit, from outside of its transaction."""
BETWEEN_RINGS: Final = 0.005
"""Seconds."""


class Bell(Thread):
    """Notifies `CHANNEL` that there is more to read, so that who follows the history need not ask all the time.

    On a connection and in a thread of its own, for it would slow the appends down; at most once every `BETWEEN_RINGS`.
    It may fail: who listens also looks from time to time.
    """

    def __init__(self, url: str, schema: str) -> None:
        super().__init__(name="bell", daemon=True)
        self._url, self._schema = url, schema
        self._rung, self._closed = Event(), False
        self.start()

    def ring(self) -> None:
        self._rung.set()

    def close(self) -> None:
        self._closed = True
        self._rung.set()
        self.join()

    def run(self) -> None:
        connection: Connection[Any] | None = None
        while not self._closed:
            self._rung.wait()
            self._rung.clear()
            with suppress(psycopg.Error):
                if connection is None or connection.closed:
                    connection = connect(self._url, self._schema)
                    connection.execute("set synchronous_commit = off")
                connection.execute(f"notify {CHANNEL}".encode())
            sleep(BETWEEN_RINGS)
        if connection is not None:
            connection.close()
