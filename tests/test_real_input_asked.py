"""Real input, asked through GraphQL: every sum is that of the files, now, half-way through the import, and for what had
occurred by the middle of the year."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest

from infra.first_start import administrator
from infra.identity import Identity
from infra.rights import Directory
from infra.settings import Settings
from server import application
from tests.api.client import Api
from tests.api.conftest import serving
from tests.maven import Maven

MIDDLE = "2017-06-30"
HALF = 4_400
BY_PRODUCT = "{ wonByProduct(%s) { product { name } amount { amount currency } } }"
BY_QUARTER = "{ wonByPeriod(bucket: QUARTER, %s) { period amount { amount currency } } }"
BY_AGENT = """{ opportunities(%s, filter: {status: {eq: WON}}) {
    aggregate { count sum { amount { amount currency } } }
    groupBy(by: [{field: OWNER_ID}]) { key { owner { name } } sum { amount { amount currency } } } } }"""
BY_STAGE = "{ pipelineByStage(%s) { stage opportunities amount { amount } } }"
NESTED = """{ accounts(first: 100, %s) { nodes { name
    won: opportunities(first: 1000, filter: {status: {eq: WON}}) { totalCount nodes { amount { amount } } }
    open: opportunities(filter: {status: {eq: OPEN}}) { totalCount } } } }"""


@dataclass
class Then:
    """What the files say of one instant, and how it is asked for."""

    instant: str
    deals: list[dict[str, str]]

    @property
    def won(self) -> list[dict[str, str]]:
        return [deal for deal in self.deals if deal["deal_stage"] == "Won"]

    def sums(self, by: str) -> dict[str, Decimal]:
        found: dict[str, Decimal] = defaultdict(Decimal)
        for deal in self.won:
            found[deal[by]] += Decimal(deal["close_value"])
        return dict(found)


@pytest.fixture(scope="module")
def asked(maven: Maven, database_url: str) -> Iterator[Api]:
    """The API over the imported company."""
    schema, store = maven.schema, maven.world.store
    with Identity(database_url, store, schema) as identity:
        user = administrator(maven.world.pipeline, identity, Directory(store))
        token = identity.create(user, "tests")
    maven.world.projected()
    with (
        serving(application(Settings(), database_url, None, schema)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield Api(client, token, user)


@pytest.fixture(scope="module", params=["now", "half-way", "occurred"])
def then(request: pytest.FixtureRequest, maven: Maven) -> Then:
    """Now, as of a position half-way through the import of the deals, and by the middle of the year."""
    mended = [
        deal | {"product": deal["product"].replace("GTXPro", "GTX Pro"), "quarter": quarter(deal["close_date"])}
        for deal in maven.deals
    ]
    if request.param == "now":
        return Then("", mended)
    if request.param == "half-way":
        told = "select position, convert_from(state, 'UTF8') from events where topic = 'Opportunity.{}' order by 1"
        opened, linked = maven.sql(told.format("Opened")), maven.sql(told.format("ExternalIdsChanged"))
        position = opened[HALF][0] - 1
        known = {json.loads(state)["external_ids"]["maven"] for at, state in linked if at <= position}
        return Then(f"asOf: {{position: {position}}}", [d for d in mended if d["opportunity_id"] in known])
    return Then(f'occurred: {{until: "{MIDDLE}"}}', [d for deal in mended if (d := by_the_middle(deal))])


def by_the_middle(deal: dict[str, str]) -> dict[str, str] | None:
    """A deal as far as it had come by then."""
    if (deal["engage_date"] or "2017-12-31") > MIDDLE:
        return None
    return deal | ({"deal_stage": "Engaging"} if deal["close_date"] > MIDDLE else {})


def quarter(day: str) -> str:
    return f"{day[:4]}-{(int(day[5:7]) + 2) // 3 * 3 - 2:02}-01" if day else ""


def amounts(rows: list[Any], name: Any) -> dict[str, Decimal]:
    assert all(row["amount"]["currency"] == "USD" for row in rows)
    return {name(row): Decimal(row["amount"]["amount"]) for row in rows}


def test_there_is_something_to_ask(then: Then) -> None:
    assert len(then.deals) == (HALF if "asOf" in then.instant else len(then.deals))
    assert 1_000 < len(then.won) <= 4_238


def test_what_was_won_by_product(asked: Api, then: Then) -> None:
    told = asked.ask(BY_PRODUCT % (then.instant or "since: null"))["wonByProduct"]

    assert amounts(told, lambda row: row["product"]["name"]) == then.sums("product")


def test_what_was_won_by_quarter(asked: Api, then: Then) -> None:
    told = asked.ask(BY_QUARTER % then.instant)["wonByPeriod"]

    assert amounts(told, lambda row: row["period"]) == then.sums("quarter")


def test_what_was_won_by_agent(asked: Api, then: Then) -> None:
    told = asked.ask(BY_AGENT % then.instant)["opportunities"]

    found = {row["key"]["owner"]["name"]: Decimal(row["sum"]["amount"][0]["amount"]) for row in told["groupBy"]}
    assert found == then.sums("sales_agent")
    assert told["aggregate"]["count"] == len(then.won)
    [whole] = told["aggregate"]["sum"]["amount"]
    assert Decimal(whole["amount"]) == sum(then.sums("product").values())


def test_what_is_open_by_stage(asked: Api, then: Then) -> None:
    told = asked.ask(BY_STAGE % (then.instant or "ownerId: null"))["pipelineByStage"]

    expected = Counter(d["deal_stage"].lower() for d in then.deals if d["deal_stage"] in ("Engaging", "Prospecting"))
    assert {row["stage"]: row["opportunities"] for row in told} == expected
    assert all(row["amount"] is None for row in told)


def test_accounts_with_their_opportunities(asked: Api, then: Then) -> None:
    told = asked.ask(NESTED % then.instant)["accounts"]["nodes"]

    won, open_ = then.sums("account"), Counter(d["account"] for d in then.deals if d["deal_stage"][0] in "EP")
    for account in told:
        name = account["name"]
        found = sum(Decimal(node["amount"]["amount"]) for node in account["won"]["nodes"])
        assert (found, account["open"]["totalCount"]) == (won.get(name, 0), open_.get(name, 0)), name
        assert account["won"]["totalCount"] == len(account["won"]["nodes"])
    assert len(told) == 85
