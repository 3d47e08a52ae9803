"""How long a page of a timeline takes, over HTTP: of an account with 10,000 events of 500 things, among as many again
of its neighbours and a long history of others.

`python -m tests.bench timelines` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Any

import httpx
from psycopg import Connection

from domain.catalogue import AGGREGATES
from domain.command import Accepted, Request
from infra.event_store import EventStore
from infra.first_start import administrator
from infra.identity import Identity
from infra.pipeline import CommandPipeline
from infra.rebuild import rebuild
from infra.rights import Directory
from projections.catalogue import VIEWS
from tests.bench.grown import grow, growing
from tests.bench.reads import server

SCHEMA = "bench_timelines"
THINGS = 500
EVENTS = 10_000
OTHERS = 100_000
ROUNDS = 15
ENTRY = "position kind nodeId recordedAt occurredAt actor command"
CHANGED = f"{ENTRY} changes {{ field before after }}"
PAGES = {
    "the newest 50": f"first: 50) {{ nodes {{ {ENTRY} }} }}",
    "the newest 50 with what each changed": f"first: 50) {{ nodes {{ {CHANGED} }} }}",
    "50 from the middle": f'first: 50, after: "%s") {{ nodes {{ {ENTRY} }} }}',
    "50 of some kinds": f"first: 50, kinds: [OPPORTUNITY_OPENED, ACCOUNT_REGISTERED]) {{ nodes {{ {ENTRY} }} }}",
    "the newest 50 as of the middle": f"first: 50, asOf: {{position: %s}}) {{ nodes {{ {ENTRY} }} }}",
}


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    with growing(database_url, SCHEMA) as connection:
        account, middle = fill(database_url)
        grow(connection, OTHERS)
        rebuild(database_url, SCHEMA, VIEWS)
        connection.execute("vacuum analyze")
        what = f"a timeline of {events_of(connection):,} events of {THINGS:,} things"
        with server("ours", database_url, SCHEMA) as (at, token):
            for page, text in PAGES.items():
                query = f'{{ timeline(of: "{account}", {text % middle if "%s" in text else text} }}'
                seconds = took(at, token, query)
                yield f"{what}: {page}", f"{seconds * 1e3:.1f} ms", "20 ms", f"{seconds / 0.02:.2f}"


def took(at: str, token: str, query: str) -> float:
    """Seconds that an answer takes, in the middle."""
    with httpx.Client(base_url=at, headers={"authorization": f"Bearer {token}"}, timeout=60) as client:
        turns = []
        for _ in range(ROUNDS):
            begun = perf_counter()
            answer = client.post("/graphql", json={"query": query}).json()
            turns.append(perf_counter() - begun)
            assert "errors" not in answer and len(answer["data"]["timeline"]["nodes"]) == 50, str(answer)[:500]
    return median(turns)


def events_of(connection: Connection[Any]) -> int:
    """How many events the account and its things have: half of all but the others'."""
    [[count]] = connection.execute("select count(*) from events").fetchall()
    return int(count - OTHERS) // 2


def fill(database_url: str) -> tuple[str, int]:
    """Two accounts alike, and a position in the middle of their history."""
    with EventStore(database_url, SCHEMA) as store, Identity(database_url, store, SCHEMA) as identity:
        directory = Directory(store)
        pipeline = CommandPipeline(AGGREGATES, store, directory)
        user = administrator(pipeline, identity, directory)

        def run(command: str, id: Any = None, **arguments: Any) -> Any:
            outcome = pipeline.run(Request(command=command, id=id, arguments=arguments, actor=user))
            assert isinstance(outcome, Accepted), outcome
            return outcome

        def made(command: str, **arguments: Any) -> Any:
            return run(command, **arguments).changed[0].id

        way = made("Pipeline.define", name="Direct")
        run("Pipeline.add_stage", way, key="first", name="First talk", probability=10)
        accounts = [made("Account.register", name=name) for name in ("Acme", "Neighbour")]
        things = [
            made("Opportunity.open", pipeline_id=way, name=f"Sale {n}", account_id=account)
            for n in range(THINGS)
            for account in accounts
        ]
        middle = 0
        for n in range(EVENTS // THINGS - 1):
            for id in things:
                last = run("Opportunity.set_next_step", id, next_step=f"step {n}")
            if n == EVENTS // THINGS // 2:
                middle = last.position
        return f"Account_{accounts[0]}", middle
