"""What a longer history makes slower: the same things at 100,000 events, at a million and at three.

`python -m tests.bench growth` prints it. Every ratio is that of the time taken to the time taken at first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import cycle
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.conninfo import make_conninfo

from infra.database import connect
from infra.event_store import EventStore
from infra.feed.log import LogFeed
from infra.lanes import ALL
from infra.reading import SETTINGS
from infra.rebuild import rebuild
from projections.sales.opportunity import OpportunityView
from tests.bench.append import ours
from tests.bench.grown import grow, growing
from tests.bench.instants import GROUP, NODES, asked

SCHEMA = "bench_growth"
SIZES = (100_000, 1_000_000, 3_000_000)
AT_ONCE = 64
TAIL = 500
TIMES = 300


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure at the beginning, and the ratio."""
    first: dict[str, float] = {}
    with growing(database_url, SCHEMA) as connection:
        for size in SIZES:
            grow(connection, size)
            rebuild(database_url, SCHEMA, [OpportunityView])
            connection.execute("vacuum analyze")
            for what, seconds in took(database_url, connection, size):
                before = first.setdefault(what, seconds)
                if size > SIZES[0]:
                    against = f"{before * 1e6:,.0f} µs at {SIZES[0]:,}"
                    yield f"{what}, {size:,} events", f"{seconds * 1e6:,.0f} µs", against, f"{seconds / before:.1f}"


def took(database_url: str, connection: Connection[Any], size: int) -> Iterator[tuple[str, float]]:
    """Seconds that each thing takes once."""
    with connect(make_conninfo(database_url, options=SETTINGS), SCHEMA) as reading:
        half = f"asOf: {{position: {size // 2}}}"
        queries = {"page of 50": f"first: 50%s) {{ {NODES} }}", "sum by stage": f"first: 1%s) {{ {GROUP} }}"}
        for what, query in queries.items():
            for when, instant in (("", ""), (", half of the history back", f", {half}")):
                yield f"{what}{when}", once(asked(reading, f"opportunities({query % instant}"), 15)
        feed, end = LogFeed(reading), head(connection)
        yield (
            f"{TAIL} events at the end of the log",
            once(lambda: feed.read(dict.fromkeys(ALL, end - TAIL), TAIL), TIMES),
        )
    ids = some(connection)
    with EventStore(database_url, SCHEMA) as store:
        yield "an aggregate, loaded", once(lambda: store.aggregate(next(ids)), TIMES)
        yield f"an append, {AT_ONCE} on their way", 1 / median(ours(store, AT_ONCE) for _ in range(3))


def once(act: Callable[[], object], times: int) -> float:
    """Seconds that it takes, most often."""
    taken = []
    for _ in range(times):
        begun = perf_counter()
        act()
        taken.append(perf_counter() - begun)
    return median(taken)


def head(connection: Connection[Any]) -> int:
    [position] = connection.execute("select position from event_head").fetchone() or (0,)
    return int(position)


def some(connection: Connection[Any]) -> Iterator[UUID]:
    """Opportunities from anywhere in the history, one after another."""
    positions = random.Random(1).sample(range(1, head(connection)), TIMES)
    asked = "select originator_id from events where position = any(%s) and topic ^@ 'Opportunity.'"
    return cycle([id for (id,) in connection.execute(asked, [positions])])
