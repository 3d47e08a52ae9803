"""The database as the HTTP edge reads it: without blocking its event loop."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Condition, Task
from collections.abc import AsyncIterator
from contextlib import suppress
from time import perf_counter
from typing import Any, Final, Self

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from domain.history import Entry
from infra import tracing
from infra.asking import Asking
from infra.database import SCHEMA, address
from infra.mapper import shown
from infra.metrics import FOLLOWINGS, POOLS, SQL_SECONDS

PATIENCE: Final = 2.0
"""Seconds that a read waits for the views to have passed a position."""
HEARTBEAT: Final = 1.0
"""Seconds after which the end of the history is looked at again, though nobody said that it grew."""
SETTINGS: Final = "-c jit=off"
STATEMENT_SECONDS: Final = 20.0

SHOWN: Final = """
    select coalesce(bool_and(c.position >= $1), false), coalesce(bool_or(exists (
        select from dead_letters d
        where d.name = c.name and d.originator_id = e.originator_id and d.position <= $1)), false)
    from events e join checkpoints c on c.lane = e.lane
    where e.position = $1
      and c.name in (select jsonb_array_elements_text($2::text::jsonb -> split_part(e.topic, '.', 1)))"""

ENTRIES: Final = """
    select position, split_part(topic, '.', 1), split_part(topic, '.', 2), originator_id, originator_version,
           schema_version, recorded_at, occurred_at, actor, on_behalf_of, command, command_id, correlation_id,
           causation_id, origin, encode(hash, 'hex'), state
    from events e"""
AFTER: Final = f"{ENTRIES} where position > $1 order by position limit $2"

log = logging.getLogger("daybook.reading")


def said(told: list[Any], state: bytes) -> dict[str, Any]:
    """What an event says, but for what is personal."""
    return shown(f"{told[1]}.{told[2]}", orjson.loads(state))


def _entries(rows: list[tuple[Any, ...]]) -> list[Entry]:
    return [Entry(*told, said(told, state)) for *told, state in rows]  # type: ignore[call-arg]


class Reading:
    """Connections that only read, and a watch over the end of the history. Use it as a context."""

    def __init__(
        self, url: str, schema: str = SCHEMA, most: int = 8, statement_seconds: float = STATEMENT_SECONDS
    ) -> None:
        self.address = psycopg.conninfo.make_conninfo(address(url, schema))
        given = psycopg.conninfo.conninfo_to_dict(self.address).get("options", "")
        own = f"{SETTINGS} -c statement_timeout={round(statement_seconds * 1000)}"
        self.address = psycopg.conninfo.make_conninfo(self.address, options=f"{given} {own}")
        self.pool = AsyncConnectionPool(
            self.address,
            connection_class=Asking,
            min_size=1,
            max_size=most,
            open=False,
            name="reading",
            kwargs={"autocommit": True},
        )
        POOLS.add(self.pool)
        self.growth = Condition()
        self.watch: Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.pool.open(wait=True)
        self.watch = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.watch:
            self.watch.cancel()
            with suppress(asyncio.CancelledError):
                await self.watch
        await self.pool.close()

    async def one(self, sql: str, parameters: list[Any]) -> tuple[Any, ...]:
        """The one row of a statement with `$1` for its first parameter."""
        with tracing.doing("sql", db__system__name="postgresql", db__query__text=sql[: tracing.LONGEST]):
            [row] = await self.rows(sql, parameters)
        return row

    async def rows(self, sql: str, parameters: list[Any], *, binary: bool = False) -> list[tuple[Any, ...]]:
        """The rows of a statement; TimeoutError if it takes too long. Whoever is cancelled meanwhile cancels it."""
        connection, started = await self.pool.getconn(), perf_counter()
        try:
            return await connection.ask(sql, parameters, binary=binary)
        except psycopg.errors.QueryCanceled as error:
            raise TimeoutError("a statement took too long") from error
        finally:
            SQL_SECONDS.observe(perf_counter() - started)
            await self.pool.putconn(connection)

    async def grown(self) -> None:
        """Waits until the history has grown, or for a heartbeat: it may have grown unheard."""
        with suppress(TimeoutError):
            async with self.growth:
                await asyncio.wait_for(self.growth.wait(), HEARTBEAT)

    async def shown(self, position: int, tables: dict[str, list[str]]) -> bool:
        """Waits until the tables of the aggregate whose event this is have passed it; says whether they show it.

        They do not where the aggregate is parked: nobody waits for that.
        """
        named, pause, waited = orjson.dumps(tables).decode(), 0.001, 0.0
        while True:
            there, parked = await self.one(SHOWN, [position, named])
            if parked:
                return False
            if there or waited > PATIENCE:
                return bool(there)
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.3, 0.02)

    async def after(self, position: int, most: int = 500) -> AsyncIterator[list[Entry]]:
        """What was recorded after a position, in batches: first what is there already, then what comes."""
        with FOLLOWINGS.labels("subscription").track_inprogress():
            while True:
                rows = await self.rows(AFTER, [position, most])
                if rows:
                    position = rows[-1][0]
                    yield _entries(rows)
                    continue
                await self.grown()

    async def entries(self, rest: str, parameters: list[Any]) -> list[Entry]:
        """Those events `e` that the rest of a statement asks for: conditions, an order, how many."""
        return _entries(await self.rows(f"{ENTRIES} {rest}", parameters))

    async def _watch(self) -> None:
        """Wakes those who wait for the history to grow."""
        while True:
            try:
                async with await AsyncConnection.connect(self.address, autocommit=True) as connection:
                    await connection.execute("listen daybook_events")
                    async for _ in connection.notifies():
                        async with self.growth:
                            self.growth.notify_all()
            except psycopg.OperationalError as error:
                log.warning("the watch over the history lost its connection: %s", error)
                await asyncio.sleep(HEARTBEAT)
