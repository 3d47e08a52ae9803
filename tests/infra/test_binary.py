"""Columns go to PostgreSQL as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from infra.binary import Array, bigints, booleans, bytes_, instants, ints, know_arrays, texts, uuids
from infra.database import connect

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
TIMES = st.datetimes(
    datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5))])
)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    with connect(database_url) as connection:
        know_arrays(connection)
        yield connection


@pytest.mark.parametrize(
    ("make", "type", "values"),
    [
        (booleans, "boolean", st.booleans()),
        (bytes_, "bytea", st.binary()),
        (ints, "integer", st.integers(-(2**31), 2**31 - 1)),
        (bigints, "bigint", st.integers(-(2**63), 2**63 - 1)),
        (instants, "timestamp with time zone", TIMES),
        (texts, "text", TEXT),
        (uuids, "uuid", st.uuids()),
    ],
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_column_arrives_with_its_values_and_nulls(
    make: Callable[[list[Any]], Array],
    type: str,
    values: st.SearchStrategy[Any],
    data: st.DataObject,
    connection: Connection[Any],
) -> None:
    column = data.draw(st.lists(st.none() | values, max_size=6))

    sent = connection.execute(f"select %b::{type}[], pg_typeof(%b)::text".encode(), [make(column)] * 2).fetchone()

    assert sent == (column, f"{type}[]")
