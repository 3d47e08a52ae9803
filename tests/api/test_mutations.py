"""Commands as mutations: what they answer, and why they do nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.client import Api, some
from tests.api.company import a_product, a_user, a_won_opportunity, an_account, an_opportunity, euros

ACCOUNT = "query ($id: ID!) { account(id: $id) { name version industry phones employees region lifecycle } }"
RENAME = "mutation ($input: RenameAccountInput!) { renameAccount(input: $input) { version userErrors { code } } }"


def an_account_of(api: Api, id: str) -> Any:
    return api.ask(ACCOUNT, id=id)["account"]


# -- what comes back -------------------------------------------------------------------------------


def test_a_payload_tells_what_was_done(api: Api) -> None:
    account, before = an_account(api), api.head()

    payload = api.do("renameAccount", id=account, name="Acme")

    head = api.ask("{ head { position receipt } }")["head"]
    assert payload == {
        "version": 2,
        "position": before + 1,
        "receipt": head["receipt"],
        "changed": [{"id": account, "version": 2}],
        "userErrors": [],
    }
    assert head["position"] == before + 1


def test_the_object_in_a_payload_shows_the_effect(api: Api) -> None:
    account, _ = an_account(api, "Old", industry="Pumps"), an_account(api, "Other")

    payload = api.do("renameAccount", "account { id name industry version }", id=account, name="New")

    assert payload["account"] == {"id": account, "name": "New", "industry": "Pumps", "version": 2}


def test_every_kind_of_value_is_shown_in_a_payload(api: Api, pipeline: str) -> None:
    opportunity = an_opportunity(api, pipeline, expectedClose="2026-01-31")
    shown = """opportunity {
        status amount { amount currency } closedOn expectedClose probability tags customFields owner { id } }"""

    payload = api.do("winOpportunity", shown, id=opportunity, amount=euros("1.50"), on="2025-01-31")

    assert payload["opportunity"] == {
        "status": "WON",
        "amount": euros("1.50"),
        "closedOn": "2025-01-31",
        "expectedClose": "2026-01-31",
        "probability": 10,
        "tags": [],
        "customFields": {},
        "owner": None,
    }


def test_what_belongs_to_the_object_is_read_with_it(api: Api, pipeline: str) -> None:
    account, product = an_account(api, "Acme"), a_product(api, "Pump")
    opportunity = an_opportunity(api, pipeline, accountId=account)
    shown = """opportunity { __typename account { name opportunities { totalCount } }
        lines(first: 1) { nodes { quantity product { name } } } }"""

    payload = api.do("addOpportunityLine", shown, id=opportunity, productId=product, quantity="1.50", price=euros("1"))

    assert payload["opportunity"] == {
        "__typename": "Opportunity",
        "account": {"name": "Acme", "opportunities": {"totalCount": 1}},
        "lines": {"nodes": [{"quantity": "1.50", "product": {"name": "Pump"}}]},
    }


def test_each_of_many_at_once_shows_its_own_effect(api: Api) -> None:
    names = [some("Parallel") for _ in range(60)]

    def register(name: str) -> Any:
        return api.do("registerAccount", "account { name }", name=name)

    with ThreadPoolExecutor(12) as pool:
        payloads = list(pool.map(register, names))

    assert [payload["account"]["name"] for payload in payloads] == names
    positions = sorted(payload["position"] for payload in payloads)
    assert len(set(positions)) == 60
    assert len({payload["receipt"] for payload in payloads}) == 60


def test_all_that_try_to_change_one_thing_at_once_are_heard_in_turn(api: Api) -> None:
    account = an_account(api)

    with ThreadPoolExecutor(8) as pool:
        payloads = list(pool.map(lambda n: api.do("tagAccount", id=account, label=f"label {n}"), range(8)))

    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    tags = api.ask("query ($id: ID!) { account(id: $id) { tags version } }", id=account)["account"]
    assert set(codes) <= {"CONFLICT"}
    assert len(tags["tags"]) == 8 - len(codes) == tags["version"] - 1


def test_a_merge_names_both_that_it_changed(api: Api) -> None:
    gone, survivor = an_account(api), an_account(api)

    payload = api.do("mergeAccountInto", "account { mergedIntoId }", id=gone, survivorId=survivor)

    assert payload["changed"] == [{"id": gone, "version": 2}, {"id": survivor, "version": 2}]
    assert payload["account"] == {"mergedIntoId": survivor}


def test_a_command_that_changes_nothing_names_what_stands(api: Api) -> None:
    account = an_account(api)
    first = api.do("tagAccount", id=account, label="big")

    again = api.do("tagAccount", id=account, label="big")

    assert again == first


def test_mutations_of_one_operation_are_carried_out_in_turn(api: Api) -> None:
    account = an_account(api)

    answer = api.ask(
        """mutation ($id: ID!) {
            __typename
            one: renameAccount(input: {id: $id, name: "One"}) { version account { n: name } }
            two: renameAccount(input: {id: $id, name: "Two"}) { version account { n: name } }
        }""",
        id=account,
    )

    assert answer == {
        "__typename": "Mutation",
        "one": {"version": 2, "account": {"n": "One"}},
        "two": {"version": 3, "account": {"n": "Two"}},
    }


def test_lists_of_ids_are_given_as_ids(api: Api) -> None:
    account, grace, ada = an_account(api), a_user(api, "Grace"), a_user(api, "Ada")

    payload = api.do("commentAccount", id=account, text="Look at this", mentionIds=[grace, ada])

    assert (payload["userErrors"], payload["version"]) == ([], 2)


# -- what is left out, and what is null ------------------------------------------------------------


def test_what_a_patch_leaves_out_stays_and_what_it_makes_null_is_emptied(api: Api) -> None:
    account = an_account(api, "Acme", industry="Pumps", employees=7, region="North", phones=["+4930901820"])

    api.given("changeAccountDetails", id=account, details={"industry": None, "employees": 8})

    assert an_account_of(api, account) == {
        "name": "Acme",
        "version": 2,
        "industry": None,
        "employees": 8,
        "region": "North",
        "phones": ["+4930901820"],
        "lifecycle": "PROSPECT",
    }


def test_what_a_command_leaves_out_stays_and_what_it_makes_null_is_emptied(api: Api, pipeline: str) -> None:
    opportunity = an_opportunity(api, pipeline, "Hall", source="Fair")
    query = "query ($id: ID!) { opportunity(id: $id) { name source } }"

    api.given("changeOpportunityDetails", id=opportunity, name="Big hall")
    renamed = api.ask(query, id=opportunity)["opportunity"]
    api.given("changeOpportunityDetails", id=opportunity, source=None)
    emptied = api.ask(query, id=opportunity)["opportunity"]

    assert renamed == {"name": "Big hall", "source": "Fair"}
    assert emptied == {"name": "Big hall", "source": None}


def test_what_may_be_null_empties_what_was_there(api: Api) -> None:
    parent, account = an_account(api), an_account(api)
    api.given("setAccountParent", id=account, parentId=parent)
    api.given("changeAccountAddress", id=account, use="billing", address={"city": "Bonn"})

    api.given("setAccountParent", id=account, parentId=None)
    api.given("changeAccountAddress", id=account, use="billing", address=None)

    found = api.ask("query ($id: ID!) { account(id: $id) { parentId addresses { key } } }", id=account)["account"]
    assert found == {"parentId": None, "addresses": []}


# -- why nothing was done --------------------------------------------------------------------------


def test_a_rule_of_the_business_refuses(api: Api, pipeline: str) -> None:
    won = a_won_opportunity(api, pipeline, euros("1"), "2025-01-01")
    before = api.head()

    error = api.user_error("loseOpportunity", id=won, reason="Price")

    message = "this opportunity is won"
    assert error == {"field": None, "message": message, "code": "REFUSED", "holder": None, "version": None}
    assert api.head() == before


def test_a_refusal_names_the_field(api: Api, pipeline: str) -> None:
    opportunity, product = an_opportunity(api, pipeline), a_product(api)

    line = api.user_error("addOpportunityLine", id=opportunity, productId=product, quantity="0", price=euros("1"))
    stage = api.user_error("moveOpportunityToStage", id=opportunity, stage="nowhere")

    assert (line["code"], line["field"]) == ("REFUSED", ["quantity"])
    assert (stage["code"], stage["field"]) == ("REFUSED", ["stage"])


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"phones": ["030 901820"]}, ["details", "phones", "0"]),
        ({"phones": ["+4930901820", "x"]}, ["details", "phones", "1"]),
        ({"website": "no page"}, ["details", "website"]),
        ({"revenue": {"amount": "1", "currency": "XXY"}}, ["details", "revenue", "currency"]),
        ({"revenue": {"amount": "1" * 40, "currency": "EUR"}}, ["details", "revenue", "amount"]),
        ({"revenue": {"amount": "0.1234567", "currency": "EUR"}}, ["details", "revenue", "amount"]),
        ({"industry": "x" * 3000}, ["details", "industry"]),
        ({"region": "a\0b"}, ["details", "region"]),
    ],
)
def test_what_does_not_fit_is_invalid_and_named_to_the_last_part(
    api: Api, details: dict[str, Any], field: list[str]
) -> None:
    error = api.user_error("registerAccount", name="Acme", details=details)

    assert (error["code"], error["field"]) == ("INVALID", field)


@pytest.mark.parametrize(
    ("mutation", "input", "field"),
    [
        ("openOpportunity", {"pipelineId": "junk", "name": "x"}, "pipelineId"),
        ("openOpportunity", {"pipelineId": f"Account_{uuid4()}", "name": "x"}, "pipelineId"),
        ("openOpportunity", {"pipelineId": f"Pipeline_{uuid4()}", "name": "x"}, "pipelineId"),
        ("renameAccount", {"id": "junk", "name": "x"}, "id"),
        ("renameAccount", {"id": f"User_{uuid4()}", "name": "x"}, "id"),
        ("renameAccount", {"id": "", "name": "x"}, "id"),
        ("registerAccount", {"name": "x", "idempotencyKey": "k" * 5000}, "idempotencyKey"),
        ("registerAccount", {"name": "x", "idempotencyKey": "a\0b"}, "idempotencyKey"),
        ("registerAccount", {"name": "x", "occurredAt": "2999-01-01T00:00:00Z"}, "occurredAt"),
    ],
)
def test_every_part_of_an_input_is_checked(api: Api, mutation: str, input: dict[str, Any], field: str) -> None:
    before = api.head()

    error = api.user_error(mutation, **input)

    assert error["code"] in ("INVALID", "NOT_FOUND")
    assert error["field"] == [field]
    assert api.head() == before


def test_text_is_trimmed_and_text_of_nothing_is_not_given(api: Api) -> None:
    account = api.given("registerAccount", name="  Acme  ")

    error = api.user_error("renameAccount", id=account, name=" \n ")

    assert (error["code"], error["field"]) == ("INVALID", ["name"])
    assert an_account_of(api, account)["name"] == "Acme"


def test_what_is_not_there_is_not_found(api: Api) -> None:
    error = api.user_error("renameAccount", id=f"Account_{uuid4()}", name="Acme")

    assert (error["code"], error["field"]) == ("NOT_FOUND", ["id"])


def test_an_archived_thing_is_invalid_where_others_are_tied_to_it(api: Api, pipeline: str) -> None:
    account = an_account(api)
    api.given("archiveAccount", id=account)

    error = api.user_error("openOpportunity", pipelineId=pipeline, name="Hall", accountId=account)

    assert (error["code"], error["field"]) == ("INVALID", ["accountId"])


def test_a_conflict_tells_the_version_of_now(api: Api) -> None:
    account = an_account(api)
    api.given("renameAccount", id=account, name="First", expectedVersion=1)

    error = api.user_error("renameAccount", id=account, name="Second", expectedVersion=1)

    assert (error["code"], error["version"], error["field"]) == ("CONFLICT", 2, ["expectedVersion"])
    assert an_account_of(api, account)["name"] == "First"


def test_a_duplicate_tells_who_holds_it(api: Api) -> None:
    code = some("code")
    product = api.given("listProduct", code=code, name="Pump")

    error = api.user_error("listProduct", code=code, name="Another")

    assert (error["code"], error["field"], error["holder"]) == ("DUPLICATE", ["code"], product)


def test_an_id_of_another_system_is_held_by_one_of_a_kind(api: Api) -> None:
    holder, other, id = an_account(api), an_account(api), some("id")
    api.given("linkAccountExternal", id=holder, system="SAP", externalId=id)

    error = api.user_error("linkAccountExternal", id=other, system="SAP", externalId=id)

    assert (error["code"], error["holder"]) == ("DUPLICATE", holder)


# -- the same again --------------------------------------------------------------------------------


def test_the_same_command_with_the_same_key_is_carried_out_once(api: Api) -> None:
    key = some("key")
    first = api.do("registerAccount", "account { id }", name="Acme", idempotencyKey=key)
    head = api.head()

    again = api.do("registerAccount", "account { id }", name="Acme", idempotencyKey=key)

    assert again == first
    assert api.head() == head


def test_a_refusal_is_remembered_under_its_key(api: Api, pipeline: str) -> None:
    opportunity, key = an_opportunity(api, pipeline), some("key")
    refused = api.user_error("reopenOpportunity", id=opportunity, idempotencyKey=key)
    api.given("loseOpportunity", id=opportunity, reason="Price")

    again = api.user_error("reopenOpportunity", id=opportunity, idempotencyKey=key)

    assert again == refused
    assert refused["code"] == "REFUSED"


def test_a_key_used_for_something_else_is_refused(api: Api) -> None:
    key = some("key")
    api.given("registerAccount", name="Acme", idempotencyKey=key)
    before = api.head()

    error = api.user_error("registerAccount", name="Other", idempotencyKey=key)

    assert error["code"] == "REPEATED_OTHERWISE"
    assert api.head() == before


def test_the_key_in_the_header_is_that_of_the_only_mutation(api: Api) -> None:
    account, headers = an_account(api), {"idempotency-key": some("key")}
    first = api.post(RENAME, {"input": {"id": account, "name": "Acme"}}, **headers).json()["data"]["renameAccount"]

    again = api.post(RENAME, {"input": {"id": account, "name": "Acme"}}, **headers).json()["data"]["renameAccount"]
    other = api.post(RENAME, {"input": {"id": account, "name": "X"}}, **headers).json()["data"]["renameAccount"]

    assert first == again == {"version": 2, "userErrors": []}
    assert other == {"version": None, "userErrors": [{"code": "REPEATED_OTHERWISE"}]}


def test_the_key_in_the_header_is_part_of_that_of_each_mutation(api: Api) -> None:
    text = """mutation ($name: String!) {
        one: registerAccount(input: {name: $name}) { changed { id } }
        two: registerAccount(input: {name: $name}) { changed { id } }
    }"""
    headers = {"idempotency-key": some("key")}

    first = api.post(text, {"name": "Acme"}, **headers).json()["data"]
    again = api.post(text, {"name": "Acme"}, **headers).json()["data"]

    assert first == again
    assert first["one"] != first["two"]


def test_two_mutations_brought_in_by_a_fragment_have_keys_of_their_own(api: Api) -> None:
    text = """mutation ($name: String!) { ...both }
    fragment both on Mutation {
        one: registerAccount(input: {name: $name}) { changed { id } }
        two: registerAccount(input: {name: $name}) { changed { id } }
    }"""
    headers = {"idempotency-key": some("key")}

    answer = api.post(text, {"name": "Acme"}, **headers).json()["data"]

    assert answer["one"]["changed"][0]["id"] != answer["two"]["changed"][0]["id"]


def test_the_key_in_the_input_goes_before_that_in_the_header(api: Api) -> None:
    key, account = some("key"), an_account(api)
    api.given("renameAccount", id=account, name="One", idempotencyKey=key)
    input = {"id": account, "name": "Two"}

    answer = api.post(RENAME, {"input": input | {"idempotencyKey": some("key")}}, **{"idempotency-key": key}).json()

    assert answer["data"]["renameAccount"] == {"version": 3, "userErrors": []}


# -- when it happened, and how it hangs together ---------------------------------------------------


def test_what_happened_earlier_is_told_with_its_time(api: Api) -> None:
    account = api.given("registerAccount", name="Acme", occurredAt="2020-01-01T12:00:00+02:00")
    query = "query ($id: ID!, $until: DateTime!) { account(id: $id, occurred: {until: $until}) { createdAt } }"

    just_then = api.ask(query, id=account, until="2020-01-01T10:00:00Z")["account"]
    before = api.ask(query, id=account, until="2020-01-01T09:59:59.999999Z")["account"]

    assert before is None
    assert datetime.now(UTC) - datetime.fromisoformat(just_then["createdAt"]) < timedelta(minutes=5)


def test_a_read_that_names_a_position_sees_what_was_done_at_it(api: Api) -> None:
    names = [some("Seen") for _ in range(20)]
    query = "query ($name: String!) { accounts(filter: {name: {eq: $name}}) { totalCount } }"

    positions = [api.do("registerAccount", name=name)["position"] for name in names]
    found = [
        api.post(query, {"name": name}, **{"daybook-position": str(position)}).json()["data"]["accounts"]
        for name, position in zip(names, positions, strict=True)
    ]

    assert found == [{"totalCount": 1}] * 20


@pytest.mark.parametrize("position", ["x", "-1", "1.5", "9" * 19, "\u00b2"])
def test_a_position_in_the_header_that_is_none_is_refused(api: Api, position: str) -> None:
    headers: Any = api.headers | {"daybook-position": position.encode("latin-1")}

    answer = api.http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["message"] == "Daybook-Position is a position: a whole number"


def test_a_position_in_the_header_that_never_comes_is_waited_for_and_then_refused(api: Api) -> None:
    answer = api.post("{ __typename }", {}, **{"daybook-position": str(api.head() + 1000)})

    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "VIEW_BEHIND"
