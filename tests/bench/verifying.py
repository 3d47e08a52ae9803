"""How fast a history is verified, in the database and outside of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from time import perf_counter
from typing import Any

from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.verify import in_python, in_sql, verify
from tests.infra.history import a_product, commit

EVENTS, AT_ONCE = 60_000, 1_000


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, and what it should be."""
    migrate(database_url, "bench_verifying")
    with EventStore(database_url, "bench_verifying") as store:
        on_their_way = deque[Future[Any]]()
        for _ in range(EVENTS):
            on_their_way.append(store.append(commit(a_product())))
            if len(on_their_way) == AT_ONCE:
                on_their_way.popleft().result()
        for answer in on_their_way:
            answer.result()
    with connect(database_url, "bench_verifying") as connection:
        connection.execute("vacuum analyze events")
        for where, check, goal in (("in SQL", in_sql, 200_000), ("outside", in_python, 120_000)):
            begun = perf_counter()
            assert verify(connection, check=check).broken is None
            figure = EVENTS / (perf_counter() - begun)
            yield f"verify, {where}", f"{figure:,.0f} events/s", f"goal {goal:,}", f"{figure / goal:.2f}"
        connection.execute("drop schema bench_verifying cascade")
