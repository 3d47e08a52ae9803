"""Where reads run: a whole query as one statement whose JSON passes through, or one field of it by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from graphql import GraphQLError, GraphQLResolveInfo, OperationDefinitionNode
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.values import VariableValues, get_variable_values

from api.catalogue import Views
from api.compile import Compiler
from api.computing import complete
from api.conditions import Conditions
from api.documents import Prepared
from api.errors import Unfit, bad_input, behind
from api.meaning import Derived
from api.ports import Accessed, Caller, Places, Rows, ViewType
from api.remembered import Compiled, Made, remembered
from api.statement import Statement, where
from api.tags import Tag, name_of, still_holds, with_stand

PATIENCE: Final = 2.0
"""Seconds that a read waits for views to reach the position that it asks for."""


@dataclass
class Reads:
    """The reads of one request, as its caller."""

    rows: Rows
    caller: Caller
    places: Places
    views: Views
    accessed: Accessed

    def compiled(
        self, asked: Prepared, operation: OperationDefinitionNode, variables: dict[str, Any]
    ) -> Compiled | None:
        """A query that reads nothing but views; None for any other, and for one that is wrong."""

        def make(caller: Caller, places: Places) -> Made | None:
            values = get_variable_values(asked.schema, operation.variable_definitions or (), variables)
            if not isinstance(values, VariableValues):
                return None
            compiler = Compiler(asked.schema, operation, asked.fragments, values, caller, places, self.views)
            sql = compiler.whole()
            return Made(sql, compiler.statement, compiler.ids, compiler.viewer) if sql else None

        try:
            return remembered(asked, operation, variables, self.caller, self.places, make)
        except GraphQLError:
            return None  # graphql-core meets it again, and gives it a path

    async def text(self, compiled: Compiled) -> str:
        """Its answer, as JSON. Raises Unfit where an argument does not fit what is recorded."""
        return self._told(compiled.statement, (await self._row(compiled))[0])

    async def tagged(self, compiled: Compiled, shown: str) -> tuple[str | None, str | None]:
        """Its answer, and the tag of it, if it can have one. Of the tags that the client has, the one that still holds
        comes without an answer.
        """
        name = name_of(compiled.statement, compiled.sql)
        if name is None:
            return await self.text(compiled), None
        if shown and (held := await still_holds(self.rows, compiled.statement, name, shown)):
            return None, held
        sql = with_stand(compiled.statement, compiled.sql)
        text, _, tables, position = await self._row(Compiled(sql, compiled.statement))
        text = self._told(compiled.statement, text)
        return text, None if position is None else str(Tag(name, tables, position))

    async def field(self, info: GraphQLResolveInfo[Any]) -> Any:
        """One field of the root, as a value for graphql-core."""
        compiler, details = self._compiler(info)
        sql = compiler.one_field(info.parent_type.fields[info.field_name], details)
        return orjson.loads(await self.text(Compiled(sql, compiler.statement)))

    async def row(self, info: GraphQLResolveInfo[Any], view: ViewType, id: UUID) -> Any:
        """One row that no argument names, as a value for graphql-core."""
        compiler, details = self._compiler(info)
        sql = compiler.one_row(view, details, id)
        return orjson.loads(await self.text(Compiled(sql, compiler.statement)))

    async def several(self, info: GraphQLResolveInfo[Any], wanted: Mapping[str, Iterable[UUID]]) -> dict[str, Any]:
        """Rows of some kinds that no argument names, by their ids in the API; without kinds that the caller may not
        see.
        """
        views = {self.views.named[kind]: sorted(ids) for kind, ids in wanted.items() if kind in self.views.named}
        compiler, details = self._compiler(info)
        sql = compiler.rows({v: ids for v, ids in views.items() if self.caller.policy.may(v.needs)}, details)
        found: dict[str, Any] = orjson.loads(await self.text(Compiled(sql, compiler.statement)))
        return found

    async def position(self, as_of: Mapping[str, Any]) -> int:
        """The position of an instant: of the last event that was known then."""
        statement = Statement(self.caller.policy, self.places, self.views)
        position = statement.instant(dict(as_of), None).position
        assert position
        return int(await self.answer(position, statement))

    async def position_at(self, moment: datetime) -> int:
        """The position of the last event that was recorded by a moment."""
        [position] = await self.rows.one("select position_at($1)", [moment])
        return int(position)

    async def head(self) -> int:
        """The position of the last event."""
        [position] = await self.rows.one("select position from event_head", [])
        return int(position)

    async def among(
        self, view: ViewType, ids: Iterable[UUID], filter: Mapping[str, Any] | None, position: int | None = None
    ) -> set[UUID]:
        """Those of some rows of which a filter holds, and which the caller may see; or held, and which the caller
        might have seen, at a position.
        """
        statement = Statement(self.caller.policy, self.places, self.views)
        instant = statement.instant(None if position is None else {"position": position}, None)
        row = statement.row(view, instant)
        seen = statement.where(row) if position is None else statement.seen_then(row)
        narrowed = [] if filter is None else Conditions(statement).of(row, dict(filter))
        conditions = [f"{row.alias}.id = any({statement.bind(list(ids), 'uuid[]')})", *seen, *narrowed]
        found = f"(select coalesce(json_agg({row.alias}.id), '[]') from {statement.source(row)}{where(conditions)})"
        return {UUID(id) for id in orjson.loads(await self.answer(found, statement))}

    async def answer(self, sql: str, statement: Statement) -> str:
        """What an expression of a statement of one's own comes to, as JSON."""
        return await self.text(Compiled(statement.finished(sql), statement))

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

    def _told(self, statement: Statement, text: str) -> str:
        """An answer as it is told; of whom it tells something personal is noted."""
        text, persons = statement.personal.told(text)
        if persons:
            self.accessed(self.caller, persons)
        return text

    async def _row(self, compiled: Compiled) -> tuple[Any, ...]:
        """The row that a statement finds, once its tables have come as far as it asks."""
        await complete(compiled.statement, lambda sql, statement: self.text(Compiled(sql, statement)))
        pause, waited = 0.002, 0.0
        while True:
            text, obstacle, *rest = await self.rows.one(compiled.sql, compiled.statement.parameters)
            if obstacle is None:
                return text or "null", obstacle, *rest
            if obstacle:
                raise Unfit(**orjson.loads(obstacle))
            if (until := compiled.statement.until) is not None:
                raise bad_input(f"this replay ends with position {until}: ask as of one up to it")
            if waited > PATIENCE:
                raise behind("the views have not come as far as the position that `asOf` names")
            await asyncio.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.5, 0.05)


class Read(Derived):
    """A root field that is read from the database."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        return await info.context.reads.field(info)
