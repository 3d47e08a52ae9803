"""From declared types to those of graphql-core, each made once and only when it is met.

Strawberry would make a dataclass of each type and resolve each annotation by itself, which takes four times as long
and three times the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
)

from api.declaring import DECLARED, ID, Argument, Declared
from api.meaning import MEANS, Derived

PLAIN: Final[Mapping[object, GraphQLScalarType]] = {
    str: GraphQLString,
    int: GraphQLInt,
    float: GraphQLFloat,
    bool: GraphQLBoolean,
    ID: GraphQLID,
}


class Building:
    """The types of one schema. `scalars` are those that a declaration names by a Python type."""

    def __init__(self, scalars: Mapping[object, GraphQLScalarType]) -> None:
        self.scalars = {**PLAIN, **scalars}
        self.made: dict[type, GraphQLNamedType] = {}
        self.wrapped: dict[Any, Any] = {}

    def schema(self, query: type, mutation: type, subscription: type, types: Iterable[type]) -> GraphQLSchema:
        """The schema of these roots, with these types besides."""
        roots: Any = [self.named(root) for root in (query, mutation, subscription)]
        return GraphQLSchema(roots[0], roots[1], roots[2], [self.named(each) for each in types])

    def of(self, hint: Any) -> Any:
        """The type of a Python annotation: `list[X] | None` is `[X!]`, `X` is `X!`."""
        if hint not in self.wrapped:
            self.wrapped[hint] = self._type(hint)
        return self.wrapped[hint]

    def _type(self, hint: Any) -> Any:
        origin, inside = get_origin(hint), get_args(hint)
        if origin in (UnionType, Union):
            [inner] = [each for each in inside if each is not type(None)]
            return self.of(inner).of_type
        if origin is list:
            return GraphQLNonNull(GraphQLList(self.of(inside[0])))
        return GraphQLNonNull(self.scalars.get(hint) or self.named(hint))

    def named(self, cls: type) -> GraphQLNamedType:
        if cls not in self.made:
            self.made[cls] = self._named(cls, vars(cls)[DECLARED])
        return self.made[cls]

    def _named(self, cls: type, declared: Declared) -> GraphQLNamedType:
        name, text, members = cls.__name__, declared.description, declared.members
        match declared.kind:
            case "object":
                above = [base for base in cls.__mro__[1:] if DECLARED in vars(base)]
                inherited = {n: member for base in above for n, member in vars(base)[DECLARED].members.items()}
                bases: Any = [self.named(base) for base in above]
                return GraphQLObjectType(name, self._fields(inherited | {**members}), bases, description=text)
            case "interface":
                return GraphQLInterfaceType(name, self._fields(members), description=text, resolve_type=which)
            case "enum":
                return Choices(name, declared)
        fields = lambda: {name: self._argument(each, GraphQLInputField) for name, each in members.items()}  # noqa: E731
        return GraphQLInputObjectType(name, fields, text, is_one_of=declared.kind == "choice")

    def _fields(self, members: Mapping[str, Derived]) -> Callable[[], dict[str, GraphQLField]]:
        return lambda: {name: self._field(each) for name, each in members.items()}

    def _field(self, each: Derived) -> GraphQLField:
        return GraphQLField(
            self.of(each.type_),
            {argument.name: self._argument(argument, GraphQLArgument) for argument in each.arguments},
            each.resolve,
            each.subscribe,
            each.description,
            extensions={MEANS: each.means} if each.means is not None else None,
        )

    def _argument(self, each: Argument, make: Any) -> Any:
        return make(self.of(each.type_), each.default, each.description, out_name=each.key)


class Choices(GraphQLEnumType):
    """An enum whose values come from SQL by their names."""

    def __init__(self, name: str, declared: Declared) -> None:
        notes = declared.notes or {}
        values = {n: GraphQLEnumValue(member, notes.get(n)) for n, member in declared.members.items()}
        super().__init__(name, values, description=declared.description)

    def coerce_output_value(self, output_value: Any) -> str:
        return output_value if type(output_value) is str else super().coerce_output_value(output_value)

    serialize = coerce_output_value


def which(row: Any, *_: Any) -> str:
    """The type of a row: the compiler wrote it there."""
    name: str = row[" is"]
    return name
