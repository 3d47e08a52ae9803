"""The peer of our reads: what a good Strawberry programmer writes by hand over the same tables, without N+1."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from infra.database import address


@strawberry.type
class Money:
    amount: str
    currency: str


@strawberry.type
class Opportunity:
    id: strawberry.ID
    version: int
    created_at: str
    updated_at: str
    name: str
    stage: str
    probability: int
    status: str
    expected_close: str | None
    amount: Money | None


@strawberry.type
class Opportunities:
    nodes: list[Opportunity]


@strawberry.type
class Account:
    id: strawberry.ID
    name: str
    sales: strawberry.Private[list[Opportunity]]

    @strawberry.field
    def opportunities(self, first: int) -> Opportunities:
        return Opportunities(nodes=self.sales[:first])


@strawberry.type
class Accounts:
    nodes: list[Account]


@strawberry.type
class Query:
    @strawberry.field
    async def opportunities(self, info: strawberry.Info, first: int) -> Opportunities:
        found = await many(info, "select * from opportunities order by id limit %s", first)
        return Opportunities(nodes=[shown(row) for row in found])

    @strawberry.field
    async def opportunity(self, info: strawberry.Info, id: strawberry.ID) -> Opportunity | None:
        found = await many(info, "select * from opportunities where id = %s", str(id).rpartition("_")[2])
        return shown(found[0]) if found else None

    @strawberry.field
    async def accounts(self, info: strawberry.Info, first: int) -> Accounts:
        found = await many(info, "select * from accounts order by id limit %s", first)
        mine = "select * from opportunities where account_id = any(%s) order by id"
        sales: dict[Any, list[Opportunity]] = {}
        for row in await many(info, mine, [account["id"] for account in found]):
            sales.setdefault(row["account_id"], []).append(shown(row))
        return Accounts(
            nodes=[Account(id=key("Account", a), name=a["name"], sales=sales.get(a["id"], [])) for a in found]
        )


@strawberry.type
class Mutation:
    @strawberry.mutation
    def nothing(self) -> bool:
        return True


async def many(info: strawberry.Info, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    async with info.context["request"].app.state.pool.connection() as connection:
        found: list[dict[str, Any]] = await (await connection.execute(sql.encode(), parameters)).fetchall()
        return found


def key(kind: str, row: dict[str, Any]) -> strawberry.ID:
    return strawberry.ID(f"{kind}_{row['id']}")


def shown(row: dict[str, Any]) -> Opportunity:
    return Opportunity(
        id=key("Opportunity", row),
        version=row["version"],
        created_at=row["created_at"].isoformat(),
        updated_at=row["updated_at"].isoformat(),
        name=row["name"],
        stage=row["stage"],
        probability=row["probability"],
        status=row["status"].upper(),
        expected_close=row["expected_close"] and row["expected_close"].isoformat(),
        amount=Money(amount=str(row["amount"]), currency=row["amount_currency"]) if row["amount_currency"] else None,
    )


def stock(url: str, schema: str) -> Starlette:
    """The application of the peer."""
    options = {"autocommit": True, "row_factory": dict_row}
    pool = AsyncConnectionPool(address(url, schema), min_size=1, max_size=8, open=False, kwargs=options)

    @contextlib.asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        app.state.pool = pool
        async with pool:
            yield

    endpoint: Any = GraphQL(strawberry.Schema(query=Query, mutation=Mutation))
    return Starlette(routes=[Route("/graphql", endpoint)], lifespan=life)
