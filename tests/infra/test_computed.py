"""Reports that Python computes: what they gather, as of which position, and what is wrong with a declaration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from psycopg import Connection

from domain.values import Money
from infra.reporting import rows
from projections.columns import Undeclared
from projections.computed import Computed, From, as_records, gathered, gathering, record_columns
from projections.report import pieces
from tests.infra.past import BOB, database, emptied, published, random_sales, record, told
from tests.infra.sale import VIEWS, SaleLineView, SaleView


@dataclass(frozen=True)
class Standing:
    id: UUID
    stage: str
    amount: Decimal | None
    amount_currency: str | None
    tags: tuple[str, ...]
    day: date


@dataclass(frozen=True)
class Ordered:
    id: UUID
    quantity: Decimal


@dataclass(frozen=True)
class Sales:
    sales: Annotated[
        tuple[Standing, ...],
        From(
            "select s.*, (:instant at time zone 'UTC')::date as day from {sales} s"
            " where :owner_id is null or owner_id = :owner_id"
        ),
    ]
    lines: Annotated[tuple[Ordered, ...], From("select id, quantity from {sale_lines}")]


@dataclass(frozen=True, kw_only=True)
class Longest(Computed[Sales], of=(SaleView, SaleLineView), needs="sales.see"):
    """The sales, by how much was ordered in each."""

    owner_id: UUID | None = None
    at_least: Annotated[int, "of which Python alone knows"] = 0

    @dataclass
    class Row:
        id: UUID
        worth: Money | None
        ordered: Decimal
        tags: tuple[str, ...]

    def compute(self, found: Sales) -> Iterable[Row]:
        for sale in sorted(found.sales, key=lambda sale: sale.id):
            ordered = sum((line.quantity for line in found.lines if line.id == sale.id), Decimal(0))
            if ordered >= self.at_least:
                worth = None if sale.amount is None else Money(sale.amount, sale.amount_currency or "")
                yield self.Row(sale.id, worth, ordered, sale.tags)


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


@pytest.mark.parametrize("until", [1, 40, 150])
def test_what_is_gathered_is_what_stood_at_the_position(db: Connection[Any], until: int) -> None:
    past = random_sales(seed=3, size=150, aggregates=9)
    record(db, past.rows)
    published(db, VIEWS)

    found = rows(db, Longest(), until)

    heads, lines = told(past.rows, until)
    assert [(row.id, row.worth and row.worth.amount, row.ordered) for row in found] == [
        (head[0], head[6], sum((line[6] for line in lines if line[0] == head[0]), Decimal(0))) for head in heads
    ]
    assert rows(db, Longest()) == rows(db, Longest(), len(past.rows))
    emptied(db)


def test_parameters_reach_the_sql_and_the_computation(db: Connection[Any]) -> None:
    past = random_sales(seed=3, size=150, aggregates=9)
    record(db, past.rows)
    published(db, VIEWS)

    of_bob, long_ones = rows(db, Longest(owner_id=BOB)), rows(db, Longest(at_least=5))

    everything = {row.id: row for row in rows(db, Longest())}
    owners = {head[0]: head[4] for head in told(past.rows, len(past.rows))[0]}
    assert [row.id for row in of_bob] == [id for id in everything if owners[id] == BOB] != []
    assert long_ones == [row for row in everything.values() if row.ordered >= 5] != list(everything.values())
    emptied(db)


@dataclass(frozen=True)
class Did:
    id: UUID
    version: int
    event: str
    actor_id: UUID
    day: date


@dataclass(frozen=True)
class Deeds:
    deeds: Annotated[
        tuple[Did, ...],
        From("select e.*, (recorded_at at time zone 'UTC')::date as day from {sales.events} e order by id, version"),
    ]


@dataclass(frozen=True, kw_only=True)
class Doings(Computed[Deeds], of=(SaleView,), needs="sales.see"):
    """What happened to sales."""

    @dataclass
    class Row:
        id: UUID
        what: str

    def compute(self, found: Deeds) -> Iterable[Row]:
        return (self.Row(each.id, f"{each.version} {each.event} {each.day}") for each in found.deeds)


@pytest.mark.parametrize("until", [40, None])
def test_a_report_may_ask_what_happened(db: Connection[Any], until: int | None) -> None:
    past = random_sales(seed=3, size=150, aggregates=9)
    record(db, past.rows)
    published(db, VIEWS)

    found = rows(db, Doings(), until)

    known = sorted(past.rows[:until], key=lambda row: (row.originator_id, row.originator_version))
    assert [(row.id, row.what) for row in found] == [
        (row.originator_id, f"{row.originator_version} {row.topic.split('.')[1]} {row.recorded_at.date()}")
        for row in known
    ]
    emptied(db)


def test_rows_go_back_as_they_are() -> None:
    made = [
        Longest.Row(UUID(int=1), Money(Decimal("0.000001"), "EUR"), Decimal("12345678901234567890.5"), ("a", 'b"')),
        Longest.Row(UUID(int=2), None, Decimal(0), ()),
    ]

    assert as_records(Longest, made) == (
        '[{"id":"00000000-0000-0000-0000-000000000001","worth":"0.000001","worth_currency":"EUR",'
        '"ordered":"12345678901234567890.5","tags":["a","b\\""]},'
        '{"id":"00000000-0000-0000-0000-000000000002","ordered":"0","tags":[]}]'
    )
    assert record_columns(Longest) == (
        '"id" uuid, "worth" numeric, "worth_currency" text, "ordered" numeric, "tags" text[]'
    )


def test_numbers_are_read_exactly() -> None:
    text = (
        '{"sales": [], "lines": [{"id": "00000000-0000-0000-0000-000000000001", "quantity": 12345678901234567890.10}]}'
    )

    assert gathered(Longest, text).lines[0].quantity == Decimal("12345678901234567890.10")


def test_a_row_that_lacks_what_it_cannot_be_without_is_left_out() -> None:
    assert """where gathered."id" is not null and gathered."quantity" is not null""" in gathering(Sales)
    assert 'gathered."amount" is not null' not in gathering(Sales)


def test_what_is_wrong_with_what_is_gathered_is_said() -> None:
    @dataclass
    class Odd:
        sales: tuple[Standing, ...]

    @dataclass
    class Plain:
        sales: Annotated[tuple[int, ...], From("select 1")]

    for kind in (Odd, Plain):
        with pytest.raises(Undeclared, match=r"sales: say what is gathered"):
            gathering(kind)


def test_a_view_that_is_not_gathered_is_a_mistake_and_a_parameter_may_be_for_python_alone() -> None:
    @dataclass(frozen=True)
    class Few:
        sales: Annotated[tuple[Ordered, ...], From("select id, 1 as quantity from {sales}")]

    @dataclass(frozen=True, kw_only=True)
    class Forgetful(Computed[Few], of=(SaleView, SaleLineView), needs="sales.see"):
        since: date | None = None

    with pytest.raises(Undeclared, match="Forgetful: sale_lines is not used"):
        pieces(Forgetful)
