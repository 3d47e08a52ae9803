"""What a report is: SQL over views, with typed parameters and typed rows.

Its SQL names views, not tables: `{opportunities}` is the rows that the caller may see at the instant asked, and
`{opportunities.versions}` is every version of each of them up to then, held from `_since` until `_until` (null: still).
`:name` is a parameter, and `:instant` the moment asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, get_type_hints

from projections.columns import Column, Field, Undeclared, columns_in, declared, once, plain_type, resolved
from projections.view import View


class Bucket(StrEnum):
    """A period that times are put into."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A question with parameters: its fields. Its answer is a list of `Row`.

    `class WonByPeriod(Report, of=(OpportunityView,), needs="sales.see")`: the views that its SQL may name, and the
    permission to ask it.
    """

    of: ClassVar[tuple[type[View], ...]]
    needs: ClassVar[str]
    sql: ClassVar[str]
    Row: ClassVar[type]

    def __init_subclass__(cls, *, of: tuple[type[View], ...], needs: str) -> None:
        super().__init_subclass__()
        cls.of, cls.needs = of, needs


class Relation(NamedTuple):
    """A view in the SQL of a report: its rows, or all their versions."""

    view: type[View]
    versions: bool


class Parameter(NamedTuple):
    """A parameter in the SQL of a report, and its type in SQL."""

    name: str
    type: str


Piece = str | Relation | Parameter

TOKEN = re.compile(
    r"""(?P<skip>'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|::)"""
    r"|(?<!\w)\{(?P<view>[a-z_][a-z0-9_]*)(?P<versions>\.versions)?\}"
    r"|:(?P<parameter>[a-z_][a-z0-9_]*)",
    re.S,
)


@once
def pieces(report: type[Report]) -> tuple[Piece, ...]:
    """The SQL of a report, read once at start: what is wrong with it is said then."""
    return tuple(_pieces(report))


def _pieces(report: type[Report]) -> Iterator[Piece]:
    views, types = {view.table: view for view in report.of}, parameter_types(report)
    used, at = set[str](), 0
    for found in TOKEN.finditer(report.sql):
        if found["skip"]:
            continue
        yield report.sql[at : found.start()]
        at = found.end()
        if name := found["view"]:
            if name not in views:
                raise Undeclared(f"{report.__name__}: {{{name}}} is not among its views")
            yield Relation(views[name], bool(found["versions"]))
        elif (name := found["parameter"]) in types:
            yield Parameter(name, types[name])
        else:
            raise Undeclared(f"{report.__name__}: no parameter :{name}")
        used.add(name)
    yield report.sql[at:]
    if unused := {*views, *types} - used - {"instant"}:
        raise Undeclared(f"{report.__name__}: {', '.join(sorted(unused))} is not used")


@once
def parameter_types(report: type[Report]) -> dict[str, str]:
    """The parameters of a report with their types in SQL, the instant included."""
    names = [f.name for f in fields(report)]
    if "instant" in names:
        raise Undeclared(f"{report.__name__}: `instant` is the moment asked, not a parameter")
    hints = get_type_hints(report, include_extras=True)
    return {"instant": "timestamptz", **{name: _sql_type(f"{report.__name__}.{name}", hints[name]) for name in names}}


def _sql_type(place: str, hint: Any) -> str:
    if type_ := plain_type(resolved(place, hint).kind):
        return type_
    raise Undeclared(f"{place}: a parameter is one plain value")


@once
def row_shape(report: type[Report]) -> tuple[Field, ...]:
    """The fields of a report's rows with their columns."""
    return declared(report.Row)


def row_columns(report: type[Report]) -> list[Column]:
    """The columns that a report's SQL gives, in their order."""
    return list(columns_in(row_shape(report)))
