"""How fast events are recorded, so many at once, against a plain one-row INSERT and against the library.

`python -m tests.bench append` prints it. All are measured in turns on one server, in one run: only the ratios mean
something elsewhere. pgbench has so many connections in 2 threads, 64 at most, and so has the event store so many
commits on their way from 2 threads; the library knows no other way than threads that wait, which is measured of the
event store, too. All of it once more with `commit_delay`, so that a flush takes a millisecond and more, as on a disk.
"""

from __future__ import annotations

import gc
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from statistics import median
from threading import Thread
from time import perf_counter
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from infra.database import migrate
from infra.embedded import program
from infra.event_store import EventStore
from tests.infra.history import a_product, commit
from tests.infra.test_recorder import settings

CROWDS = (1, 16, 64, 256)
SECONDS, SECONDS_OF_PGBENCH = 0.4, 1
ROUNDS = 3
MADE = 8_000
LONE = 1_000
MOST_CONNECTIONS = 64
SLOW = ", 1 ms flush"
SLOW_FLUSH = ("alter database {} set commit_delay = 1000", "alter database {} set commit_siblings = 0")
USUAL_FLUSH = ("alter database {} reset commit_delay", "alter database {} reset commit_siblings")
GOALS: dict[tuple[int, str], tuple[str, str, str]] = {
    (64, ""): ("12,000/s", " (goal 0.6)", " (goal 15)"),
    (256, ""): ("16,000/s", "", ""),
    (64, SLOW): ("", "", " (goal 20)"),
}
"""Of so many on their way: as such, against pgbench, against the library."""
TABLE = """create table bench_plain.events (
    position bigserial primary key, originator_id uuid, originator_version bigint, topic text, state bytea,
    unique (originator_id, originator_version))"""
INSERT = """insert into bench_plain.events (originator_id, originator_version, topic, state)
            values (uuidv7(), 1, 'Product.Listed', convert_to(repeat('x', 60), 'UTF8'));"""


class Product(Aggregate):
    """The library's own aggregate, as large as ours."""

    def __init__(self, code: str, name: str, family: str | None, unit: str) -> None:
        self.code, self.name, self.family, self.unit = code, name, family, unit


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    yield from figures(database_url, "")
    with slow_flush(database_url):
        yield from figures(database_url, SLOW)


def figures(database_url: str, how: str) -> Iterator[tuple[str, str, str, str]]:
    with plain_table(database_url), application(database_url) as library, event_store(database_url) as store:
        yield f"append, a lone command{how}, p50", f"{lone(store) * 1e3:.2f} ms", "" if how else "goal 1 ms", ""
        for crowd in CROWDS:
            turns = [
                (ours(store, crowd), waiting(store, crowd), pgbench(database_url, crowd), saves(library, crowd))
                for _ in range(ROUNDS)
            ]
            fast, waited, plain, slow = (median(each) for each in zip(*turns, strict=True))
            goal, of_pgbench, of_library = GOALS.get((crowd, how), ("", "", ""))
            if goal:
                yield f"append, {crowd} on their way{how}", f"{fast:,.0f}/s", f"goal {goal}", ""
            for what, figure in (("on their way", fast), ("threads", waited)):
                name = f"append, {crowd} {what}{how}"
                against = f"pgbench, one-row INSERT {plain:,.0f}/s{of_pgbench}"
                yield name, f"{figure:,.0f}/s", against, f"{figure / plain:.2f}"
                against = f"the library's Application.save {slow:,.0f}/s{of_library}"
                yield name, f"{figure:,.0f}/s", against, f"{figure / slow:.1f}"


def lone(store: EventStore) -> float:
    """Seconds that a command takes when there is no other."""
    took = []
    for _ in range(LONE):
        made = commit(a_product())
        begun = perf_counter()
        store.append(made, waits=True).result()
        took.append(perf_counter() - begun)
    return median(took)


def ours(store: EventStore, crowd: int) -> float:
    """Commits of one event, through the event store."""
    return by_threads(min(2, crowd), crowd, lambda: commit(a_product()), lambda made: store.append(made))


def waiting(store: EventStore, crowd: int) -> float:
    """The same, each waited for before the next."""
    return by_threads(crowd, crowd, lambda: commit(a_product()), lambda made: store.append(made, waits=True))


def saves(library: Application[UUID], crowd: int) -> float:
    """Aggregates of one event, through the library."""
    make = partial(Product, "0194a1", "Mat", None, "piece")
    return by_threads(crowd, crowd, make, lambda made: done(library.save(made)))


def done(result: object) -> Future[object]:
    """An answer that is there already."""
    future = Future[object]()
    future.set_result(result)
    return future


def pgbench(database_url: str, crowd: int) -> float:
    """Rows, by a client in C that does nothing else."""
    at = conninfo_to_dict(database_url)
    where = ["-h", at.get("host", "127.0.0.1"), "-p", at.get("port", 5432), "-U", at["user"], str(at["dbname"])]
    how = [
        "-n",
        "-M",
        "prepared",
        "-T",
        SECONDS_OF_PGBENCH,
        "-c",
        min(crowd, MOST_CONNECTIONS),
        "-j",
        min(2, crowd),
        "-f",
        "-",
    ]
    command = [str(each) for each in (program("pgbench"), *how, *where)]
    password = {"PGPASSWORD": str(at.get("password", ""))}
    done = subprocess.run(command, input=INSERT, env=password, capture_output=True, text=True, check=True)
    return float(re.findall(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)[0])


def by_threads(count: int, crowd: int, make: Callable[[], Any], record: Callable[[Any], Future[Any]]) -> float:
    """How many things a second so many threads record, a crowd at a time. Few are made while the clock runs."""
    made = [[make() for _ in range(MADE // count)] for _ in range(count)]
    recorded = [0] * count

    def client(number: int) -> None:
        mine, on_their_way = iter(made[number]), deque[Future[Any]]()
        end = begun + SECONDS
        while perf_counter() < end:
            on_their_way.append(record(next(mine, None) or make()))
            if len(on_their_way) >= crowd // count:
                on_their_way.popleft().result()
                recorded[number] += 1
        for answer in on_their_way:
            answer.result()
            recorded[number] += 1

    threads = [Thread(target=client, args=(number,)) for number in range(count)]
    gc.freeze()  # what was made ahead is not looked through again and again
    begun = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = perf_counter() - begun
    gc.unfreeze()
    return sum(recorded) / took


@contextmanager
def slow_flush(database_url: str) -> Iterator[None]:
    """Connections made inside wait a millisecond before each flush."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = Identifier(connection.info.dbname)
        for statement in SLOW_FLUSH:
            connection.execute(SQL(statement).format(name))
        try:
            yield
        finally:
            for statement in USUAL_FLUSH:
                connection.execute(SQL(statement).format(name))


@contextmanager
def plain_table(database_url: str) -> Iterator[None]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop schema if exists bench_plain, bench_append, bench_library cascade")
        connection.execute("create schema bench_plain")
        connection.execute(TABLE)
    yield


@contextmanager
def event_store(database_url: str) -> Iterator[EventStore]:
    migrate(database_url, "bench_append")
    with EventStore(database_url, "bench_append") as store:
        yield store


@contextmanager
def application(database_url: str) -> Iterator[Application[UUID]]:
    """An application of the library's own. Its appends lock the table: more connections make it no faster."""
    env = {**settings(database_url, "bench_library"), "POSTGRES_POOL_SIZE": "16", "POSTGRES_MAX_OVERFLOW": "4"}
    del env["APPLICATION_RECORDER_TOPIC"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create schema bench_library")
    with Application[UUID](env=env) as library:
        yield library
