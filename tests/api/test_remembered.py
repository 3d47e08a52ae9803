"""A statement that was made before is the one that would be made now, whoever asks, whatever changed meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLError
from graphql.execution.values import VariableValues, get_variable_values

from api import remembered as module
from api.compile import Compiler
from api.documents import prepare
from api.ports import Caller, NotReady, Place, ViewType
from api.reads import Reads
from domain.rights import Scope
from infra.serving import Place as Tables
from projections.catalogue import VIEWS
from server import schema_of

SCHEMA, SHOWN = schema_of("UTC")
CORE = SCHEMA._schema
NAMED = {view.table: view for view in VIEWS}


@dataclass
class Rights:
    """A policy that may be changed while it is used."""

    refused: set[str] = field(default_factory=set)
    owners: set[UUID] | None = None
    hidden: set[str] = field(default_factory=set)

    def may(self, permission: str) -> bool:
        return permission not in self.refused

    def reach(self, permission: str) -> Scope | None:
        return None if permission in self.refused else Scope.ALL

    def sees(self, view: ViewType) -> Collection[UUID] | None:
        return self.owners

    def hides(self, view: ViewType, column: str) -> bool:
        return column in self.hidden


@dataclass
class House:
    """The tables that answer for views; they are built anew from time to time."""

    builds: int = 0
    building: set[str] = field(default_factory=set)

    def __call__(self, view: ViewType) -> Place:
        if view.table in self.building:
            raise NotReady(view.table)
        return Tables.called(f"{view.table}_{self.builds}")


def afresh(query: str, variables: dict[str, Any], caller: Caller, house: House) -> Any:
    """What is made without remembering anything."""
    prepared = prepare(CORE, query)
    operation = prepared.operation(None)
    values = get_variable_values(CORE, operation.variable_definitions or (), variables)
    if not isinstance(values, VariableValues):
        return None
    compiler = Compiler(CORE, operation, prepared.fragments, values, caller, house, SHOWN)
    try:
        sql = compiler.whole()
    except GraphQLError:
        return None
    except NotReady as error:
        return str(error)
    return sql and (sql, compiler.statement.parameters, compiler.statement.read, compiler.statement.positions)


def again(query: str, variables: dict[str, Any], caller: Caller, house: House) -> Any:
    """What is made by way of what is remembered."""
    prepared = prepare(CORE, query)
    try:
        made = Reads(None, caller, house, SHOWN, print).compiled(  # type: ignore[arg-type]  # nothing is read
            prepared, prepared.operation(None), variables
        )
    except NotReady as error:
        return str(error)
    return made and (made.sql, made.statement.parameters, made.statement.read, made.statement.positions)


QUERIES = [
    "query ($id: ID!) { opportunity(id: $id) { id name stage amount { amount currency } } }",
    "query ($id: ID!) { a: opportunity(id: $id) { name } b: opportunity(id: $id) { stage } }",
    "query ($id: ID!, $other: ID!) { opportunity(id: $id) { name } account(id: $other) { name } }",
    "query ($id: ID!) { opportunity(id: $id) { name } node(id: $id) { id } }",
    "query ($id: ID!, $on: Boolean = true) { opportunity(id: $id) @include(if: $on) { name } head { position } }",
    "query ($id: ID!, $on: Boolean = true) { account(id: $id) { name industry @skip(if: $on) } }",
    "query ($id: ID!) { ...F } fragment F on Query { account(id: $id) { name } }",
    "query ($id: ID!) { account(id: $id) { name opportunities(first: 2) { nodes { owner { name } } } } }",
    "query ($id: ID!, $at: Position) { account(id: $id, asOf: {position: $at}) { name } }",
    "query ($id: ID!) { account(id: $id) { id } opportunities(filter: {accountId: {eq: $id}}) { nodes { name } } }",
    "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
    "query ($first: Int, $name: String) { accounts(first: $first, filter: {name: {eq: $name}}) { totalCount } }",
    "{ viewer { id name } }",
    "{ rights { hidden permissions { name scope } } }",
    "{ me: viewer { name } accounts(first: 3) { nodes { name owner { name } } pageInfo { hasNextPage } } }",
]
UUIDS = [UUID(int=n) for n in range(1, 4)]
IDS = [f"{kind}_{id}" for kind in ("Opportunity", "Account", "User") for id in UUIDS]
WRONG = ["Account_x", "", 7, None, True, ["Account_1"], 2**70, {"a": 1}]
VALUES: dict[str, list[Any]] = {
    "id": IDS + WRONG,
    "other": IDS + WRONG,
    "ids": [[], IDS[:2], IDS[2:4], ["x"], None],
    "on": [True, False, None, 1],
    "at": [0, 5, None, -1],
    "first": [1, 5, 0, None, 1.0],
    "name": ["Acme", "", None, "\0"],
    "unknown": [1, 2],
}


def some_rights(chance: Random) -> Rights:
    refused = chance.sample(["sales.see", "customers.see", "platform.see"], chance.choice([0, 0, 1]))
    owners = chance.choice([None, None, set(chance.sample(UUIDS, chance.randint(0, 3)))])
    return Rights(
        set(refused), owners, set(chance.sample(["name", "stage", "industry", "amount"], chance.randint(0, 2)))
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_remembered_is_what_would_be_made_now(seed: int) -> None:
    """The law, for any course of things: documents, values, callers, rights that change, and tables too."""
    chance, house, steps = Random(seed), House(), 5_000
    rights = [some_rights(chance), some_rights(chance)]
    for _ in range(steps):
        caller = Caller(chance.choice(UUIDS), chance.choice(rights), "key")
        query = chance.choice(QUERIES)
        variables = {name: chance.choice(values) for name, values in VALUES.items() if chance.random() < 0.6}

        assert again(query, variables, caller, house) == afresh(query, variables, caller, house), (query, variables)

        match chance.choice(["nothing", "nothing", "rights", "owners", "tables", "building"]):
            case "rights":
                rights[chance.randint(0, 1)] = some_rights(chance)
            case "owners" if (owners := rights[0].owners) is not None:
                owners ^= {chance.choice(UUIDS)}  # the policy is the same, and what it answers is not
            case "tables":
                house.builds = chance.randint(0, 2)
            case "building":
                house.building ^= {chance.choice(["accounts", "opportunities"])}


@pytest.mark.parametrize("query", QUERIES)
def test_these_queries_are_right(query: str) -> None:
    assert prepare(CORE, query).errors == []


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are compiled meanwhile."""
    found, whole = [], Compiler.whole

    def noting(compiler: Compiler) -> str | None:
        sql = whole(compiler)
        found.append(sql or "")
        return sql

    monkeypatch.setattr(Compiler, "whole", noting)
    module._KEPT.clear()
    return found


def test_rights_that_are_taken_away_are_taken_away_at_once(made: list[str]) -> None:
    rights, house = Rights(owners={UUIDS[0]}), House()
    caller, query = Caller(UUIDS[0], rights, "key"), "{ opportunities(first: 3) { nodes { name } } }"
    before = again(query, {}, caller, house)
    assert rights.owners
    rights.owners.add(UUIDS[1])
    more = again(query, {}, caller, house)
    rights.refused.add("sales.see")
    refused = again(query, {}, caller, house)

    assert before[1][:1] == [[UUIDS[0]]] and more[1][:1] == [[UUIDS[0], UUIDS[1]]]
    assert refused is None


def test_a_wrong_id_is_wrong_while_tables_are_built_too(made: list[str]) -> None:
    caller, house, wrong = Caller(UUIDS[0], Rights(), "key"), House(), {"id": f"Account_{UUIDS[0]}"}
    again(QUERIES[0], {"id": f"Opportunity_{UUIDS[0]}"}, caller, house)
    house.building.add("opportunities")

    assert again(QUERIES[0], wrong, caller, house) is None
    assert again(QUERIES[0], {"id": f"Opportunity_{UUIDS[0]}"}, caller, house) == "opportunities"


def test_another_id_is_no_other_statement(made: list[str]) -> None:
    caller, house = Caller(UUIDS[0], Rights(), "key"), House()

    answers = [again(QUERIES[0], {"id": f"Opportunity_{id}"}, caller, house) for id in UUIDS]

    assert len(made) == 1
    assert [parameters for _, parameters, _, _ in answers] == [[id] for id in UUIDS]


def test_callers_who_may_see_the_same_share_a_statement(made: list[str]) -> None:
    house, hiding = House(), Rights(hidden={"name"})
    callers = [Caller(id, rights, "key") for id in UUIDS for rights in (Rights(), hiding)]

    for caller in callers * 2:
        again("{ accounts(first: 3) { nodes { name } } }", {}, caller, house)

    assert len(made) == 2


def test_what_is_about_the_caller_is_shared_with_nobody(made: list[str]) -> None:
    house = House()

    answers = [again("{ viewer { id } }", {}, Caller(id, Rights(), "key"), house) for id in UUIDS * 2]

    assert len(made) == 3
    assert [parameters for _, parameters, _, _ in answers] == [[id] for id in UUIDS * 2]


def test_not_more_is_kept_than_may_be(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    caller, house = Caller(UUIDS[0], Rights(), "key"), House()

    for first in (1, 2, 3, 4, 5, 5, 1):
        again(QUERIES[11], {"first": first, "name": "x"}, caller, house)

    assert len(made) == 6
    assert len(module._KEPT) == 3


def test_a_parameter_that_is_added_is_added_to_one_alone() -> None:
    caller, house = Caller(UUIDS[0], Rights(), "key"), House()
    prepared = prepare(CORE, QUERIES[0])
    reads, asked = Reads(None, caller, house, SHOWN, print), {"id": f"Opportunity_{UUIDS[0]}"}  # type: ignore[arg-type]
    first = reads.compiled(prepared, prepared.operation(None), asked)
    assert first
    first.statement.bind("more", "text")

    second = reads.compiled(prepared, prepared.operation(None), asked)

    assert second and second.statement.parameters == [UUIDS[0]]
