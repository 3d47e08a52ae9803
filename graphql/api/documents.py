"""Each text that a client sends is parsed and validated once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.extensions.max_aliases import create_validator as most_aliases
from strawberry.extensions.query_depth_limiter import create_validator as deepest

from api.errors import bad_input

MOST_TOKENS = 4000
MOST_ALIASES = 60
DEEPEST = 15

# Made once: Strawberry's own limiters make a new rule per request, which no cache of validation can survive.
RULES = (*specified_rules, most_aliases(MOST_ALIASES), deepest(DEEPEST, None))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A document, ready to execute or to refuse."""

    document: DocumentNode
    errors: list[GraphQLError]
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of that name; without a name, the only one there is."""
        if name:
            return self.operations.get(name)
        return next(iter(self.operations.values())) if len(self.operations) == 1 else None


@lru_cache(maxsize=512)
def prepare(schema: GraphQLSchema, text: str) -> Prepared:
    """Parse and validate a document. A syntax error is raised, whatever else is wrong is in `errors`."""
    document = parse(text, max_tokens=MOST_TOKENS)
    operations: dict[str | None, OperationDefinitionNode] = {}
    fragments: dict[str, FragmentDefinitionNode] = {}
    nameless = 0
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            nameless += node.name is None
            operations[node.name.value if node.name else None] = node
        elif isinstance(node, FragmentDefinitionNode):
            fragments[node.name.value] = node
    errors = validate(schema, document, RULES)
    if nameless > 1 and not errors:
        errors = [bad_input("only one operation of a document may go without a name")]
    return Prepared(document, errors, operations, fragments)


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
