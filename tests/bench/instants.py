"""How long the past takes, against the same query now: the very statements that the API sends, over 300,000 events.

`python -m tests.bench instants` prints it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter
from typing import Any

from psycopg import Connection, RawCursor
from psycopg.conninfo import make_conninfo

from api.documents import prepare
from api.ports import Caller, Place, Places, ViewType
from api.reads import Reads
from infra.database import connect
from infra.reading import SETTINGS
from infra.rebuild import rebuild
from infra.rights import ALL, DAYBOOK, UserRights
from infra.serving import tables_of
from projections.sales.opportunity import OpportunityView
from server import schema_of
from tests.bench.grown import grow, growing

SCHEMA = "bench_instants"
EVENTS = 300_000
BACK = (0, 10, 50, 90)
"""Percent of the history."""
ROUNDS = 9
OFTEN = 11
"""So many times a statement is asked before it is measured: as in a server that has run for a while, it is planned."""
NODES = "nodes { id name stage status probability ownerId expectedClose amount { amount currency } }"
PAGES = {
    "page of 50 by id": "first: 50",
    "page of the newest 50": "last: 50",
    "page of 50 by amount": "first: 50, orderBy: [{field: AMOUNT, direction: DESC}]",
    "page of 50 with a filter": 'first: 50, filter: {stage: {eq: "c"}}',
}
GROUP = "groupBy(by: [{field: STAGE}]) { key { stage } count sum { amount { amount currency } } }"
READS = {what: f"opportunities({given}%s) {{ {NODES} }}" for what, given in PAGES.items()} | {
    "sum of amounts by stage": f"opportunities(first: 1%s) {{ {GROUP} }}"
}
"""Each with a place for the instant."""


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    with growing(database_url, SCHEMA) as connection:
        grow(connection, EVENTS)
        rebuild(database_url, SCHEMA, [OpportunityView])
        connection.execute("vacuum analyze")
        with connect(make_conninfo(database_url, options=SETTINGS), SCHEMA) as reading:
            for what, query in READS.items():
                reads = [asked(reading, query % "")]
                reads += [asked(reading, query % f", asOf: {{position: {past(back)}}}") for back in BACK]
                now, *then = took(reads)
                goal = "goal 3"
                for back, seconds in zip(BACK, then, strict=True):
                    figure, against = f"{seconds * 1e3:.1f} ms", f"now {now * 1e3:.1f} ms ({goal})"
                    yield f"{what}, {back} % of the history back", figure, against, f"{seconds / now:.1f}"


def past(back: int) -> int:
    return EVENTS * (100 - back) // 100


def took(reads: list[Callable[[], str]]) -> list[float]:
    """Seconds that each takes, in turns."""
    turns = []
    for _ in range(ROUNDS):
        turn = []
        for read in reads:
            begun = perf_counter()
            read()
            turn.append(perf_counter() - begun)
        turns.append(turn)
    return [median(each) for each in zip(*turns, strict=True)]


def asked(connection: Connection[Any], query: str) -> Callable[[], str]:
    """A query of the API as a statement, to be sent as often as one likes; says its answer."""
    schema, views = schema_of("UTC")
    prepared = prepare(schema._schema, f"{{ {query} }}")
    kept = _Kept()
    reads = Reads(kept, Caller(DAYBOOK, UserRights(DAYBOOK, ALL), "bench"), _places(connection), views, lambda *_: None)
    compiled = reads.compiled(prepared, prepared.operation(None), {})
    assert compiled
    asyncio.run(reads.text(compiled))
    cursor = RawCursor(connection)

    def send() -> str:
        [text, obstacle] = cursor.execute(kept.sql, kept.parameters).fetchone() or ("", "")
        assert obstacle is None, query
        return str(text)

    assert {send() for _ in range(OFTEN)} != {"null"}, query
    return send


class _Kept:
    """Where a read would run: keeps what it asks."""

    async def one(self, sql: str, parameters: list[Any]) -> tuple[Any, ...]:
        self.sql, self.parameters = sql.encode(), parameters
        return "null", None

    async def shown(self, position: int, tables: dict[str, list[str]]) -> bool:
        return True


def _places(connection: Connection[Any]) -> Places:
    def place(view: ViewType) -> Place:
        found = tables_of(connection, view)
        assert found, view
        return found

    return place
