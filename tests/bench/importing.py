"""How fast the 8,800 deals of the Maven data come in, against a plain loop that runs one command after the other.

`python -m tests.bench.importing` prints it. Both are measured on one server, in one run: only the ratio means something
elsewhere. Without the data (see DAYBOOK_TEST_DATA) there is nothing to measure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from domain.catalogue import AGGREGATES
from domain.command import Accepted, Outcome, Request
from infra.database import connect, migrate
from infra.embedded import embedded
from infra.event_store import EventStore
from infra.importing import Report, mapping, run
from infra.pipeline import CommandPipeline, Pending, Steps
from tests.maven import FOLDER, MAPPINGS, import_maven
from tests.scenario import ME

DATA = Path(os.environ.get("DAYBOOK_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
IN_THE_LOOP = 1_000
"""So many rows are enough to know how fast the loop is."""
SCHEMA = "bench_importing"


class Done(Pending):
    """What one after the other came to."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome


class OneByOne(CommandPipeline):
    """Runs each command by itself, and waits until it is recorded."""

    def start(self, steps: Steps) -> Pending:
        outcomes = list[Accepted]()

        def run(request: Request) -> Accepted:
            outcome = self.run(request)
            assert isinstance(outcome, Accepted), outcome
            outcomes.append(outcome)
            return outcome

        steps(run)
        return Done(outcomes[0])


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    if not (DATA / FOLDER).is_dir():
        yield "import of 8,800 deals", "not measured", f"no data at {DATA}", ""
        return
    fast, again = ours(database_url)
    slow = loop(database_url)
    assert fast.imported == again.already_there == 8_800 and slow.imported == IN_THE_LOOP
    per_event = f"{fast.seconds:.1f} s, {fast.rows_per_second:,.0f} rows/s, {fast.events / fast.seconds:,.0f} events/s"
    ratio = fast.rows_per_second / slow.rows_per_second
    yield "import of 8,800 deals", per_event, f"a loop of commands {slow.rows_per_second:,.0f} rows/s", f"{ratio:.1f}"
    once_more = again.rows_per_second / fast.rows_per_second
    yield "the same file again", f"{again.seconds:.1f} s", f"the first time {fast.seconds:.1f} s", f"{once_more:.1f}"


def ours(url: str) -> tuple[Report, Report]:
    with company(url) as store, connect(url, SCHEMA) as connection:
        pipeline = CommandPipeline(AGGREGATES, store)
        first = import_maven(DATA, pipeline, store, connection, ME)["deals"]
        return first, import_maven(DATA, pipeline, store, connection, ME)["deals"]


def loop(url: str) -> Report:
    with company(url) as store, connect(url, SCHEMA) as connection, TemporaryDirectory() as folder:
        part = Path(folder) / FOLDER
        part.mkdir()
        for file in (DATA / FOLDER).glob("*.csv"):
            with file.open(encoding="utf-8") as lines:
                (part / file.name).write_text("".join(islice(lines, IN_THE_LOOP + 1)))
        import_maven(Path(folder), CommandPipeline(AGGREGATES, store), store, connection, ME, ("deals",))
        deals = mapping.read(MAPPINGS / "deals.toml")
        one_by_one = OneByOne(AGGREGATES, store)
        return run(part / "sales_pipeline.csv", "Opportunity", deals, one_by_one, store, connection, ME, UTC)


def company(url: str) -> EventStore:
    """An empty one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"drop schema if exists {SCHEMA} cascade".encode())
    migrate(url, SCHEMA)
    return EventStore(url, SCHEMA)


def main() -> None:
    with TemporaryDirectory() as folder, embedded(Path(folder)) as server:
        for row in rows(server.superuser_url):
            print(" | ".join(row), flush=True)


if __name__ == "__main__":
    main()
