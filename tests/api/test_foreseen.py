"""What a merge would do, told before it is done."""

from __future__ import annotations

from typing import Any

from api.foreseen import differences
from domain.customers.account import Account, Details
from projections.customers.account import AccountView
from server import schema_of
from tests.api.client import Api, some
from tests.api.company import an_account, an_opportunity
from tests.api.test_search import Reader

PREVIEW = """query ($input: MergeAccountIntoInput!) {
    previewMergeAccountInto(input: $input) {
        survivor { id name industry }
        merged { id name opportunities { totalCount } }
        differences { field survivor merged result }
        references { kind field count }
        userErrors { field code message version }
    } }"""


def preview(api: Api, **input: Any) -> Any:
    return api.ask(PREVIEW, input=input)["previewMergeAccountInto"]


def test_it_tells_where_the_two_differ_and_what_would_stay(api: Api) -> None:
    merged = an_account(api, "Acme GmbH", industry="Pumps", region="North", phones=["+49 30 1234567"])
    survivor = an_account(api, "Acme", industry="Valves")
    api.given("tagAccount", id=merged, label="big")
    api.given("changeAccountAddress", id=merged, use="billing", address={"city": "Bonn"})
    api.given("assignAccountOwner", id=merged, ownerId=api.me)

    told = preview(api, id=merged, survivorId=survivor)

    differences = {each.pop("field"): tuple(each.values()) for each in told["differences"]}
    address = differences.pop("addresses")
    assert differences == {
        "name": ("Acme", "Acme GmbH", "Acme"),
        "industry": ("Valves", "Pumps", "Valves"),
        "region": (None, "North", "North"),
        "phones": ([], ["+49301234567"], ["+49301234567"]),
        "tags": ([], ["big"], ["big"]),
        "ownerId": (None, api.me, None),
    }
    assert address[0] == {} and address[1] == address[2] and address[1]["billing"]["city"] == "Bonn"
    assert told["survivor"] == {"id": survivor, "name": "Acme", "industry": "Valves"}
    assert told["userErrors"] == []


def test_what_it_tells_is_what_happens(api: Api) -> None:
    merged, survivor = an_account(api, region="North"), an_account(api, industry="Valves")
    told = preview(api, id=merged, survivorId=survivor)

    api.given("mergeAccountInto", id=merged, survivorId=survivor)

    results = {each["field"]: each["result"] for each in told["differences"]}
    after = api.ask("query ($id: ID!) { account(id: $id) { name region industry } }", id=survivor)["account"]
    assert results == {"name": after["name"], "region": "North", "industry": "Valves"}
    assert after | results == after


def test_it_counts_what_would_be_read_as_pointing_to_the_survivor(api: Api, pipeline: str) -> None:
    merged, survivor = an_account(api), an_account(api)
    for _ in range(2):
        an_opportunity(api, pipeline, accountId=merged)
    an_opportunity(api, pipeline, accountId=survivor)
    api.given("addContact", person={"familyName": some("Hopper")}, accountId=merged)
    api.given("setAccountParent", id=an_account(api), parentId=merged)

    told = preview(api, id=merged, survivorId=survivor)

    assert {(each["kind"], each["field"], each["count"]) for each in told["references"]} == {
        ("Opportunity", "accountId", 2),
        ("ContactAccount", "accountId", 1),
        ("Account", "parentId", 1),
    }
    assert told["merged"]["opportunities"] == {"totalCount": 2}


def test_nothing_is_recorded(api: Api) -> None:
    merged, survivor, before = an_account(api), an_account(api), api.head()

    preview(api, id=merged, survivorId=survivor)

    assert api.head() == before
    assert api.given("renameAccount", id=merged, name="Still itself")


def test_it_says_why_a_merge_would_be_refused(api: Api) -> None:
    account, other = an_account(api), an_account(api)

    itself = preview(api, id=account, survivorId=account)
    late = preview(api, id=account, survivorId=other, expectedVersion=7)
    wrong = preview(api, id=api.me, survivorId=other)

    errors = [told["userErrors"][0] for told in (itself, late, wrong)]
    assert [(error["code"], error["field"]) for error in errors] == [
        ("REFUSED", ["survivorId"]),
        ("CONFLICT", ["expectedVersion"]),
        ("INVALID", ["id"]),
    ]
    assert (itself["survivor"], itself["merged"], itself["differences"], itself["references"]) == (None, None, [], [])


def test_what_is_hidden_from_a_reader_is_not_told() -> None:
    one, other = Account.register("One", Details(industry="x")), Account.register("Other", Details(industry="y"))
    views = schema_of("UTC")[1]

    def shown(reader: Reader) -> set[str]:
        return {each["field"] for each in differences(AccountView, views, reader, one, other, one)}

    assert shown(Reader()) == {"name", "industry"}
    assert shown(Reader(hidden=("industry",))) == {"name"}
