"""From a view to what a client may ask of a list of its rows: filters, orders, pages, figures and groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, get_args

from graphql import GraphQLScalarType

from api.catalogue import relation, snake, type_name
from api.columns import known
from api.comparing import compare_list
from api.declaring import ID, Argument, argument, declare, enum_of, input_field, optional, sentence, takes_none
from api.fixed import BucketType, CustomFieldCondition, DirectionType, PageInfo
from api.meaning import Column, Derived, Value, field
from api.ports import ViewType
from api.rows import Rows, of_column
from domain.values import TimeZone
from projections.columns import Field, is_enum
from projections.view import shape

NUMBERS: Final = (int, float, Decimal)
ORDERED: Final = (*NUMBERS, date, datetime)
OPERATORS: Final = {
    "eq": "Is this.",
    "in": "Is one of these.",
    "gt": "Is more than this.",
    "gte": "Is this or more.",
    "lt": "Is less than this.",
    "lte": "Is this or less.",
    "contains": "Has this text in it, in capitals or not.",
    "startsWith": "Begins with this text, in capitals or not.",
    "has": "Has this in it.",
    "hasAny": "Has one of these in it.",
    "isNull": "Is not filled (or is).",
}


class Lists:
    """The types of lists, by view."""

    def __init__(self, rows: Rows, scalars: Mapping[object, GraphQLScalarType]) -> None:
        self.rows, self.views, self.values, self.scalars = rows, rows.views, rows.values, scalars
        self.connections = {v: type(f"{type_name(v)}Connection", (), {}) for v in self.views.all}
        self.filters = {v: type(f"{type_name(v)}Filter", (), {}) for v in self.views.all}
        for view in self.views.all:
            self._filter(view)
        self.arguments = {view: self._arguments(view) for view in self.views.all}

    def declare(self) -> None:
        """Give the lists their fields, once the rows have theirs."""
        for view in self.views.all:
            self._connection(view)

    def asked_by(self, view: ViewType) -> dict[str, Any]:
        """The columns that a list can be filtered, sorted and grouped by: those with an index."""
        points_to, found = self.views.belongs_to(view), {}
        wanted = {"id", *view.indexes, *(name for name in points_to if known(view)[name].column.type == "uuid")}
        for name, (column, kind, _) in known(view).items():
            if name in wanted and not (column.type == "jsonb" or column.type.endswith("[]")):
                key = name == "id" or name in points_to
                found[name] = ID if key else self.values.plain(kind, view)
        return found

    def _filter(self, view: ViewType) -> None:
        narrowing, points_to = self.filters[view], self.views.belongs_to(view)
        members = {
            n: input_field(self.operators(t) | None, known(view)[n].field.doc) for n, t in self.asked_by(view).items()
        }
        if view.key:
            members.pop("id")
            parent = snake(view.of.__name__)
            members[f"{parent}_id"] = input_field(self.operators(ID) | None, None)
            members[parent] = input_field(self.filters[self.views.parent(view)] | None, "Of what has it.")
        else:
            members["archived"] = input_field(self.operators(bool) | None, "Left out, put-away ones are left out.")
            members["tags"] = input_field(self.operators(list[str]) | None, "Its labels.")
            members["custom_fields"] = input_field(list[CustomFieldCondition] | None, "All of these hold.")
        for column, to in points_to.items():
            if known(view)[column].column.type == "uuid":
                members[relation(view, column)] = input_field(self.filters[to] | None, "Of what it points to.")
        members["and"] = input_field(list[narrowing] | None, "All of these hold.")  # type: ignore[valid-type]
        members["or"] = input_field(list[narrowing] | None, "At least one of these holds.")  # type: ignore[valid-type]
        members["not"] = input_field(narrowing | None, "This does not hold.")
        declare(narrowing, members, "input", description="All that are given must hold.")

    def operators(self, type_: Any) -> Any:
        """The input by which a column of this type is filtered."""
        if get_args(type_):
            offered: dict[str, Any] = {"has": get_args(type_)[0], "hasAny": type_}
            name = "StringListFilter"
        else:
            offered = {"eq": type_, "in": list[type_]}
            if type_ in ORDERED:
                offered |= dict.fromkeys(("gt", "gte", "lt", "lte"), type_)
            if type_ is str:
                offered |= dict.fromkeys(("contains", "startsWith"), str)
            offered["isNull"] = bool
            name = f"{self._graphql_name(type_)}Filter"
        members = {operator: input_field(t | None, OPERATORS[operator]) for operator, t in offered.items()}
        what = "All that are given must hold."

        def make() -> Any:
            return declare(type(name, (), {}), members, "input", description=what)

        return self.values.once(("filter", type_), name, make)

    def _graphql_name(self, type_: Any) -> str:
        plain = {str: "String", int: "Int", float: "Float", bool: "Boolean", ID: "ID"}
        if type_ in plain:
            return plain[type_]
        if type_ in self.scalars:
            return self.scalars[type_].name
        return str(type_.__name__)

    def _arguments(self, view: ViewType) -> list[Argument]:
        described = f"What {type_name(view)} can be sorted by."
        ordered_by = enum_of(f"{type_name(view)}OrderField", _docs(view, self.asked_by(view)), described)
        order = declare(
            type(f"{type_name(view)}Order", (), {}),
            {
                "field": input_field(ordered_by, "What to sort by. Those without a value come last when ascending."),
                "direction": input_field(DirectionType | None, "Which way; ascending if left out."),
            },
            "input",
            description="One step of an order.",
        )
        return [
            optional("first", int, "So many from the beginning, or after `after`: 1 to 1000. Else 50."),
            optional("after", str, "The cursor that the page begins after."),
            optional("last", int, "So many from the end, or before `before`: 1 to 1000."),
            optional("before", str, "The cursor that the page ends before."),
            optional("filter", self.filters[view], "Only rows of which this holds."),
            optional("order_by", list[order], "First by this, then by that; by id if left out."),  # type: ignore[valid-type]
        ]

    def _connection(self, view: ViewType) -> None:
        shown, name = self.rows.objects[view], type_name(view)
        edge = declare(
            type(f"{name}Edge", (), {}),
            {"node": field(shown, None, "The row."), "cursor": field(str, None, "Its place in this list.")},
            description=f"One {name} and its place in a list.",
        )
        figures = self._figures(view)
        key = declare(
            type(f"{name}GroupKey", (), {}),
            self._group_key(view),
            description="What a group has in common; null elsewhere.",
        )
        group = declare(
            type(f"{name}Group", (), {}),
            {"key": field(key, None, "What these rows have in common."), **figures},
            description=f"Some {name} that have something in common.",
        )
        aggregate = declare(type(f"{name}Aggregate", (), {}), figures, description=f"What some {name} add up to.")
        by = _docs(view, self._grouped_by(view))
        grouped_by = enum_of(f"{name}GroupField", by, f"What {name} can be grouped by.")
        group_by = declare(
            type(f"{name}GroupBy", (), {}),
            {
                "field": input_field(grouped_by, "What the rows of a group have in common."),
                "bucket": input_field(BucketType | None, "Of a date or a time: the period that it falls into."),
            },
            "input",
            description="One thing to group by.",
        )
        groups = [
            argument("by", list[group_by], "What to group by."),  # type: ignore[valid-type]
            optional("time_zone", TimeZone, "Whose days are meant in `bucket`; the company's, if left out."),
        ]
        declare(
            self.connections[view],
            {
                "edges": field(list[edge], None, "The rows of this page, each with its cursor."),  # type: ignore[valid-type]
                "nodes": field(list[shown], None, "The rows of this page."),  # type: ignore[valid-type]
                "page_info": field(PageInfo, None, "What lies around this page."),
                "total_count": field(int, None, "How many there are in all: ask only when you show it."),
                "aggregate": field(aggregate, None, "What all of them add up to, not only this page."),
                "group_by": field(list[group], None, "The same in groups, at most 1000.", Derived, groups),  # type: ignore[valid-type]
                "compare": compare_list(view, shown, aggregate, figures["sum"].type_ if "sum" in figures else None),
            },
            description=f"A list of {name}, a page of it at a time.",
        )

    def _figures(self, view: ViewType) -> dict[str, Derived]:
        """Counts, sums and the like of those columns that are numbers, money or times."""
        figures: dict[str, Derived] = {"count": field(int, None, "How many there are.")}
        words = {"sum": "The sum.", "avg": "The mean.", "min": "The least.", "max": "The most."}
        for function, doc in words.items():
            members: dict[str, Derived] = {}
            for f in shape(view):
                for part in f.inside if f.flat else (f,):
                    shown = of_column(part) if f.flat else part
                    if made := self._figure(function, shown, view):
                        members[shown.name] = made
            if members:
                name = f"{type_name(view)}{function.capitalize()}"
                shape_ = declare(type(name, (), {}), members, description=f"{doc} Money is per currency.")
                figures[function] = field(shape_, None, doc)
        return figures

    def _figure(self, function: str, f: Field, view: ViewType) -> Derived | None:
        if [part.name for part in f.inside] == ["amount", "currency"]:
            columns = tuple(zip(("amount", "currency"), (c.name for c in f.columns), strict=True))
            return field(list[self.values.value_type(f.kind, view)], Value(columns, f.nullable), "Per currency.")  # type: ignore[misc]
        if f.name in ("version",) or f.kind not in (NUMBERS if function in ("sum", "avg") else ORDERED):
            return None
        kind = Decimal if function in ("sum", "avg") else f.kind
        return field(kind | None, Column(f.columns[0].name, kind), sentence(f.doc))

    def _grouped_by(self, view: ViewType) -> list[str]:
        """A group makes sense by anything that rows can have in common."""
        key = {"id", view.key} if not view.key else {view.key}
        points_to = self.views.belongs_to(view)
        return [
            name
            for name, (column, kind, _) in known(view).items()
            if name not in key
            and (name in self.asked_by(view) or name in points_to or is_enum(kind) or kind in (date, datetime, bool))
            and not column.type.endswith("[]")
        ]

    def _group_key(self, view: ViewType) -> dict[str, Derived]:
        members: dict[str, Derived] = {}
        for name in self._grouped_by(view):
            column, kind, of = known(view)[name]
            made = Field(name, kind, True, (column,), doc=of.doc)
            shown = (
                self.rows.identity(view) if name == "id" else self.rows.shown(view, made, self.views.belongs_to(view))
            )
            members.update({n: field(_or_null(d), d.means, d.description) for n, d in shown.items()})
        return members


def _or_null(made: Derived) -> Any:
    return made.type_ if takes_none(made.type_) else made.type_ | None


def _docs(view: ViewType, columns: Iterable[str]) -> dict[str, str | None]:
    """What some columns hold."""
    own = {"id": "its id"}
    return {name: own.get(name) or known(view)[name].field.doc for name in columns}
