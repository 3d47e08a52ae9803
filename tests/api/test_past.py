"""A page of the past is the beginning of all that was there, whatever the clocks said by which ids were made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection, RawCursor

from api.catalogue import Views
from api.past import first_of_past
from api.statement import Instant, Row, Statement, quoted
from domain.values import Money
from infra.rights import ALL, DAYBOOK, UserRights
from infra.serving import Place, tables_of
from projections.view import View
from tests.infra.past import START, Past, database, emptied, published, record
from tests.infra.sale import VIEWS, Sale, SaleLineView, SaleView

ANY_ORDER = [
    (view, by, way)
    for view, columns in ((SaleView, ("id", "amount", "stage")), (SaleLineView, ("id", "product")))
    for by in columns
    for way in ("asc", "desc")
]
SKEWS = [-86_400, -61, -1, 0, 1, 59, 60, 61, 90, 3_600, 86_400]
"""Seconds by which the clock of a server was ahead."""


class Step(NamedTuple):
    """What happens next, so many seconds later: to a sale, which it opens if there is none, or to its line."""

    sale: int
    act: str
    after: int


STORIES = st.lists(
    st.builds(Step, st.integers(0, 5), st.sampled_from(["line", "line", "amount"]), st.sampled_from([0, 1, 30, 61])),
    min_size=4,
    max_size=24,
)


def at_time(moment: datetime, number: int) -> UUID:
    """An id as a server makes it by its clock."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | 2 << 62 | number)


def told(story: list[Step], skews: list[int | None]) -> Past:
    """The history of a story. The clock of a sale is ahead by its skew; None: its id is of another kind."""
    times = [START + timedelta(seconds=each) for each in accumulate(step.after for step in story)]
    past, ids, lines = Past(), dict[int, UUID](), set[int]()
    for (n, act, _), now in zip(story, times, strict=True):
        if n not in ids:
            skew = skews[n]
            timeless = UUID(int=0xFF << 120 | n, version=(1, 4)[n % 2])
            ids[n] = timeless if skew is None else at_time(now + timedelta(seconds=skew), n)
            past.add(Sale.Opened, ids[n], owner_id=None, stage="abc"[n % 3], amount=None)
        elif act == "amount":
            past.add(Sale.AmountChanged, ids[n], amount=Money(Decimal(len(past.rows) % 7), "EUR"))
        elif n in lines:
            past.add(Sale.LineRemoved, ids[n], line_id=UUID(int=1))
            lines.discard(n)
        else:
            past.add(Sale.LineAdded, ids[n], line_id=UUID(int=1), product="xyz"[n % 3], quantity=Decimal(1))
            lines.add(n)
    past.rows = [row._replace(recorded_at=now, occurred_at=now) for row, now in zip(past.rows, times, strict=True)]
    return past


@pytest.fixture(scope="module")
def db(database_url: str) -> Iterator[Connection[Any]]:
    with database(database_url, "test_past") as connection:
        yield connection
        connection.execute("drop schema test_past cascade")


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(story=STORIES, skews=st.lists(st.sampled_from([*SKEWS, None]), min_size=6, max_size=6))
def test_a_page_of_the_past_is_the_beginning_of_all_that_was_there(
    db: Connection[Any], story: list[Step], skews: list[int | None]
) -> None:
    same_pages(db, told(story, skews))


@pytest.mark.parametrize("skew", [90, None])
def test_what_began_again_is_found_in_the_time_when_it_was_there_first(db: Connection[Any], skew: int | None) -> None:
    opened, added, other = Step(0, "", 0), Step(0, "line", 1), Step(1, "", 0)
    removed, again = Step(0, "line", 10), Step(0, "line", 30)

    same_pages(db, told([opened, other, added, removed, again], [skew, 0]))


def same_pages(db: Connection[Any], past: Past) -> None:
    emptied(db)
    record(db, past.rows)
    published(db, VIEWS)

    for position in range(len(past.rows) + 1):
        for view, by, way in ANY_ORDER:
            keys = ", ".join(f'"{key}" {way}' for key in (["id", "line_id"] if view is SaleLineView else ["id"]))
            sort = keys if by == "id" else f"{quoted(by)} {way}, {keys}"
            for size in (3, 8):
                statement, row, whole = asked(db, view)
                everything = rows(db, f"select * from {whole} order by {sort}", position)
                source = first_of_past(statement, row, by == "id", [], sort, size)
                page = rows(
                    db, f"select * from {source} order by {sort} limit {size}", position, *statement.parameters[1:]
                )
                assert page == everything[:size], (position, view.table, sort, size)


def asked(db: Connection[Any], view: type[View]) -> tuple[Statement, Row, str]:
    """A statement, a view in it as of the position that is its first parameter, and the relation of its whole past."""

    def place(view: type[View]) -> Place:
        found = tables_of(db, view)
        assert found
        return found

    statement = Statement(UserRights(DAYBOOK, ALL), place, Views(VIEWS))
    row = statement.row(view, Instant(statement.bind(0, "bigint")))
    return statement, row, statement.source(row)


def rows(db: Connection[Any], sql: str, *parameters: int) -> list[tuple[Any, ...]]:
    return RawCursor(db).execute(sql.encode(), parameters).fetchall()
