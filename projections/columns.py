"""From a declared field to the columns of a table. The API and the projector both read it here, so that they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from msgspec import json

from domain.personal import Misplaced, OfPerson, person_of

F = TypeVar("F", bound=Callable[..., Any])
Parts = Callable[[Any], tuple[Any, ...]]

PLAIN: Mapping[Any, str] = {
    UUID: "uuid",
    str: "text",
    bool: "boolean",
    int: "bigint",
    Decimal: "numeric",
    float: "double precision",
    date: "date",
    datetime: "timestamptz",
    timedelta: "interval",
}
LISTS = frozenset({list, tuple, set, frozenset})


def once(function: F) -> F:
    """Remembered per declaration. (`functools.cache` alone takes a class for unhashable under mypy.)"""
    return cast(F, cache(function))


class Undeclared(TypeError):
    """A declaration that cannot work, in words that say which and why. Raised at start."""


@dataclass(frozen=True, slots=True)
class Of:
    """Marks an id, or a list of ids, with the kind of aggregate it is of, where the name does not say it."""

    kind: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, and its type in SQL."""

    name: str
    type: str
    nullable: bool
    whose: str | None = None
    """Of what is personal: the column that holds the id of the person."""

    @property
    def carried(self) -> str:
        """The type of one value inside a parameter: an array of arrays would be one flat array to `unnest`."""
        return "text" if self.type.endswith("[]") else self.type


@dataclass(frozen=True, slots=True)
class Field:
    """A declared field: its columns, and how a value becomes them."""

    name: str
    kind: Any
    """The type itself, without `| None` and marks."""
    nullable: bool
    columns: tuple[Column, ...]
    parts: Parts | None = None
    """From a value, never null, to its columns; None where the value is its own column."""
    inside: tuple[Field, ...] = ()
    """The parts of a value object, each with its own of the columns above."""
    doc: str | None = None
    flat: bool = False
    """The parts of this value are columns, and fields of the API, without its name."""
    of: str | None = None
    """The kind of aggregate that an id is of, where it is marked."""
    whose: str | None = None
    """Of what is personal: the column that holds the id of the person."""

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The type of each column in Python."""
        return tuple(kind for part in self.inside for kind in part.kinds) or (self.kind,)


def declared(owner: type) -> tuple[Field, ...]:
    """The fields of a dataclass with their columns, in the order of declaration."""
    hints = get_type_hints(owner, include_extras=True)
    return columns_of(owner.__name__, {f.name: hints[f.name] for f in fields(owner)})


def columns_of(owner: str, hints: Mapping[str, Any], flat: Sequence[str] = ()) -> tuple[Field, ...]:
    """The columns of some fields, by name and type."""
    found = []
    for name, hint in hints.items():
        if name.startswith("_"):
            raise Undeclared(f"{owner}.{name}: names with a leading underscore are those of the machinery")
        found.append(_of_person(f"{owner}.{name}", hint, _field(f"{owner}.{name}", name, hint, name in flat)))
    if wrong := sorted({*flat} - {f.name for f in found if f.inside}):
        raise Undeclared(f"{owner}: {', '.join(wrong)} is no value with parts, so it cannot be flat")
    names = [column.name for f in found for column in f.columns]
    if unknown := sorted({f.whose for f in found if f.whose} - {f.name for f in found if not f.whose}):
        raise Undeclared(f"{owner}: no column {', '.join(unknown)} says whose the personal text is")
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise Undeclared(f"{owner}: two fields make the column {', '.join(doubled)}")
    if long := sorted(name for name in names if len(name.encode()) > 63):
        raise Undeclared(f"{owner}: {', '.join(long)} is too long: PostgreSQL cuts names at 63 bytes")
    return tuple(found)


class Resolved(NamedTuple):
    kind: Any
    nullable: bool
    notes: tuple[Any, ...]


def resolved(place: str, hint: Any) -> Resolved:
    """The type itself, whether it may be null, and what it is annotated with."""
    nullable, notes = False, list[Any]()
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            notes += more
        elif get_origin(hint) in (Union, UnionType):
            inner = [t for t in get_args(hint) if t is not NoneType]
            if len(inner) != 1:
                raise Undeclared(f"{place}: a column is of one type, or of one type and None")
            hint, nullable = inner[0], True
        else:
            return Resolved(hint, nullable or hint is NoneType, tuple(notes))


def plain_type(kind: Any) -> str | None:
    """The type in SQL of what is one value in one column, other than lists and documents."""
    if is_enum(kind) or is_text(kind):
        return "text"
    return PLAIN.get(kind)


def is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def is_text(kind: Any) -> bool:
    """A text, or one of the values that are a text of some form: an e-mail address, the name of a time zone."""
    return isinstance(kind, type) and issubclass(kind, str) and not is_enum(kind)


def is_mapping(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def item_of(place: str, kind: Any) -> Any:
    """The type of the items of a list or a set."""
    inner = [t for t in get_args(kind) if t is not Ellipsis]
    if len(inner) != 1 or (get_origin(kind) is tuple and len(get_args(kind)) != 2):
        raise Undeclared(f"{place}: a list has items of one type: tuple[str, ...]")
    item, may_be_null, _ = resolved(place, inner[0])
    if may_be_null:
        raise Undeclared(f"{place}: a list has no holes")
    return item


def _field(place: str, name: str, hint: Any, flat: bool = False) -> Field:
    kind, nullable, notes = resolved(place, hint)
    doc = next((note for note in notes if isinstance(note, str)), None)
    of = next((note.kind for note in notes if isinstance(note, Of)), None)

    def one(type_: str, parts: Parts | None = None) -> Field:
        return Field(name, kind, nullable, (Column(name, type_, nullable),), parts, doc=doc, of=of)

    if type_ := plain_type(kind):
        return one(type_, _enum if is_enum(kind) else None)
    if get_origin(kind) in LISTS:
        item = item_of(place, kind)
        if (type_ := plain_type(item)) and item is not timedelta:
            return one(f"{type_}[]", _sorted if get_origin(kind) in (set, frozenset) else _listed)
        document(place, item)
        return one("jsonb", as_json)
    if is_mapping(kind):
        document(place, kind)
        return one("jsonb", as_json)
    if is_dataclass(kind):
        return _value(place, name, cast(type, kind), nullable, doc, flat)
    raise Undeclared(f"{place}: no column for {kind!r}")


def _of_person(place: str, hint: Any, made: Field) -> Field:
    """The same field; where it is personal, with the column that says of whom."""
    try:
        mark: OfPerson | None = person_of(hint)
    except Misplaced as wrong:
        raise Undeclared(f"{place} {wrong}") from None
    if mark is None:
        return made
    columns = tuple(replace(column, whose=mark.whose) for column in made.columns)
    return replace(made, columns=columns, whose=mark.whose)


def _value(place: str, name: str, kind: type, nullable: bool, doc: str | None, flat: bool) -> Field:
    hints, inside = get_type_hints(kind, include_extras=True), []
    for part in fields(kind):
        bare = flat or part.name == getattr(kind, "main", name)
        column = part.name if flat else name if bare else f"{name}_{part.name}"
        inside.append(_under(_field(f"{place}.{part.name}", column, hints[part.name]), part.name, nullable))
    columns = tuple(column for part in inside for column in part.columns)
    return Field(name, kind, nullable, columns, _taken_apart(inside), tuple(inside), doc, flat)


def _under(made: Field, name: str, nullable: bool) -> Field:
    """The field of a part: it bears the part's name; where the whole value may be null, so may its columns."""
    columns = tuple(Column(c.name, c.type, c.nullable or nullable) for c in made.columns)
    return Field(name, made.kind, made.nullable, columns, made.parts, made.inside, made.doc, made.flat, made.of)


def _taken_apart(inside: Sequence[Field]) -> Parts:
    names = [part.name for part in inside]
    if len(names) > 1 and all(part.parts is None for part in inside):
        return attrgetter(*names)
    steps = [(part.name, part.parts, (None,) * len(part.columns)) for part in inside]

    def parts(value: Any) -> tuple[Any, ...]:
        row: list[Any] = []
        for name, of_part, nothing in steps:
            part = getattr(value, name)
            row += (part,) if of_part is None else nothing if part is None else of_part(part)
        return tuple(row)

    return parts


def document(place: str, kind: Any) -> Any:
    """What JSON a kind becomes, in terms of JSON: two that differ are read differently. Refuses what becomes none."""
    return _document(place, kind, frozenset())


def _document(place: str, kind: Any, within: frozenset[Any]) -> Any:
    if get_origin(kind) is Annotated:
        return _document(place, get_args(kind)[0], within)
    if type_ := plain_type(kind):
        return type_
    if kind in (Any, object, None, NoneType) or kind in within:
        return "any"
    if get_origin(kind) in (Union, UnionType):
        return ["or", *(_document(place, inner, within) for inner in get_args(kind))]
    if get_origin(kind) is Literal:
        return "text"
    if get_origin(kind) in LISTS:
        return ["list", *(_document(place, inner, within) for inner in get_args(kind) if inner is not Ellipsis)]
    if is_mapping(kind):
        return ["by key", *(_document(place, inner, within) for inner in get_args(kind))]
    if is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        return [[f.name, _document(place, hints[f.name], within | {kind})] for f in fields(kind)]
    raise Undeclared(f"{place}: no column for {kind!r}")


def as_json(value: Any) -> tuple[str]:
    """The text of a document, always the same for the same value."""
    return (ENCODER.encode(value).decode(),)


def as_texts(value: Any) -> str:
    """What JSON does not know by itself: texts of some form."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"no JSON for {value!r}")


ENCODER = json.Encoder(order="deterministic", enc_hook=as_texts)


def _enum(value: Any) -> tuple[Any]:
    return (value.value,)


def _listed(value: Any) -> tuple[list[Any]]:
    return ([plain(item) for item in value],)


def _sorted(value: Any) -> tuple[list[Any]]:
    """A set has no order of its own, and a row must be the same each time."""
    return (sorted(plain(item) for item in value),)


def plain(value: Any) -> Any:
    """What stands in a column for a member of an enumeration, and any other value itself."""
    return value.value if isinstance(value, Enum) else value


def columns_in(found: Sequence[Field]) -> Iterator[Column]:
    """The columns of some fields, in their order."""
    for f in found:
        yield from f.columns
