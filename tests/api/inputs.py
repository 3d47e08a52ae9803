"""Inputs of mutations, made from what the schema asks for: the least that will do, or all that can be said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type, is_required_input_field
from strawberry.utils.str_converters import to_camel_case as camel

from domain.catalogue import AGGREGATES
from domain.command import index
from server import schema_of
from tests.api.client import some

SCHEMA: Final = schema_of("UTC")[0]._schema
COMMANDS: Final = {command.mutation: command for command in index(AGGREGATES).values() if not command.inner}
MAKERS: Final = {command.aggregate.__name__: command for command in reversed(COMMANDS.values()) if command.creates}
EXAMPLES: Final[dict[str, Any]] = {
    "String": "x",
    "Int": 1,
    "Boolean": True,
    "Decimal": "1",
    "UUID": "00000000-0000-0000-0000-000000000000",
    "JSON": 1,
    "Date": "2026-01-31",
    "DateTime": "2026-01-31T12:00:00Z",
    "MoneyInput": {"amount": "1", "currency": "EUR"},
    "PeriodInput": {"since": "2025-01-01"},
    "CalendarInput": {"weekdays": [0, 1], "holidays": ["2026-01-05"], "extra": ["2026-01-10"]},
    "CalendarPatch": {"weekdays": [0, 1], "holidays": ["2026-01-05"], "extra": ["2026-01-10"]},
    "AccountLifecycle": "LOYAL",  # what an account is from the start is no change
}
OF_EVERY_COMMAND: Final = {"idempotencyKey", "expectedVersion", "occurredAt", "correlationId", "causationId"}


def kinds_of(mutation: str) -> dict[str, str]:
    """Of what kind each id is that a mutation asks for, by the name of its field."""
    command = COMMANDS.get(mutation) or MAKERS[mutation.removeprefix("upsert")]
    pointed = {camel(a.asked_as): a.aggregate.__name__ for a in command.arguments if a.aggregate}
    return {"id": command.aggregate.__name__, **pointed}


def filled(mutation: str, id_of: Callable[[str], str], everything: bool = False) -> dict[str, Any]:
    """The input of a mutation with only what it cannot go without, or with all that it takes."""
    assert SCHEMA.mutation_type
    kinds = kinds_of(mutation)

    def input_of(type_: GraphQLInputObjectType) -> dict[str, Any]:
        asked = {n: f for n, f in type_.fields.items() if everything or is_required_input_field(f)}
        return {name: value_of(name, field.type) for name, field in asked.items() if name not in OF_EVERY_COMMAND}

    def value_of(name: str, type_: Any) -> Any:
        kind: Any = get_named_type(type_)
        if kind.name == "ID":
            value: Any = id_of(kinds[name])
        elif name == "code":
            value = some("code")  # which only one may have
        elif kind.name in EXAMPLES:
            value = EXAMPLES[kind.name]
        elif isinstance(kind, GraphQLEnumType):
            value = next(iter(kind.values))
        else:
            value = input_of(kind)
        return [value] if "[" in str(type_) else value

    asked = get_named_type(SCHEMA.mutation_type.fields[mutation].args["input"].type)
    assert isinstance(asked, GraphQLInputObjectType)
    return input_of(asked)
