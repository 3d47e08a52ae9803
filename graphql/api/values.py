"""From the value types of the domain to GraphQL types: enums, value objects, and how a client writes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from api.catalogue import snake
from api.declaring import ID, JSON, declare, declare_enum, describe, input_field, plain_names, sentence, words
from api.fixed import BucketType
from api.meaning import Derived, Part, field
from domain.aggregate import Aggregate
from projections.columns import Of, is_enum, is_text, item_of, plain_type, resolved
from projections.report import Bucket

FIXED: Final[Mapping[type[Enum], Any]] = {Bucket: BucketType}
"""Enums that are of no aggregate."""


class Values:
    """The types of values, each made once."""

    def __init__(self, aggregates: Collection[type[Aggregate]], scalars: Collection[object]) -> None:
        self.aggregates, self.scalars = aggregates, scalars
        self.made: dict[Any, Any] = {}
        self.names: set[str] = set()

    def plain(self, kind: Any, owner: Any) -> Any:
        """The type of one value that is no list and no object."""
        if is_enum(kind):
            return self.enum(kind, owner)
        if is_text(kind):
            return kind if kind in self.scalars else str
        return kind if plain_type(kind) else JSON

    def name_of(self, kind: type, owner: Any) -> str:
        """A value type that belongs to one aggregate carries its noun: `OpportunityStatus`."""
        for aggregate in self.aggregates:
            if aggregate.__module__ == kind.__module__:
                noun = aggregate.__name__
                return kind.__name__ if noun in kind.__name__ else f"{noun}{kind.__name__}"
        return kind.__name__

    def once(self, key: tuple[Any, ...], name: str, make: Callable[[], Any]) -> Any:
        """The type made for a declaration. Two of one name are an error of whoever named them."""
        if key not in self.made:
            if name in self.names:
                raise TypeError(f"two value types would be called {name}")
            self.names.add(name)
            self.made[key] = make()
        return self.made[key]

    def enum(self, kind: type[Enum], owner: Any) -> Any:
        name = self.name_of(kind, owner)
        if kind in FIXED:
            return FIXED[kind]
        written = describe(kind) if vars(kind).get("__doc__") else words(snake(name))
        return self.once((kind,), name, lambda: declare_enum(kind, name, written))

    def value_type(self, kind: type, owner: Any) -> Any:
        """A value object whose parts are columns."""
        name, hints = self.name_of(kind, owner), get_type_hints(kind, include_extras=True)

        def make() -> Any:
            parts: dict[str, Derived] = {}
            for f in fields(kind):
                inner, nullable, notes = resolved(f"{name}.{f.name}", hints[f.name])
                doc = sentence(next((n for n in notes if isinstance(n, str)), None))
                plain = self.plain(inner, kind)
                parts[f.name] = field(plain | None if nullable else plain, Part(f.name, inner), doc)
            return declare(type(name, (), {}), parts, description=describe(kind))

        return self.once((kind, "output"), name, make)

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
                plain = self.plain(inner, kind)
                parts[f.name] = field(plain | None if nullable else plain, Part(f.name, inner))
            return declare(type(name, (), {}), parts, description=describe(kind))

        return self.once((kind, "entry"), name, make)

    def input_type(self, hint: Any, owner: Any, patch: bool = False) -> Any:
        """How a client writes a value of this Python type."""
        if get_origin(hint) in (Union, UnionType) and len([t for t in get_args(hint) if t is not type(None)]) > 1:
            return JSON
        kind = resolved("", hint).kind
        if get_origin(kind) in (tuple, list, frozenset, set):
            return list[self.input_type(item_of("", kind), owner)]  # type: ignore[misc]
        if is_dataclass(kind):
            return self.value_input(kind, owner, patch)  # type: ignore[arg-type]
        return self.plain(kind, owner)

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
                is_key = any(isinstance(note, Of) for note in notes)
                type_ = ID if is_key else self.input_type(hints[f.name], kind)
                doc = next((n for n in notes if isinstance(n, str)), None)
                members[f.name] = input_field(type_ if required else type_ | None, doc)
            what = f"{describe(kind)} What is left out stays." if patch else describe(kind)
            return plain_names(declare(type(name, (), {}), members, "input", description=what), members)

        return self.once((kind, name), name, make)
