"""From the declarations of views, reports and commands to the GraphQL types that show them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from keyword import iskeyword
from types import UnionType
from typing import Any, Final, NewType, Union, get_args, get_origin, get_type_hints
from uuid import UUID
from zoneinfo import ZoneInfo

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.scalars import JSON
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.scalar import ScalarDefinition
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import Views, relation, snake, type_name
from api.columns import known
from api.meaning import (
    Answer,
    Column,
    Derived,
    Documents,
    Head,
    Key,
    Keys,
    Many,
    One,
    Part,
    Related,
    Value,
    Viewer,
    field,
)
from api.ports import ViewType
from domain.aggregate import Aggregate
from domain.values import TimeZone
from projections.columns import Field, Of, is_enum, is_mapping, is_text, item_of, plain_type, resolved
from projections.report import Bucket, Report, row_shape
from projections.view import shape

Position = NewType("Position", int)
NUMBERS: Final = (int, float, Decimal)
ORDERED: Final = (*NUMBERS, date, datetime)


def scalar(name: str, description: str, serialize: Any, parse: Any) -> ScalarDefinition:
    """A scalar whose values may come from SQL, already as JSON."""
    through = lambda value: value if isinstance(value, str) else serialize(value)  # noqa: E731
    return strawberry.scalar(name=name, description=description, serialize=through, parse_value=parse)


def scalars(time_zone: ZoneInfo) -> dict[object, ScalarDefinition]:
    """The scalars of the API. A date given where a moment is due is midnight of the company."""

    def moment(text: Any) -> datetime:
        try:
            if isinstance(text, str) and len(text) == 10:
                return datetime.combine(date.fromisoformat(text), time(), time_zone)
            made = datetime.fromisoformat(text)
        except (ValueError, TypeError):
            raise ValueError(f"{text!r} is no moment: write one like 2026-01-31T12:00:00Z") from None
        if made.tzinfo is None:
            raise ValueError(f"{text!r} lacks a time zone: write one like 2026-01-31T12:00:00Z")
        return made

    def day(text: Any) -> date:
        try:
            return date.fromisoformat(text)
        except (ValueError, TypeError):
            raise ValueError(f"{text!r} is no day of the calendar: write one like 2026-01-31") from None

    def number(value: Any) -> Decimal:
        try:
            made = Decimal(str(value))
        except ArithmeticError:
            made = Decimal("NaN")
        if isinstance(value, bool) or not made.is_finite():
            raise ValueError(f"{value!r} is no number: write one like 12.50, as text or as a number")
        return made

    def uuid(text: Any) -> UUID:
        try:
            return UUID(text)
        except (ValueError, TypeError, AttributeError):
            raise ValueError(f"{text!r} is no UUID") from None

    def position(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            raise ValueError(f"{value!r} is no position: it is a whole number, not negative")
        return value

    moments = "A moment, ISO 8601 with a time zone; a day stands for its midnight."
    seconds = "A length of time, in seconds."
    places = "A place in the order of all events: 1, 2, 3 …"
    return {
        datetime: scalar("DateTime", moments, datetime.isoformat, moment),
        date: scalar("Date", "A day, ISO 8601.", date.isoformat, day),
        Decimal: scalar("Decimal", "An exact number, as text.", str, number),
        UUID: scalar("UUID", "A UUID, as text.", str, uuid),
        TimeZone: scalar("TimeZone", "The name of a time zone, such as Europe/Berlin.", str, TimeZone),
        timedelta: strawberry.scalar(name="Seconds", description=seconds, serialize=float, parse_value=float),
        Position: strawberry.scalar(name="Position", description=places, serialize=int, parse_value=position),
    }


@strawberry.enum(description="Which way to sort.")
class Direction(Enum):
    ASC = "asc"
    DESC = "desc"


strawberry.enum(Bucket, description="A period that times are put into.")


@strawberry.interface(description="Anything that has an id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Its id, the same for ever, such as Account_0190f3c2-….")


@strawberry.input(description="The moment that a read is asked of: what was known then. Give a position or a time.")
class AsOf:
    position: Position | None = strawberry.field(default=None, description="After this event was recorded.")
    time: datetime | None = strawberry.field(default=None, description="What was recorded by this moment.")


@strawberry.input(description="What had happened by a moment, as we know it at the moment that the read is asked of.")
class Occurred:
    until: datetime = strawberry.field(description="Leaves out every event that had not happened by then.")


@strawberry.input(description="A condition upon a field that the company defined for itself.")
class CustomFieldFilter:
    key: str = strawberry.field(description="The key of the field.")
    eq: JSON | None = strawberry.field(default=strawberry.UNSET, description="Is this.")
    in_: list[JSON] | None = strawberry.field(name="in", default=strawberry.UNSET, description="Is one of these.")
    gt: JSON | None = strawberry.field(default=strawberry.UNSET, description="Is more than this.")
    gte: JSON | None = strawberry.field(default=strawberry.UNSET, description="Is this or more.")
    lt: JSON | None = strawberry.field(default=strawberry.UNSET, description="Is less than this.")
    lte: JSON | None = strawberry.field(default=strawberry.UNSET, description="Is this or less.")
    is_null: bool | None = strawberry.field(default=strawberry.UNSET, description="Is not filled (or is).")


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


def describe(*declared: Any) -> str | None:
    """The first docstring that a person wrote: of the class itself, or else of its module."""
    for owner in [*declared, *(sys.modules[d.__module__] for d in declared)]:
        text = vars(owner).get("__doc__")
        if text and not text.startswith(f"{getattr(owner, '__name__', '')}("):  # a dataclass writes its own
            return " ".join(text.split())
    return None


def input_field(type_: Any, description: str | None) -> tuple[Any, str | None]:
    """A member of an input: optional where its type takes None."""
    return type_, description


def declare(cls: type, members: Mapping[str, Any], *, as_: Any = strawberry.type, **kwargs: Any) -> type:
    """Give an empty class its fields, and register it. Two steps, so that types may refer to each other."""
    cls.__annotations__ = {}
    for name, member in members.items():
        python = f"{name}_" if iskeyword(name) else name
        if isinstance(member, Derived):
            setattr(cls, python, member)
            cls.__annotations__[python] = member.type_annotation.raw_annotation  # type: ignore[union-attr]
            continue
        type_, description = member
        default = {"default": strawberry.UNSET} if type(None) in get_args(type_) else {}
        shown = name if name != name.lower() else camel(name)
        setattr(cls, python, strawberry.field(name=shown, description=sentence(description), **default))
        cls.__annotations__[python] = type_
    made: type = as_(cls, name=cls.__name__, **kwargs)
    return made


def sentence(text: str | None) -> str | None:
    """A note of a declaration, as a sentence of the schema."""
    if not text:
        return None
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "…", "?")) else ".")


class Types:
    """The types of everything that is declared, each made once."""

    def __init__(self, views: Views, aggregates: Iterable[type[Aggregate]], time_zone: ZoneInfo) -> None:
        self.views, self.named = views, views.named
        self.aggregates = tuple(aggregates)
        self.scalars = scalars(time_zone)
        self.made: dict[Any, Any] = {}
        self.moment, self.uuid = datetime, UUID
        self.objects = {v: type(type_name(v), () if v.key else (Node,), {}) for v in views.all}
        self.connections = {v: type(f"{type_name(v)}Connection", (), {}) for v in views.all}
        self.filters = {v: type(f"{type_name(v)}Filter", (), {}) for v in views.all}
        for view in views.all:
            self._filter(view)
        self.arguments = {view: self._arguments(view) for view in views.all}
        for view in views.all:
            self._object(view)
            self._connection(view)

    @staticmethod
    def argument(name: str, type_: Any, description: str, **default: Any) -> StrawberryArgument:
        """An argument of a field; it may be left out where a default is given."""
        return StrawberryArgument(name, None, StrawberryAnnotation(type_), description=description, **default)

    def _optional(self, name: str, type_: Any, description: str) -> StrawberryArgument:
        return self.argument(name, type_ | None, description, default=strawberry.UNSET)

    @property
    def instants(self) -> list[StrawberryArgument]:
        """By which any read is asked of any moment; all that is read below it inherits it."""
        return [
            self._optional("as_of", AsOf, "What was known then; now, if left out."),
            self._optional("occurred", Occurred, "What had happened by then."),
        ]

    # -- the root --------------------------------------------------------------------------------

    def roots(self, reports: Iterable[type[Report]], of: type[Derived]) -> dict[str, Derived]:
        """The fields of the root `Query`."""
        id = self.argument("id", strawberry.ID, "Its id.")
        ids = self.argument("ids", list[strawberry.ID], "Their ids, at most 1000.")
        found: dict[str, Derived] = {
            "node": field(Node | None, One(None), "Anything, by its id.", of, [id, *self.instants]),
            "nodes": field(
                list[Node | None], One(None, "ids"), "Many things, each by its id; null for one that is not there.", of,
                [ids, *self.instants],
            ),
            "head": field(HEAD, Head(), "The last event of the history.", of),
        }  # fmt: skip
        if user := self.named.get("User"):
            found["viewer"] = field(self.objects[user] | None, Viewer(user), "The user who asks.", of)
        for view, shown in self.objects.items():
            name = type_name(view)
            if not view.key:
                found[snake(name)] = field(shown | None, One(view), f"One {name}, by its id.", of, [id, *self.instants])
            found[view.table] = field(
                self.connections[view], Many(view), f"A list of {name}: without filter, all that are not put away.", of,
                [*self.arguments[view], *self.instants],
            )  # fmt: skip
        for report in reports:
            found[snake(report.__name__)] = self._report(report, of)
        return found

    def _report(self, report: type[Report], of: type[Derived]) -> Derived:
        hints, arguments = get_type_hints(report, include_extras=True), []
        for f in fields(report):
            kind, nullable, notes = resolved(f"{report.__name__}.{f.name}", hints[f.name])
            is_key = any(isinstance(note, Of) for note in notes)
            type_ = strawberry.ID if is_key else self.input_type(kind, report)
            doc = sentence(next((n for n in notes if isinstance(n, str)), None)) or f"{f.name.replace('_', ' ')}."
            if f.default is MISSING and not nullable:
                arguments.append(self.argument(f.name, type_, doc))
            elif nullable or f.default is None:
                arguments.append(self._optional(f.name, type_, doc))
            else:
                default = self.enum(kind, report)(f.default) if is_enum(kind) else f.default
                arguments.append(self.argument(f.name, type_, doc, default=default))
        members = {}
        points_to = self.views.pointing(row_shape(report))
        for column in row_shape(report):
            members.update(self._shown(report, column, points_to))
        what = f"A row of `{camel(snake(report.__name__))}`."
        row = declare(type(f"{report.__name__}Row", (), {}), members, description=what)
        return field(list[row], Answer(report), describe(report), of, [*arguments, *self.instants])  # type: ignore[valid-type]

    # -- rows ------------------------------------------------------------------------------------

    def _object(self, view: ViewType) -> None:
        members: dict[str, Any] = {}
        shown, points_to = self.objects[view], self.views.belongs_to(view)
        for f in shape(view):
            members.update(self._shown(view, f, points_to))
        for child in self.views.all:
            for name, via in self._ways(child, view):
                if name in members:
                    raise TypeError(f"{view.__name__}.{name} is a column, and the list of {child.__name__} too")
                members[name] = field(
                    self.connections[child], Many(child, via), f"The {type_name(child)} of this one, as a list.",
                    Derived, self.arguments[child],
                )  # fmt: skip
        shown.is_type_of = classmethod(lambda cls, row, _info: row.get(" is") == cls.__name__)  # type: ignore[attr-defined]
        declare(shown, members, description=describe(view, view.of))

    def _ways(self, child: ViewType, view: ViewType) -> list[tuple[str, str]]:
        """The lists of rows of `child` that point to a row of `view`, by name, and by which column."""
        if child.key and child.of is view.of:
            return [] if view.key else [(child.table.removeprefix(f"{snake(view.of.__name__)}_"), "id")]
        if view.key:
            return []
        to = [
            c
            for c, other in self.views.belongs_to(child).items()
            if other is view and known(child)[c].column.type == "uuid"
        ]
        plain = f"{snake(view.of.__name__)}_id"
        return [(child.table if c == plain else f"{child.table}_by_{relation(child, c)}", c) for c in to]

    def _shown(self, owner: Any, f: Field, points_to: Mapping[str, ViewType]) -> dict[str, Derived]:
        """The fields of the API for one field of a declaration."""
        doc, name, kind = sentence(f.doc), f.name, f.kind
        view: ViewType | None = owner if owner in self.objects else None
        if name == "id" and view:
            return self._identity(view)
        if f.flat:
            return {
                n: shown for part in f.inside for n, shown in self._shown(owner, _of_column(part), points_to).items()
            }
        if f.inside:
            columns = tuple(zip((part.name for part in f.inside), (c.name for c in f.columns), strict=True))
            return {name: _nullable(self.value_type(kind, owner), f, Value(columns, f.nullable), doc)}
        if to := points_to.get(name):
            if f.columns[0].type == "uuid[]":
                return {name: field(list[strawberry.ID], Keys(name, to), doc)}
            related: Derived = field(self.objects[to] | None, Related(to, name), doc)
            return {name: _nullable(strawberry.ID, f, Key(name, to), doc), relation(owner, name): related}
        return {name: _nullable(self._output(owner, f), f, self._meaning(f), doc)}

    def _identity(self, view: ViewType) -> dict[str, Derived]:
        if not view.key:
            return {"id": field(strawberry.ID, Key("id", view), "Its id, the same for ever.")}
        parent = self.views.parent(view)
        name = snake(parent.of.__name__)
        return {
            f"{name}_id": field(strawberry.ID, Key("id", parent), f"The {parent.of.__name__} that has it."),
            name: field(self.objects[parent] | None, Related(parent, "id"), f"The {parent.of.__name__} that has it."),
        }

    def _meaning(self, f: Field) -> Any:
        if f.columns[0].type == "jsonb" and (keyed := is_mapping(f.kind), is_dataclass(_item(f)))[1]:
            return Documents(f.name, keyed)
        return Column(f.columns[0].name, f.kind)

    def _output(self, owner: Any, f: Field) -> Any:
        """The type of a column in the API."""
        if is_mapping(f.kind):
            return list[self.document_type(_item(f), owner, keyed=True)] if is_dataclass(_item(f)) else JSON  # type: ignore[misc]
        if get_args(f.kind):
            item = item_of(f.name, f.kind)
            return list[self.document_type(item, owner) if is_dataclass(item) else self._plain(item, owner)]  # type: ignore[misc]
        return self._plain(f.kind, owner)

    def _plain(self, kind: Any, owner: Any) -> Any:
        if is_enum(kind):
            return self.enum(kind, owner)
        if is_text(kind):
            return kind if kind in self.scalars else str
        return kind if plain_type(kind) else JSON

    # -- values ----------------------------------------------------------------------------------

    def name_of(self, kind: type, owner: Any) -> str:
        """A value type that belongs to one aggregate carries its noun: `OpportunityStatus`."""
        for aggregate in self.aggregates:
            if aggregate.__module__ == kind.__module__:
                noun = aggregate.__name__
                return kind.__name__ if noun in kind.__name__ else f"{noun}{kind.__name__}"
        return kind.__name__

    def _once(self, key: tuple[Any, ...], name: str, make: Any) -> Any:
        """The type made for a declaration. Two of one name are an error of whoever named them."""
        if key not in self.made:
            if any(getattr(t, "__name__", None) == name for t in self.made.values()):
                raise TypeError(f"two value types would be called {name}")
            self.made[key] = make()
        return self.made[key]

    def enum(self, kind: type[Enum], owner: Any) -> Any:
        name = self.name_of(kind, owner)
        if hasattr(kind, "__strawberry_definition__"):
            return kind
        written = describe(kind) if kind.__doc__ and vars(kind).get("__doc__") else None
        return self._once((kind,), name, lambda: strawberry.enum(kind, name=name, description=written))

    def value_type(self, kind: type, owner: Any) -> Any:
        """A value object whose parts are columns."""
        name, hints = self.name_of(kind, owner), get_type_hints(kind, include_extras=True)

        def make() -> Any:
            parts: dict[str, Derived] = {}
            for f in fields(kind):
                inner, nullable, notes = resolved(f"{name}.{f.name}", hints[f.name])
                doc = sentence(next((n for n in notes if isinstance(n, str)), None))
                plain = self._plain(inner, kind)
                parts[f.name] = field(plain | None if nullable else plain, Part(f.name, inner), doc)
            return declare(type(name, (), {}), parts, description=describe(kind))

        return self._once((kind, "output"), name, make)

    def document_type(self, kind: Any, owner: Any, keyed: bool = False) -> Any:
        """A value object held as JSON; of entries by key, with the key."""
        if not keyed:
            return self.value_type(kind, owner)
        name = f"{self.name_of(kind, owner)}Entry"

        def make() -> Any:
            hints = get_type_hints(kind, include_extras=True)
            parts: dict[str, Derived] = {"key": field(str, Part(None, str), "What it is for.")}
            for f in fields(kind):
                inner, nullable, _ = resolved(f"{name}.{f.name}", hints[f.name])
                plain = self._plain(inner, kind)
                parts[f.name] = field(plain | None if nullable else plain, Part(f.name, inner))
            return declare(type(name, (), {}), parts, description=describe(kind))

        return self._once((kind, "entry"), name, make)

    def input_type(self, hint: Any, owner: Any, patch: bool = False) -> Any:
        """How a client writes a value of this Python type."""
        if get_origin(hint) in (Union, UnionType) and len([t for t in get_args(hint) if t is not type(None)]) > 1:
            return JSON
        kind = resolved("", hint).kind
        if get_origin(kind) in (tuple, list, frozenset, set):
            return list[self.input_type(item_of("", kind), owner)]  # type: ignore[misc]
        if is_dataclass(kind):
            return self.value_input(kind, owner, patch)  # type: ignore[arg-type]
        return self._plain(kind, owner)

    def value_input(self, kind: type, owner: Any, patch: bool = False) -> Any:
        """A value object as a client writes it; of a patch, every field may be left out."""
        name, hints = (
            f"{self.name_of(kind, owner)}{'Patch' if patch else 'Input'}",
            get_type_hints(kind, include_extras=True),
        )

        def make() -> Any:
            members = {}
            for f in fields(kind):
                _, nullable, notes = resolved(f"{name}.{f.name}", hints[f.name])
                required = f.default is MISSING and f.default_factory is MISSING and not nullable and not patch
                type_ = self.input_type(hints[f.name], kind)
                doc = next((n for n in notes if isinstance(n, str)), None)
                members[f.name] = input_field(type_ if required else type_ | None, doc)
            what = f"{describe(kind)} What is left out stays." if patch else describe(kind)
            return declare(type(name, (), {}), members, as_=strawberry.input, description=what)

        return self._once((kind, name), name, make)

    # -- lists -----------------------------------------------------------------------------------

    def asked_by(self, view: ViewType) -> dict[str, Any]:
        """The columns that a list can be filtered, sorted and grouped by: those with an index."""
        points_to, found = self.views.belongs_to(view), {}
        wanted = {"id", *view.indexes, *(name for name in points_to if known(view)[name].column.type == "uuid")}
        for name, (column, kind, _) in known(view).items():
            if name in wanted and not (column.type == "jsonb" or column.type.endswith("[]")):
                key = name == "id" or name in points_to
                found[name] = strawberry.ID if key else self._plain(kind, view)
        return found

    def _filter(self, view: ViewType) -> None:
        narrowing, points_to = self.filters[view], self.views.belongs_to(view)
        members = {n: input_field(self.operators(t) | None, None) for n, t in self.asked_by(view).items()}
        if view.key:
            members.pop("id")
            parent = snake(view.of.__name__)
            members[f"{parent}_id"] = input_field(self.operators(strawberry.ID) | None, None)
            members[parent] = input_field(self.filters[self.views.parent(view)] | None, "Of what has it.")
        else:
            members["archived"] = input_field(self.operators(bool) | None, "Left out, put-away ones are left out.")
            members["tags"] = input_field(self.operators(list[str]) | None, None)
            members["custom_fields"] = input_field(list[CustomFieldFilter] | None, "All of these hold.")
        for column, to in points_to.items():
            if known(view)[column].column.type == "uuid":
                members[relation(view, column)] = input_field(self.filters[to] | None, "Of what it points to.")
        members["and"] = input_field(list[narrowing] | None, "All of these hold.")  # type: ignore[valid-type]
        members["or"] = input_field(list[narrowing] | None, "At least one of these holds.")  # type: ignore[valid-type]
        members["not"] = input_field(narrowing | None, "This does not hold.")
        declare(narrowing, members, as_=strawberry.input, description="All that are given must hold.")

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
            return declare(type(name, (), {}), members, as_=strawberry.input, description=what)

        return self._once(("filter", str(type_)), name, make)

    def _graphql_name(self, type_: Any) -> str:
        plain = {str: "String", int: "Int", float: "Float", bool: "Boolean", strawberry.ID: "ID"}
        if type_ in plain:
            return plain[type_]
        if type_ in self.scalars:
            return self.scalars[type_].name or ""
        return str(type_.__strawberry_definition__.name)

    def _arguments(self, view: ViewType) -> list[StrawberryArgument]:
        by = _enum(f"{type_name(view)}OrderField", self.asked_by(view))
        ordered_by = strawberry.enum(by, description=f"What {type_name(view)} can be sorted by.")
        order = declare(
            type(f"{type_name(view)}Order", (), {}),
            {
                "field": input_field(ordered_by, "What to sort by. Those without a value come last when ascending."),
                "direction": input_field(Direction | None, "Which way; ascending if left out."),
            },
            as_=strawberry.input,
            description="One step of an order.",
        )
        return [
            self._optional("first", int, "So many from the beginning, or after `after`: 1 to 1000. Else 50."),
            self._optional("after", str, "The cursor that the page begins after."),
            self._optional("last", int, "So many from the end, or before `before`: 1 to 1000."),
            self._optional("before", str, "The cursor that the page ends before."),
            self._optional("filter", self.filters[view], "Only rows of which this holds."),
            self._optional("order_by", list[order], "First by this, then by that; by id if left out."),  # type: ignore[valid-type]
        ]

    def _connection(self, view: ViewType) -> None:
        shown, name = self.objects[view], type_name(view)
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
        by = _enum(f"{name}GroupField", self._grouped_by(view))
        grouped_by = strawberry.enum(by, description=f"What {name} can be grouped by.")
        group_by = declare(
            type(f"{name}GroupBy", (), {}),
            {
                "field": input_field(grouped_by, "What the rows of a group have in common."),
                "bucket": input_field(Bucket | None, "Of a date or a time: the period that it falls into."),
            },
            as_=strawberry.input,
            description="One thing to group by.",
        )
        groups = [
            self.argument("by", list[group_by], "What to group by."),  # type: ignore[valid-type]
            self.argument("time_zone", TimeZone, "Whose days are meant in `bucket`.", default=TimeZone("UTC")),
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
                    shown = _of_column(part) if f.flat else part
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
            return field(list[self.value_type(f.kind, view)], Value(columns, f.nullable), "Per currency.")  # type: ignore[misc]
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
            column, kind, _ = known(view)[name]
            made = Field(name, kind, True, (column,))
            shown = self._identity(view) if name == "id" else self._shown(view, made, self.views.belongs_to(view))
            members.update({n: field(_or_null(d), d.metadata["means"]) for n, d in shown.items()})
        return members


def _of_column(part: Field) -> Field:
    """A part of a flat value, as a field by the name of its column."""
    return Field(
        part.columns[0].name, part.kind, part.columns[0].nullable, part.columns, part.parts, part.inside, part.doc
    )


def _nullable(type_: Any, f: Field, means: Any, doc: str | None) -> Derived:
    return field(type_ | None if f.nullable else type_, means, doc)


def _or_null(made: Derived) -> Any:
    annotation: Any = made.type_annotation.raw_annotation  # type: ignore[union-attr]
    return annotation if type(None) in get_args(annotation) else annotation | None


def _enum(name: str, columns: Iterable[str]) -> Any:
    """An enum of columns."""
    return Enum(name, {column.upper(): column for column in columns})


def _item(f: Field) -> Any:
    """The type of what a list or a mapping holds."""
    return get_args(f.kind)[1] if is_mapping(f.kind) and get_args(f.kind) else (get_args(f.kind) or (None,))[0]


PageInfo: Any = declare(
    type("PageInfo", (), {}),
    {
        "has_next_page": field(bool, None, "Whether more rows follow."),
        "has_previous_page": field(bool, None, "Whether more rows came before."),
        "start_cursor": field(str | None, None, "The cursor of the first row."),
        "end_cursor": field(str | None, None, "The cursor of the last row."),
    },
    description="What lies around a page of a list.",
)
HEAD: Any = declare(
    type("Head", (), {}),
    {
        "position": field(Position, None, "Its position; 0 where nothing was recorded yet."),
        "receipt": field(str, None, "The hash of it and of all before it."),
        "recorded_at": field(datetime | None, None, "When it was recorded."),
    },
    description="The last event of the history.",
)
