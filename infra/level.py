"""Waiting until a view has all that is recorded by now, however long ago its tables were begun."""

from __future__ import annotations

from time import monotonic, sleep
from typing import Any, Final

from psycopg import Connection

from infra.instants import ViewBehind, wait_for_all
from infra.serving import Place, tables_of
from projections.view import View

HEAD: Final = "select position from event_head"
PAUSE: Final = 0.05


def when_level(connection: Connection[Any], view: type[View], seconds: float) -> Place:
    """Where the rows are, once they are built and level with the history. Raises ViewBehind if that takes longer."""
    [position] = connection.execute(HEAD).fetchone() or (0,)
    end = monotonic() + seconds
    while True:
        try:
            wait_for_all(connection, [view], position, max(end - monotonic(), 0))
            if place := tables_of(connection, view):
                return place
        except ViewBehind:
            if monotonic() > end:
                raise
        sleep(PAUSE)
