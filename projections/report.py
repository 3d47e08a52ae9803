"""What a report is: SQL over views, with typed parameters and typed rows.

Its SQL names views, not tables: `{opportunities}` is the rows that the caller may see at the instant asked, and
`{opportunities.versions}` is every version of each of them up to then, held from `_since` until `_until` (null: still):
by when it became known, or by when it happened, where a report can be asked for either (`OnAxis`).
`{opportunities.events}` is what happened to them: `id` and `version`, `event` by its name, `recorded_at`,
`occurred_at`, `actor_id`, `command` and `correlation_id`; not what was said.
`:name` is a parameter. `:instant` is the moment asked, `:today` its day where the company is, and `:time_zone` the
name of the time zone that holds there, in which any other moment has its day. A parameter that is a list of small
values, such as rates, is a relation: a column for each part, and `nth`, from 1, for its place in the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, NamedTuple, cast, get_args, get_origin, get_type_hints

from domain.values import WrongPart
from projections.columns import Column, Field, Undeclared, columns_in, declared, item_of, once, plain_type, resolved
from projections.view import View

ASKED: Final = {"instant": "timestamptz", "today": "date", "time_zone": "text"}
"""What is known to every report, with types in SQL: the moment asked, its day, and in which time zone that is."""
MOST_ENTRIES: Final = 500
"""So many values are taken in one list."""


class Bucket(StrEnum):
    """A period that times are put into."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class TimeAxis(StrEnum):
    """Along which time something moves."""

    RECORDED = "recorded"
    """As it became known."""
    OCCURRED = "occurred"
    """As it happened, as it is known now, whenever that was told."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A question with parameters: its fields. Its answer is a list of `Row`.

    `class WonByPeriod(Report, of=(OpportunityView,), needs="sales.see")`: the views that its SQL may name, and the
    permission to ask it. What is wrong with a parameter by itself is said when it is made: WrongPart.
    """

    of: ClassVar[tuple[type[View], ...]]
    needs: ClassVar[str]
    sql: ClassVar[str]
    Row: ClassVar[type]
    unfit: ClassVar[str] = ""
    """SQL that finds what is wrong with the parameters beside what is recorded: no row, or `field` and `message`."""
    only_with: ClassVar[Mapping[str, tuple[type[View], ...]]] = {}
    """Views that are read only where a parameter is given, each under its name: else no right is needed to see them."""

    def __init_subclass__(cls, *, of: tuple[type[View], ...], needs: str) -> None:
        super().__init_subclass__()
        cls.of, cls.needs = of, needs

    def __post_init__(self) -> None:
        for name in lists(type(self)):
            check_list(name, getattr(self, name))

    @property
    def axis(self) -> TimeAxis:
        """Along which time versions are held."""
        return TimeAxis.RECORDED

    @property
    def left_out(self) -> frozenset[type[View]]:
        """The views that are not read, for want of the parameter that needs them."""
        return frozenset(
            view for name, views in self.only_with.items() if getattr(self, name) is None for view in views
        )


@dataclass(frozen=True, kw_only=True)
class OnAxis:
    """A report of how something moved, along the time that is asked for."""

    by: Annotated[
        TimeAxis, "along which time: as it became known, or as it happened, which may have been told long after"
    ] = TimeAxis.RECORDED

    @property
    def axis(self) -> TimeAxis:
        return self.by


def check_list(name: str, given: tuple[Any, ...]) -> None:
    """Refuses a list that is too long, or that says twice of one thing what is assumed of it.

    Two values are of one thing where they are equal: what is assumed of it is a field that does not compare.
    """
    if len(given) > MOST_ENTRIES:
        raise WrongPart(f"at most {MOST_ENTRIES} are taken", name)
    for nth, each in enumerate(given):
        if each in given[:nth]:
            raise WrongPart("this is said twice", f"{name}.{nth}")


class Relation(NamedTuple):
    """A view in the SQL of a report: its rows, or all their versions."""

    view: type[View]
    versions: bool


class Events(NamedTuple):
    """What happened to the rows of a view, in the SQL of a report."""

    view: type[View]


class Parameter(NamedTuple):
    """A parameter in the SQL of a report, and its type in SQL."""

    name: str
    type: str


class Given(NamedTuple):
    """A list of values in the SQL of a report, as a relation: a column for each part, and `nth`."""

    name: str
    columns: tuple[Column, ...]


Piece = str | Relation | Events | Parameter | Given

TOKEN = re.compile(
    r"""(?P<skip>'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|::)"""
    r"|(?<!\w)\{(?P<view>[a-z_][a-z0-9_]*)(?P<more>\.versions|\.events)?\}"
    r"|:(?P<parameter>[a-z_][a-z0-9_]*)",
    re.S,
)


class Read(NamedTuple):
    """What is written in SQL for a report: what answers it, and what finds fault with its parameters, if anything."""

    sql: tuple[Piece, ...]
    unfit: tuple[Piece, ...]


@once
def pieces(report: type[Report]) -> Read:
    """The SQL of a report, read once at start: what is wrong with it is said then."""
    read = Read(tuple(pieces_of(report, report.sql)), tuple(pieces_of(report, report.unfit)))
    relations = {piece.view.table for part in read for piece in part if isinstance(piece, Relation | Events)}
    used = relations | {piece.name for piece in read.sql if isinstance(piece, Parameter | Given)}
    named = {view.table for view in report.of}
    if not hasattr(report, "gathers"):  # else it may be for Python alone
        named |= parameter_types(report).keys() | lists(report).keys()
    if issubclass(report, OnAxis):
        named -= {"by"}  # it tells of which versions
    if unused := named - used - ASKED.keys():
        raise Undeclared(f"{report.__name__}: {', '.join(sorted(unused))} is not used")
    return read


def pieces_of(report: type[Report], sql: str) -> Iterator[Piece]:
    """What SQL for a report is made of."""
    views, types, given = {view.table: view for view in report.of}, parameter_types(report), lists(report)
    at = 0
    for found in TOKEN.finditer(sql):
        if found["skip"]:
            continue
        yield sql[at : found.start()]
        at = found.end()
        if name := found["view"]:
            if name not in views:
                raise Undeclared(f"{report.__name__}: {{{name}}} is not among its views")
            yield Events(views[name]) if found["more"] == ".events" else Relation(views[name], bool(found["more"]))
        elif (name := found["parameter"]) in types:
            yield Parameter(name, types[name])
        elif name in given:
            yield given[name]
        else:
            raise Undeclared(f"{report.__name__}: no parameter :{name}")
    yield sql[at:]


@once
def parameter_types(report: type[Report]) -> dict[str, str]:
    """The parameters of a report that are one value, with their types in SQL, what is known to all included."""
    kinds = _kinds(report)
    return ASKED | {
        name: _sql_type(f"{report.__name__}.{name}", kind) for name, kind in kinds.items() if not entry_of(kind)
    }


@once
def lists(report: type[Report]) -> dict[str, Given]:
    """The parameters of a report that are a list of small values."""
    found = {}
    for name, kind in _kinds(report).items():
        if entry := entry_of(kind):
            parts = declared(entry)
            columns = tuple(columns_in(parts))
            if any(f.inside or f.name == "nth" or not plain_type(f.kind) for f in parts):
                raise Undeclared(f"{report.__name__}.{name}: what is in a list has plain parts, none called nth")
            found[name] = Given(name, columns)
    return found


def entry_of(kind: Any) -> type | None:
    """The type of what is in a list, where a kind is a list of small values."""
    if get_origin(kind) is tuple and get_args(kind)[-1:] == (Ellipsis,):
        item = item_of("", kind)
        return cast(type, item) if is_dataclass(item) else None
    return None


@once
def _kinds(report: type[Report]) -> dict[str, Any]:
    names = [f.name for f in fields(report)]
    if known := sorted(ASKED.keys() & set(names)):
        raise Undeclared(f"{report.__name__}: `{known[0]}` is known of the moment asked, and is no parameter")
    hints = get_type_hints(report, include_extras=True)
    return {name: resolved(f"{report.__name__}.{name}", hints[name]).kind for name in names}


def _sql_type(place: str, kind: Any) -> str:
    if type_ := plain_type(kind):
        return type_
    raise Undeclared(f"{place}: a parameter is one plain value, or a list of values with plain parts")


@once
def row_shape(report: type[Report]) -> tuple[Field, ...]:
    """The fields of a report's rows with their columns."""
    return declared(report.Row)


def row_columns(report: type[Report]) -> list[Column]:
    """The columns that a report's SQL gives, in their order."""
    return list(columns_in(row_shape(report)))
