"""Reports name views and nothing else; what is wrong with one is said when it is read, at start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import import_module
from pkgutil import walk_packages
from typing import Annotated, Any
from uuid import UUID

import pytest
from psycopg import Connection

import projections
from domain.values import Money, TimeZone, WrongPart
from projections.catalogue import REPORTS, VIEWS
from projections.columns import Column, Undeclared, columns_in, declared
from projections.computed import Computed, gathered_rows
from projections.report import (
    MOST_ENTRIES,
    Events,
    Given,
    Parameter,
    Relation,
    Report,
    parameter_types,
    pieces,
    pieces_of,
    row_columns,
    row_shape,
)
from projections.view import shape
from projections.writing import EVENT_COLUMNS
from tests.infra.past import database, published
from tests.infra.sale import SaleLineView, SaleView


class Size(StrEnum):
    SMALL = "small"


@dataclass(frozen=True, kw_only=True)
class Good(Report, of=(SaleView, SaleLineView), needs="sales.see"):
    """Whatever looks like a view or a parameter in a text, a name or a remark is none."""

    sql = """select '{not} :this ''{nor}'' :that'::text as "a:b{c}", -- {nor} :that
                    :size, :zone::text, :since, :instant - _since
             from {sales.versions} v join {sale_lines} l using (id)
             where :owner_id::uuid = v.owner_id or :owner_id is null"""

    owner_id: Annotated[UUID | None, "whose"] = None
    size: Size = Size.SMALL
    zone: TimeZone = TimeZone("UTC")
    since: date

    @dataclass
    class Row:
        stage: Annotated[str, "where it stands"]
        amount: Money | None


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


def test_the_pieces_of_a_report_are_its_views_and_parameters() -> None:
    found = [piece for piece in pieces(Good).sql if not isinstance(piece, str)]

    assert found == [
        Parameter("size", "text"),
        Parameter("zone", "text"),
        Parameter("since", "date"),
        Parameter("instant", "timestamptz"),
        Relation(SaleView, True),
        Relation(SaleLineView, False),
        Parameter("owner_id", "uuid"),
        Parameter("owner_id", "uuid"),
    ]
    assert "".join(piece for piece in pieces(Good).sql if isinstance(piece, str)).count("{not} :this") == 1
    assert [column.name for column in row_columns(Good)] == ["stage", "amount", "amount_currency"]
    assert row_shape(Good)[0].doc == "where it stands"


def test_what_is_wrong_with_a_report_is_said() -> None:
    def report(sql: str, hints: Mapping[str, Any]) -> Any:
        told = {"sql": sql, "__annotations__": dict(hints), "__module__": __name__}
        return dataclass(frozen=True, kw_only=True)(type("Odd", (Report,), told, of=(SaleView,), needs="sales.see"))

    sales, owner = "select 1 from {sales} s", {"owner_id": UUID}
    for made, why in [
        (report("select 1 from {users} u", {}), r"Odd: \{users\} is not among its views"),
        (report(f"{sales} where :other", {}), "Odd: no parameter :other"),
        (report(sales, owner), "Odd: owner_id is not used"),
        (report("select :owner_id", owner), "Odd: sales is not used"),
        (report(f"{sales} where :amount", {"amount": Money}), r"Odd\.amount: a parameter is one plain value"),
        (report(f"{sales} where :tags", {"tags": tuple[str, ...]}), r"Odd\.tags: a parameter is one plain value, or"),
        (
            report(f"{sales}, :n", {"n": tuple[Numbered, ...]}),
            r"Odd\.n: what is in a list has plain parts, none called",
        ),
        (report(sales, {"weights": tuple[Weight, ...]}), "Odd: weights is not used"),
        (
            report(f"{sales} where :instant", {"instant": date}),
            "Odd: `instant` is known of the moment asked, and is no parameter",
        ),
    ]:
        with pytest.raises(Undeclared, match=why):
            pieces(made)


@dataclass(frozen=True)
class Weight:
    stage: str
    weight: int


@dataclass(frozen=True)
class Numbered:
    nth: int


@dataclass(frozen=True, kw_only=True)
class Weighed(Report, of=(SaleView, SaleLineView), needs="sales.see"):
    """A list of values is a relation; what finds fault with it may read views of its own."""

    sql = "select sum(w.weight) from {sales} s join :weights w on w.stage = s.stage"
    unfit = (
        "select 'weights.' || nth - 1 as field, 'none' as message from :weights w where exists (select {sale_lines})"
    )

    weights: tuple[Weight, ...] = ()


def test_a_list_of_small_values_is_a_relation() -> None:
    weights = Given("weights", (Column("stage", "text", False), Column("weight", "bigint", False)))

    assert [p for p in pieces(Weighed).sql if not isinstance(p, str)] == [Relation(SaleView, False), weights]
    assert [p for p in pieces(Weighed).unfit if not isinstance(p, str)] == [weights, Relation(SaleLineView, False)]


def test_a_report_checks_the_lists_that_it_is_given() -> None:
    light, heavy = Weight("first", 1), Weight("first", 2)

    assert Weighed(weights=(light, heavy)).weights == (light, heavy)
    for wrong, part in ((light, heavy, light), "weights.2"), ((light,) * (MOST_ENTRIES + 1), "weights"):
        with pytest.raises(WrongPart) as error:
            Weighed(weights=wrong)
        assert error.value.part == part


def test_a_report_says_of_what_it_is_and_for_whom() -> None:
    with pytest.raises(TypeError, match="'of' and 'needs'"):

        class Bare(Report):  # type: ignore[call-arg]
            sql = "select 1"


def without_rows(report: type[Report], sql: str) -> str:
    """A report over no table at all: whatever relation PostgreSQL still finds in it, it names by itself."""
    made = list[str]()
    unfit = (*pieces(report).unfit, " limit 0") if report.unfit else ("select",)
    for piece in (
        "select answer.* from (",
        *pieces_of(report, sql),
        ") answer left join (",
        *unfit,
        ") unfit on false",
    ):
        if isinstance(piece, str):
            made.append(piece)
        elif isinstance(piece, Parameter):
            made.append(f"null::{piece.type}")
        elif isinstance(piece, Events):
            made.append(f"(select {', '.join(f'null::{type_} as {name}' for name, _, type_ in EVENT_COLUMNS)})")
        elif isinstance(piece, Given):
            columns = [f'null::{c.type} as "{c.name}"' for c in piece.columns]
            made.append(f"(select {', '.join(columns)}, null::bigint as nth)")
        else:
            columns = [f'null::{c.type} as "{c.name}"' for c in columns_in(shape(piece.view))]
            more = ["null::timestamptz as _since", "null::timestamptz as _until"] if piece.versions else []
            made.append(f"(select {', '.join(columns + more)})")
    return "".join(made)


def named(connection: Connection[Any], report: type[Report]) -> set[str]:
    with connection.transaction(force_rollback=True):
        connection.execute(f"create temp view the_report as {without_rows(report, report.sql)}".encode())
        return {name for (name,) in connection.execute("""
            select distinct d.refobjid::regclass::text from pg_depend d join pg_rewrite r on r.oid = d.objid
            where r.ev_class = 'pg_temp.the_report'::regclass and d.classid = 'pg_rewrite'::regclass
              and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class""")}  # fmt: skip


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.__name__)
def test_no_report_reads_a_table_of_its_own_choice(db: Connection[Any], report: type[Report]) -> None:
    assert named(db, report) == set()


@dataclass(frozen=True, kw_only=True)
class Thief(Report, of=(SaleView,), needs="sales.see"):
    sql = "select stage from {sales} s where exists (select from events) and id in (select id from sales)"

    @dataclass
    class Row:
        stage: str


def test_a_report_that_does_would_be_found(db: Connection[Any]) -> None:
    published(db, [SaleView])

    assert named(db, Thief) == {"events", "sales"}


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.__name__)
def test_the_sql_of_a_report_gives_the_columns_of_its_rows(db: Connection[Any], report: type[Report]) -> None:
    for sql, columns in selects(report):
        cursor = db.execute(without_rows(report, sql).encode())

        given = [(column.name, type_called(db, column.type_code)) for column in cursor.description or ()]

        assert given == [(c.name, NAMES.get(c.type, c.type)) for c in columns]


def selects(report: type[Report]) -> Iterator[tuple[str, list[Column]]]:
    """The SQL of a report and the columns that it gives; of one that is computed, that of each list."""
    if not issubclass(report, Computed):
        yield report.sql, row_columns(report)
        return
    for made, row in gathered_rows(report.gathers).values():
        yield made.sql, [*columns_in(declared(row))]


def test_every_report_that_is_declared_can_be_asked() -> None:
    for module in walk_packages(projections.__path__, "projections."):
        import_module(module.name)
    every, found = [Report], set[type[Report]]()
    while every:
        every += (kinds := every.pop().__subclasses__())
        found |= {kind for kind in kinds if kind.__module__.startswith("projections.") and hasattr(kind, "Row")}

    assert found == set(REPORTS)
    assert len(REPORTS) == len(found)


NAMES = {"bigint": "int8", "bigint[]": "int8[]", "boolean": "bool"}


def type_called(db: Connection[Any], oid: int) -> str:
    known = db.adapters.types[oid]
    return f"{known.name}[]" if oid == known.array_oid else known.name


def test_reports_ask_for_a_permission_and_use_views_of_the_catalogue() -> None:
    for report in REPORTS:
        assert report.needs.endswith(".see") and report.__doc__
        assert set(report.of) <= set(VIEWS) and "instant" in parameter_types(report)
