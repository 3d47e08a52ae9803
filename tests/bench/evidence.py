"""How fast the history is exported with its proof, beside COPY of the same columns, and how fast that is checked."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from infra.database import address, connect, migrate
from infra.embedded import program
from infra.event_store import EventStore
from infra.evidence.checking import check
from infra.evidence.writing import export_events
from infra.exporting import Format
from infra.verify import TOLD
from tests.infra.history import a_product, commit

EVENTS, AT_ONCE, GOAL = 100_000, 1_000, 50_000
SCHEMA = "bench_evidence"
COPY = f"copy (select {TOLD}, encode(hash, 'hex'), convert_from(state, 'UTF8') from events order by position) to stdout"


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, and what it should be."""
    migrate(database_url, SCHEMA)
    with EventStore(database_url, SCHEMA) as store:
        on_their_way = deque[Future[Any]]()
        for _ in range(EVENTS):
            on_their_way.append(store.append(commit(a_product())))
            if len(on_their_way) == AT_ONCE:
                on_their_way.popleft().result()
        for answer in on_their_way:
            answer.result()
    with connect(database_url, SCHEMA) as connection, TemporaryDirectory() as folder:
        connection.execute("vacuum analyze events")
        peer = _copied(address(database_url, SCHEMA), Path(folder) / "copied")
        for name in ("events.ndjson", "events.csv", "events.parquet", "events.ndjson.gz"):
            file, form = Path(folder) / name, Format(name.split(".")[1])
            begun = perf_counter()
            export_events(connection, file, form)
            figure = EVENTS / (perf_counter() - begun)
            against = f"psql's COPY {peer:,.0f}/s, goal {GOAL:,}"
            yield f"export, {name.removeprefix('events.')}", f"{figure:,.0f} events/s", against, f"{figure / peer:.2f}"
            begun = perf_counter()
            assert check(file).problem is None
            figure = EVENTS / (perf_counter() - begun)
            yield "check of it, without a database", f"{figure:,.0f} events/s", "", ""
        connection.execute(f"drop schema {SCHEMA} cascade")


def _copied(url: str, file: Path) -> float:
    """Events a second that psql writes into a file, with no manifest and no digest."""
    begun = perf_counter()
    with file.open("wb") as out:
        subprocess.run([program("psql"), "-qX", "-c", COPY, url], stdout=out, check=True)
    return EVENTS / (perf_counter() - begun)
