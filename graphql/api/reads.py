"""Where reads run: a whole query as one statement whose JSON passes through, or one field of it by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from graphql import GraphQLError, GraphQLResolveInfo, OperationDefinitionNode
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.values import VariableValues, get_variable_values

from api.catalogue import Views
from api.compile import Compiler
from api.documents import Prepared
from api.errors import behind
from api.meaning import Derived
from api.observed import known_operation
from api.ports import Caller, Places, Rows, ViewType

PATIENCE: Final = 2.0
"""Seconds that a read waits for views to reach the position that it asks for."""


@dataclass
class Reads:
    """The reads of one request, as its caller."""

    rows: Rows
    caller: Caller
    places: Places
    views: Views

    async def direct(
        self, asked: Prepared, operation: OperationDefinitionNode, variables: dict[str, Any]
    ) -> str | None:
        """The JSON of a query that reads nothing but views; None for any other, and for one that is wrong."""
        try:
            values = get_variable_values(asked.schema, operation.variable_definitions or (), variables)
            if not isinstance(values, VariableValues):
                return None
            compiler = Compiler(asked.schema, operation, asked.fragments, values, self.caller, self.places, self.views)
            sql = compiler.whole()
        except GraphQLError:
            return None  # graphql-core meets it again, and gives it a path
        if sql is None:
            return None
        known_operation(operation)
        return await self._text(sql, compiler)

    async def field(self, info: GraphQLResolveInfo[Any]) -> Any:
        """One field of the root, as a value for graphql-core."""
        compiler, details = self._compiler(info)
        sql = compiler.one_field(info.parent_type.fields[info.field_name], details)
        return orjson.loads(await self._text(sql, compiler))

    async def row(self, info: GraphQLResolveInfo[Any], view: ViewType, id: UUID) -> Any:
        """One row that no argument names, as a value for graphql-core."""
        compiler, details = self._compiler(info)
        return orjson.loads(await self._text(compiler.one_row(view, details, id), compiler))

    async def shown(self, position: int) -> bool:
        """Waits until what the event at a position did can be read; says whether it can."""
        tables = {kind: [self.places(view).live for view in views] for kind, views in self.views.of_kind.items()}
        return await self.rows.shown(position, tables)

    def _compiler(self, info: GraphQLResolveInfo[Any]) -> tuple[Compiler, list[FieldDetails]]:
        variables = VariableValues({}, info.variable_values)  # type: ignore[arg-type]  # Strawberry keeps the coerced half
        compiler = Compiler(
            info.schema, info.operation, info.fragments, variables, self.caller, self.places, self.views, typed=True
        )
        return compiler, [FieldDetails(node, None) for node in info.field_nodes]

    async def _text(self, sql: str, compiler: Compiler) -> str:
        pause, waited = 0.002, 0.0
        while True:
            text, is_behind = await self.rows.one(sql, compiler.statement.parameters)
            if not is_behind:
                return text or "null"
            if waited > PATIENCE:
                raise behind("the views have not come as far as the position that `asOf` names")
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.5, 0.05)


class Read(Derived):
    """A root field that is read from the database."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        return await info.context.reads.field(info)
