"""A connection that is asked one statement at a time, without blocking: psycopg's, by a shorter way than its cursors.

A small read keeps a cursor busy for 100 µs, and this for 40: that is most of what such a read costs a server. Values
are adapted by psycopg on both ways, as ever.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

OFTEN: Final = 5
"""Times after which a statement is prepared."""
MOST: Final = 100
"""Statements that are remembered, prepared or not; then the one that was asked longest ago is forgotten."""
CANCELS_WITHIN: Final = 5.0
"""Seconds."""

Row = tuple[Any, ...]
Key = tuple[str, tuple[int, ...]]


class Asking(AsyncConnection[Row]):
    """A connection that commits each statement by itself. `$1` is the first parameter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._times_asked: OrderedDict[Key, int] = OrderedDict()
        """How often; -1 - n once it is prepared under the number n."""
        self._times_named = 0
        self._adapts = Transformer(self)

    async def ask(self, sql: str, parameters: Sequence[Any], *, binary: bool = False) -> list[Row]:
        """The rows of a statement. Whoever is cancelled meanwhile cancels it."""
        transformer = self._adapts
        contents = transformer.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
        types, formats = transformer.types or (), transformer.formats or []
        name, as_ = await self._name_of(sql, types), Format.BINARY if binary else Format.TEXT
        if name:
            self.pgconn.send_query_prepared(name, contents, formats, result_format=as_)
        else:
            self.pgconn.send_query_params(sql.encode(), contents, types, formats, as_)
        result = await self._outcome()
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, tuple)

    async def _name_of(self, sql: str, types: tuple[int, ...]) -> bytes | None:
        """The name under which it is prepared, once it has been asked often enough."""
        key = sql, types
        asked = self._times_asked.pop(key, 0)
        if asked == OFTEN - 1:
            self._times_named += 1
            name = _name(self._times_named)
            self.pgconn.send_prepare(name, sql.encode(), types)
            await self._outcome()
            self._times_asked[key] = -self._times_named
        else:
            self._times_asked[key] = asked + 1 if asked >= 0 else asked
        if len(self._times_asked) > MOST:
            _, oldest = self._times_asked.popitem(last=False)
            if oldest < 0:
                self.pgconn.send_query_params(b"deallocate " + _name(-oldest), [])
                await self._outcome()
        number = self._times_asked[key]
        return _name(-number) if number < 0 else None

    async def _outcome(self) -> PGresult:
        """What comes back. Raises what PostgreSQL says is wrong."""
        try:
            result = await self._came_back()
        except asyncio.CancelledError:
            await self._give_up()
            raise
        if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            return result
        raise error_from_result(result, self.info.encoding)

    async def _came_back(self) -> PGresult:
        pgconn = self.pgconn
        if pgconn.flush():  # there is more to send than goes away at once
            results: list[PGresult] = await self.wait(generators.execute(pgconn))
            return results[-1]
        loop, socket = asyncio.get_running_loop(), pgconn.socket
        whole = loop.create_future()
        loop.add_reader(socket, _read, pgconn, whole)
        try:
            await whole
        finally:
            loop.remove_reader(socket)
        result = pgconn.get_result()
        if result is None:
            raise psycopg.OperationalError("the connection was lost")
        while pgconn.get_result():
            pass
        return result

    async def _give_up(self) -> None:
        """Nobody waits for the answer any more: the statement is cancelled, or else the connection is given up."""
        with suppress(psycopg.Error):
            await self.cancel_safe(timeout=CANCELS_WITHIN)
            await self.wait(generators.fetch_many(self.pgconn))
            return
        await self.close()


def _read(pgconn: PGconn, whole: Future[None]) -> None:
    """Something came: once that is all, whoever waits is told."""
    if not whole.done():
        try:
            pgconn.consume_input()
            if not pgconn.is_busy():
                whole.set_result(None)
        except psycopg.Error as error:
            whole.set_exception(error)


def _name(number: int) -> bytes:
    return b"asked_%d" % number
