"""One thing, many things, and lists of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pytest import MonkeyPatch

from infra.reading import Reading
from tests.api.client import Api, some
from tests.api.company import a_product, a_user, an_account, an_opportunity, euros

ACCOUNTS = "query ($filter: AccountFilter) { accounts(filter: $filter) { nodes { id } totalCount } }"
OPPORTUNITIES = "query ($filter: OpportunityFilter) { opportunities(filter: $filter) { nodes { name } totalCount } }"
LINES = "query ($filter: OpportunityLineFilter) { opportunityLines(filter: $filter) { nodes { quantity } totalCount } }"
NOBODY = "00000000-0000-0000-0000-000000000000"


def accounts(api: Api, **filter: Any) -> set[str]:
    found = api.ask(ACCOUNTS, filter=filter)["accounts"]
    assert found["totalCount"] == len(found["nodes"])
    return {node["id"] for node in found["nodes"]}


def opportunities(api: Api, **filter: Any) -> list[str]:
    found = api.ask(OPPORTUNITIES, filter=filter)["opportunities"]
    assert found["totalCount"] == len(found["nodes"])
    return sorted(node["name"] for node in found["nodes"])


# -- by id -----------------------------------------------------------------------------------------


def test_one_thing_is_read_by_its_id(api: Api) -> None:
    account, _ = an_account(api, "Acme", industry="Pumps"), an_account(api, "Other")

    found = api.ask("query ($id: ID!) { account(id: $id) { id name industry version } }", id=account)

    assert found == {"account": {"id": account, "name": "Acme", "industry": "Pumps", "version": 1}}


def test_what_is_not_there_is_null(api: Api) -> None:
    id = f"Account_{uuid4()}"

    found = api.ask("query ($id: ID!) { account(id: $id) { id } node(id: $id) { id } }", id=id)

    assert found == {"account": None, "node": None}


def test_a_node_is_anything_by_its_id(api: Api) -> None:
    user = a_user(api, "Grace")

    found = api.ask("query ($id: ID!) { node(id: $id) { __typename id ... on User { name } } }", id=user)

    assert found == {"node": {"__typename": "User", "id": user, "name": "Grace"}}


def test_nodes_come_in_the_order_asked_whatever_they_are(api: Api) -> None:
    account, user, nobody = an_account(api), a_user(api), f"Account_{uuid4()}"
    ids = [user, nobody, account, user]

    found = api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)

    assert found["nodes"] == [{"id": user}, None, {"id": account}, {"id": user}]


def test_150_nodes_are_read_at_once(api: Api) -> None:
    account = an_account(api)
    ids = [f"Account_{uuid4()}" for _ in range(149)] + [account]

    found = api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)

    assert found["nodes"] == [None] * 149 + [{"id": account}]


def test_1001_nodes_are_too_many(api: Api) -> None:
    ids = [f"Account_{uuid4()}" for _ in range(1001)]

    refused = api.refused("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)

    assert refused == ("BAD_USER_INPUT", "`ids` takes at most 1000 at once")


@pytest.mark.parametrize(
    "id", [f"User_{NOBODY}", NOBODY, "Account_", "Account_junk", "junk", "", "Account_0190f3c2", f"account_{NOBODY}"]
)
def test_an_id_of_another_kind_or_none_is_bad_input(api: Api, id: str) -> None:
    query = "query ($id: ID!) { account(id: $id) { id } }"

    code, message = api.refused(query, id=id)

    assert (code, repr(id) in message) == ("BAD_USER_INPUT", True)


@pytest.mark.parametrize("id", [NOBODY, f"Lead_{NOBODY}", "Account_junk", "", "_"])
@pytest.mark.parametrize("field", ["node(id: $id)", "nodes(ids: [$id])"])
def test_a_node_of_no_known_kind_is_bad_input(api: Api, field: str, id: str) -> None:
    query = f"query ($id: ID!) {{ {field} {{ id }} }}"

    code, message = api.refused(query, id=id)

    assert (code, repr(id) in message) == ("BAD_USER_INPUT", True)


def test_the_viewer_is_the_user_who_asks(api: Api) -> None:
    a_user(api, "Somebody else")

    found = api.ask("{ viewer { id name } }")

    assert found["viewer"] == {"id": api.me, "name": "administrator"}


# -- values ----------------------------------------------------------------------------------------


def test_every_kind_of_value_is_shown(api: Api, pipeline: str) -> None:
    account = an_account(api, "Acme", phones=["+49 30 901820"], employees=12, revenue=euros("1234567890123.45"))
    api.given("changeAccountAddress", id=account, use="delivery", address={"city": "Berlin"})
    api.given("changeAccountAddress", id=account, use="billing", address={"city": "Bonn", "country": "DE"})
    api.given("tagAccount", id=account, label="b")
    api.given("tagAccount", id=account, label="a")
    api.given("watchAccount", id=account)
    api.given("linkAccountExternal", id=account, system="SAP", externalId="4711")

    found = api.ask(
        """query ($id: ID!) { account(id: $id) {
            phones employees revenue { amount currency } addresses { key city country } lifecycle tags watchers
            externalIds customFields archived ownerId owner { id } createdAt website
        } }""",
        id=account,
    )["account"]

    assert found.pop("createdAt")[:2] == "20"
    assert found == {
        "phones": ["+4930901820"],
        "employees": 12,
        "revenue": {"amount": "1234567890123.45", "currency": "EUR"},
        "addresses": [
            {"key": "billing", "city": "Bonn", "country": "DE"},
            {"key": "delivery", "city": "Berlin", "country": None},
        ],
        "lifecycle": "PROSPECT",
        "tags": ["a", "b"],
        "watchers": [api.me],
        "externalIds": {"SAP": "4711"},
        "customFields": {},
        "archived": False,
        "ownerId": None,
        "owner": None,
        "website": None,
    }


def test_what_belongs_to_a_thing_is_read_with_it(api: Api, pipeline: str) -> None:
    account, other = an_account(api, "Acme"), an_account(api, "Other")
    product = a_product(api, "Pump")
    opportunity = an_opportunity(api, pipeline, "Hall", accountId=account)
    an_opportunity(api, pipeline, "Elsewhere", accountId=other)
    api.given("addOpportunityLine", id=opportunity, productId=product, quantity="2.5", price=euros("10"))

    found = api.ask(
        """query ($id: ID!) { account(id: $id) { opportunities { totalCount nodes {
            name account { name } pipeline { stages { nodes { key place } } }
            lines { nodes { opportunityId product { name } quantity price { amount currency } discount } }
        } } } }""",
        id=account,
    )["account"]["opportunities"]

    assert found["totalCount"] == 1
    [node] = found["nodes"]
    stages = node.pop("pipeline")["stages"]["nodes"]
    assert sorted(stages, key=lambda stage: stage["place"]) == [
        {"key": "first", "place": 1},
        {"key": "offer", "place": 2},
        {"key": "won", "place": 3},
    ]
    line = {
        "opportunityId": opportunity,
        "product": {"name": "Pump"},
        "quantity": "2.5",
        "price": {"amount": "10", "currency": "EUR"},
        "discount": "0",
    }
    assert node == {"name": "Hall", "account": {"name": "Acme"}, "lines": {"nodes": [line]}}


def test_an_item_that_ended_is_left_out(api: Api, pipeline: str) -> None:
    opportunity, product = an_opportunity(api, pipeline), a_product(api)
    line = {"productId": product, "price": euros("1")}
    api.given("addOpportunityLine", id=opportunity, quantity="1", **line)
    api.given("addOpportunityLine", id=opportunity, quantity="2", **line)
    query = "query ($id: ID!) { opportunity(id: $id) { lines { totalCount nodes { lineId quantity } } } }"
    [first, _] = sorted(
        api.ask(query, id=opportunity)["opportunity"]["lines"]["nodes"], key=lambda node: node["quantity"]
    )

    api.given("removeOpportunityLine", id=opportunity, lineId=first["lineId"])

    lines = api.ask(query, id=opportunity)["opportunity"]["lines"]
    assert (lines["totalCount"], [node["quantity"] for node in lines["nodes"]]) == (1, ["2"])


# -- filters ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sales(api: Api, pipeline: str) -> Iterator[str]:
    """An account with four opportunities, beside another's."""
    account = an_account(api, some("Sales"))
    inside = {"pipelineId": pipeline, "accountId": account}
    api.given("openOpportunity", name="A", amount=euros("9.5"), expectedClose="2026-01-31", **inside)
    api.given("openOpportunity", name="B", amount=euros("10.25"), expectedClose="2026-02-28", **inside)
    c = api.given("openOpportunity", name="C", **inside)
    api.given("loseOpportunity", id=c, reason="Price")
    d = api.given("openOpportunity", name="D", amount=euros("100"), **inside)
    api.given("assignOpportunityOwner", id=d, ownerId=api.me)
    api.given("moveOpportunityToStage", id=d, stage="offer")
    an_opportunity(api, pipeline, "Elsewhere", accountId=an_account(api), amount=euros("10"))
    yield account


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ({}, "ABCD"),
        ({"status": {"eq": "LOST"}}, "C"),
        ({"status": {"in": ["LOST", "WON"]}}, "C"),
        ({"status": {"in": []}}, ""),
        ({"stage": {"eq": "offer"}}, "D"),
        ({"stage": {"contains": "FF"}}, "D"),
        ({"stage": {"startsWith": "fi"}}, "ABC"),
        ({"stage": {"startsWith": "irst"}}, ""),
        ({"stage": {"contains": "%"}}, ""),
        ({"stage": {"contains": "_"}}, ""),
        ({"stage": {"contains": "\\"}}, ""),
        ({"amount": {"eq": "10.25"}}, "B"),
        ({"amount": {"gt": "9.5"}}, "BD"),
        ({"amount": {"gte": "9.5"}}, "ABD"),
        ({"amount": {"lt": "10.25"}}, "A"),
        ({"amount": {"lte": "10.25"}}, "AB"),
        ({"amount": {"gte": "9.5", "lt": "100"}}, "AB"),
        ({"amount": {"in": ["100.00", "9.50"]}}, "AD"),
        ({"amount": {"isNull": True}}, "C"),
        ({"amount": {"isNull": False}}, "ABD"),
        ({"amount": {"eq": None}}, ""),
        ({"amount": None}, "ABCD"),
        ({"expectedClose": {"gt": "2026-01-31"}}, "B"),
        ({"expectedClose": {"lte": "2026-02-28"}}, "AB"),
        ({"ownerId": {"isNull": False}}, "D"),
        ({"owner": {"name": {"eq": "administrator"}}}, "D"),
        ({"and": [{"status": {"eq": "OPEN"}}, {"amount": {"lt": "50"}}]}, "AB"),
        ({"and": []}, "ABCD"),
        ({"or": [{"status": {"eq": "LOST"}}, {"amount": {"gt": "50"}}]}, "CD"),
        ({"or": []}, ""),
        ({"or": [{"status": {"eq": "LOST"}}], "stage": {"eq": "offer"}}, ""),
        ({"not": {"status": {"eq": "LOST"}}}, "ABD"),
        ({"not": {"amount": {"gt": "9.5"}}}, "AC"),
        ({"not": {}}, ""),
        ({"not": {"or": [{"amount": {"isNull": True}}, {"stage": {"eq": "offer"}}]}}, "AB"),
    ],
)
def test_a_list_is_filtered(api: Api, sales: str, filter: dict[str, Any], names: str) -> None:
    within = {"accountId": {"eq": sales}}

    found = opportunities(api, **{"and": [within, filter]})

    assert found == list(names)


def test_a_filter_steps_to_what_a_thing_points_to(api: Api, pipeline: str) -> None:
    above = an_account(api, some("Holding"), industry=some("Pumps"))
    account, other = an_account(api), an_account(api)
    api.given("setAccountParent", id=account, parentId=above)
    an_opportunity(api, pipeline, "Hall", accountId=account)
    an_opportunity(api, pipeline, "Elsewhere", accountId=other)
    holding = api.ask("query ($id: ID!) { account(id: $id) { name industry } }", id=above)["account"]

    found = opportunities(api, account={"parent": {"industry": {"eq": holding["industry"]}}})

    assert found == ["Hall"]


def test_a_filter_of_items_steps_to_what_has_them(api: Api, pipeline: str) -> None:
    account, product = an_account(api, some("Acme")), a_product(api)
    one = an_opportunity(api, pipeline, accountId=account)
    other = an_opportunity(api, pipeline, accountId=an_account(api))
    api.given("addOpportunityLine", id=one, productId=product, quantity="1", price=euros("1"))
    api.given("addOpportunityLine", id=other, productId=product, quantity="2", price=euros("1"))

    by_step = api.ask(LINES, filter={"opportunity": {"accountId": {"eq": account}}})["opportunityLines"]
    by_key = api.ask(LINES, filter={"opportunityId": {"in": [one]}, "productId": {"eq": product}})["opportunityLines"]
    by_product = api.ask(LINES, filter={"product": {"id": {"eq": product}}})["opportunityLines"]

    assert by_step == by_key == {"nodes": [{"quantity": "1"}], "totalCount": 1}
    assert by_product["totalCount"] == 2


def test_a_filter_upon_a_list_of_a_thing_narrows_only_that_list(api: Api, pipeline: str) -> None:
    account = an_account(api)
    an_opportunity(api, pipeline, "A", accountId=account)
    lost = an_opportunity(api, pipeline, "B", accountId=account)
    api.given("loseOpportunity", id=lost, reason="Price")

    found = api.ask(
        """query ($id: ID!) { account(id: $id) {
            lost: opportunities(filter: {status: {eq: LOST}}) { totalCount nodes { name } }
            opportunities { totalCount }
        } }""",
        id=account,
    )["account"]

    assert found == {"lost": {"totalCount": 1, "nodes": [{"name": "B"}]}, "opportunities": {"totalCount": 2}}


def test_tags_are_asked_for_by_one_or_by_any(api: Api) -> None:
    red, blue, both = some("red"), some("blue"), an_account(api)
    api.given("tagAccount", id=both, label=red)
    api.given("tagAccount", id=both, label=blue)
    only = an_account(api)
    api.given("tagAccount", id=only, label=blue)

    assert accounts(api, tags={"has": red}) == {both}
    assert accounts(api, tags={"has": blue}) == {both, only}
    assert accounts(api, tags={"hasAny": [red, blue]}) == {both, only}
    assert accounts(api, tags={"hasAny": []}) == set()


def test_what_is_put_away_is_left_out_unless_the_filter_names_it(api: Api) -> None:
    name = some("Acme")
    kept, put_away = an_account(api, name), an_account(api, name)
    api.given("archiveAccount", id=put_away, reason="Gone")

    node = api.ask("query ($id: ID!) { node(id: $id) { ... on Account { archived } } }", id=put_away)["node"]

    assert node == {"archived": True}
    assert accounts(api, name={"eq": name}) == {kept}
    assert accounts(api, name={"eq": name}, archived={"eq": True}) == {put_away}
    assert accounts(api, name={"eq": name}, archived={"in": [True, False]}) == {kept, put_away}
    assert accounts(api, **{"or": [{"name": {"eq": name}, "archived": {"isNull": False}}]}) == {kept, put_away}


def test_a_condition_upon_what_a_thing_points_to_holds_for_what_is_put_away_too(api: Api, pipeline: str) -> None:
    account = an_account(api, some("Acme"))
    name = api.ask("query ($id: ID!) { account(id: $id) { name } }", id=account)["account"]["name"]
    an_opportunity(api, pipeline, "Hall", accountId=account)
    api.given("archiveAccount", id=account)

    found = opportunities(api, account={"name": {"eq": name}})

    assert found == ["Hall"]


# -- custom fields ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fields(api: Api) -> dict[str, str]:
    """One custom field of each type, by its type."""
    keys = {type: f"{type.lower()}_of_ours" for type in ("TEXT", "INTEGER", "DECIMAL", "BOOLEAN", "DATE")}
    for type, key in keys.items():
        api.given("defineCustomField", kind="Account", key=key, label=key, type=type)
    return keys


@pytest.mark.parametrize(
    ("type", "values", "condition", "found"),
    [
        ("TEXT", ["a", "b"], {"eq": "b"}, [1]),
        ("TEXT", ["a", "b"], {"in": ["a", "c"]}, [0]),
        ("TEXT", ["10", "9"], {"gt": "5"}, [1]),
        ("INTEGER", [9, 10], {"eq": 10}, [1]),
        ("INTEGER", [9, 10], {"gt": 9}, [1]),
        ("INTEGER", [9, 10], {"gte": 9, "lt": 10}, [0]),
        ("INTEGER", [9, 10], {"gt": "5"}, []),
        ("DECIMAL", ["9.50", "10.25"], {"eq": 9.5}, [0]),
        ("DECIMAL", ["9.50", "10.25"], {"gt": 9.5}, [1]),
        ("DECIMAL", ["9.50", "10.25"], {"lte": 9.5}, [0]),
        ("DECIMAL", ["9.50", "10.25"], {"in": [10.25, 3]}, [1]),
        ("BOOLEAN", [True, False], {"eq": True}, [0]),
        ("DATE", ["2026-01-31", "2026-02-28"], {"gt": "2026-01-31"}, [1]),
        ("DATE", ["2026-01-31", "2026-02-28"], {"isNull": True}, [2]),
        ("DATE", ["2026-01-31", "2026-02-28"], {"isNull": False}, [0, 1]),
    ],
)
def test_custom_fields_are_compared_by_what_they_are(
    api: Api, fields: dict[str, str], type: str, values: list[Any], condition: dict[str, Any], found: list[int]
) -> None:
    name = some("Custom")
    made = [an_account(api, name) for _ in range(3)]
    for account, value in zip(made, values, strict=False):
        api.given("setAccountCustomField", id=account, key=fields[type], value=value)

    chosen = accounts(api, name={"eq": name}, customFields=[{"key": fields[type], **condition}])

    assert chosen == {made[place] for place in found}


def test_all_conditions_upon_custom_fields_hold(api: Api, fields: dict[str, str]) -> None:
    name = some("Custom")
    both, one = an_account(api, name), an_account(api, name)
    for account in (both, one):
        api.given("setAccountCustomField", id=account, key=fields["TEXT"], value="a")
    api.given("setAccountCustomField", id=both, key=fields["INTEGER"], value=1)
    wanted = [{"key": fields["TEXT"], "eq": "a"}, {"key": fields["INTEGER"], "gt": 0}]

    chosen = accounts(api, name={"eq": name}, customFields=wanted)

    assert chosen == {both}
    shown = api.ask("query ($id: ID!) { account(id: $id) { customFields } }", id=both)["account"]["customFields"]
    assert shown == {fields["TEXT"]: "a", fields["INTEGER"]: 1}


# -- how it is asked -------------------------------------------------------------------------------


def test_names_chosen_by_the_client_come_back_however_long(api: Api) -> None:
    account, alias = an_account(api, "Acme", industry="Pumps"), "a" * 80

    found = api.ask(f"query ($id: ID!) {{ account(id: $id) {{ {alias}1: name {alias}2: industry }} }}", id=account)

    assert found["account"] == {f"{alias}1": "Acme", f"{alias}2": "Pumps"}


def test_fragments_and_directives_and_variables_are_heard(api: Api) -> None:
    account = an_account(api, "Acme", industry="Pumps")

    found = api.ask(
        """query ($id: ID!, $yes: Boolean = true, $no: Boolean!) {
            account(id: $id) { ...names ... on Account { id @skip(if: $yes) } ... @include(if: $no) { version } }
            left: account(id: $id) @skip(if: $yes) { id }
        }
        fragment names on Account { __typename name ... on Node { industry: __typename } ...more }
        fragment more on Account { trade: industry @include(if: $yes) }""",
        id=account,
        no=False,
    )

    assert found == {"account": {"__typename": "Account", "name": "Acme", "industry": "Account", "trade": "Pumps"}}


def test_what_is_asked_for_twice_is_one_answer(api: Api) -> None:
    account = an_account(api, "Acme", revenue=euros("5"))

    found = api.ask(
        """query ($id: ID!) {
            account(id: $id) { revenue { amount } opportunities { totalCount } }
            account(id: $id) { revenue { currency } opportunities { pageInfo { hasNextPage } } }
            __typename
        }""",
        id=account,
    )

    assert found == {
        "account": {
            "revenue": {"amount": "5", "currency": "EUR"},
            "opportunities": {"totalCount": 0, "pageInfo": {"hasNextPage": False}},
        },
        "__typename": "Query",
    }


def test_a_whole_query_is_one_statement(api: Api, pipeline: str, monkeypatch: MonkeyPatch) -> None:
    an_opportunity(api, pipeline, accountId=an_account(api))
    api.position, position = 0, api.position
    asked = []
    rows = Reading.rows

    async def counted(self: Reading, sql: str, parameters: list[Any]) -> Any:
        asked.append(sql)
        return await rows(self, sql, parameters)

    monkeypatch.setattr(Reading, "rows", counted)

    api.ask(
        """{
            accounts(first: 3) { totalCount nodes { name opportunities(first: 5) {
                totalCount aggregate { sum { amount { amount } } } nodes { name account { name } lines { totalCount } }
            } } }
            opportunities(first: 2) { nodes { id } groupBy(by: {field: STAGE}) { count } }
            wonByPeriod { opportunities }
            viewer { name }
            head { position }
            __typename
        }"""
    )

    api.position = position
    reads = [sql for sql in asked if "from projections" not in sql]
    assert len(reads) == 1
