"""How long after the answer to a command its row can be read: commands at a steady rate, the projector a process apart.

`python -m tests.bench visible` prints it. Server, projector and whoever looks share the same cores.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter, sleep
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from domain.command import Accepted
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.instants import wait_for_all
from infra.projecting import projecting
from infra.settings import Settings
from infra.tables import Table
from projections.catalogue import VIEWS
from projections.sales.product import ProductView
from tests.infra.history import a_product, commit

DATABASE = "bench_visible"
"""Of its own, for the projector beside a server knows one name of a schema only."""
RATES = (100, 500)
SECONDS = 8.0
WARM = 60.0
"""Seconds at most until the first row is there."""
LOOK = 0.001
"""Seconds from one look at the view to the next."""
GOAL = 25


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, and what it should be."""
    with a_company(database_url) as url, EventStore(url) as store:
        for rate in RATES:
            waited = steadily(url, store, rate)
            p50, p99 = median(waited) * 1e3, quantiles(waited, n=100)[98] * 1e3
            what = f"answer to visible, {rate} commands/s"
            yield f"{what}, p50", f"{p50:.1f} ms", "", ""
            yield f"{what}, p99", f"{p99:.1f} ms", f"goal {GOAL} ms at {RATES[-1]}/s", f"{p99 / GOAL:.2f}"


@contextmanager
def a_company(database_url: str) -> Iterator[str]:
    """The address of a database with a projector of all views beside it."""
    drop = SQL("drop database if exists {} with (force)").format(Identifier(DATABASE))
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        TemporaryDirectory() as data,
        patch.dict(os.environ, {"DAYBOOK_DATA": data}),
    ):
        connection.execute(drop)
        connection.execute(SQL("create database {}").format(Identifier(DATABASE)))
        url = make_conninfo(database_url, dbname=DATABASE)
        migrate(url)
        try:
            with projecting(url, Settings.from_environment()):
                until_built(url)
                yield url
        finally:
            connection.execute(drop)


def until_built(url: str) -> None:
    with connect(url) as connection:
        built = "select count(*) from projections where state = 'live'"
        while (connection.execute(built).fetchone() or (0,))[0] < len(VIEWS):
            sleep(0.05)
        wait_for_all(connection, VIEWS, 0)


def steadily(url: str, store: EventStore, rate: int) -> list[float]:
    """Seconds that each command of a steady stream waited from its answer until its row was there.

    One goes before it: then all processes are at work.
    """
    first = store.append(commit(a_product())).result()
    with connect(url) as connection:
        wait_for_all(connection, VIEWS, first.position, WARM)
    answered: dict[UUID, float] = {}
    looking = Thread(target=(seen := Seen(url, answered)).look)
    looking.start()
    begun, sent = perf_counter(), list[Future[Accepted]]()
    for number in range(int(rate * SECONDS)):
        sleep(max(0.0, begun + number / rate - perf_counter()))
        product = a_product()
        answer = store.append(commit(product))
        answer.add_done_callback(lambda _, id=product.id: answered.setdefault(id, perf_counter()))  # type: ignore[misc]
        sent.append(answer)
    for answer in sent:
        answer.result()
    seen.expected = len(sent)
    looking.join()
    return [max(0.0, seen.at[id] - answered[id]) for id in answered]


class Seen:
    """Looks at a view, and keeps when each row came."""

    def __init__(self, url: str, answered: dict[UUID, float]) -> None:
        self.url, self.answered, self.at = url, answered, dict[UUID, float]()
        self.expected: int | None = None

    def look(self) -> None:
        there = SQL("select id from {} where id = any(%s)").format(Identifier(Table(ProductView).name))
        with connect(self.url) as connection:
            while self.expected is None or len(self.at) < self.expected:
                waiting: list[Any] = [id for id in list(self.answered) if id not in self.at]
                found = connection.execute(there, [waiting], prepare=True, binary=True).fetchall() if waiting else []
                now = perf_counter()
                self.at.update((id, now) for (id,) in found)
                sleep(LOOK)
