"""Queries written by chance over all that is read from views: fields, arguments, fragments, variables, instants."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from api.meaning import ROOTS, meaning

DEEPEST: Final = 4
KINDS: Final[dict[str, list[Any]]] = {
    "String": ["Acme", "a", "", "Above", "first", "%", "Bonn", "big", "ä\\\"'"],
    "Int": [0, 1, 2, 5, -1],
    "Float": [0.5, 1],
    "Boolean": [True, False],
    "Date": ["2026-01-31", "2025-02-01"],
    "DateTime": ["2025-01-01T00:00:00Z", "2026-01-31T12:00:00+02:00"],
    "Decimal": ["0", "1.50", "7"],
    "UUID": ["00000000-0000-0000-0000-000000000001"],
    "TimeZone": ["UTC", "Asia/Tokyo"],
    "JSON": ["x", 1],
    "Seconds": [1],
}
SMALL: Final[dict[str, list[Any]]] = {
    "first": [1, 2, 2, 3, 3, 4, 5],
    "last": [1, 2, 2, 3],
    "query": ["Acme", "above bonn"],
}
USERS: Final = dict.fromkeys(("owner", "lead", "watcher", "actor", "by"), "User")


class Written:
    """A query in the making; the same one for the same number."""

    def __init__(self, schema: GraphQLSchema, number: int, ids: Mapping[str, Sequence[str]], head: int) -> None:
        self.schema, self.chance, self.ids, self.head = schema, Random(number), ids, head
        self.variables: dict[str, Any] = {}
        self.declared: list[str] = []
        self.fragments: list[str] = []
        self.names = 0
        node: Any = schema.type_map["Node"]
        self.kinds = {each.name for each in schema.get_possible_types(node)}

    def query(self, cursors: Mapping[str, str]) -> str:
        """The text; `cursors` are put into the lists of these names."""
        root = self.schema.query_type
        assert root
        read = sorted(name for name, field in root.fields.items() if isinstance(meaning(field), ROOTS))
        chosen = self.chance.sample(read, self.chance.randint(1, 2))
        fields = [self.field(root.fields[name], name, f"r{n}", 0, cursors) for n, name in enumerate(chosen)]
        if self.chance.random() < 0.3:
            fields.append("t: __typename")
        declared = f" ({', '.join(self.declared)})" if self.declared else ""
        return f"query Q{declared} {{ {' '.join(fields)} }} {' '.join(self.fragments)}"

    # -- selections ------------------------------------------------------------------------------

    def field(
        self, field: GraphQLField, name: str, alias: str, deep: int, cursors: Mapping[str, str] | None = None
    ) -> str:
        given = self.arguments(field, (cursors or {}).get(alias))
        text = f"{alias}: {name}{given}{self.directive()}"
        of = get_named_type(field.type)
        return text if is_leaf_type(of) else f"{text} {self.selection(of, deep + 1)}"

    def selection(self, of: Any, deep: int) -> str:
        leaves = [name for name, field in of.fields.items() if is_leaf_type(get_named_type(field.type))]
        others = [name for name in of.fields if name not in leaves]
        chosen = self.chance.sample(leaves, min(len(leaves), self.chance.randint(1, 4)))
        if others and (deep < DEEPEST or not chosen):
            chosen += self.chance.sample(others, min(len(others), 1 if deep > 1 else 2))
        if isinstance(of, GraphQLInterfaceType):
            kind = self.chance.choice(sorted(self.schema.get_possible_types(of), key=lambda each: each.name))
            return f"{{ __typename id ... on {kind.name} {self.selection(kind, deep)} }}"
        made = [self.dressed(of, name, deep) for name in chosen]
        if self.chance.random() < 0.2:
            made.append("__typename")
        return f"{{ {' '.join(made) or '__typename'} }}"

    def dressed(self, of: GraphQLObjectType, name: str, deep: int) -> str:
        """A field under a name of its own, perhaps in a fragment."""
        self.names += 1
        number = self.names
        field = of.fields[name]
        plain = not field.args and is_leaf_type(get_named_type(field.type)) and self.chance.random() < 0.5
        text = name if plain else self.field(field, name, f"a{number}", deep)
        match self.chance.randint(0, 7):
            case 0:
                return f"... on {of.name}{self.directive()} {{ {text} }}"
            case 1:
                fragment = f"F{number}"
                self.fragments.append(f"fragment {fragment} on {of.name} {{ {text} }}")
                return f"...{fragment}{self.directive()}"
            case 2:
                return f"... {{ {text} }}"
        return text

    def directive(self) -> str:
        if self.chance.random() < 0.9:
            return ""
        kind, value = self.chance.choice(["skip", "include"]), self.chance.random() < 0.5
        return f" @{kind}(if: {self.variable('Boolean!', value) if self.chance.random() < 0.5 else str(value).lower()})"

    # -- arguments -------------------------------------------------------------------------------

    def arguments(self, field: GraphQLField, cursor: str | None) -> str:
        given, kind = [], get_named_type(field.type).name.removesuffix("Connection")
        ends = [self.chance.choice(["first", "last"])] if "first" in field.args and "last" in field.args else ["first"]
        for name, argument in field.args.items():
            wanted = is_required_argument(argument)
            if name in ("first", "last"):
                wanted = name in ends
            elif name in ("after", "before"):
                wanted = cursor is not None and name == {"first": "after", "last": "before"}[ends[0]]
            elif not wanted:
                often = {"asOf": 0.2, "occurred": 0.1, "timeZone": 0.1}.get(name, 0.35)
                wanted = self.chance.random() < often or (
                    name == "asOf" and kind.endswith("Row")
                )  # else it has a clock
            if not wanted:
                continue
            if name in ("after", "before"):
                given.append(f"{name}: {json.dumps(cursor)}")
                continue
            value = self.value(argument.type, name, 0, self.kind(name, kind))
            written = (
                self.variable(str(argument.type), value)
                if self.chance.random() < 0.3
                else literal(value, argument.type)
            )
            given.append(f"{name}: {written}")
        return f"({', '.join(given)})" if given else ""

    def variable(self, type_: str, value: Any) -> str:
        name = f"v{len(self.variables)}"
        self.variables[name] = value
        self.declared.append(f"${name}: {type_}")
        return f"${name}"

    def value(self, type_: Any, name: str, deep: int, kind: str = "") -> Any:
        """A value of a type; `kind` is of what an id is likely to be."""
        if isinstance(type_, GraphQLNonNull):
            return self.value(type_.of_type, name, deep, kind)
        if isinstance(type_, GraphQLList):
            many = 1 if name in ("orderBy", "by") else self.chance.randint(1, 2)
            return [self.value(type_.of_type, name, deep, kind) for _ in range(many)]
        if isinstance(type_, GraphQLEnumType):
            return self.chance.choice(sorted(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            return self.object(type_, deep, kind)
        if type_.name == "ID":
            likely = (
                kind if kind in self.kinds and self.chance.random() < 0.98 else self.chance.choice(sorted(self.ids))
            )
            return self.chance.choice(self.ids.get(likely) or [f"{likely}_{UUID(int=1)}"])
        if type_.name == "Position":
            return self.chance.randint(0, self.head)
        return self.chance.choice(SMALL.get(name) or KINDS[type_.name])

    def object(self, type_: GraphQLInputObjectType, deep: int, kind: str) -> dict[str, Any]:
        fields = {name: field for name, field in type_.fields.items() if deep < 2 or not _is_object(field.type)}
        if type_.name.endswith("GroupBy"):
            field = self.value(fields["field"].type, "field", deep)
            periods = field.endswith(("_AT", "_ON")) and self.chance.random() < 0.8
            return {"field": field} | ({"bucket": self.value(fields["bucket"].type, "bucket", deep)} if periods else {})
        required = [name for name, field in fields.items() if is_required_input_field(field)]
        optional = [name for name in fields if name not in required]
        if type_.name == "AsOf":
            chosen = [self.chance.choice(["position", "position", "time"])]
        else:
            least = 0 if required else 1
            chosen = required + self.chance.sample(optional, min(len(optional), self.chance.randint(least, 2)))
        own = type_.name.removesuffix("Filter")
        return {
            name: self.value(fields[name].type, name, deep + 1, kind if own == "ID" else self.kind(name, own))
            for name in chosen
        }

    def kind(self, name: str, own: str) -> str:
        """Of what a field of this name is likely to hold the id."""
        named = name.removesuffix("Id").removesuffix("s").lower()
        return next((kind for kind in self.kinds if kind.lower() == named), USERS.get(named, own))


def _is_object(type_: Any) -> bool:
    return isinstance(get_named_type(type_), GraphQLInputObjectType)


def literal(value: Any, type_: Any) -> str:
    """A value as a document has it."""
    if isinstance(type_, GraphQLNonNull):
        return literal(value, type_.of_type)
    if isinstance(value, list) and isinstance(type_, GraphQLList):
        return f"[{', '.join(literal(each, type_.of_type) for each in value)}]"
    if isinstance(value, dict) and isinstance(type_, GraphQLInputObjectType):
        return f"{{{', '.join(f'{name}: {literal(each, type_.fields[name].type)}' for name, each in value.items())}}}"
    return str(value) if isinstance(type_, GraphQLEnumType) else json.dumps(value)
