"""By whichever way a query is answered, by one statement or by graphql-core, whoever asks: the answer is the same."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID, uuid4

from graphql import GraphQLError, visit

from api.context import Context, Ports
from api.documents import KEPT, prepare
from api.errors import Unfit
from api.faults import told
from api.ports import Caller, ViewType
from api.sessions import Session
from api.tags import name_of
from domain.rights import Scope
from infra.settings import Settings
from projections.customers.account import AccountView
from projections.sales.opportunity import OpportunityView
from projections.view import View, shape
from server import Server
from tests.api.client import Api
from tests.api.company import a_user
from tests.api.generated import Written
from tests.api.test_two_paths import Forced
from tests.api.test_two_paths import company as company

QUERIES: Final = 2_000
AT_ONCE: Final = 8


@dataclass(frozen=True)
class Seen:
    """What a caller may see: all, or the rows of some, or all but some columns."""

    owners: Collection[UUID] | None = None
    hidden: frozenset[tuple[type[View], str]] = frozenset()

    def may(self, permission: str) -> bool:
        return True

    def reach(self, permission: str) -> Scope:
        return Scope.ALL if self.owners is None else Scope.OWN

    def sees(self, view: ViewType) -> Collection[UUID] | None:
        return self.owners if view.owner else None

    def hides(self, view: ViewType, column: str) -> bool:
        return (view, column) in self.hidden


def nullable(view: type[View]) -> frozenset[tuple[type[View], str]]:
    """All columns of a view that can be hidden."""
    return frozenset((view, column.name) for each in shape(view) for column in each.columns if column.nullable)


@dataclass
class Told:
    """What was found over all queries."""

    ways: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


class Asking:
    """One caller of a server that is asked without HTTP between."""

    def __init__(self, server: Server, policy: Seen, told: Told) -> None:
        self.server, self.told = server, told
        ports = Ports(
            views=server.views,
            places=server.place,
            replays=server.replay,
            rows=server.reading,
            commands=server.run,
            batches=server.run_all,
            log=server.reading,
            authenticate=server.authenticate,
            correlates=uuid4,
            foresees=server.foresee,
            undoes=server.undo,
            budget=server.budgets,
            accessed=server.accessed,
            audience=server.audience,
            disclosing=server.disclosing,
        )
        caller = Caller(uuid4(), policy, "differential")
        self.context = Context(ports, "differential", session=Session(server.authenticate, "", caller))
        self.schema: Any = server.schema
        self.core: Any = self.schema._schema

    async def compare(self, query: str, variables: dict[str, Any]) -> Any:
        """The answer by both ways."""
        prepared = prepare(self.core, query)
        if prepared.errors:
            raise AssertionError(f"{prepared.errors[0].message}: {query}")
        operation = prepared.operation(None)
        compiled = self.context.reads.compiled(prepared, operation, variables)
        if compiled is None:
            self.told.ways["completed only"] += 1
            return None
        try:
            direct = json.loads(await self.context.reads.text(compiled))
            errors = []
        except Unfit:  # what does not fit what is recorded is told by the other way alone
            self.told.ways["unfit"] += 1
            return None
        except Exception as error:
            made = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            direct, errors = None, [told(made, "").formatted]
        self.told.ways["both"] += 1
        both = f"{query} # and what is not read from the database"
        KEPT[self.core, both] = replace(prepared, document=visit(prepared.document, Forced()))
        result = await self.schema.execute(both, variable_values=variables, context_value=self.context)
        completed = result.data and {name: value for name, value in result.data.items() if name != "forced"}
        if errors or result.errors or json.dumps(direct) != json.dumps(completed, default=str):
            found = [each.formatted for each in result.errors or ()]
            shown = json.dumps(direct), json.dumps(completed, default=str), str(errors), str(found)
            self.told.differences.append("\n".join((query, json.dumps(variables), *shown)))
        elif completed:
            self.told.ways["with rows"] += any(value for value in completed.values() if isinstance(value, dict | list))
        return direct


def cursors_of(answer: Any) -> dict[str, str]:
    """The cursors in the lists of the root."""
    found = {}
    for name, value in (answer or {}).items():
        page = [each for each in value.values() if isinstance(each, list)] if isinstance(value, dict) else []
        for edge in (edge for edges in page for edge in edges if isinstance(edge, dict)):
            for key, text in edge.items():
                if key == "cursor" or (key.startswith("a") and isinstance(text, str) and text.startswith("Wy")):
                    found[name] = text
    return found


def test_both_ways_agree_for_whoever_asks(api: Api, company: list[str], database_url: str) -> None:
    """Queries of one number are the same for each caller; those that show a cursor are asked again from there."""
    mine = UUID(a_user(api, "Owner").removeprefix("User_"))
    for id in company:
        if id.startswith(("Account_", "Opportunity_")):
            api.do(f"assign{id.partition('_')[0]}Owner", id=id, ownerId=f"User_{mine}")
    api.ask("{ accounts { totalCount } }")
    head = api.head()
    ids: dict[str, list[str]] = {}
    for id in company:
        ids.setdefault(id.partition("_")[0], []).append(id)
    policies = {
        "all": Seen(),
        "mine": Seen(owners=(mine,)),
        "masked": Seen(hidden=nullable(AccountView) | nullable(OpportunityView)),
    }
    told, tags = Told(), Counter[str]()

    async def one(asking: dict[str, Asking], number: int, turns: asyncio.Semaphore) -> None:
        async with turns:
            name = list(asking)[number % len(asking)]
            written = Written(asking[name].core, number, ids, head)
            answer = await asking[name].compare(written.query({}), written.variables)
            if cursors := cursors_of(answer):
                again = Written(asking[name].core, number, ids, head)
                await asking[name].compare(again.query(cursors), again.variables)
                told.ways["from a cursor"] += 1

    async def all_of_them() -> None:
        server = Server(Settings(), database_url, "test_api")
        async with server.life(None):  # type: ignore[arg-type]
            asking = {name: Asking(server, policy, told) for name, policy in policies.items()}
            turns = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(one(asking, number, turns) for number in range(QUERIES)))
            for each in asking.values():
                prepared = prepare(each.core, "{ accounts { nodes { id name industry } } }")
                compiled = each.context.reads.compiled(prepared, prepared.operation(None), {})
                assert compiled
                tags[str(name_of(compiled.statement, compiled.sql))] += 1

    asyncio.run(all_of_them())

    assert not told.differences, "\n\n".join(told.differences[:3])
    assert told.ways["both"] > 0.7 * QUERIES
    assert told.ways["with rows"] > 0.5 * QUERIES
    assert told.ways["from a cursor"] > 20
    assert len(tags) == len(policies), "a tag belongs to the rights of its caller"
