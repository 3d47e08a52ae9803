"""What a type of the schema is before it is made: a class without content, with its fields and their descriptions."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final, Literal, NewType, get_args

from graphql import Undefined
from strawberry.utils.str_converters import to_camel_case as camel

ID = NewType("ID", str)
JSON = NewType("JSON", object)

Kind = Literal["object", "interface", "input", "choice", "enum"]
"""Of an input that is a `choice` exactly one field is given."""


class Argument:
    """An argument of a field, or a field of an input; it may be left out where its type takes None, or has a default.

    What reads it finds it under `key`, which is its name in the API, unless an input is `plain`.
    """

    __slots__ = ("default", "description", "key", "name", "type_")

    def __init__(self, name: str, type_: Any, description: str | None, default: Any = Undefined) -> None:
        self.name, self.type_, self.default = shown_as(name), type_, default
        self.description, self.key = sentence(description) or words(name), None


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared type. The members of an object are fields, of an input arguments, of an enum its Python members."""

    kind: Kind
    members: Mapping[str, Any]
    description: str | None
    notes: Mapping[str, str] | None = None
    """Of an enum: what each member means."""


DECLARED: Final = "__declared__"


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


def declare(cls: type, members: Mapping[str, Any], kind: Kind = "object", *, description: str | None) -> type:
    """Give an empty class its fields. Two steps, so that types may refer to each other."""
    made: dict[str, Any] = {}
    for name, member in members.items():
        if kind in ("input", "choice"):
            argument_ = Argument(name, *member)
            made[argument_.name] = argument_
        else:
            member.description = member.description or words(name)
            made[shown_as(name)] = member
    setattr(cls, DECLARED, Declared(kind, made, description))
    return cls


def plain_names(cls: type, members: Iterable[str]) -> type:
    """An input whose fields are read by the names of their declaration: the arguments of a command."""
    declared: Declared = vars(cls)[DECLARED]
    for name in members:
        declared.members[shown_as(name)].key = name
    return cls


def declare_enum(cls: type[Enum], name: str, description: str | None, notes: Mapping[str, str] | None = None) -> Any:
    """The type of an enum, whose members are known by their names. One without a note says what its name says."""
    made: Any = type(name, (), {})
    said = {each: f"{each.replace('_', ' ').capitalize()}." for each in cls.__members__} | {**(notes or {})}
    setattr(made, DECLARED, Declared("enum", cls.__members__, description, said))
    return made


@cache
def shown_as(name: str) -> str:
    """A name of a declaration, as the API has it."""
    return camel(name) if name == name.lower() else name


def sentence(text: str | None) -> str | None:
    """A note of a declaration, as a sentence of the schema."""
    if not text:
        return None
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "…", "?")) else ".")


def words(name: str) -> str:
    """What a name says by itself: `The expected close.` for `expected_close`."""
    said = name.replace("_", " ")
    return f"The id of the {said.removesuffix(' id')}." if said.endswith(" id") else f"The {said}."


def argument(name: str, type_: Any, description: str, default: Any = Undefined) -> Argument:
    """An argument of a field; it may be left out where a default is given."""
    return Argument(name, type_, description, default)


def optional(name: str, type_: Any, description: str) -> Argument:
    """An argument of a field that may be left out."""
    return Argument(name, type_ | None, description)


def enum_of(name: str, columns: Mapping[str, str | None], description: str) -> Any:
    """An enum of columns, each with what it holds."""
    made: Any = Enum(name, {column.upper(): column for column in columns})  # type: ignore[misc]
    notes = {column.upper(): sentence(doc) or words(column) for column, doc in columns.items()}
    return declare_enum(made, name, description, notes)


def takes_none(type_: Any) -> bool:
    return type(None) in get_args(type_)
