"""Lists, a page at a time."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec
import pytest

from tests.api.client import Api, some
from tests.api.company import a_product, an_account, an_opportunity, euros

PAGE = """query ($account: ID!, $first: Int, $after: String, $last: Int, $before: String, $by: [OpportunityOrder!]) {
    opportunities(
        filter: {accountId: {eq: $account}}, orderBy: $by, first: $first, after: $after, last: $last, before: $before
    ) {
        totalCount nodes { id amount { amount } expectedClose status } edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}"""
AMOUNTS = (
    None,
    "0.1",
    "0.10",
    "0.3",
    "1e-6",
    "9007199254740993.01",
    "9007199254740993.02",
    "5",
    "5",
    "1234567890123456789",
)
DAYS = (None, "2026-01-31", "2026-02-28")
EMPTY = {"totalCount": 0, "nodes": [], "edges": []}
BY_AMOUNT = [{"field": "AMOUNT"}]


@pytest.fixture(scope="module")
def account(api: Api, pipeline: str) -> Iterator[str]:
    """With ten opportunities of which some lack an amount or a day, and some are alike; beside another's."""
    account, other = an_account(api), an_account(api)
    an_opportunity(api, pipeline, accountId=other, amount=euros("5"))
    for place, amount in enumerate(AMOUNTS):
        money, day = amount and euros(amount), DAYS[place % 3]
        made = an_opportunity(api, pipeline, accountId=account, amount=money, expectedClose=day)
        if place % 2:
            api.given("loseOpportunity", id=made, reason="Price")
    yield account


def page(api: Api, account: str, **asked: Any) -> Any:
    return api.ask(PAGE, account=account, **asked)["opportunities"]


def ids(page: Any) -> list[str]:
    assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
    return [node["id"] for node in page["nodes"]]


def forwards(api: Api, account: str, size: int, by: Any) -> list[list[str]]:
    pages, after, more = [], None, True
    while more:
        one = page(api, account, by=by, first=size, after=after)
        assert one["pageInfo"]["hasPreviousPage"] == (after is not None)
        pages.append(ids(one))
        after, more = one["pageInfo"]["endCursor"], one["pageInfo"]["hasNextPage"]
    return pages


def backwards(api: Api, account: str, size: int, by: Any) -> list[list[str]]:
    pages: list[list[str]] = []
    before, more = None, True
    while more:
        one = page(api, account, by=by, last=size, before=before)
        assert one["pageInfo"]["hasNextPage"] == (before is not None)
        pages.insert(0, ids(one))
        before, more = one["pageInfo"]["startCursor"], one["pageInfo"]["hasPreviousPage"]
    return pages


ORDERS = [
    None,
    [{"field": "ID", "direction": "DESC"}],
    [{"field": "AMOUNT"}],
    [{"field": "AMOUNT", "direction": "DESC"}],
    [{"field": "EXPECTED_CLOSE"}],
    [{"field": "EXPECTED_CLOSE", "direction": "DESC"}],
    [{"field": "STATUS"}],
    [{"field": "STATUS", "direction": "DESC"}, {"field": "AMOUNT"}],
    [{"field": "EXPECTED_CLOSE"}, {"field": "AMOUNT", "direction": "DESC"}],
    [{"field": "AMOUNT"}, {"field": "EXPECTED_CLOSE", "direction": "DESC"}, {"field": "ID", "direction": "DESC"}],
    [{"field": "OWNER_ID"}, {"field": "ACCOUNT_ID", "direction": "DESC"}],
]


@pytest.mark.parametrize("by", ORDERS)
def test_pages_join_into_the_whole_list_in_every_order(api: Api, account: str, by: Any) -> None:
    whole = ids(page(api, account, by=by))

    there, back = forwards(api, account, 3, by), backwards(api, account, 3, by)

    assert len(set(whole)) == 10
    assert [len(each) for each in there] == [3, 3, 3, 1]
    assert [len(each) for each in back] == [1, 3, 3, 3]
    assert [*chain(*there)] == [*chain(*back)] == whole


def test_pages_of_what_was_known_then_join_into_the_list_of_then(api: Api, account: str) -> None:
    asked = f'filter: {{accountId: {{eq: "{account}"}}}}, asOf: {{position: {api.head()}}}'
    whole = api.ask(f"{{ it: opportunities({asked}) {{ nodes {{ id }} pageInfo {{ endCursor }} }} }}")["it"]["nodes"]

    first = api.ask(f"{{ it: opportunities({asked}, first: 4) {{ nodes {{ id }} pageInfo {{ endCursor }} }} }}")["it"]
    after = first["pageInfo"]["endCursor"]
    rest = api.ask(f'{{ it: opportunities({asked}, after: "{after}") {{ nodes {{ id }} }} }}')["it"]["nodes"]

    assert (len(whole), first["nodes"] + rest) == (10, whole)


@pytest.mark.parametrize("way", ["ASC", "DESC"])
@pytest.mark.parametrize("field", ["ID", "AMOUNT", "STAGE"])
def test_pages_of_the_past_are_those_that_were_read_when_it_was_now(
    api: Api, pipeline: str, field: str, way: str
) -> None:
    account = an_account(api)
    sales = [an_opportunity(api, pipeline, accountId=account, amount=euros(str(n % 4))) for n in range(8)]
    api.given("moveOpportunityToStage", id=sales[3], stage="offer")
    first = api.ask(OF_THEN, account=account, field=field, way=way, first=3)["opportunities"]
    after = first["pageInfo"]["endCursor"]
    pages: list[dict[str, Any]] = [
        {"first": 3},
        {"first": 3, "after": after},
        {"last": 3},
        {"last": 3, "before": after},
    ]
    then = [api.ask(OF_THEN, account=account, field=field, way=way, **page) for page in pages]
    position = api.head()

    for n in (0, 2, 3, 7):
        api.given("changeOpportunityAmount", id=sales[n], amount=euros(str(9 - n)))
    api.given("moveOpportunityToStage", id=sales[5], stage="offer")
    api.given("archiveOpportunity", id=sales[1])
    an_opportunity(api, pipeline, accountId=account, amount=euros("2"))

    known = [
        api.ask(OF_THEN, account=account, field=field, way=way, asOf={"position": position}, **page) for page in pages
    ]
    assert known == then
    assert api.ask(OF_THEN, account=account, field=field, way=way, first=3)["opportunities"] != first or field == "ID"


OF_THEN = """query ($account: ID!, $field: OpportunityOrderField!, $way: Direction!, $first: Int, $after: String,
                   $last: Int, $before: String, $asOf: AsOf) {
    opportunities(filter: {accountId: {eq: $account}}, orderBy: [{field: $field, direction: $way}], first: $first,
                  after: $after, last: $last, before: $before, asOf: $asOf) {
        nodes { id version stage amount { amount } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


def test_what_has_no_value_comes_last_and_first_when_descending(api: Api, account: str) -> None:
    up = page(api, account, by=BY_AMOUNT)["nodes"]
    down = page(api, account, by=[{"field": "AMOUNT", "direction": "DESC"}])["nodes"]

    assert [node["amount"] and node["amount"]["amount"] for node in up] == [
        "0.000001", "0.1", "0.10", "0.3", "5", "5", "9007199254740993.01", "9007199254740993.02", "1234567890123456789",
        None,
    ]  # fmt: skip
    assert [node["amount"] for node in down][:2] == [None, {"amount": "1234567890123456789"}]


def test_lists_of_a_thing_have_pages_of_their_own(api: Api, account: str) -> None:
    query = """query ($id: ID!, $after: String) { account(id: $id) { opportunities(first: 6, after: $after) {
        totalCount nodes { id } pageInfo { endCursor hasNextPage } } } }"""
    whole = ids(page(api, account))

    first = api.ask(query, id=account)["account"]["opportunities"]
    second = api.ask(query, id=account, after=first["pageInfo"]["endCursor"])["account"]["opportunities"]

    assert [node["id"] for node in first["nodes"] + second["nodes"]] == whole
    assert [each["pageInfo"]["hasNextPage"] for each in (first, second)] == [True, False]
    assert [each["totalCount"] for each in (first, second)] == [10, 10]


def test_pages_of_the_items_of_many_join_too(api: Api, pipeline: str) -> None:
    product, other = a_product(api), a_product(api)
    for _ in range(2):
        opportunity = an_opportunity(api, pipeline)
        for each in (product, product, other):
            api.given("addOpportunityLine", id=opportunity, productId=each, quantity="1", price=euros("1"))
    query = """query ($product: ID!, $first: Int, $after: String) {
        opportunityLines(filter: {productId: {eq: $product}}, first: $first, after: $after) {
            nodes { lineId } pageInfo { endCursor hasNextPage } } }"""
    whole = api.ask(query, product=product)["opportunityLines"]["nodes"]

    first = api.ask(query, product=product, first=3)["opportunityLines"]
    second = api.ask(query, product=product, after=first["pageInfo"]["endCursor"])["opportunityLines"]

    assert (len(whole), first["nodes"] + second["nodes"]) == (4, whole)


def test_the_ends_of_a_list_are_told(api: Api, account: str) -> None:
    exactly = page(api, account, first=10)["pageInfo"]
    beyond = page(api, account, after=exactly["endCursor"])

    assert (exactly["hasNextPage"], exactly["hasPreviousPage"]) == (False, False)
    assert beyond == {
        "totalCount": 10,
        "nodes": [],
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None},
    }


def test_an_empty_list_has_neither_rows_nor_cursors(api: Api) -> None:
    empty = page(api, an_account(api))

    ends = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert empty == EMPTY | {"pageInfo": ends}


def test_fifty_come_where_nothing_else_is_asked(api: Api) -> None:
    tag = some("many")
    for _ in range(3):
        variables = {f"i{n}": {"name": "Acme"} for n in range(17)}
        declared = ", ".join(f"${name}: RegisterAccountInput!" for name in variables)
        made = " ".join(
            f"{name}: registerAccount(input: ${name}) {{ position changed {{ id }} }}" for name in variables
        )
        answer = api.ask(f"mutation ({declared}) {{ {made} }}", **variables)
        tagged = " ".join(
            f't{n}: tagAccount(input: {{id: "{each["changed"][0]["id"]}", label: "{tag}"}}) {{ position }}'
            for n, each in enumerate(answer.values())
        )
        api.position = max(each["position"] for each in api.ask(f"mutation {{ {tagged} }}").values())

    found = api.ask(
        "query ($tag: String!) { accounts(filter: {tags: {has: $tag}}) { totalCount nodes { id } } }", tag=tag
    )["accounts"]

    assert (found["totalCount"], len(found["nodes"])) == (51, 50)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"first": 0}, "`first` is between 1 and 1000"),
        ({"first": -1}, "`first` is between 1 and 1000"),
        ({"first": 1001}, "`first` is between 1 and 1000"),
        ({"last": 0}, "`last` is between 1 and 1000"),
        ({"last": 1001}, "`last` is between 1 and 1000"),
        ({"first": 1, "last": 1}, "a list takes `first` or `last`, not both"),
        ({"first": 1, "before": "x"}, "`after` goes with `first`, and `before` with `last`"),
        ({"last": 1, "after": "x"}, "`after` goes with `first`, and `before` with `last`"),
        ({"after": "x", "before": "x"}, "a list takes `after` or `before`, not both"),
    ],
)
def test_a_page_that_cannot_be_is_refused(api: Api, account: str, asked: dict[str, Any], message: str) -> None:
    refused = api.refused(PAGE, account=account, **asked)

    assert refused == ("BAD_USER_INPUT", message)


def test_a_list_is_ordered_by_a_field_once(api: Api, account: str) -> None:
    refused = api.refused(PAGE, account=account, by=[*BY_AMOUNT, *BY_AMOUNT])

    assert refused == ("BAD_USER_INPUT", "a list is ordered by a field once")


def a_cursor(*values: Any) -> str:
    return b64encode(msgspec.json.encode(values)).decode()


SOMETHING = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "cursor",
    [
        "!!",
        "é",
        "AAAA",
        "WzFd",
        "x" * 10_000,
        b64encode(b"[").decode(),
        b64encode(b"[" * 100_000).decode(),
        b64encode(b'["\\ud800", "x"]').decode(),
        b64encode(b'{"a": 1}').decode(),
        a_cursor(),
        a_cursor(SOMETHING),
        a_cursor("1", None),
        a_cursor("1", "junk"),
        a_cursor("1", SOMETHING, SOMETHING),
        a_cursor("one", SOMETHING),
        a_cursor("NaN", SOMETHING),
        a_cursor("Infinity", SOMETHING),
        a_cursor("\0", SOMETHING),
        a_cursor("1e999999", SOMETHING),
        a_cursor("1e-999999", SOMETHING),
        a_cursor(1, SOMETHING),
    ],
)
@pytest.mark.parametrize("direction", ["after", "before"])
def test_a_cursor_of_no_list_is_refused(api: Api, account: str, cursor: str, direction: str) -> None:
    refused = api.refused(PAGE, account=account, by=BY_AMOUNT, **{direction: cursor})

    assert refused == ("BAD_USER_INPUT", "this cursor does not belong to this list in this order")


def test_a_cursor_of_another_order_is_refused(api: Api, account: str) -> None:
    by_day = page(api, account, by=[{"field": "EXPECTED_CLOSE"}], first=5)["pageInfo"]["endCursor"]

    refused = api.refused(PAGE, account=account, by=BY_AMOUNT, after=by_day)

    assert refused == ("BAD_USER_INPUT", "this cursor does not belong to this list in this order")


def test_a_cursor_keeps_every_digit(api: Api, account: str) -> None:
    third = page(api, account, by=BY_AMOUNT, first=7)["edges"][-1]["cursor"]

    after = page(api, account, by=BY_AMOUNT, after=third)["nodes"][0]

    assert msgspec.json.decode(b64decode(third))[0] == "9007199254740993.01"
    assert after["amount"] == {"amount": "9007199254740993.02"}
