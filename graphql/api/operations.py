"""Operations: whether one may be carried out, and what comes of it. By whichever way it came, the same holds."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType
from strawberry import Schema

from api.asked import Asked
from api.bounds import MOST_VALUES, too_many_values
from api.context import Context
from api.cost import MOST_COST
from api.documents import Prepared, prepare
from api.errors import Unfit, too_much
from api.faults import as_error, status_of, throttled, told
from api.observed import known_operation
from api.persisted import Persisted
from api.replayed import check_replayed


class Refused(Exception):
    """An operation that is not carried out, and why."""

    def __init__(self, errors: list[GraphQLError], context: Context) -> None:
        super().__init__()
        self.errors = [told(error, context.request_id) for error in errors]


@dataclass(frozen=True, slots=True)
class Operation:
    """One that is admitted."""

    text: str
    name: str | None
    variables: dict[str, Any]
    prepared: Prepared
    node: OperationDefinitionNode
    cost: int

    @property
    def is_query(self) -> bool:
        return self.node.operation is OperationType.QUERY

    @property
    def is_mutation(self) -> bool:
        return self.node.operation is OperationType.MUTATION

    @property
    def is_subscription(self) -> bool:
        return self.node.operation is OperationType.SUBSCRIPTION


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an operation, as JSON; its status is that of an answer that has nothing else."""

    content: bytes
    errors: tuple[GraphQLError, ...] = ()
    has_data: bool = True
    tag: str | None = None
    unchanged: bool = False
    """What the client has still holds; so there is no content."""

    def status(self, otherwise: int) -> int:
        return 200 if self.has_data else status_of(self.errors, otherwise)


class Operations:
    """Those of one schema."""

    def __init__(self, schema: Schema, persisted: Persisted) -> None:
        self.persisted = persisted
        self.schema = schema
        self.core = schema._schema

    def admitted(self, context: Context, asked: Asked) -> Operation:
        """An operation that is well-formed, not too much, and paid for; raises Refused."""
        assert context.caller
        try:
            asked = self.persisted.found(asked)
            text = asked.query or ""
            prepared = prepare(self.core, text)
            if prepared.errors:
                raise Refused(prepared.errors, context)
            self.persisted.keep(asked)
            node = prepared.operation(asked.operation_name)
            check_replayed(context, prepared, asked.operation_name)
            if too_many_values(asked.variables):
                raise too_much(f"`variables` hold too much: at most {MOST_VALUES:,} values")
            cost = prepared.cost(asked.operation_name).of(asked.variables)
            if cost > MOST_COST:
                raise too_much(f"this may come to {cost:,} values: at most {MOST_COST:,} at once, in smaller pages")
            if wait := context.ports.budget.take(context.caller.key, cost):
                raise throttled(wait)
        except GraphQLError as error:
            raise Refused([error], context) from None
        return Operation(text, asked.operation_name, asked.variables, prepared, node, cost)

    async def result(self, context: Context, operation: Operation, shown: str | None = None) -> Result:
        """What comes of a query or of a mutation. A query that only reads views is answered with the text that
        PostgreSQL wrote; all else by graphql-core. `shown` are the tags of answers that the client has (it may have
        none): what only reads views is then told with a tag.
        """
        known_operation(operation.node)
        try:
            if operation.is_query:
                reads = context.reads
                compiled = reads.compiled(operation.prepared, operation.node, operation.variables)
                with suppress(Unfit):  # graphql-core meets it again, and gives it a path
                    if compiled and shown is None:
                        return _direct(await reads.text(compiled))
                    if compiled:
                        text, tag = await reads.tagged(compiled, shown or "")
                        return _direct(text, tag) if text else Result(b"", tag=tag, unchanged=True)
            made = await self.schema.execute(
                operation.text,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.name,
            )
        except Exception as error:
            return failed([told(as_error(error), context.request_id)])
        return _completed(made)

    async def results(self, context: Context, operation: Operation) -> AsyncGenerator[Result]:
        """What comes of any operation, of a subscription one after another."""
        if not operation.is_subscription:
            yield await self.result(context, operation)
            return
        known_operation(operation.node)
        stream: Any = await self.schema.stream(
            operation.text,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
        )
        async with aclosing(stream):
            async for made in stream:
                yield _completed(made)


def _direct(text: str, tag: str | None = None) -> Result:
    return Result(b'{"data":%b}' % text.encode(), tag=tag)


def failed(errors: list[GraphQLError]) -> Result:
    """Nothing but errors."""
    content = orjson.dumps({"errors": [error.formatted for error in errors]})
    return Result(content, tuple(errors), has_data=False)


def _completed(made: Any) -> Result:
    errors = tuple(made.errors or ())
    if made.data is None and errors and not any(error.path for error in errors):
        return failed(list(errors))
    content: dict[str, Any] = {"data": made.data}
    if errors:
        content["errors"] = [error.formatted for error in errors]
    return Result(orjson.dumps(content), errors)
