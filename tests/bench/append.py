"""How fast events are recorded, 64 at once, against a plain one-row INSERT and against the library.

`python -m tests.bench.append` prints it. All are measured in turns on one server, in one run: only the ratios mean
something elsewhere. pgbench has 64 connections in 2 threads, and so has the event store 64 commits on their way from 2
threads; the library knows no other way than 64 threads that wait, which is measured of the event store, too.
"""

from __future__ import annotations

import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from psycopg.conninfo import conninfo_to_dict

from infra.database import migrate
from infra.embedded import embedded, program
from infra.event_store import EventStore
from tests.infra.history import a_product, commit
from tests.infra.test_recorder import settings

AT_ONCE = 64
SECONDS = 2.0
ROUNDS = 3
MADE = 40_000
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
    with plain_table(database_url), application(database_url) as library, event_store(database_url) as store:
        turns = [(ours(store), waiting(store), pgbench(database_url), saves(library)) for _ in range(ROUNDS)]
    fast, waited, plain, slow = (median(figures) for figures in zip(*turns, strict=True))
    for what, figure in (("append, 64 on their way", fast), ("append, 64 threads that wait", waited)):
        yield what, f"{figure:,.0f}/s", f"pgbench, one-row INSERT {plain:,.0f}/s", f"{figure / plain:.2f}"
        yield what, f"{figure:,.0f}/s", f"the library's Application.save {slow:,.0f}/s", f"{figure / slow:.1f}"


def main() -> None:
    with TemporaryDirectory() as folder, embedded(Path(folder) / "data") as server:
        for row in rows(server.superuser_url):
            print(" | ".join(row))


def ours(store: EventStore) -> float:
    """Commits of one event, through the event store."""
    return by_threads(2, lambda: commit(a_product()), lambda made: store.append(made))


def waiting(store: EventStore) -> float:
    """The same, each waited for before the next."""
    return by_threads(AT_ONCE, lambda: commit(a_product()), lambda made: store.append(made))


def saves(library: Application[UUID]) -> float:
    """Aggregates of one event, through the library."""
    return by_threads(AT_ONCE, lambda: Product("0194a1", "Mat", None, "piece"), lambda made: done(library.save(made)))


def done(result: object) -> Future[object]:
    """An answer that is there already."""
    future = Future[object]()
    future.set_result(result)
    return future


def pgbench(database_url: str) -> float:
    """Rows, by a client in C that does nothing else."""
    at = conninfo_to_dict(database_url)
    where = ["-h", at.get("host", "127.0.0.1"), "-p", at.get("port", 5432), "-U", at["user"], str(at["dbname"])]
    how = ["-n", "-M", "prepared", "-T", round(SECONDS), "-c", AT_ONCE, "-j", 2, "-f", "-"]
    command = [str(each) for each in (program("pgbench"), *how, *where)]
    password = {"PGPASSWORD": str(at.get("password", ""))}
    done = subprocess.run(command, input=INSERT, env=password, capture_output=True, text=True, check=True)
    return float(re.findall(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)[0])


def by_threads(count: int, make: Callable[[], Any], record: Callable[[Any], Future[Any]]) -> float:
    """How many things a second so many threads record, all together 64 at a time. Few are made while the clock runs."""
    made = [[make() for _ in range(MADE // count)] for _ in range(count)]
    recorded = [0] * count
    end = perf_counter() + SECONDS

    def client(number: int) -> None:
        mine, on_their_way = iter(made[number]), deque[Future[Any]]()
        while perf_counter() < end:
            on_their_way.append(record(next(mine, None) or make()))
            if len(on_their_way) >= AT_ONCE // count:
                on_their_way.popleft().result()
                recorded[number] += 1
        for answer in on_their_way:
            answer.result()
            recorded[number] += 1

    threads = [Thread(target=client, args=(number,)) for number in range(count)]
    begun = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(recorded) / (perf_counter() - begun)


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


if __name__ == "__main__":
    main()
