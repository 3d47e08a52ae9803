"""Two accounts that turned out to be one: what names either is read as the one that goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Api
from tests.api.company import an_account, an_opportunity, euros

Pair = tuple[str, str, str, str]


@pytest.fixture
def pair(api: Api, pipeline: str) -> Pair:
    """Two accounts, one merged into the other; an opportunity of each; a third account has one too."""
    gone, survivor = an_account(api, "Acme Ltd"), an_account(api, "Acme")
    of_gone = an_opportunity(api, pipeline, "Of the one", accountId=gone, amount=euros("1"))
    of_survivor = an_opportunity(api, pipeline, "Of the other", accountId=survivor, amount=euros("2"))
    an_opportunity(api, pipeline, "Elsewhere", accountId=an_account(api), amount=euros("64"))
    api.given("mergeAccountInto", id=gone, survivorId=survivor)
    return gone, survivor, of_gone, of_survivor


def names(api: Api, **filter: Any) -> list[str]:
    query = "query ($filter: OpportunityFilter) { opportunities(filter: $filter) { totalCount nodes { name } } }"
    found = api.ask(query, filter=filter)["opportunities"]
    assert found["totalCount"] == len(found["nodes"])
    return sorted(node["name"] for node in found["nodes"])


def test_a_reference_is_kept_and_read_as_the_survivor(api: Api, pair: Pair) -> None:
    gone, survivor, of_gone, _ = pair

    found = api.ask("query ($id: ID!) { opportunity(id: $id) { accountId account { id name } } }", id=of_gone)

    assert found["opportunity"] == {"accountId": gone, "account": {"id": survivor, "name": "Acme"}}


def test_a_filter_by_either_finds_those_of_both(api: Api, pair: Pair) -> None:
    gone, survivor, *_ = pair

    by_gone, by_survivor = names(api, accountId={"eq": gone}), names(api, accountId={"in": [survivor]})

    assert by_gone == by_survivor == ["Of the one", "Of the other"]
    assert names(api, accountId={"in": [gone, survivor]}) == by_gone


def test_the_survivor_has_those_of_both(api: Api, pair: Pair) -> None:
    _, survivor, *_ = pair
    query = """query ($id: ID!) { account(id: $id) { opportunities(orderBy: [{field: AMOUNT}]) {
        totalCount nodes { name } aggregate { sum { amount { amount } } } } } }"""

    found = api.ask(query, id=survivor)["account"]["opportunities"]

    assert found == {
        "totalCount": 2,
        "nodes": [{"name": "Of the one"}, {"name": "Of the other"}],
        "aggregate": {"sum": {"amount": [{"amount": "3"}]}},
    }


def test_a_condition_upon_the_account_looks_at_the_survivor(api: Api, pair: Pair) -> None:
    gone, survivor, *_ = pair
    of_both = {"accountId": {"in": [gone, survivor]}}

    by_survivor, by_gone = (names(api, account={"id": {"eq": id}}) for id in (survivor, gone))
    by_its_name = names(api, account={"name": {"eq": "Acme"}}, **of_both)
    by_the_name_before = names(api, account={"name": {"eq": "Acme Ltd"}}, **of_both)

    assert by_survivor == by_gone == by_its_name == ["Of the one", "Of the other"]
    assert by_the_name_before == []


def test_groups_by_account_are_of_the_survivor(api: Api, pair: Pair) -> None:
    _, survivor, *_ = pair
    query = """query ($id: ID!) { opportunities(filter: {accountId: {eq: $id}}) {
        groupBy(by: {field: ACCOUNT_ID}) { key { account { id } } count } } }"""

    groups = api.ask(query, id=survivor)["opportunities"]["groupBy"]

    assert groups == [{"key": {"account": {"id": survivor}}, "count": 2}]


def test_what_was_merged_is_in_no_list_but_is_found_by_its_id(api: Api, pair: Pair) -> None:
    gone, survivor, *_ = pair
    query = """query ($ids: [ID!]!, $filter: AccountFilter) {
        nodes(ids: $ids) { id } accounts(filter: $filter) { nodes { id } } }"""
    ids = {"id": {"in": [gone, survivor]}}

    plainly = api.ask(query, ids=[gone], filter=ids)
    named = api.ask(query, ids=[gone], filter=ids | {"mergedIntoId": {"eq": survivor}})

    assert plainly == {"nodes": [{"id": gone}], "accounts": {"nodes": [{"id": survivor}]}}
    assert named["accounts"]["nodes"] == [{"id": gone}]


def test_an_account_under_a_merged_one_is_under_the_survivor(api: Api) -> None:
    other, above, child = an_account(api), an_account(api, "Above"), an_account(api, "Child")
    api.given("setAccountParent", id=child, parentId=other)
    api.given("mergeAccountInto", id=other, survivorId=above)

    found = api.ask("query ($id: ID!) { account(id: $id) { parentId parent { name } } }", id=child)["account"]
    below = api.ask("query ($id: ID!) { account(id: $id) { accountsByParent { nodes { name } } } }", id=above)

    assert found == {"parentId": other, "parent": {"name": "Above"}}
    assert below["account"]["accountsByParent"]["nodes"] == [{"name": "Child"}]


def test_a_chain_of_merges_is_followed_to_its_end(api: Api, pipeline: str, pair: Pair) -> None:
    gone, survivor, of_gone, _ = pair
    last = an_account(api, "Acme Group")
    an_opportunity(api, pipeline, "Of the last", accountId=last)

    api.given("mergeAccountInto", id=survivor, survivorId=last)

    found = api.ask("query ($id: ID!) { opportunity(id: $id) { account { id } } }", id=of_gone)["opportunity"]
    assert found == {"account": {"id": last}}
    for id in (gone, survivor, last):
        assert names(api, accountId={"eq": id}) == ["Of the last", "Of the one", "Of the other"]


def test_what_is_merged_twice_over_is_found_by_the_brother_too(api: Api, pipeline: str, pair: Pair) -> None:
    gone, survivor, *_ = pair
    brother = an_account(api, "Acme Inc")
    an_opportunity(api, pipeline, "Of the brother", accountId=brother)

    api.given("mergeAccountInto", id=brother, survivorId=survivor)

    assert names(api, accountId={"eq": gone}) == ["Of the brother", "Of the one", "Of the other"]


def test_unmerging_gives_both_back(api: Api, pair: Pair) -> None:
    gone, survivor, of_gone, _ = pair

    payload = api.do("unmergeAccount", "account { mergedIntoId opportunities { totalCount } }", id=gone)

    assert [each["id"] for each in payload["changed"]] == [gone, survivor]
    assert payload["account"] == {"mergedIntoId": None, "opportunities": {"totalCount": 1}}
    assert names(api, accountId={"eq": gone}) == ["Of the one"]
    assert names(api, accountId={"eq": survivor}) == ["Of the other"]
    found = api.ask("query ($id: ID!) { opportunity(id: $id) { account { id } } }", id=of_gone)["opportunity"]
    assert found == {"account": {"id": gone}}


def test_before_the_merge_they_were_two(api: Api, pair: Pair) -> None:
    gone, survivor, of_gone, _ = pair
    merged_at = api.position
    query = """query ($id: ID!, $sale: ID!, $at: Position!) {
        opportunities(filter: {accountId: {eq: $id}}, asOf: {position: $at}) { nodes { name } }
        opportunity(id: $sale, asOf: {position: $at}) { account { id } }
    }"""

    before = api.ask(query, id=survivor, sale=of_gone, at=merged_at - 2)
    after = api.ask(query, id=survivor, sale=of_gone, at=merged_at)

    assert before == {"opportunities": {"nodes": [{"name": "Of the other"}]}, "opportunity": {"account": {"id": gone}}}
    assert (len(after["opportunities"]["nodes"]), after["opportunity"]) == (2, {"account": {"id": survivor}})
