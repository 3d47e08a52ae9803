"""Reads and mutations over HTTP, against stock Strawberry and PostGraphile 5 over the same rows, in the same run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
from infra.rights import Directory
from infra.settings import Settings
from projections.catalogue import VIEWS
from server import application
from tests.bench import postgraphile
from tests.bench.stock import stock

ROWS = 2_000
SECONDS = 4.0
CLIENTS = 8
LIST = """{ opportunities(first: %d) { nodes {
    id version createdAt updatedAt name stage probability status expectedClose amount { amount currency } } } }"""
NESTED = """{ accounts(first: 50) { nodes { id name opportunities(first: 5) { nodes { id name stage } } } } }"""
ONE = """query ($id: ID!) { opportunity(id: $id) { id name stage status } }"""
CHANGE = """mutation { registerAccount(input: {name: "Acme"}) { version position } }"""
NOTHING = "mutation { nothing }"

Asked = tuple[str, dict[str, Any]]


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    schema = "bench_reads"
    id = fill(database_url, schema)[7]
    uuid = id.rpartition("_")[2]
    asked: dict[str, tuple[Asked, Asked, str, str]] = {
        "list of 100 rows x 11 values": ((LIST % 100, {}), (postgraphile.LIST % 100, {}), " (goal 7)", " (goal 1.5)"),
        "list of 1000 rows x 11 values": ((LIST % 1000, {}), (postgraphile.LIST % 1000, {}), "", " (goal 3)"),
        "50 accounts x 5 opportunities": ((NESTED, {}), (postgraphile.NESTED, {}), "", " (goal 2)"),
        "one row by id": ((ONE, {"id": id}), (postgraphile.ONE, {"id": uuid}), "", " (goal 1.2)"),
    }
    peer = postgraphile.environment(database_url, schema)
    with (
        server("ours", database_url, schema) as (ours, token),
        server("stock", database_url, schema) as (stock, _),
        process(postgraphile.COMMAND, peer, postgraphile.FOLDER) as (other, _),
    ):
        for what, (mine, theirs, than_stock, than_other) in asked.items():
            fast, many = measured(ours, mine, token)
            slow, _ = measured(stock, mine)
            peers, _ = measured(other, theirs)
            yield what, f"{fast:,.0f}/s", f"stock Strawberry {slow:,.0f}/s{than_stock}", f"{fast / slow:.1f}"
            yield what, f"{fast:,.0f}/s", f"PostGraphile 5 {peers:,.0f}/s{than_other}", f"{fast / peers:.2f}"
            yield what, f"{many:.2f} statements", "goal 1", ""
        changes, _ = measured(ours, (CHANGE, {}), token)
        idle, _ = measured(stock, (NOTHING, {}))
        yield (
            "mutation",
            f"{changes:,.0f}/s",
            f"one of stock Strawberry that does nothing {idle:,.0f}/s (goal 0.5)",
            (f"{changes / idle:.2f}"),
        )


def measured(at: str, asked: Asked, token: str = "-") -> tuple[float, float]:
    """Answers a second, after a while in which plans and caches are made; and statements of reads for each of them."""
    body = {"query": asked[0], "variables": asked[1]}
    asyncio.run(rate(at, body, token, SECONDS / 4))
    before = statements(at)
    fast, answers = asyncio.run(rate(at, body, token, SECONDS))
    return fast, (statements(at) - before) / answers


def statements(at: str) -> float:
    """Reads that a server has asked of PostgreSQL, if it counts them; ours asks one a second by itself."""
    return sum(map(float, re.findall(r"^daybook_sql_seconds_count (\S+)", httpx.get(f"{at}/metrics").text, re.M)))


def fill(database_url: str, schema: str) -> list[str]:
    """Accounts with opportunities; the ids of those."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"drop schema if exists {schema} cascade".encode())
    migrate(database_url, schema)
    made: list[str] = []
    with EventStore(database_url, schema) as store, Identity(database_url, store, schema) as identity:
        directory = Directory(store)
        pipeline = CommandPipeline(AGGREGATES, store, directory)
        user = administrator(pipeline, identity, directory)

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


async def rate(at: str, body: dict[str, Any], token: str, seconds: float) -> tuple[float, int]:
    """Answers a second, and their number, with some clients that each wait for an answer before they ask again."""
    host, port = at.removeprefix("http://").split(":")
    content = json.dumps(body).encode()
    head = f"POST /graphql HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n"
    request = f"{head}content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content
    done, end = 0, perf_counter() + seconds

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
    return done / (perf_counter() - started), done


@contextmanager
def server(which: str, database_url: str, schema: str) -> Iterator[tuple[str, str]]:
    """A server process of its own; its address and a token."""
    command = [sys.executable, "-m", "tests.bench.reads", which, schema]
    with process(command, {"BENCH_DATABASE_URL": database_url}) as told:
        yield told


@contextmanager
def process(command: list[str], environment: dict[str, str], folder: Path | None = None) -> Iterator[tuple[str, str]]:
    """A process that serves, and says where, and with which token."""
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment, cwd=folder)
    assert started.stdout
    try:
        at, token = started.stdout.readline().split()
        for _ in range(500):
            try:
                httpx.get(at, timeout=1)
                break
            except httpx.TransportError:
                sleep(0.02)
        yield at, token
    finally:
        started.terminate()
        started.wait(20)
        started.stdout.close()


def main() -> None:
    """Serve, as a process of the benchmark."""
    which, schema, url = sys.argv[1], sys.argv[2], os.environ["BENCH_DATABASE_URL"]
    token = "-"
    if which == "ours":
        with EventStore(url, schema) as store, Identity(url, store, schema) as identity:
            directory = Directory(store)
            user = administrator(CommandPipeline(AGGREGATES, store, directory), identity, directory)
            token = identity.create(user, "bench")
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
