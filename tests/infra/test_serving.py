"""Which tables a server reads, and when what it reads is new enough."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from infra.feed.log import LogFeed
from infra.instants import ViewBehind, position_at, wait_for, wait_for_all
from infra.lanes import lane_of
from infra.projection import Projector
from infra.rebuild import build, flip, prepare
from infra.serving import Place, tables_of
from infra.tables import Table
from projections.view import View
from tests.infra.past import ANN, START, Past, database, published, random_sales, record
from tests.infra.sale import VIEWS, Sale, SaleLineView, SaleView

ONE = UUID(int=99)


class Wider(SaleView):
    lost_on: date | None = None

    @classmethod
    def changes(cls, event: Any) -> dict[str, Any]:
        return super().changes(event)


class Revised(SaleView, revision=2):
    pass


class Unending(View, of=Sale, table="sale_lines", needs="sales.see", key="line_id"):
    line_id: UUID
    product: str


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


def place(view: type[View]) -> Place:
    return Place(Table(view).name, Table(view).history)


def test_a_new_server_reads_the_old_tables_where_they_answer_it(db: Connection[Any]) -> None:
    published(db, [SaleView])

    assert tables_of(db, Revised) == tables_of(db, SaleView) == place(SaleView)
    assert tables_of(db, Wider) is None
    prepare(db, [Wider])
    assert tables_of(db, Wider) is None


def test_an_old_server_reads_the_new_tables_where_they_answer_it_and_else_its_own(db: Connection[Any]) -> None:
    published(db, [SaleView])
    prepare(db, [Wider])
    build(db, db, Wider)
    flip(db, [Wider])
    narrow = tables_of(db, SaleView)
    flip(db, [SaleView])

    assert narrow == place(Wider)
    assert tables_of(db, SaleView) == place(SaleView)
    assert tables_of(db, Wider) == place(Wider)


def test_tables_that_tell_no_ended_row_do_not_answer_for_those_that_do(db: Connection[Any]) -> None:
    published(db, [Unending])

    assert tables_of(db, SaleLineView) is None


def test_waiting_asks_for_one_lane_and_the_views_of_one_aggregate(db: Connection[Any]) -> None:
    past = Past()
    past.add(Sale.Opened, ONE, owner_id=ANN, stage="a")
    published(db)
    record(db, past.rows)

    with pytest.raises(ViewBehind, match="position 1 is not yet to be seen"):
        wait_for(db, VIEWS, 1, seconds=0.02)
    Projector(db, VIEWS, {lane_of(ONE)}).step(LogFeed(db), 5)

    wait_for(db, VIEWS, 1, seconds=0)  # the other lanes do not matter ...
    with pytest.raises(ViewBehind):
        wait_for_all(db, VIEWS, 1, seconds=0.02)  # ... but to a list as of that position they do


def test_what_is_not_built_is_behind_and_what_never_was_is_not_waited_for(db: Connection[Any]) -> None:
    past = Past()
    past.add(Sale.Opened, ONE, owner_id=ANN, stage="a")
    record(db, past.rows)

    with pytest.raises(ViewBehind, match="sales is still being built"):
        wait_for(db, [SaleView], 1)

    wait_for(db, [SaleView], 7)


def test_a_time_is_a_position(db: Connection[Any]) -> None:
    record(db, random_sales(3, 50, 5).rows)

    found = [position_at(db, START + timedelta(seconds=s)) for s in (-1, 0, 0.5, 10, 49, 1000)]

    assert found == [0, 1, 1, 11, 50, 50]


def test_before_the_first_event_every_time_is_before_it(db: Connection[Any]) -> None:
    assert position_at(db, START) == 0


def test_the_latest_of_some_values_may_be_null(db: Connection[Any]) -> None:
    values = "(values (1, 'a', array[1, 2]), (3, null, array[]::int[]), (2, 'b', null)) v (n, word, list)"

    found = db.execute(
        f"select latest(word order by n), latest(list order by n), latest(n order by n) from {values}".encode()
    )

    assert found.fetchone() == (None, [], 3)
