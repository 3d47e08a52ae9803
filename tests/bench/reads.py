"""Reads over HTTP, against stock Strawberry over the same tables, in the same run and with the same client."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, sleep
from typing import Any

import httpx
import psycopg
import uvicorn

from domain.catalogue import AGGREGATES
from domain.command import Accepted, Request
from infra.database import migrate
from infra.event_store import EventStore
from infra.first_start import administrator
from infra.identity import Identity
from infra.pipeline import CommandPipeline
from infra.rebuild import rebuild
from infra.settings import Settings
from projections.catalogue import VIEWS
from server import application
from tests.bench.stock import stock

ROWS = 2_000
SECONDS = 4.0
CLIENTS = 8
LIST = """{ opportunities(first: 100) { nodes {
    id version createdAt updatedAt name stage probability status expectedClose amount { amount currency } } } }"""
NESTED = """{ accounts(first: 50) { nodes { id name opportunities(first: 5) { nodes { id name stage } } } } }"""
ONE = """query ($id: ID!) { opportunity(id: $id) { id name stage status } }"""


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    schema = "bench_reads"
    ids = fill(database_url, schema)
    bodies: dict[str, dict[str, Any]] = {
        "list of 100 rows x 11 values": {"query": LIST},
        "50 accounts x 5 opportunities": {"query": NESTED},
        "one row by id": {"query": ONE, "variables": {"id": ids[7]}},
    }
    with server("ours", database_url, schema) as (ours, token), server("stock", database_url, schema) as (stock, _):
        for what, body in bodies.items():
            fast, slow = (asyncio.run(rate(at, body, token)) for at in (ours, stock))
            yield what, f"{fast:,.0f}/s", f"stock Strawberry {slow:,.0f}/s", f"{fast / slow:.1f}"


def fill(database_url: str, schema: str) -> list[str]:
    """Accounts with opportunities; the ids of those."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"drop schema if exists {schema} cascade".encode())
    migrate(database_url, schema)
    made: list[str] = []
    with EventStore(database_url, schema) as store, Identity(database_url, store, schema) as identity:
        pipeline = CommandPipeline(AGGREGATES, store, identity.allows)
        user = administrator(pipeline, identity)

        def run(command: str, id: Any = None, **arguments: Any) -> Any:
            outcome = pipeline.run(Request(command=command, id=id, arguments=arguments, actor=user))
            assert isinstance(outcome, Accepted), outcome
            return outcome.changed[0].id

        way = run("Pipeline.define", name="Direct")
        run("Pipeline.add_stage", way, key="first", name="First talk", probability=10)
        accounts = [run("Account.register", name=f"Account {n}") for n in range(ROWS // 10)]
        for n in range(ROWS):
            money = {"amount": f"{n}.50", "currency": "EUR"}
            id = run(
                "Opportunity.open",
                pipeline_id=way,
                name=f"Sale {n}",
                account_id=accounts[n % len(accounts)],
                amount=money,
            )
            made.append(f"Opportunity_{id}")
    rebuild(database_url, schema, VIEWS)
    return made


async def rate(at: str, body: dict[str, Any], token: str) -> float:
    """Answers a second, with some clients that each wait for an answer before they ask again."""
    host, port = at.removeprefix("http://").split(":")
    content = json.dumps(body).encode()
    head = f"POST /graphql HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n"
    request = f"{head}content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content
    done, end = 0, perf_counter() + SECONDS

    async def client() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(host, int(port))
        while perf_counter() < end:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            data = await reader.readexactly(length)
            assert answer.startswith(b"HTTP/1.1 200") and b'"errors"' not in data, data[:500]
            done += 1
        writer.close()

    started = perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return done / (perf_counter() - started)


@contextmanager
def server(which: str, database_url: str, schema: str) -> Iterator[tuple[str, str]]:
    """A server process of its own; its address and a token."""
    command = [sys.executable, "-m", "tests.bench.reads", which, schema]
    environment = {**os.environ, "BENCH_DATABASE_URL": database_url}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout
    try:
        at, token = process.stdout.readline().split()
        for _ in range(500):
            try:
                httpx.get(at, timeout=1)
                break
            except httpx.TransportError:
                sleep(0.02)
        yield at, token
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def main() -> None:
    """Serve, as a process of the benchmark."""
    which, schema, url = sys.argv[1], sys.argv[2], os.environ["BENCH_DATABASE_URL"]
    token = "-"
    if which == "ours":
        with EventStore(url, schema) as store, Identity(url, store, schema) as identity:
            token = identity.create(
                administrator(CommandPipeline(AGGREGATES, store, identity.allows), identity), "bench"
            )
        app = application(Settings(budget_rate=0), url, None, schema)
    else:
        app = stock(url, schema)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning")
    served = uvicorn.Server(config)
    socket = config.bind_socket()
    print(f"http://127.0.0.1:{socket.getsockname()[1]} {token}", flush=True)
    served.run([socket])


if __name__ == "__main__":
    main()
