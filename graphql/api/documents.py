"""Each text that a client sends is parsed, measured and validated once; what is too much is refused before it costs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    validate,
)
from strawberry.extensions import SchemaExtension

from api.bounds import MOST_CHARACTERS, MOST_TOKENS, Circular, exceeded
from api.cost import Cost, cost_of
from api.errors import bad_input, coded, too_much

MOST_ERRORS: Final = 5
"""Told of one document: who makes more mistakes is helped by the first."""
MOST_KEPT: Final = 512
MOST_CHARACTERS_KEPT: Final = 1_000_000
"""Of all texts together: a document takes some fifty times as much memory as its text."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A document, ready to execute or to refuse."""

    schema: GraphQLSchema
    document: DocumentNode
    errors: list[GraphQLError]
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    costs: dict[str | None, Cost] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation of that name; without a name, the only one there is."""
        if name:
            if name in self.operations:
                return self.operations[name]
            raise bad_input(f"this document has no operation called {name}")
        if len(self.operations) == 1:
            return next(iter(self.operations.values()))
        raise bad_input("this document has several operations: say in `operationName` which one is meant")

    def cost(self, name: str | None) -> Cost:
        """What one of its operations costs."""
        if name not in self.costs:
            self.costs[name] = cost_of(self.schema, self.operation(name), self.fragments)
        return self.costs[name]


KEPT: Final[OrderedDict[tuple[GraphQLSchema, str], Prepared]] = OrderedDict()
"""The documents that were asked last, without those that are wrong."""


def prepare(schema: GraphQLSchema, text: str) -> Prepared:
    """Parse and validate a document. What cannot be read or is too much is raised; what is wrong is in `errors`."""
    key = schema, text
    if found := KEPT.get(key):
        KEPT.move_to_end(key)
        return found
    made = _prepared(schema, text)
    if not made.errors:
        KEPT[key] = made
        while len(KEPT) > MOST_KEPT or sum(len(text) for _, text in KEPT) > MOST_CHARACTERS_KEPT:
            KEPT.popitem(last=False)
    return made


def _prepared(schema: GraphQLSchema, text: str) -> Prepared:
    if len(text) > MOST_CHARACTERS:
        raise too_much(
            f"this document is too long: at most {MOST_CHARACTERS:,} characters; long values go in variables"
        )
    try:
        document = parse(text, max_tokens=MOST_TOKENS)
    except GraphQLSyntaxError as error:
        raise coded(error, "GRAPHQL_PARSE_FAILED") from None
    except RecursionError:
        raise too_much("this document is nested too deeply") from None
    nodes = document.definitions
    named = [node for node in nodes if isinstance(node, OperationDefinitionNode)]
    operations = {node.name.value if node.name else None: node for node in named}
    fragments = {node.name.value: node for node in nodes if isinstance(node, FragmentDefinitionNode)}
    try:
        excess = exceeded(document, fragments)
    except Circular as error:
        raise coded(GraphQLError(str(error)), "GRAPHQL_VALIDATION_FAILED") from None
    if excess:
        raise too_much(excess)
    wrong = validate(schema, document, max_errors=MOST_ERRORS, hide_suggestions=True)
    errors = [coded(error, "GRAPHQL_VALIDATION_FAILED") for error in wrong]
    if not errors and (not named or len(named) > len(operations)):
        lone = GraphQLError("a document has an operation, and only one may go without a name")
        errors = [coded(lone, "GRAPHQL_VALIDATION_FAILED")]
    return Prepared(schema, document, errors, operations, fragments)


class Documents(SchemaExtension):
    """Gives Strawberry what was parsed and validated already, however the operation came."""

    def on_parse(self) -> Iterator[None]:
        request = self.execution_context
        request.graphql_document = prepare(request.schema._schema, request.query or "").document
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield
