"""How long a page of a timeline takes, over HTTP: of an account with 10,000 events of 500 things, among as many again
of its neighbours and a long history of others.

`python -m tests.bench timelines` prints it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import httpx
from psycopg import Connection

from domain.catalogue import AGGREGATES
from domain.command import Accepted, Request
from infra.event_store import EventStore
from infra.first_start import administrator
from infra.identity import Identity
from infra.lanes import lane_of
from infra.pipeline import CommandPipeline
from infra.rebuild import rebuild
from infra.rights import Directory
from projections.catalogue import VIEWS
from tests.bench.grown import grow, growing
from tests.bench.reads import server

SCHEMA = "bench_timelines"
THINGS = 500
EVENTS = 10_000
OTHERS = 90_000
ROUNDS = 15
ENTRY = "position kind nodeId recordedAt occurredAt actor command"
OPENED = {
    "name": "Pumps", "pipeline_id": str(UUID(int=1)), "stage": "a", "probability": 10, "amount": None,
    "expected_close": None, "source": None,
}  # fmt: skip
COPY = """
    copy events (position, originator_id, originator_version, topic, schema_version, state, recorded_at, occurred_at,
                 command_id, request_digest, command, actor, hash, lane) from stdin"""
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
        account, middle = fill(database_url, connection)
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


def fill(database_url: str, connection: Connection[Any]) -> tuple[str, int]:
    """Two accounts alike, and a position in the middle of their history."""
    with EventStore(database_url, SCHEMA) as store, Identity(database_url, store, SCHEMA) as identity:
        directory = Directory(store)
        pipeline = CommandPipeline(AGGREGATES, store, directory)
        user = administrator(pipeline, identity, directory)
        accounts = []
        for name in ("Acme", "Neighbour"):
            outcome = pipeline.run(Request(command="Account.register", arguments={"name": name}, actor=user))
            assert isinstance(outcome, Accepted), outcome
            accounts.append(outcome.changed[0].id)
    [(position, recorded_at)] = connection.execute("select position, recorded_at from event_head").fetchall()
    things = [(uuid4(), accounts[n % 2]) for n in range(2 * THINGS)]
    with connection.cursor().copy(COPY) as copy:
        for version in range(1, EVENTS // THINGS + 1):
            for id, account in things:
                position += 1
                name, said = "NextStepSet", dict[str, Any](next_step=f"step {version}")
                if version == 1:
                    name, said = "Opened", OPENED | {"account_id": str(account)}
                state, lane = json.dumps(said).encode(), lane_of(id)
                copy.write_row(
                    (position, id, version, f"Opportunity.{name}", 1, state, recorded_at, recorded_at, uuid4(), b"",
                     "Opportunity.test", user, b"", lane)
                )  # fmt: skip
    connection.execute("update event_head set position = %s", [position])
    return f"Account_{accounts[0]}", position - len(things) * EVENTS // THINGS // 2
