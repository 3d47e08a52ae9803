"""A query is answered with the text of one statement, or completed by graphql-core: both give the same JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any, cast

import pytest
from graphql import OperationDefinitionNode, SelectionSetNode, Visitor, parse, print_ast, visit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

from server import sdl
from tests.api.client import Api
from tests.api.company import a_product, a_won_opportunity, an_account, an_opportunity, dollars, euros

FORCED = cast(OperationDefinitionNode, parse("{ forced: __schema { __typename } }").definitions[0])
SCALARS = {
    "Date": st.dates().map(str).map(nodes.String),
    "DateTime": st.datetimes().map(lambda moment: nodes.String(f"{moment.isoformat()}Z")),
    "Decimal": st.integers(0, 100).map(str).map(nodes.String),
    "UUID": st.uuids().map(str).map(nodes.String),
    "Position": st.integers(0, 5).map(nodes.Int),
    "TimeZone": st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]).map(nodes.String),
    "JSON": st.just(nodes.String("x")),
    "Seconds": st.just(nodes.Int(1)),
}


@pytest.fixture(scope="module")
def company(api: Api, pipeline: str) -> list[str]:
    """The ids of a little of everything."""
    above, account, merged = an_account(api, "Above", revenue=euros("5")), an_account(api), an_account(api)
    api.given("setAccountParent", id=account, parentId=above)
    api.given("changeAccountAddress", id=account, use="billing", address={"city": "Bonn"})
    opportunity = an_opportunity(api, pipeline, accountId=account, amount=euros("1.50"), expectedClose="2026-01-31")
    line = {"id": opportunity, "productId": a_product(api), "price": dollars("3")}
    api.given("addOpportunityLine", quantity="1", **line)
    api.given("addOpportunityLine", quantity="2.25", **line)
    won = a_won_opportunity(api, pipeline, dollars("7"), "2025-02-01", accountId=merged)
    api.given("mergeAccountInto", id=merged, survivorId=account)
    api.given("tagAccount", id=account, label="big")
    return [above, account, merged, opportunity, won, pipeline, api.me]


class Forced(Visitor):
    """Puts something into a query that is not read from the database."""

    def leave_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> OperationDefinitionNode:
        both = (*node.selection_set.selections, *FORCED.selection_set.selections)
        return replace(node, selection_set=SelectionSetNode(selections=both))


def forced(query: str) -> str:
    """The query with something in it so that graphql-core completes it."""
    return print_ast(visit(parse(query), Forced()))


def told(answer: Any) -> set[tuple[str, str]]:
    return {(error["extensions"]["code"], error["message"]) for error in answer.get("errors", ())}


def same(api: Api, query: str, **variables: Any) -> Any:
    """The answer to a query, alike by both ways."""
    direct, completed = api.post(query, variables).json(), api.post(forced(query), variables).json()
    assert told(direct) == told(completed), query
    assert not {"INTERNAL_SERVER_ERROR"} & {code for code, _ in told(direct)}, query
    data = completed.get("data")
    if data:
        assert data.pop("forced") == {"__typename": "__Schema"}
    assert json.dumps(direct.get("data")) == json.dumps(data), query
    return direct


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(query=queries(sdl(), custom_scalars=SCALARS, allow_x00=False, codec="utf-8"))
def test_queries_that_nobody_thought_of(api: Api, company: list[str], query: str) -> None:
    same(api, query)


# -- queries that find something -------------------------------------------------------------------

FIELDS = {
    "Account": [
        *("id", "version", "createdAt", "name", "industry", "lifecycle", "ownerId", "tags", "customFields", "archived"),
        *("revenue { amount currency }", "addresses { key city country }", "mergedIntoId", "watchers", "__typename"),
    ],
    "Opportunity": [
        *("id", "updatedAt", "accountId", "name", "expectedClose", "stage", "status", "probability", "competitors"),
        *("amount { amount currency }", "amount { c: currency __typename }", "owner { name }", "__typename"),
        "lines { totalCount nodes { lineId quantity discount price { amount } product { code } opportunity { id } } }",
    ],
}
FILTERS = {
    "Account": [
        *("{lifecycle: {eq: PROSPECT}}", '{name: {contains: "1"}}', "{and: []}", "{or: []}", "{name: null}"),
        '{or: [{lifecycle: {in: [LAPSED, LOYAL]}}, {not: {name: {eq: "Above"}}}]}',
        *('{parent: {name: {startsWith: "a"}}}', "{mergedIntoId: {isNull: false}}", '{id: {eq: "junk"}}'),
        *('{tags: {has: "big"}}', "{archived: {in: [true, false]}}"),
    ],
    "Opportunity": [
        *("{status: {eq: WON}}", "{amount: {isNull: true}}", '{amount: {gt: "1"}}', "{stage: {in: []}}"),
        *(
            '{expectedClose: {gte: "2026-01-01"}}',
            "{account: {lifecycle: {eq: PROSPECT}}}",
            "{not: {status: {eq: OPEN}}}",
        ),
    ],
}
ORDERS = {"Account": ["NAME", "LIFECYCLE", "ID"], "Opportunity": ["AMOUNT", "EXPECTED_CLOSE", "STATUS", "ID"]}
LISTS = {"Account": "accounts", "Opportunity": "opportunities"}
FIGURES = {
    "Account": "count sum { employees revenue { amount currency } } max { createdAt }",
    "Opportunity": "count avg { probability } sum { amount { amount currency } } min { expectedClose }",
}
GROUPS = {
    "Account": "groupBy(by: {field: LIFECYCLE}) { key { lifecycle } count }",
    "Opportunity": "groupBy(by: [{field: ACCOUNT_ID}, {field: CREATED_AT, bucket: YEAR}]) {"
    " key { account { name } accountId createdAt stage } sum { amount { amount } } }",
}


class Asking:
    """Writes queries, the same ones for the same number."""

    def __init__(self, number: int, ids: list[str]) -> None:
        self.chance, self.ids = Random(number), ids

    def query(self) -> str:
        roots = " ".join(f"r{n}: {self.root()}" for n in range(self.chance.randint(1, 2)))
        spread = "...accountBits" in roots, "...opportunityBits" in roots
        bits = " fragment accountBits on Account { id version n: name }" if spread[0] else ""
        more = " fragment opportunityBits on Opportunity { id s: stage amount { amount } }" if spread[1] else ""
        return f"query ($yes: Boolean = true) {{ t: __typename @include(if: $yes) {roots} }}{bits}{more}"

    def root(self) -> str:
        type_, deep = self.chance.choice(["Account", "Opportunity"]), self.chance.randint(0, 2)
        match self.chance.choice(["list", "list", "one", "node", "nodes", "search"]):
            case "list":
                return LISTS[type_] + self.arguments(type_, self.instant()) + self.connection(type_, deep)
            case "one":
                own = [id for id in self.ids if id.startswith(type_)]
                return f'{type_.lower()}(id: "{self.chance.choice([*own, "junk"])}") {self.fields(type_, deep)}'
            case "node":
                inside = (
                    f"... on Account {self.fields('Account', deep)} ... on Pipeline {{ name stages {{ totalCount }} }}"
                )
                return f'node(id: "{self.chance.choice(self.ids)}") {{ id __typename {inside} }}'
            case "search":
                hits = "edges { kind cursor matched { field text } node { id ... on Account { name } } }"
                parts = ["totalCount", hits, "nodes { __typename ... on Opportunity { s: stage } }"]
                query = self.chance.choice(["acc", "pump", "above", "a1", "_"])
                page = "pageInfo { hasNextPage endCursor }"
                shown = " ".join(self.chance.sample([*parts, page], 2))
                return f'search(query: "{query}", first: {self.chance.choice([0, 1, 3])}{self.instant()}) {{ {shown} }}'
        chosen = ", ".join(f'"{id}"' for id in self.chance.sample(self.ids, 3))
        return f"nodes(ids: [{chosen}]) {{ id __typename ... on Opportunity {{ name account {{ name }} }} }}"

    def instant(self) -> str:
        some = [", asOf: {position: 3}", ', asOf: {time: "2020-01-01"}', ', occurred: {until: "2999-01-01"}']
        return self.chance.choice(some) if self.chance.random() < 0.2 else ""

    def arguments(self, type_: str, instant: str = "") -> str:
        given = f"{self.chance.choice(['first', 'last'])}: {self.chance.choice([0, 1, 2, 3, 5])}"
        if self.chance.random() < 0.5:
            given += f", filter: {self.chance.choice(FILTERS[type_])}"
        if self.chance.random() < 0.5:
            fields = self.chance.sample(ORDERS[type_], self.chance.randint(1, 2))
            order = ", ".join(
                f"{{field: {field}, direction: {self.chance.choice(['ASC', 'DESC'])}}}" for field in fields
            )
            given += f", orderBy: [{order}]"
        return f"({given}{instant})"

    def connection(self, type_: str, deep: int) -> str:
        parts = {
            "nodes": f"nodes {self.fields(type_, deep)}",
            "again": f"again: nodes {self.fields(type_, deep)}",
            "edges": f"edges {{ cursor __typename node {self.fields(type_, deep)} }}",
            "page": "pageInfo { hasNextPage hasPreviousPage e: endCursor startCursor }",
            "count": "totalCount",
            "type": "__typename",
            "figures": f"aggregate {{ {FIGURES[type_]} }}",
            "groups": GROUPS[type_],
        }
        return f"{{ {' '.join(parts[name] for name in self.chance.sample(list(parts), self.chance.randint(1, 4)))} }}"

    def fields(self, type_: str, deep: int) -> str:
        written = [self.dressed(type_, n, field) for n, field in enumerate(self.chance.sample(FIELDS[type_], 4))]
        if deep and type_ == "Opportunity":
            written.append(f"account {self.fields('Account', deep - 1)}")
        if deep and type_ == "Account":
            written.append(f"opportunities{self.arguments('Opportunity')} {self.connection('Opportunity', deep - 1)}")
            written.append(f"parent {self.fields('Account', 0)}")
        return f"{{ {' '.join(written)} }}"

    def dressed(self, type_: str, number: int, field: str) -> str:
        """A field under another name, in a fragment, or with a directive."""
        bare = "{" not in field
        match self.chance.randint(0, 9):
            case 0:
                return f"a{number}: {field}"
            case 1:
                return f"... on {type_} {{ b{number}: {field} }}"
            case 2 if bare:
                return f"{field} @skip(if: $yes) ... on Node {{ id }}"
            case 3:
                return f"...{type_.lower()}Bits"
            case 4 if bare:
                return f"c{number}: {field} @include(if: $yes)"
        return field


@pytest.mark.parametrize("number", range(120))
def test_queries_that_find_something(api: Api, company: list[str], number: int) -> None:
    query = Asking(number, company).query()

    answer = same(api, query)

    assert {code for code, _ in told(answer)} <= {"BAD_USER_INPUT"}
    assert answer["data"] is None or answer["data"]["t"] == "Query"


@pytest.mark.parametrize(
    "query",
    [
        '{ accounts(filter: {customFields: [{key: "a"}]}) { totalCount } }',
        '{ accounts(filter: {customFields: [{key: "a", in: null}]}) { totalCount } }',
        '{ accounts(filter: {customFields: [{key: "a", gt: null, isNull: null}]}) { totalCount } }',
        '{ search(query: "above", first: 4) { totalCount nodes @skip(if: true) { id } } }',
        "{ accounts(first: 3) { totalCount nodes @skip(if: true) { id } } }",
    ],
)
def test_what_is_left_out_of_a_query_leaves_nothing_behind(api: Api, company: list[str], query: str) -> None:
    assert "errors" not in same(api, query)
