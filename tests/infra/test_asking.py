"""A connection that is asked without cursors: it says what psycopg's own way says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from infra import asking as module
from infra.asking import Asking

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "uuid": st.uuids(),
    "date": st.dates(),
    "timestamptz": st.datetimes(timezones=st.just(UTC)),
    "interval": st.timedeltas(timedelta(-9999), timedelta(9999)),
    "bytea": st.binary(),
    "uuid[]": st.lists(st.uuids()),
    "text[]": st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
    "int[]": st.lists(st.integers(-(2**31), 2**31 - 1)),
}


def of_type(name: str) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.just(name), st.none() | VALUES[name])


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Asking]:
    connection = await Asking.connect(url, autocommit=True)
    async with connection:
        yield connection


def ask(url: str, act: Callable[[Asking], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with connected(url) as connection:
            return await act(connection)

    return asyncio.run(run())


async def prepared(connection: Asking) -> list[str]:
    """The statements that PostgreSQL holds prepared for it."""
    rows = await connection.ask("select statement from pg_prepared_statements where statement !~ 'pg_prepared'", [])
    return [statement for (statement,) in rows]


@pytest.mark.parametrize("binary", [False, True])
def test_every_value_comes_back_as_by_psycopgs_own_way(database_url: str, binary: bool) -> None:
    """The law: whatever is asked, often or seldom, a raw cursor says the same."""
    runner = asyncio.Runner()
    url = psycopg.conninfo.make_conninfo(database_url, options="-c timezone=UTC")
    ours = runner.run(Asking.connect(url, autocommit=True))
    with psycopg.connect(url, autocommit=True) as theirs:
        cursor = psycopg.RawCursor(theirs)

        @settings(max_examples=300, deadline=None)
        @given(
            st.lists(st.sampled_from(sorted(VALUES)).flatmap(lambda t: st.tuples(st.just(t), VALUES[t] | st.none())))
        )
        def same(asked: list[tuple[str, Any]]) -> None:
            sql = f"select {', '.join(f'${n}::{type_}' for n, (type_, _) in enumerate(asked, 1)) or 'true'}"
            parameters = [value for _, value in asked]
            expected = cursor.execute(sql, parameters, binary=binary).fetchall()

            assert runner.run(ours.ask(sql, parameters, binary=binary)) == expected

        same()
    runner.run(ours.close())
    runner.close()


def test_many_rows_and_none_come_whole(database_url: str) -> None:
    async def act(connection: Asking) -> Any:
        many = await connection.ask("select n, repeat('x', 500) from generate_series(1, 20000) n", [])
        return many, await connection.ask("select 1 where false", []), await connection.ask("set jit = off", [])

    many, none, nothing = ask(database_url, act)

    assert [n for n, _ in many] == list(range(1, 20_001)) and {len(text) for _, text in many} == {500}
    assert none == nothing == []


def test_what_is_larger_than_the_socket_takes_goes_through(database_url: str) -> None:
    text = "é" * 20_000_000

    [(length, back)] = ask(database_url, lambda c: c.ask("select length($1::text), $1::text", [text]))

    assert length == len(text) and back == text


def test_a_statement_is_prepared_once_it_is_asked_often(database_url: str) -> None:
    async def act(connection: Asking) -> Any:
        found = []
        for n in range(7):
            assert await connection.ask("select $1::int + 1", [n]) == [(n + 1,)]
            found.append(await prepared(connection))
        return found

    found = ask(database_url, act)

    assert found[3] == []
    assert found[4] == found[6] == ["select $1::int + 1"]


def test_not_more_statements_are_held_than_it_may(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)

    async def act(connection: Asking) -> Any:
        for number in range(8):
            for _ in range(6):
                assert await connection.ask(f"select {number}", []) == [(number,)]
        again = await connection.ask("select 0", [])
        return again, await prepared(connection)

    again, held = ask(database_url, act)

    assert again == [(0,)]
    assert 1 <= len(held) <= 3 and "select 7" in held


def test_what_is_wrong_is_said_and_the_connection_goes_on(database_url: str) -> None:
    async def act(connection: Asking) -> Any:
        codes = []
        for sql, parameters in [("select 1 / $1::int", [0])] * 7 + [("nonsense", []), ("select $1::int", ["x"])] * 6:
            with pytest.raises(psycopg.Error) as error:
                await connection.ask(sql, parameters)
            codes.append(error.value.sqlstate)
        return set(codes), await connection.ask("select 'fine'", [])

    codes, fine = ask(database_url, act)

    assert codes == {"22012", "42601", "22P02"}
    assert fine == [("fine",)]


def test_who_is_cancelled_cancels_the_statement(database_url: str) -> None:
    async def act(connection: Asking) -> Any:
        waiting = asyncio.create_task(connection.ask("select pg_sleep(60), 'of the test'", []))
        await asyncio.sleep(0.3)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        sleeping = "select count(*) from pg_stat_activity where query like '%of the t' || 'est%' and state = 'active'"
        return await connection.ask(sleeping, []), await connection.ask("select 'fine'", [])

    sleeping, fine = ask(database_url, act)

    assert sleeping == [(0,)]
    assert fine == [("fine",)]


def test_a_connection_that_is_lost_says_so_and_the_pool_makes_another(database_url: str) -> None:
    async def run() -> Any:
        pool = AsyncConnectionPool(
            database_url,
            connection_class=Asking,
            min_size=1,
            max_size=1,
            kwargs={"autocommit": True},
            open=False,
        )
        async with pool:
            async with pool.connection() as connection:
                asked = asyncio.create_task(connection.ask("select pg_sleep(60)", []))
                await asyncio.sleep(0.3)
                async with connected(database_url) as other:
                    await other.ask("select pg_terminate_backend($1::int)", [connection.info.backend_pid])
                with pytest.raises(psycopg.OperationalError):
                    await asked
                with pytest.raises(psycopg.OperationalError):
                    await connection.ask("select 1", [])
            async with pool.connection() as connection:
                return await connection.ask("select 'another'", [])

    assert asyncio.run(run()) == [("another",)]


def test_values_of_the_libraries_around_are_adapted_too(database_url: str) -> None:
    given = [Jsonb({"a": [1, "é"]}), Decimal("1.50"), date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC), UUID(int=7)]
    sql = "select $1::jsonb, $2::numeric, $3::date, $4::timestamptz = '2026-01-02Z', $5::uuid"

    [row] = ask(database_url, lambda c: c.ask(sql, given))

    assert row == ({"a": [1, "é"]}, Decimal("1.50"), date(2026, 1, 2), True, UUID(int=7))
