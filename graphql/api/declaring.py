"""Making GraphQL types out of declarations: a class without fields, then its fields, each with its description."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from enum import Enum
from keyword import iskeyword
from typing import Any, get_args

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.utils.str_converters import to_camel_case as camel

from api.meaning import Derived


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
            member.description = member.description or words(name)
            setattr(cls, python, member)
            cls.__annotations__[python] = member.type_annotation.raw_annotation  # type: ignore[union-attr]
            continue
        type_, description = member
        default = {"default": strawberry.UNSET} if type(None) in get_args(type_) else {}
        shown = name if name != name.lower() else camel(name)
        setattr(cls, python, strawberry.field(name=shown, description=sentence(description) or words(name), **default))
        cls.__annotations__[python] = type_
    made: type = as_(cls, name=cls.__name__, **kwargs)
    return made


def sentence(text: str | None) -> str | None:
    """A note of a declaration, as a sentence of the schema."""
    if not text:
        return None
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "…", "?")) else ".")


def words(name: str) -> str:
    """What a name says by itself: `The expected close.` for `expected_close`."""
    said = name.replace("_", " ")
    return f"The id of the {said.removesuffix(' id')}." if said.endswith(" id") else f"The {said}."


def argument(name: str, type_: Any, description: str, **default: Any) -> StrawberryArgument:
    """An argument of a field; it may be left out where a default is given."""
    return StrawberryArgument(name, None, StrawberryAnnotation(type_), description=description, **default)


def optional(name: str, type_: Any, description: str) -> StrawberryArgument:
    """An argument of a field that may be left out."""
    return argument(name, type_ | None, description, default=strawberry.UNSET)


def enum_of(name: str, columns: Iterable[str], description: str) -> Any:
    """An enum of columns."""
    made: Any = Enum(name, {column.upper(): column for column in columns})  # type: ignore[misc]
    return strawberry.enum(made, description=description)
