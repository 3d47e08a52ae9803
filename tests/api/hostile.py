"""Input that nobody means: values, by the type that they are given for, and operations made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse_type,
    print_ast,
    visit,
)

TEXTS: Final = (
    *("", " ", "x", "Ada", "0", "-1", "null", "true", "NaN", "Infinity", "1e999999", "2025-01-31", "2025-02-30"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2025-06-01T12:00:00+14:00", "Europe/Berlin", "EUR"),
    *("'", '"', "\\", ";", "--", "$1", "%", "%s", "%(x)s", "{}", "{0}", "_", "\u2019", "\u02bc", "\uff07", "\u202e"),
    *(
        "a\0b",
        "\0",
        "\r\n",
        "\u0001",
        "\ud800",
        "\U0001f600",
        "e\u0301",
        "x" * 300,
        "9" * 400,
        "[" * 50,
        "../../etc/passwd",
    ),
    *("00000000-0000-0000-0000-000000000000", "Account_00000000-0000-0000-0000-000000000000", "Account_", "User_1"),
    *("eyJ2IjoxfQ==", "AAAA", "daybook_0_0", "<script>", "javascript:alert(1)", "http://[::1", "+49 30 1234567"),
)
NUMBERS: Final = (
    0,
    1,
    -1,
    2,
    50,
    1000,
    1001,
    2**31 - 1,
    2**31,
    -(2**31),
    2**53,
    2**63 - 1,
    2**63,
    10**40,
    0.5,
    -0.0,
    1e300,
)
ODD: Final[tuple[Any, ...]] = (None, True, False, [], {}, [None], [[]], {"a": 1}, {"": None}, [1, "x"], "x", 1)


PLAIN: Final = {
    "Boolean": True, "Date": "2026-01-31", "DateTime": "2025-01-31T12:00:00Z", "Decimal": "12.50", "JSON": "x",
    "Position": 1, "Seconds": 60, "TimeZone": "Europe/Berlin",
    "UUID": "00000000-0000-0000-0000-000000000001", "currency": "EUR", "name": "Ada", "last": None,
    "before": None, "after": None, "asOf": None, "expectedVersion": None, "idempotencyKey": None,
}  # fmt: skip
"""What is good by the name of an argument, or of its type."""


@dataclass
class Hostile:
    """Makes values of the types of a schema: good ones, and ones that nobody means."""

    schema: GraphQLSchema
    ids: Sequence[str]
    random: Random

    def plain(self, name: str, type_: GraphQLInputType, owner: str, depth: int = 0, needed: bool = False) -> Any:
        """A good value; `owner` is the field or the input of which this is the argument `name`."""
        if isinstance(type_, GraphQLNonNull):
            return self.plain(name, type_.of_type, owner, depth, True)
        if not needed and (PLAIN.get(name, name) is None or depth > 3 or self.random.random() < 0.5):
            return None
        if isinstance(type_, GraphQLList):
            return [self.plain(name, type_.of_type, owner, depth + 1, True)]
        if isinstance(type_, GraphQLEnumType):
            return self.random.choice(sorted(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            made = {n: self.plain(n, each.type, f"{owner}{type_.name}", depth + 1) for n, each in type_.fields.items()}
            return {n: each for n, each in made.items() if each is not None}
        if type_.name == "ID":
            hint = f"{owner}{name}".lower()
            alike = [id for id in self.ids if id.partition("_")[0].lower() in hint]
            return self.random.choice(alike or self.ids)
        if type_.name == "Int":
            return self.random.randint(1, 50)
        return PLAIN.get(name) or PLAIN.get(type_.name, f"{name}-{self.random.randrange(10**6)}")

    def stirred(self, value: Any, name: str, type_: GraphQLInputType, owner: str, depth: int = 0) -> Any:
        """A value with one thing about it changed, for the worse as a rule."""
        pick = self.random.random()
        if pick < 0.05:
            return self.random.choice(ODD)
        if isinstance(type_, GraphQLNonNull):
            return self.stirred(value, name, type_.of_type, owner, depth)
        if isinstance(type_, GraphQLList):
            given = list(value) if isinstance(value, list) else [self.plain(name, type_.of_type, owner, needed=True)]
            if not given or pick < 0.2:
                return [*given, *given, self.plain(name, type_.of_type, owner, needed=True)]
            at = self.random.randrange(len(given))
            given[at] = self.stirred(given[at], name, type_.of_type, owner, depth)
            return given
        if isinstance(type_, GraphQLInputObjectType):
            changed = dict(value) if isinstance(value, dict) else {}
            one = self.random.choice(sorted(changed) if changed and pick < 0.6 else sorted(type_.fields))
            if pick > 0.95:
                changed.pop(one, None)
            elif one in type_.fields:
                of = type_.fields[one].type
                good = changed.get(one) or self.plain(one, of, f"{owner}{type_.name}", needed=True)
                changed[one] = self.stirred(good, one, of, f"{owner}{type_.name}", depth + 1) if depth < 9 else good
            return changed
        if isinstance(type_, GraphQLEnumType):
            return self.random.choice((*type_.values, "NOTHING"))
        match type_.name:
            case "ID":
                return self.random.choice((self.random.choice(self.ids), self.random.choice(TEXTS)))
            case "Boolean":
                return pick < 0.5
            case "Position":  # not one that is yet to come, for which reads wait
                return self.random.choice([number for number in NUMBERS if number < 3 or number >= 2**63])
            case "Int" | "Float" | "Seconds":
                return self.random.choice(NUMBERS)
            case "JSON":
                return self.random.choice((*ODD, *NUMBERS, *TEXTS))
        return self.random.choice(TEXTS)


@dataclass
class Hoisting(Visitor):
    """Turns what stands in arguments of a document into variables, as a client would send it."""

    info: TypeInfo
    hostile: Hostile
    values: dict[str, Any] = field(default_factory=dict)
    """Good ones, whatever stood there."""
    types: dict[str, GraphQLInputType] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Of the arguments that they are given for, each with whose it is."""

    def __post_init__(self) -> None:
        super().__init__()

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        known, of = self.info.get_argument(), self.info.get_field_def()
        if known is None:
            return None
        name, names = f"v{len(self.values)}", (node.name.value, str(of and of.type))
        self.types[name], self.names[name] = known.type, names
        self.values[name] = self.hostile.plain(names[0], known.type, names[1])
        variable = VariableNode(name=NameNode(value=name))
        return ArgumentNode(name=node.name, value=variable)

    def leave_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> OperationDefinitionNode:
        definitions = tuple(
            VariableDefinitionNode(
                variable=VariableNode(name=NameNode(value=name)), type=parse_type(str(type_)), directives=()
            )
            for name, type_ in self.types.items()
        )
        return OperationDefinitionNode(
            operation=node.operation, variable_definitions=definitions, directives=(), selection_set=node.selection_set
        )


def operations(document: DocumentNode, hostile: Hostile, many: int) -> Iterator[dict[str, Any]]:
    """A document as it is, and then with variables: good ones but for a few."""
    yield {"query": print_ast(document)}
    info = TypeInfo(hostile.schema)
    hoisting = Hoisting(info, hostile)
    text = print_ast(visit(document, TypeInfoVisitor(info, hoisting)))
    yield {"query": text, "variables": hoisting.values}
    for _ in range(many - 2):
        variables = dict(hoisting.values)
        for name in hostile.random.choices(sorted(variables), k=hostile.random.choice((1, 1, 2)) if variables else 0):
            argument, owner = hoisting.names[name]
            variables[name] = hostile.stirred(variables[name], argument, hoisting.types[name], owner)
        yield {"query": text, "variables": variables}
