"""Everything about something: what happened to it and to all that belongs to it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import a_product, an_account, an_opportunity, euros

TIMELINE = """query ($of: ID!, $first: Int, $after: String, $kinds: [EventKind!], $from: DateTime, $to: DateTime,
    $occurred: OccurredRange, $asOf: AsOf, $below: Boolean! = false) {
    timeline(of: $of, first: $first, after: $after, kinds: $kinds, from: $from, to: $to, occurred: $occurred,
        asOf: $asOf, below: $below) {
    nodes { position kind nodeId } pageInfo { hasNextPage endCursor } totalCount } }"""


@pytest.fixture(scope="module", autouse=True)
def keys() -> None:
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))


def timeline(api: Api, of: str, **given: Any) -> list[tuple[str, str]]:
    """What a timeline tells, the oldest first."""
    told = api.ask(TIMELINE, of=of, **given)["timeline"]
    positions = [node["position"] for node in told["nodes"]]
    assert positions == sorted(set(positions), reverse=True)
    assert told["pageInfo"]["hasNextPage"] or "after" in given or told["totalCount"] == len(positions)
    return [(node["kind"], node["nodeId"]) for node in reversed(told["nodes"])]


def things(api: Api, of: str, **given: Any) -> set[str]:
    return {id for _, id in timeline(api, of, **given)}


def a_contact(api: Api, **input: Any) -> str:
    return api.given("addContact", person={"familyName": some("Name")}, **input)


def a_call(api: Api, **input: Any) -> str:
    return api.given("logInteraction", kind="CALL", direction="OUTBOUND", subject="Hello", **input)


def test_everything_about_an_account_and_nothing_about_its_neighbour(api: Api, pipeline: str) -> None:
    account, neighbour = an_account(api, "Acme"), an_account(api, "Other")
    contact = a_contact(api, accountId=account)
    sale = an_opportunity(api, pipeline, accountId=account)
    call = a_call(api, accountId=account)
    with_contact = a_call(api, contactId=contact)
    on_sale = a_call(api, opportunityId=sale)
    elsewhere = an_opportunity(api, pipeline, accountId=neighbour)
    with_neighbour = a_call(api, accountId=neighbour)
    line = {"productId": a_product(api), "quantity": "1", "price": euros("1")}
    api.given("addOpportunityLine", id=sale, **line)

    told = timeline(api, account)

    assert [each for each in told if each[1] in (account, sale)] == [
        ("ACCOUNT_REGISTERED", account),
        ("OPPORTUNITY_OPENED", sale),
        ("OPPORTUNITY_LINE_ADDED", sale),
    ]
    assert ("CONTACT_ADDED", contact) in told
    assert {id for _, id in told} == {account, contact, sale, call, with_contact, on_sale}
    assert things(api, neighbour) == {neighbour, elsewhere, with_neighbour}
    assert things(api, contact) == {contact, with_contact}
    assert things(api, sale) == {sale, on_sale}


def test_a_page_of_a_timeline_and_only_of_some_kinds_and_times(api: Api, pipeline: str) -> None:
    account = an_account(api)
    ids = [an_opportunity(api, pipeline, accountId=account) for _ in range(4)]
    between = api.now()
    last = an_opportunity(api, pipeline, accountId=account)
    api.given("winOpportunity", id=last, amount=euros("1"), on="2026-01-02")
    api.given("renameAccount", id=account, name="Late")

    def page(after: str | None = None) -> Any:
        return api.ask(TIMELINE, of=account, first=3, after=after)["timeline"]

    pages, end = [page()], None
    while pages[-1]["pageInfo"]["hasNextPage"]:
        end = pages[-1]["pageInfo"]["endCursor"]
        pages.append(page(end))
    told = [node for each in pages for node in each["nodes"]]

    assert [node["position"] for node in told] == sorted((node["position"] for node in told), reverse=True)
    assert [(node["kind"], node["nodeId"]) for node in reversed(told)] == timeline(api, account)
    assert timeline(api, account, kinds=["ACCOUNT_RENAMED"]) == [("ACCOUNT_RENAMED", account)]
    assert things(api, account, **{"from": between}) == {ids[3], last, account}
    assert things(api, account, to=between) == {account, *ids[:3]}
    assert things(api, account, occurred={"from": "2999-01-01T00:00:00Z"}) == set()


def test_what_left_belongs_until_it_left_and_where_it_came_to_whole(api: Api, pipeline: str) -> None:
    old, new = an_account(api), an_account(api)
    sale, contact = an_opportunity(api, pipeline, accountId=old), a_contact(api, accountId=old)
    before = api.position
    api.given("changeOpportunityAccount", id=sale, accountId=new)
    api.given("leaveContactAccount", id=contact, accountId=old.removeprefix("Account_"))
    api.given("joinContactAccount", id=contact, accountId=new)
    later = a_call(api, contactId=contact)
    api.given("tagOpportunity", id=sale, label="moved")

    assert [each for each in timeline(api, old) if each[1] == sale] == [
        ("OPPORTUNITY_OPENED", sale),
        ("OPPORTUNITY_ACCOUNT_CHANGED", sale),
    ]
    assert ("CONTACT_ACCOUNT_LEFT", contact) in timeline(api, old)
    assert ("CONTACT_ACCOUNT_JOINED", contact) == [e for e in timeline(api, new) if e[1] == contact][-1]
    assert later in things(api, new) - things(api, old)
    assert [kind for kind, id in timeline(api, new) if id == sale] == [
        "OPPORTUNITY_OPENED",
        "OPPORTUNITY_ACCOUNT_CHANGED",
        "OPPORTUNITY_TAGS_CHANGED",
    ]
    assert things(api, old, asOf={"position": before}) == {old, sale, contact}
    assert things(api, new, asOf={"position": before}) == {new}


def test_what_was_merged_belongs_with_all_of_its_own_until_it_is_unmerged(api: Api, pipeline: str) -> None:
    survivor, merged, third = an_account(api), an_account(api), an_account(api)
    sale = an_opportunity(api, pipeline, accountId=merged)
    of_third = a_call(api, accountId=third)
    api.given("mergeAccountInto", id=third, survivorId=merged)
    api.given("mergeAccountInto", id=merged, survivorId=survivor)
    together = things(api, survivor)
    api.given("unmergeAccount", id=merged)
    after = api.position
    api.given("renameAccount", id=merged, name="Alone again")
    new = an_opportunity(api, pipeline, accountId=merged)

    assert together == {survivor, merged, third, sale, of_third}
    told = timeline(api, survivor)
    assert ("ACCOUNT_UNMERGED", merged) in told
    assert ("ACCOUNT_RENAMED", merged) not in told
    assert new not in {id for _, id in told}
    assert things(api, survivor, asOf={"position": after}) == together
    assert ("ACCOUNT_RENAMED", merged) in timeline(api, merged)


def test_what_says_itself_where_it_belongs_belongs_there_only(api: Api) -> None:
    one, other = an_account(api), an_account(api)
    contact = a_contact(api, accountId=one)
    api.given("joinContactAccount", id=contact, accountId=other)
    of_one, of_none = a_call(api, contactId=contact, accountId=one), a_call(api, contactId=contact)
    taking_part = a_call(api, accountId=other, contactIds=[contact])

    assert things(api, one) == {one, contact, of_one, of_none}
    assert things(api, other) == {other, contact, of_none, taking_part}
    assert things(api, contact) == {contact, of_one, of_none, taking_part}


def test_a_subsidiary_is_told_where_it_is_asked_for(api: Api, pipeline: str) -> None:
    parent, child = an_account(api), an_account(api)
    api.given("setAccountParent", id=child, parentId=parent)
    sale = an_opportunity(api, pipeline, accountId=child)

    assert things(api, parent) == {parent}
    assert things(api, parent, below=True) == {parent, child, sale}


def test_nothing_is_told_of_what_one_does_not_see(api: Api, cast: Cast, pipeline: str) -> None:
    account, other = an_account(api), an_account(api)
    mine, theirs = (an_opportunity(api, pipeline, accountId=account) for _ in range(2))
    seller = cast.user({"customers.see": "ALL", "sales.see": "OWN"})
    without_sales = cast.user({"customers.see": "ALL"})
    stranger = cast.user({"customers.see": "OWN", "sales.see": "OWN"})
    api.given("assignOpportunityOwner", id=mine, ownerId=seller.me)
    api.given("assignOpportunityOwner", id=theirs, ownerId=api.me)
    api.given("assignAccountOwner", id=account, ownerId=api.me)
    for who in (seller, without_sales, stranger):
        who.position = api.position

    assert things(api, account) == {account, mine, theirs}
    assert things(seller, account) == {account, mine}
    assert things(without_sales, account) == {account}
    assert things(stranger, account) == set()
    assert cast.user().refused(TIMELINE, of=other)[0] == "FORBIDDEN"


def test_a_link_that_is_hidden_leads_nowhere(api: Api, cast: Cast, pipeline: str) -> None:
    account = an_account(api)
    sale = an_opportunity(api, pipeline, accountId=account)
    reader = cast.user({"customers.see": "ALL", "sales.see": "ALL"}, ["Opportunity.account_id"])

    assert things(api, account) == {account, sale}
    assert things(reader, account) == {account}


def test_what_nobody_looks_after_has_no_timeline(api: Api) -> None:
    code, message = api.refused(TIMELINE, of=a_product(api))

    assert (code, message) == (
        "BAD_USER_INPUT",
        "nothing belongs to a thing of the kind Product: ask for its `history`",
    )
