"""A projector process: builds the views that are missing, keeps all up to date, and outlives what goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from threading import Event, Thread
from time import monotonic
from typing import Any

from psycopg import Connection, OperationalError

from infra.database import connect
from infra.feed import Feed, Source
from infra.feed.log import LogSource
from infra.kafka import NotReached
from infra.projection import Fenced, Projector, Unreadable, reason
from infra.rebuild import Busy, Progress, build_missing
from infra.sharing import Share
from infra.tables import Table
from projections.view import View

log = logging.getLogger(__name__)

MOST = 1_000
"""Events of one step."""
SOON, LATE = 0.002, 0.5
"""Seconds from one look at the history to the next: at first after something came, and at last when nothing does."""
LOOK = 1.0
"""Seconds at most until it is seen that another projector came or died, or that a view was built."""
AGAIN = 5.0
"""Seconds at most until something that failed is tried again."""
TRIES = (0.05, 0.2, 0.8)
"""Seconds after which an event that cannot be projected is tried again, before it is put aside."""
CALM = 30.0
"""Seconds after an event was put aside in which others are tried once: lanes must not stand still."""


class Careful:
    """Moves a projector on. An event that cannot be projected is tried again, then put aside."""

    def __init__(self, projector: Projector, feed: Feed, stop: Event) -> None:
        self.projector, self.feed, self.stop = projector, feed, stop
        self.failing, self.tries, self.put_aside = 0, 0, -CALM

    def step(self) -> int:
        """Says how many events were new; -1 where nothing has come."""
        try:
            return self.projector.step(self.feed, MOST)
        except Unreadable as error:
            if error.recorded.position != self.failing:
                self.failing, self.tries = error.recorded.position, 0
            self.tries += 1
            if self.tries <= len(TRIES) and monotonic() - self.put_aside > CALM:
                self.stop.wait(TRIES[self.tries - 1])
                return 0
            tables = self.projector.park(error.recorded, self.tries)
            if not tables:
                raise
            self.put_aside = monotonic()
            log.error("put aside, and all that follows of its aggregate, for %s: %s", ", ".join(tables), _told(error))
            return 0


class Stopped(Exception):
    """The process is to end. What is half built is taken up by the next one."""


def run(
    url: str,
    schema: str,
    views: Iterable[type[View]],
    stop: Event,
    source: Callable[[Connection[Any], Connection[Any]], Source] = LogSource,
) -> None:
    """Project until told to stop. Other processes may do the same: each moves its share of the lanes.

    Views without tables of their declaration are built beside the live ones, while all others go on. When PostgreSQL
    is away it is tried again, ever less often, and said in the log; an event that cannot be folded is put aside.
    """
    tables, settled = [Table(view) for view in views], Event()
    builder = Thread(target=_build, args=(url, schema, tables, stop, settled), name="builder", daemon=True)
    builder.start()
    pause = SOON
    while not stop.is_set():
        started = monotonic()
        try:
            with (
                connect(url, schema) as moving,
                connect(url, schema) as holding,
                closing(source(moving, holding)) as fed,
            ):
                _move(moving, Share(holding, tables), fed, stop, settled)
        except Fenced:
            log.info("another worker holds some lanes now: starting anew")
        except Exception as error:
            pause = SOON if monotonic() - started > AGAIN else min(pause * 2, AGAIN)
            _said("projecting", error)
            stop.wait(pause)
    builder.join()


def _move(moving: Connection[Any], share: Share, source: Source, stop: Event, settled: Event) -> None:
    """Move our share of the lanes, and see from time to time what that is.

    At first, tables that a newer declaration replaced are the builder's: it puts them back into their place.
    """
    workers, pause = list[Careful](), SOON
    looked, interval = 0.0, SOON
    while not stop.is_set():
        if monotonic() - looked > interval:
            interval = min(interval * 1.5, LOOK)
            if share.look(old_ones=settled.is_set()):
                workers = [
                    Careful(Projector(moving, tables, lanes), feed, stop)
                    for tables, lanes, feed in source.feeds(share.parts())
                ]
                interval = SOON
            looked = monotonic()
        came = [worker.step() >= 0 for worker in workers]
        rung = any(came) or source.wait(pause)
        pause = SOON if rung else min(pause * 1.5, LATE)


def _build(url: str, schema: str, tables: list[Table], stop: Event, settled: Event) -> None:
    """Build what is missing, one view after the other, and indexes that were declared since."""

    def go_on(_: Progress) -> None:
        if stop.is_set():
            raise Stopped

    left, pause = tables, SOON
    while left and not stop.wait(pause):
        still = []
        for table in left:
            try:
                build_missing(url, schema, table.view, go_on)
            except Stopped:
                return
            except Busy:
                still.append(table)
            except Exception as error:
                _said(f"building {table.view.table}", error)
                still.append(table)
        settled.set()
        left, pause = still, min(pause * 2, AGAIN)


def _said(doing: str, error: Exception) -> None:
    if isinstance(error, OperationalError):
        log.warning("%s: PostgreSQL is away (%s)", doing, str(error).strip())
    elif isinstance(error, NotReached):
        log.warning("%s: %s", doing, error)
    elif isinstance(error, Unreadable):
        log.error("%s stands still: %s", doing, _told(error))
    else:
        log.exception("%s failed", doing, exc_info=error)


def _told(error: Unreadable) -> str:
    return f"{error} ({reason(error)})"
