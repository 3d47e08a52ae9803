"""Rows go to PostgreSQL as they are, in parameters and by COPY, and come back as they were sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from infra.binary import NULL, know_arrays
from infra.database import connect
from infra.rows import carried, columns_of, copied, copying, remembering, row_of
from projections.columns import Column

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
    "text[]": st.lists(TEXT | st.sampled_from(["a,b", 'q"\\', "{}", "NULL", "", "\n\t ü"]), max_size=4),
    "bigint[]": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    "uuid[]": st.lists(st.uuids(), max_size=4),
}
NUMBER = Column("n", "bigint", False)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    with connect(database_url) as connection:
        know_arrays(connection)
        yield connection


@pytest.mark.parametrize("type", VALUES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_arrive_with_their_values_and_nulls_and_are_remembered_as_they_are(
    type: str, data: st.DataObject, connection: Connection[Any]
) -> None:
    column = Column("a", type, True)
    values = data.draw(st.lists(st.none() | VALUES[type], min_size=1, max_size=6))
    connection.execute(f"create temp table sent (n bigint, a {type}); create temp table copies (like sent)".encode())

    try:
        parameters = columns_of(rows(carried, column, values), [NUMBER, column])
        unnested = f"unnest(%b::bigint[], %b::{column.carried}[]) r (n, a)"
        connection.execute(f"insert into sent select n, a::{type} from {unnested}".encode(), parameters)
        with copying(connection, "copies", [NUMBER, column]) as add:
            add(rows(copied, column, values))

        again = remembering(connection, [NUMBER, column])
        again.execute(f"select n, a::{column.carried} from copies order by n".encode())
        remembered = columns_of(list(map(row_of, again)), [NUMBER, column])
        connection.execute(f"insert into sent select n + 100, a::{type} from {unnested}".encode(), remembered)
        shown = "a::text" if type == "jsonb" else "a"
        for table, start in (("sent", 0), ("copies", 0), ("sent", 100)):
            found = connection.execute(
                f"select {shown} from {table} where n between {start} and {start + 99} order by n".encode()
            )
            assert [value for (value,) in found] == values
    finally:
        connection.execute("drop table sent, copies")


def test_a_column_of_nulls_is_of_the_type_of_any_other() -> None:
    for type in VALUES:
        column = Column("a", type, True)
        [empty], [full] = (columns_of([(value,)], [column]) for value in (NULL, b"\0\0\0\0"))
        assert empty.oid == full.oid


def rows(write: Any, column: Column, values: list[Any]) -> list[tuple[bytes, ...]]:
    one, other = write(NUMBER), write(column)
    return [(one(n), NULL if value is None else other(value)) for n, value in enumerate(values)]
