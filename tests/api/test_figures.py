"""What lists add up to, and the reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.api.client import Api, some
from tests.api.company import (
    a_pipeline,
    a_product,
    a_user,
    a_won_opportunity,
    an_account,
    an_opportunity,
    dollars,
    euros,
)

MONEY = "{ amount currency }"
LIST = """query ($account: ID!, $more: OpportunityFilter = {}) {
    it: opportunities(filter: {accountId: {eq: $account}, and: [$more]}) { %s }
}"""
NOTHING_SUMMED = {"sum": {"amount": [], "probability": None}, "max": {"expectedClose": None}}


@pytest.fixture(scope="module")
def account(api: Api, pipeline: str) -> Iterator[str]:
    """With five sales in two currencies, one of them of unknown value, beside another's."""
    account, other = an_account(api, some("Figures")), an_account(api)
    of = {"accountId": account}
    a_won_opportunity(api, pipeline, euros("10.10"), "2025-01-31", **of)
    a_won_opportunity(api, pipeline, euros("20.20"), "2025-02-01", **of)
    a_won_opportunity(api, pipeline, dollars("5"), "2025-02-28", **of)
    an_opportunity(api, pipeline, expectedClose="2026-12-31", **of)
    an_opportunity(api, pipeline, amount=euros("0.000001"), expectedClose="2026-06-30", **of)
    a_won_opportunity(api, pipeline, euros("1000"), "2025-02-02", accountId=other)
    yield account


def of(api: Api, account: str, selection: str, **more: Any) -> Any:
    return api.ask(LIST % selection, account=account, **({"more": more} if more else {}))["it"]


def test_money_is_added_up_per_currency_and_never_mixed(api: Api, account: str) -> None:
    shown = """aggregate { count
        sum { amount { amount currency } } avg { amount { amount currency } }
        min { amount { amount currency } } max { amount { amount currency } } }"""

    figures = of(api, account, shown, status={"eq": "WON"})["aggregate"]

    assert figures["count"] == 3
    assert figures["sum"]["amount"] == [euros("30.30"), dollars("5")]
    assert [(each["currency"], float(each["amount"])) for each in figures["avg"]["amount"]] == [
        ("EUR", 15.15),
        ("USD", 5),
    ]
    assert figures["min"]["amount"] == [euros("10.10"), dollars("5")]
    assert figures["max"]["amount"] == [euros("20.20"), dollars("5")]


def test_sums_are_exact(api: Api, account: str) -> None:
    figures = of(api, account, f"aggregate {{ sum {{ amount {MONEY} }} }}")["aggregate"]

    assert figures["sum"]["amount"] == [euros("30.300001"), dollars("5")]


def test_numbers_and_days_have_figures_of_their_own(api: Api, account: str) -> None:
    shown = """aggregate { avg { probability } sum { probability }
        min { probability closedOn expectedClose } max { closedOn expectedClose } }"""

    figures = of(api, account, shown)["aggregate"]

    assert float(figures["avg"].pop("probability")) == 10
    assert figures == {
        "avg": {},
        "sum": {"probability": "50"},
        "min": {"probability": 10, "closedOn": "2025-01-31", "expectedClose": "2026-06-30"},
        "max": {"closedOn": "2025-02-28", "expectedClose": "2026-12-31"},
    }


def test_figures_are_of_the_whole_list_and_not_of_its_page(api: Api, account: str) -> None:
    answer = api.ask(
        """query ($account: ID!) { opportunities(first: 1, filter: {accountId: {eq: $account}}) {
            nodes { id } totalCount aggregate { count }
        } }""",
        account=account,
    )["opportunities"]

    assert (len(answer["nodes"]), answer["totalCount"], answer["aggregate"]["count"]) == (1, 5, 5)


def test_an_empty_list_adds_up_to_nothing(api: Api) -> None:
    shown = """aggregate { count sum { probability amount { amount } } max { expectedClose } }
        groupBy(by: {field: STAGE}) { count }"""

    figures = of(api, an_account(api), shown)

    assert figures == {"aggregate": {"count": 0, **NOTHING_SUMMED}, "groupBy": []}


def test_figures_belong_to_the_thing_that_has_the_list(api: Api, account: str) -> None:
    query = """query ($id: ID!) { account(id: $id) { opportunities {
        aggregate { count sum { amount { amount currency } } } } } }"""

    of_one = api.ask(query, id=account)["account"]["opportunities"]["aggregate"]

    assert of_one == {"count": 5, "sum": {"amount": [euros("30.300001"), dollars("5")]}}


def test_a_view_with_two_columns_of_money_adds_up_each(api: Api) -> None:
    tag = some("revenue")
    for revenue in (euros("1.5"), euros("2"), dollars("4")):
        api.given("tagAccount", id=an_account(api, revenue=revenue, employees=3), label=tag)
    query = """query ($tag: String!) { accounts(filter: {tags: {has: $tag}}) {
        aggregate { sum { employees revenue { amount currency } } } } }"""

    figures = api.ask(query, tag=tag)["accounts"]["aggregate"]

    assert figures == {"sum": {"employees": "9", "revenue": [euros("3.5"), dollars("4")]}}


# -- groups ----------------------------------------------------------------------------------------


def test_groups_have_a_key_and_figures(api: Api, account: str) -> None:
    shown = f"groupBy(by: {{field: STATUS}}) {{ key {{ status stage }} count sum {{ amount {MONEY} }} }}"

    groups = of(api, account, shown)["groupBy"]

    assert groups == [
        {"key": {"status": "OPEN", "stage": None}, "count": 2, "sum": {"amount": [euros("0.000001")]}},
        {"key": {"status": "WON", "stage": None}, "count": 3, "sum": {"amount": [euros("30.30"), dollars("5")]}},
    ]


def test_groups_are_by_several_keys(api: Api, account: str) -> None:
    shown = "groupBy(by: [{field: STATUS}, {field: EXPECTED_CLOSE}]) { key { status expectedClose } count }"

    groups = of(api, account, shown)["groupBy"]

    assert [(group["key"]["status"], group["key"]["expectedClose"], group["count"]) for group in groups] == [
        ("OPEN", "2026-06-30", 1),
        ("OPEN", "2026-12-31", 1),
        ("WON", None, 3),
    ]


def test_a_group_by_what_things_point_to_shows_it(api: Api, account: str) -> None:
    user = a_user(api, "Grace")
    other, opportunity = an_account(api), api.ask(LIST % "nodes { id }", account=account)["it"]["nodes"][0]["id"]
    name = api.ask("query ($id: ID!) { account(id: $id) { name } }", id=account)["account"]["name"]
    api.given("assignOpportunityOwner", id=opportunity, ownerId=user)

    groups = of(api, account, "groupBy(by: {field: OWNER_ID}) { key { ownerId owner { name } account { id } } count }")
    by_account = api.ask(
        """query ($ids: [ID!]!) { opportunities(filter: {accountId: {in: $ids}}) {
            groupBy(by: {field: ACCOUNT_ID}) { key { accountId account { name } } count }
        } }""",
        ids=[account, other],
    )["opportunities"]["groupBy"]

    assert groups["groupBy"] == [
        {"key": {"ownerId": user, "owner": {"name": "Grace"}, "account": None}, "count": 1},
        {"key": {"ownerId": None, "owner": None, "account": None}, "count": 4},
    ]
    assert by_account == [{"key": {"accountId": account, "account": {"name": name}}, "count": 5}]


@pytest.mark.parametrize(
    ("bucket", "groups"),
    [
        ("DAY", [("2025-01-31", 1), ("2025-02-01", 1), ("2025-02-28", 1)]),
        ("WEEK", [("2025-01-27", 2), ("2025-02-24", 1)]),
        ("MONTH", [("2025-01-01", 1), ("2025-02-01", 2)]),
        ("QUARTER", [("2025-01-01", 3)]),
        ("YEAR", [("2025-01-01", 3)]),
    ],
)
def test_days_fall_into_periods(api: Api, account: str, bucket: str, groups: list[Any]) -> None:
    shown = f"groupBy(by: {{field: CLOSED_ON, bucket: {bucket}}}) {{ key {{ closedOn }} count }}"

    found = of(api, account, shown, status={"eq": "WON"})["groupBy"]

    assert [(group["key"]["closedOn"], group["count"]) for group in found] == groups


def test_moments_fall_into_the_days_of_a_time_zone(api: Api) -> None:
    tag = some("moments")
    api.given("tagAccount", id=an_account(api), label=tag)
    query = """query ($tag: String!, $zone: TimeZone!) { accounts(filter: {tags: {has: $tag}}) {
        nodes { createdAt } groupBy(by: {field: CREATED_AT, bucket: DAY}, timeZone: $zone) { key { createdAt } } } }"""

    west = api.ask(query, tag=tag, zone="Etc/GMT+12")["accounts"]
    east = api.ask(query, tag=tag, zone="Etc/GMT-12")["accounts"]

    [begun_west, begun_east] = [datetime.fromisoformat(each["groupBy"][0]["key"]["createdAt"]) for each in (west, east)]
    made = datetime.fromisoformat(west["nodes"][0]["createdAt"])
    assert (begun_west.utcoffset(), begun_east.utcoffset()) == (made.utcoffset(), made.utcoffset())
    assert (begun_west.hour, begun_east.hour) == (12, 12)
    assert abs((begun_west - begun_east).days) in (0, 1)
    assert begun_west <= made and begun_east <= made


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("[]", "`by` names at least one field"),
        ("[{field: STAGE}, {field: STAGE}]", "`by` names a field once"),
        ("[{field: STAGE, bucket: DAY}]", "`bucket` goes with a date or a time, and stage is neither"),
    ],
)
def test_groups_that_cannot_be_are_refused(api: Api, by: str, message: str) -> None:
    refused = api.refused(f"{{ opportunities {{ groupBy(by: {by}) {{ count }} }} }}")

    assert refused == ("BAD_USER_INPUT", message)


def test_a_time_zone_that_is_none_is_refused(api: Api) -> None:
    code, message = api.refused('{ accounts { groupBy(by: {field: NAME}, timeZone: "Mars/Base") { count } } }')

    assert (code, "this is not a time zone" in message) == ("GRAPHQL_VALIDATION_FAILED", True)


def test_groups_and_figures_without_any_are_as_many_as_with_them(api: Api, account: str) -> None:
    bare = of(api, account, "groupBy(by: {field: STATUS}) { __typename } aggregate { __typename sum { __typename } }")

    assert bare == {
        "groupBy": [{"__typename": "OpportunityGroup"}] * 2,
        "aggregate": {"__typename": "OpportunityAggregate", "sum": {"__typename": "OpportunitySum"}},
    }


def test_items_are_grouped_by_what_has_them(api: Api, pipeline: str) -> None:
    product, opportunity = a_product(api), an_opportunity(api, pipeline)
    for quantity in ("1", "2"):
        api.given("addOpportunityLine", id=opportunity, productId=product, quantity=quantity, price=euros("3"))
    query = f"""query ($id: ID!) {{ opportunityLines(filter: {{productId: {{eq: $id}}}}) {{
        groupBy(by: [{{field: PRODUCT_ID}}, {{field: ID}}]) {{
            key {{ product {{ name }} opportunityId opportunity {{ name }} }}
            count sum {{ quantity price {MONEY} }} }} }} }}"""

    [group] = api.ask(query, id=product)["opportunityLines"]["groupBy"]

    assert group == {
        "key": {"product": {"name": "Pump"}, "opportunityId": opportunity, "opportunity": {"name": "Pumps"}},
        "count": 2,
        "sum": {"quantity": "3", "price": [euros("6")]},
    }


# -- reports ---------------------------------------------------------------------------------------


def test_the_pipeline_by_stage_is_what_is_open_in_the_order_of_its_stages(api: Api) -> None:
    pipeline, owner = a_pipeline(api), a_user(api)
    for amount, stage in ((euros("1"), "offer"), (euros("2"), "offer"), (dollars("4"), "first"), (None, "first")):
        opportunity = an_opportunity(api, pipeline, amount=amount)
        api.given("moveOpportunityToStage", id=opportunity, stage=stage)
    api.given("assignOpportunityOwner", id=opportunity, ownerId=owner)
    a_won_opportunity(api, pipeline, euros("64"), "2025-01-31")
    api.given("archiveOpportunity", id=an_opportunity(api, pipeline, amount=euros("128")))
    query = f"""query ($pipeline: ID, $owner: ID) {{ pipelineByStage(pipelineId: $pipeline, ownerId: $owner) {{
        pipeline {{ id }} stage opportunities amount {MONEY} }} }}"""

    rows = api.ask(query, pipeline=pipeline)["pipelineByStage"]
    of_owner = api.ask(query, pipeline=pipeline, owner=owner)["pipelineByStage"]
    everywhere = api.ask(query)["pipelineByStage"]

    of = {"pipeline": {"id": pipeline}}
    unknown = {**of, "stage": "first", "opportunities": 1, "amount": None}
    assert rows == [
        {**of, "stage": "first", "opportunities": 1, "amount": dollars("4")},
        unknown,
        {**of, "stage": "offer", "opportunities": 2, "amount": euros("3")},
    ]
    assert of_owner == [unknown]
    assert [row for row in everywhere if row["pipeline"] == {"id": pipeline}] == rows


def test_what_was_won_falls_into_periods(api: Api, pipeline: str) -> None:
    owner = a_user(api)
    for amount, on in (
        (euros("1"), "2024-12-31"),
        (euros("2"), "2025-01-01"),
        (dollars("4"), "2025-03-31"),
        (euros("8"), "2025-04-01"),
    ):
        won = a_won_opportunity(api, pipeline, amount, on)
        api.given("assignOpportunityOwner", id=won, ownerId=owner)
    a_won_opportunity(api, pipeline, euros("64"), "2025-01-01")
    query = f"""query ($owner: ID, $bucket: Bucket! = MONTH, $since: Date, $until: Date) {{
        wonByPeriod(ownerId: $owner, bucket: $bucket, since: $since, until: $until) {{
            period opportunities amount {MONEY} }} }}"""

    by_quarter = api.ask(query, owner=owner, bucket="QUARTER")["wonByPeriod"]
    within = api.ask(query, owner=owner, since="2025-01-01", until="2025-04-01")["wonByPeriod"]

    assert by_quarter == [
        {"period": "2024-10-01", "opportunities": 1, "amount": euros("1")},
        {"period": "2025-01-01", "opportunities": 1, "amount": euros("2")},
        {"period": "2025-01-01", "opportunities": 1, "amount": dollars("4")},
        {"period": "2025-04-01", "opportunities": 1, "amount": euros("8")},
    ]
    assert within == [
        {"period": "2025-01-01", "opportunities": 1, "amount": euros("2")},
        {"period": "2025-03-01", "opportunities": 1, "amount": dollars("4")},
    ]


def test_what_was_sold_of_each_product(api: Api, pipeline: str) -> None:
    pump, hose = a_product(api, "Pump"), a_product(api, "Hose")
    for quantity, on in (("2", "1999-01-01"), ("1", "1999-01-02"), ("64", "1998-12-31")):
        opportunity = an_opportunity(api, pipeline)
        api.given(
            "addOpportunityLine", id=opportunity, productId=pump, quantity=quantity, price=euros("10"), discount="5"
        )
        api.given("addOpportunityLine", id=opportunity, productId=hose, quantity="0.5", price=euros("1"))
        api.given("winOpportunity", id=opportunity, amount=euros("1"), on=on)
    query = f"""{{ wonByProduct(since: "1999-01-01", until: "2000-01-01") {{
        product {{ name }} opportunities quantity amount {MONEY} }} }}"""

    rows = api.ask(query)["wonByProduct"]

    assert [(row["product"]["name"], row["opportunities"], row["quantity"]) for row in rows] == [
        ("Pump", 2, "3"),
        ("Hose", 2, "1.0"),
    ]
    assert [(float(row["amount"]["amount"]), row["amount"]["currency"]) for row in rows] == [(28.5, "EUR"), (1, "EUR")]


def test_how_long_sales_stood_in_each_stage(api: Api) -> None:
    pipeline = a_pipeline(api)
    one, _ = an_opportunity(api, pipeline), an_opportunity(api, pipeline)
    api.given("moveOpportunityToStage", id=one, stage="offer")

    rows = api.ask(
        "query ($id: ID!) { timeInStage(pipelineId: $id) { pipelineId stage opportunities onAverage } }", id=pipeline
    )["timeInStage"]

    assert [(row["pipelineId"], row["stage"], row["opportunities"]) for row in rows] == [
        (pipeline, "first", 2),
        (pipeline, "offer", 1),
    ]
    assert all(0 < row["onAverage"] < 60 for row in rows)


@pytest.mark.parametrize(
    ("report", "code"),
    [
        ('pipelineByStage(pipelineId: "junk")', "BAD_USER_INPUT"),
        ('pipelineByStage(pipelineId: "User_00000000-0000-0000-0000-000000000000")', "BAD_USER_INPUT"),
        ('pipelineByStage(since: "2025-01-01")', "GRAPHQL_VALIDATION_FAILED"),
        ('wonByPeriod(since: "2025-02-30")', "GRAPHQL_VALIDATION_FAILED"),
        ("wonByPeriod(bucket: DECADE)", "GRAPHQL_VALIDATION_FAILED"),
        ("wonByPeriod(bucket: null)", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_a_report_with_bad_parameters_is_refused(api: Api, report: str, code: str) -> None:
    error = api.error(f"{{ {report} {{ opportunities }} }}")

    assert error["extensions"]["code"] == code
