"""Columns of rows go to PostgreSQL as they are, and always as the same type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from infra.binary import know_arrays
from infra.database import connect
from infra.rows import WRITTEN, columns_of

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "uuid": st.uuids(),
    "text": TEXT,
    "boolean": st.booleans(),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double precision": st.floats(allow_nan=False),
    "numeric": st.decimals(-(10**19), 10**19, places=6),
    "date": st.dates(),
    "timestamptz": st.datetimes(timezones=st.just(UTC)),
    "interval": st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
    "jsonb": st.just('{"a": [1, "\\""]}'),
}


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    with connect(database_url) as connection:
        know_arrays(connection)
        yield connection


@pytest.mark.parametrize("type", WRITTEN)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_column_arrives_with_its_values_and_nulls(
    type: str, data: st.DataObject, connection: Connection[Any]
) -> None:
    rows = data.draw(st.lists(st.tuples(st.integers(1, 9), st.none() | VALUES[type]), min_size=1, max_size=6))

    columns = columns_of(rows, ["bigint", type])

    carried = "text" if type == "jsonb" else type
    sent = connection.execute(f"select * from unnest(%b::bigint[], %b::{carried}[])".encode(), columns)
    assert sent.fetchall() == rows


def test_lists_arrive_whatever_is_in_them(connection: Connection[Any]) -> None:
    lists: list[Any] = [[], None, ["a,b", 'q"\\', "{}", "NULL", ""], ["\n\t ü"]]
    numbers: list[Any] = [[1, -2], [], None, [3]]
    rows = list(zip(lists, numbers, strict=True))

    sent = connection.execute(
        "select a::text[], b::bigint[] from unnest(%b, %b) r (a, b)", columns_of(rows, ["text[]", "bigint[]"])
    )

    assert sent.fetchall() == rows


def test_a_column_of_nulls_is_of_the_type_of_any_other() -> None:
    for type in WRITTEN:
        [empty] = columns_of([(None,), (None,)], [type])
        assert empty.oid == WRITTEN[type](()).oid
