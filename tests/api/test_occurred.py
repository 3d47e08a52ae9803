"""Versions along business time: the one that holds at any time is what a read of what had happened by then tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection, RawCursor

from api.catalogue import Views
from api.statement import Instant, Statement, quoted
from infra.rights import ALL, DAYBOOK, UserRights
from infra.serving import Place, tables_of
from projections.occurred import occurred_versions
from projections.view import View, shape
from tests.infra.past import START, database, emptied, published, random_sales, record
from tests.infra.sale import VIEWS, SaleLineView, SaleView

A_MOMENT = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def db(database_url: str) -> Iterator[Connection[Any]]:
    with database(database_url, "test_occurred") as connection:
        yield connection
        connection.execute("drop schema test_occurred cascade")


@pytest.mark.parametrize("seed", range(3))
def test_the_version_that_holds_is_what_had_happened_by_then(db: Connection[Any], seed: int) -> None:
    past = random_sales(seed, 150, 5)
    emptied(db)
    record(db, past.rows)
    published(db, VIEWS)
    times = sorted({row.occurred_at for row in past.rows})
    late = sum(row.occurred_at < START for row in past.rows)
    assert late > 20  # what was told long after it happened

    for view in (SaleView, SaleLineView):
        for position in (60, 150):
            versions = held(db, view, position)
            for time in times:
                for moment in (time - A_MOMENT, time):
                    then = [row for row, since, until in versions if since <= moment and (not until or moment < until)]
                    assert sorted(map(str, then)) == sorted(map(str, read(db, view, position, moment)))
            assert all(until is None or since < until for _, since, until in versions)


def place(db: Connection[Any], view: type[View]) -> Place:
    found = tables_of(db, view)
    assert found
    return found


def held(db: Connection[Any], view: type[View], position: int) -> list[tuple[Any, Any, Any]]:
    """All versions that are known at a position, each with since when and until when it held."""
    tables = [quoted(place(db, view).live), quoted(place(db, view).history)]
    sql = occurred_versions(view, tables, ["r._from <= $1"])
    rows = RawCursor(db).execute(f"select * from ({sql}) v".encode(), [position]).fetchall()
    width = sum(len(field.columns) for field in shape(view))
    return [(row[:width], row[width], row[width + 1]) for row in rows]


def read(db: Connection[Any], view: type[View], position: int, moment: Any) -> list[tuple[Any, ...]]:
    """What the API would tell of what had happened by a moment, as it was known at a position."""
    statement = Statement(UserRights(DAYBOOK, ALL), lambda view: place(db, view), Views(VIEWS))
    at, until = statement.bind(position, "bigint"), statement.bind(moment, "timestamptz")
    source = statement.source(statement.row(view, Instant(at, until)))
    columns = ", ".join(quoted(column.name) for field in shape(view) for column in field.columns)
    return RawCursor(db).execute(f"select {columns} from {source}".encode(), statement.parameters).fetchall()
