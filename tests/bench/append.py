"""How fast events are recorded by 64 at once, against a plain one-row INSERT and against the library.

`python -m tests.bench.append` prints it. All three are measured in turns on one server, in one run: only the ratios
mean something elsewhere.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
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
MADE = 1_000
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
        turns = [(ours(store), pgbench(database_url), saves(library)) for _ in range(ROUNDS)]
    fast, plain, slow = (median(figures) for figures in zip(*turns, strict=True))
    what = f"append, {AT_ONCE} at once"
    yield what, f"{fast:,.0f}/s", f"pgbench, one-row INSERT {plain:,.0f}/s (goal 0.5)", f"{fast / plain:.2f}"
    yield what, f"{fast:,.0f}/s", f"the library's Application.save {slow:,.0f}/s (goal 12)", f"{fast / slow:.1f}"


def main() -> None:
    with TemporaryDirectory() as folder, embedded(Path(folder) / "data") as server:
        for row in rows(server.superuser_url):
            print(" | ".join(row))


def ours(store: EventStore) -> float:
    """Commits of one event, through the event store."""
    return by_all(lambda: commit(a_product()), lambda made: store.append(made).result())


def saves(library: Application[UUID]) -> float:
    """Aggregates of one event, through the library."""
    return by_all(lambda: Product("0194a1", "Mat", None, "piece"), library.save)


def pgbench(database_url: str) -> float:
    """Rows, by a client in C that does nothing else."""
    at = conninfo_to_dict(database_url)
    where = ["-h", at.get("host", "127.0.0.1"), "-p", at.get("port", 5432), "-U", at["user"], str(at["dbname"])]
    how = ["-n", "-M", "prepared", "-T", round(SECONDS), "-c", AT_ONCE, "-j", 2, "-f", "-"]
    command = [str(each) for each in (program("pgbench"), *how, *where)]
    password = {"PGPASSWORD": str(at.get("password", ""))}
    done = subprocess.run(command, input=INSERT, env=password, capture_output=True, text=True, check=True)
    return float(re.findall(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)[0])


def by_all(make: Callable[[], Any], record: Callable[[Any], object]) -> float:
    """How many things a second the threads record; made before the clock starts, as far as they suffice."""
    made = [[make() for _ in range(MADE)] for _ in range(AT_ONCE)]
    done = [0] * AT_ONCE
    end = perf_counter() + SECONDS

    def client(number: int) -> None:
        mine = iter(made[number])
        while perf_counter() < end:
            record(next(mine, None) or make())
            done[number] += 1

    threads = [Thread(target=client, args=(number,)) for number in range(AT_ONCE)]
    begun = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (perf_counter() - begun)


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
