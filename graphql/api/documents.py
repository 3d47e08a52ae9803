"""Each text that a client sends is parsed and validated once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    parse,
    validate,
)
from strawberry.extensions import SchemaExtension

from api.errors import bad_input, coded

MOST_TOKENS: Final = 4000
MOST_FIELDS: Final = 2000
"""With every fragment written out where it is named, so that fragments within fragments are no way around it."""
MOST_ALIASES: Final = 60
DEEPEST: Final = 30


@dataclass(frozen=True, eq=False)
class Prepared:
    """A document, ready to execute or to refuse."""

    document: DocumentNode
    errors: list[GraphQLError]
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation of that name; without a name, the only one there is."""
        if name:
            if name in self.operations:
                return self.operations[name]
            raise bad_input(f"this document has no operation called {name}")
        if len(self.operations) == 1:
            return next(iter(self.operations.values()))
        raise bad_input("this document has several operations: say in `operationName` which one is meant")


@lru_cache(maxsize=512)
def prepare(schema: GraphQLSchema, text: str) -> Prepared:
    """Parse and validate a document. A syntax error is raised, whatever else is wrong is in `errors`."""
    try:
        document = parse(text, max_tokens=MOST_TOKENS)
    except GraphQLSyntaxError as error:
        raise coded(error, "GRAPHQL_PARSE_FAILED") from None
    except RecursionError:
        raise _too_much("this document is nested too deeply") from None
    nodes = document.definitions
    named = [node for node in nodes if isinstance(node, OperationDefinitionNode)]
    operations = {node.name.value if node.name else None: node for node in named}
    fragments = {node.name.value: node for node in nodes if isinstance(node, FragmentDefinitionNode)}
    errors = list(_bounds(named, fragments)) or [
        coded(error, "GRAPHQL_VALIDATION_FAILED") for error in validate(schema, document)
    ]
    if not errors and (not named or len(named) > len(operations)):
        errors = [_too_much("a document has an operation, and only one may go without a name")]
    return Prepared(document, errors, operations, fragments)


def _too_much(message: str) -> GraphQLError:
    return coded(GraphQLError(message), "GRAPHQL_VALIDATION_FAILED")


class Size(NamedTuple):
    """How much a selection asks for, every fragment written out."""

    fields: int
    aliases: int
    depth: int


def _bounds(
    operations: Iterable[OperationDefinitionNode], fragments: dict[str, FragmentDefinitionNode]
) -> Iterator[GraphQLError]:
    """What is too much about a document. Each fragment is measured once, so that this takes no longer than reading."""
    known: dict[str, Size] = {}

    def size(selections: Iterable[SelectionNode]) -> Size:
        fields = aliases = depth = 0
        for selection in selections:
            inside = NOTHING
            if isinstance(selection, FragmentSpreadNode):
                inside = of_fragment(selection.name.value)
            elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                inside = size(selection.selection_set.selections)
            is_field = isinstance(selection, FieldNode)
            fields += inside.fields + is_field
            aliases += inside.aliases + bool(isinstance(selection, FieldNode) and selection.alias)
            depth = max(depth, inside.depth + is_field)
        return Size(fields, aliases, depth)

    def of_fragment(name: str) -> Size:
        if name not in known:
            known[name] = NOTHING  # one that is within itself is refused by the rules of GraphQL
            if name in fragments:
                known[name] = size(fragments[name].selection_set.selections)
        return known[name]

    for operation in operations:
        asked = size(operation.selection_set.selections)
        if asked.fields > MOST_FIELDS:
            yield _too_much(f"this document asks for too many fields: at most {MOST_FIELDS}")
        elif asked.aliases > MOST_ALIASES:
            yield _too_much(f"this document has too many aliases: at most {MOST_ALIASES}")
        elif asked.depth > DEEPEST:
            yield _too_much(f"this document is nested too deeply: at most {DEEPEST} fields within each other")


NOTHING: Final = Size(0, 0, 0)


class Documents(SchemaExtension):
    """Gives Strawberry what was parsed and validated already."""

    def on_parse(self) -> Iterator[None]:
        request = self.execution_context
        request.graphql_document = prepare(request.schema._schema, request.query or "").document
        yield

    def on_validate(self) -> Iterator[None]:
        request = self.execution_context
        request.pre_execution_errors = prepare(request.schema._schema, request.query or "").errors
        yield
