"""Reports that are computed: SQL over views gathers what is needed, and Python makes the rows of it.

They are for what SQL cannot say, such as when each task of a plan takes place. What is gathered is what the caller may
see, at the instant asked, as in any report: row scope, masks and time travel hold without a line in the report.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Raw, json

from projections.columns import LISTS, Undeclared, as_texts, columns_in, declared, is_mapping, item_of, once, resolved
from projections.report import Report, row_shape
from projections.view import View

G = TypeVar("G")
ENCODER = json.Encoder(enc_hook=as_texts)


@dataclass(frozen=True, slots=True)
class From:
    """The SQL by which the rows of a list are gathered: over views, with parameters, like that of any report."""

    sql: str


class Uncomputable(ValueError):
    """What is recorded is such that nothing can be computed: the message says what would be right."""


@dataclass(frozen=True, kw_only=True)
class Computed(Report, ABC, Generic[G], of=(), needs=""):
    """A report whose rows `compute` makes of a `G`: a dataclass with a list of rows for each thing that is gathered.

    `tasks: Annotated[tuple[PlannedTask, ...], From("select id, name from {tasks} …")]`: the fields of a `PlannedTask`
    are the columns, plain values or lists of them, each under its name. A row that lacks what it cannot be without, for
    it is hidden, is left out. The day of a report comes out of SQL too: there is no clock in Python.
    """

    gathers: ClassVar[type]

    def __init_subclass__(cls, *, of: tuple[type[View], ...], needs: str) -> None:
        super().__init_subclass__(of=of, needs=needs)
        for base in getattr(cls, "__orig_bases__", ()):
            if get_origin(base) is Computed and isinstance(kind := get_args(base)[0], type):
                cls.gathers, cls.sql = kind, gathering(kind)

    @abstractmethod
    def compute(self, found: G) -> Iterable[Any]:
        """The rows, in their order. What a parameter has wrong beside what was found is a WrongPart; whatever else
        stands in the way is Uncomputable. It runs beside others, in a thread, and may take a second.
        """


@once
def gathered_rows(kind: type) -> dict[str, tuple[From, type]]:
    """What is gathered, by name: how, and the type of a row."""
    found = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        place = f"{kind.__name__}.{name}"
        made, _, notes = resolved(place, hint)
        sql = next((note for note in notes if isinstance(note, From)), None)
        row = item_of(place, made) if get_origin(made) in LISTS else None
        if sql is None or not (isinstance(row, type) and is_dataclass(row)):
            raise Undeclared(f"{place}: say what is gathered, `Annotated[tuple[SomeRow, ...], From(sql)]`")
        found[name] = sql, row
    return found


def gathering(kind: type) -> str:
    """The SQL that gathers all of it: one row, with a list in JSON under each name."""
    lists = []
    for name, (made, row) in gathered_rows(kind).items():
        whole = [f'gathered."{c.name}" is not null' for c in columns_in(declared(row)) if not c.nullable]
        there = f" where {' and '.join(whole)}" if whole else ""
        lists.append(f"(select coalesce(json_agg(gathered), '[]') from ({made.sql}) gathered{there}) as {name}")
    return f"select {', '.join(lists)}"


@cache
def _decoder(kind: type) -> json.Decoder[Any]:
    return json.Decoder(kind)


def gathered(report: type[Computed[Any]], text: str | Raw) -> Any:
    """What was gathered for a report, from JSON."""
    return _decoder(report.gathers).decode(text)


def as_records(report: type[Computed[Any]], rows: Iterable[Any]) -> str:
    """Rows as JSON: a list of objects, with a member for each column."""
    steps = [(f.name, f.parts, tuple(c.name for c in f.columns)) for f in row_shape(report)]
    records = []
    for row in rows:
        record = {}
        for name, parts, columns in steps:
            value = getattr(row, name)
            if parts is None:
                record[columns[0]] = value
            elif value is not None:
                record.update(zip(columns, parts(value), strict=True))
        records.append(record)
    return ENCODER.encode(records).decode()


@once
def record_columns(report: type[Computed[Any]]) -> str:
    """The columns of such records, as SQL defines them."""
    for f in row_shape(report):
        if is_mapping(f.kind) or any(c.type == "jsonb" for c in f.columns):
            raise Undeclared(
                f"{report.__name__}.Row.{f.name}: a computed row has plain values, values with parts, or lists"
            )
    return ", ".join(f'"{c.name}" {c.type}' for c in columns_in(row_shape(report)))
