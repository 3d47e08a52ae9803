"""Reports under other assumptions: each against a plain computation over the very rows that the API lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import a_pipeline, a_product, a_user, a_won_opportunity, an_opportunity, dollars, euros

MONEY: Final = "{ amount currency }"
AMOUNTS: Final = ("won", "commit", "bestCase", "pipeline", "weighted", "expected")
FORECAST: Final = f"""query (
    $bucket: Bucket! = MONTH, $since: Date, $until: Date, $pipeline: ID, $owner: ID, $team: ID, $commitFrom: Int! = 80,
    $bestCaseFrom: Int! = 50, $closeShift: Int! = 0, $currency: String, $rates: [RateInput!],
    $stages: [StageChanceInput!], $asOf: AsOf
) {{
    forecast(
        bucket: $bucket, since: $since, until: $until, pipelineId: $pipeline, ownerId: $owner, teamId: $team,
        commitFrom: $commitFrom, bestCaseFrom: $bestCaseFrom, closeShift: $closeShift, currency: $currency,
        rates: $rates, stages: $stages, asOf: $asOf
    ) {{ period opportunities wins {" ".join(f"{name} {MONEY}" for name in AMOUNTS)} }}
}}"""
SALES: Final = """query ($pipeline: ID!, $asOf: AsOf) {
    opportunities(first: 1000, filter: {pipelineId: {eq: $pipeline}, archived: {in: [true, false]}}, asOf: $asOf) {
        nodes { stage probability amount { amount currency } expectedClose closedOn status archived ownerId }
    } }"""


@dataclass
class Story:
    """A company's sales, and the positions between which they moved."""

    api: Api
    pipeline: str
    other: str
    owners: Sequence[str]
    positions: list[int]


@pytest.fixture(scope="module")
def story(api: Api) -> Iterator[Story]:
    """Sales of three owners, in four currencies and many states, beside those of another pipeline."""
    chance, pipeline, other = Random(7), a_pipeline(api), a_pipeline(api)
    owners = [a_user(api, name) for name in ("Ada", "Grace", "Edsger")]
    for owner in owners[:2]:
        api.given("addTeamMember", id=team_of(api), userId=owner)
    positions = []
    for number in range(60):
        currency = chance.choice(("EUR", "USD", "GBP", "CHF"))
        amount = {"amount": str(chance.randrange(1, 10**6) / Decimal(100)), "currency": currency}
        day = date(2026, chance.randrange(1, 13), chance.randrange(1, 28))
        planned: dict[str, Any] = {"amount": amount} if chance.random() < 0.75 else {}
        if chance.random() < 0.75:
            planned["expectedClose"] = str(day)
        id = an_opportunity(api, pipeline if number % 6 else other, **planned)
        if chance.random() < 0.7:
            api.given("assignOpportunityOwner", id=id, ownerId=chance.choice(owners))
        if chance.random() < 0.6:
            api.given("moveOpportunityToStage", id=id, stage="offer")
        if chance.random() < 0.3:
            api.given("changeOpportunityProbability", id=id, probability=chance.randrange(101))
        end = chance.random()
        if end < 0.3:
            api.given("winOpportunity", id=id, amount=amount, on=f"2025-{chance.randrange(1, 13):02}-15")
        elif end < 0.4:
            api.given("loseOpportunity", id=id, reason="price")
        elif end < 0.5:
            api.given("archiveOpportunity", id=id)
        positions.append(api.position)
    yield Story(api, pipeline, other, owners, positions)


TEAMS: Final = dict[int, str]()


def team_of(api: Api) -> str:
    """The one team of the story."""
    if id(api) not in TEAMS:
        TEAMS[id(api)] = api.given("formTeam", name=some("Sellers"))
    return TEAMS[id(api)]


def first_day(day: date | None, bucket: str) -> str | None:
    if day is None:
        return None
    if bucket == "WEEK":
        return str(day - timedelta(day.weekday()))
    month = {"MONTH": day.month, "QUARTER": (day.month - 1) // 3 * 3 + 1, "YEAR": 1}.get(bucket, day.month)
    return str(day if bucket == "DAY" else date(day.year, month, 1))


def reckoned(sales: Sequence[Mapping[str, Any]], **given: Any) -> list[Any]:
    """The forecast, as somebody with a pencil would make it."""
    chances = {each["key"]: each["probability"] for each in given.get("stages") or ()}
    rates = {each["currency"]: Decimal(each["rate"]) for each in given.get("rates") or ()}
    rows: dict[Any, Any] = {}
    for sale in sales:
        won = sale["status"] == "WON"
        if not won and (sale["status"] != "OPEN" or sale["archived"]):
            continue
        told = sale["closedOn"] if won else sale["expectedClose"]
        day = told and date.fromisoformat(told) + timedelta(0 if won else given.get("closeShift", 0))
        since, until = (given.get(name) and date.fromisoformat(given[name]) for name in ("since", "until"))
        if (since and (day is None or day < since)) or (until and (day is None or day >= until)):
            continue
        money = sale["amount"] or {"amount": "0", "currency": None}
        rate = rates.get(money["currency"])
        currency = given["currency"] if rate else money["currency"]
        amount = Decimal(money["amount"]) * (rate or 1)
        row = rows.setdefault(
            (first_day(day, given.get("bucket", "MONTH")), currency), dict.fromkeys(AMOUNTS, Decimal(0))
        )
        row["wins" if won else "opportunities"] = row.get("wins" if won else "opportunities", 0) + 1
        chance = chances.get(sale["stage"], sale["probability"])
        sure, likely = given.get("commitFrom", 80), given.get("bestCaseFrom", 50)
        kind = "won" if won else "commit" if chance >= sure else "bestCase" if chance >= likely else "pipeline"
        row[kind] += amount
        row["weighted"] += 0 if won else amount * chance / 100
        row["expected"] += amount if won else amount * chance / 100
    return [
        (
            period,
            currency,
            row.get("opportunities", 0),
            row.get("wins", 0),
            *(row[n] if currency else None for n in AMOUNTS),
        )
        for (period, currency), row in sorted(
            rows.items(), key=lambda item: tuple((k is None, k or "") for k in item[0])
        )
    ]


def told(api: Api, **given: Any) -> list[Any]:
    """The forecast, as Daybook tells it."""
    rows = []
    for row in api.ask(FORECAST, **given)["forecast"]:
        currencies = {row[name] and row[name]["currency"] for name in AMOUNTS}
        assert len(currencies) == 1
        amounts = (row[name] and Decimal(row[name]["amount"]) for name in AMOUNTS)
        rows.append((row["period"], *currencies, row["opportunities"], row["wins"], *amounts))
    return rows


def sales_of(story: Story, pipeline: str, as_of: Any = None) -> list[Any]:
    return list(story.api.ask(SALES, pipeline=pipeline, asOf=as_of)["opportunities"]["nodes"])


CHANCE: Final = st.integers(0, 100)
RATE: Final = st.decimals("0.0001", "1000", places=4).map(str)
ASSUMED: Final = st.fixed_dictionaries(
    {},
    optional={
        "bucket": st.sampled_from(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]),
        "since": st.dates(date(2024, 12, 1), date(2027, 2, 1)).map(str),
        "until": st.dates(date(2024, 12, 1), date(2027, 2, 1)).map(str),
        "closeShift": st.integers(-400, 400),
        "stages": st.dictionaries(st.sampled_from(["first", "offer"]), CHANCE).map(
            lambda found: [{"key": key, "probability": chance} for key, chance in found.items()]
        ),
        "rates": st.dictionaries(st.sampled_from(["USD", "GBP", "CHF", "JPY"]), RATE).map(
            lambda found: [{"currency": currency, "rate": rate} for currency, rate in found.items()]
        ),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(assumed=ASSUMED, thresholds=st.tuples(CHANCE, CHANCE).map(sorted), at=st.none() | st.integers(0, 59))
def test_a_forecast_is_what_somebody_with_a_pencil_makes_of_the_same_sales(
    story: Story, assumed: dict[str, Any], thresholds: list[int], at: int | None
) -> None:
    as_of = None if at is None else {"position": story.positions[at]}
    given = assumed | {"bestCaseFrom": thresholds[0], "commitFrom": thresholds[1], "currency": "EUR"}

    found = told(story.api, pipeline=story.pipeline, asOf=as_of, **given)

    assert found == reckoned(sales_of(story, story.pipeline, as_of), **given)


def test_without_assumptions_a_forecast_tells_what_stands_and_with_what_stands_the_same(story: Story) -> None:
    plain = told(story.api, pipeline=story.pipeline)

    assert len(plain) > 20 and plain == reckoned(sales_of(story, story.pipeline))
    assert told(story.api, pipeline=story.pipeline, stages=[], rates=[], closeShift=0) == plain
    as_they_stand = [{"pipelineId": story.other, "key": "first", "probability": 0}]
    assert told(story.api, pipeline=story.pipeline, stages=as_they_stand) == plain


def test_the_stages_as_they_stand_change_nothing_where_nobody_judged_otherwise(api: Api) -> None:
    pipeline = a_pipeline(api)
    for stage, amount in (("first", euros("10")), ("offer", euros("20")), ("offer", dollars("30"))):
        id = an_opportunity(api, pipeline, amount=amount, expectedClose="2026-03-01")
        if stage == "offer":
            api.given("moveOpportunityToStage", id=id, stage=stage)
    as_they_stand = [{"key": "first", "probability": 10}, {"key": "offer", "probability": 60}]

    assert told(api, pipeline=pipeline, stages=as_they_stand) == told(api, pipeline=pipeline)


def test_what_is_said_of_one_pipeline_holds_before_what_is_said_of_all(story: Story) -> None:
    of_all = {"key": "first", "probability": 90}
    of_one = {"pipelineId": story.pipeline, "key": "first", "probability": 20}

    for stages in ([of_all, of_one], [of_one, of_all]):
        found = told(story.api, pipeline=story.pipeline, stages=stages)
        others = told(story.api, pipeline=story.other, stages=stages)
        assert found == reckoned(sales_of(story, story.pipeline), stages=[of_one])
        assert others == reckoned(sales_of(story, story.other), stages=[of_all])


def test_what_was_forecast_stands_beside_what_would_have_been_in_one_request(story: Story) -> None:
    at = story.positions[30]
    query = """query ($pipeline: ID!, $at: Position!) {
        made: forecast(pipelineId: $pipeline, bucket: YEAR, asOf: {position: $at}) { weighted { amount currency } }
        sober: forecast(pipelineId: $pipeline, bucket: YEAR, asOf: {position: $at}, closeShift: 366,
            stages: [{key: "first", probability: 0}, {key: "offer", probability: 0}]) {
            period opportunities weighted { amount currency } expected { amount } won { amount } }
    }"""

    found = story.api.ask(query, pipeline=story.pipeline, at=at)

    assert any(Decimal(row["weighted"]["amount"]) for row in found["made"] if row["weighted"])
    assert {row["weighted"]["amount"] for row in found["sober"] if row["weighted"]} == {"0"}
    assert all(row["expected"] == row["won"] for row in found["sober"])
    assert {row["period"] for row in found["sober"] if row["opportunities"]} <= {"2027-01-01", "2028-01-01", None}


def test_a_forecast_is_of_an_owner_or_of_a_team(story: Story) -> None:
    sales = sales_of(story, story.pipeline)
    ada, grace, edsger = story.owners

    of_one = told(story.api, pipeline=story.pipeline, owner=edsger)
    of_team = told(story.api, pipeline=story.pipeline, team=team_of(story.api))

    assert of_one == reckoned([sale for sale in sales if sale["ownerId"] == edsger]) != []
    assert of_team == reckoned([sale for sale in sales if sale["ownerId"] in (ada, grace)])
    story.api.given("changeTeamLead", id=team_of(story.api), leadId=edsger)
    led = told(story.api, pipeline=story.pipeline, team=team_of(story.api))
    assert led == reckoned([sale for sale in sales if sale["ownerId"]])


def test_a_team_is_looked_at_by_those_who_see_teams_and_only_where_one_is_named(story: Story, cast: Cast) -> None:
    seller = cast.user({"sales.see": "ALL"})
    seller.position = story.api.position

    assert told(seller, pipeline=story.pipeline) == told(story.api, pipeline=story.pipeline)
    code, message = seller.refused(FORECAST, team=team_of(story.api))
    assert (code, message) == ("FORBIDDEN", "to see this you need platform.see")


def test_a_forecast_is_of_what_its_caller_sees_without_what_is_hidden(story: Story, cast: Cast) -> None:
    of_one, blind = cast.user({"sales.see": "OWN"}), cast.user({"sales.see": "ALL"}, ["Opportunity.amount"])
    id = an_opportunity(story.api, a_pipeline(story.api), amount=euros("7"), expectedClose="2026-05-05")
    story.api.given("assignOpportunityOwner", id=id, ownerId=of_one.me)
    of_one.position = blind.position = story.api.position

    assert told(of_one) == [("2026-05-01", "EUR", 1, 0, *map(Decimal, (0, 0, 0, 7)), Decimal("0.7"), Decimal("0.7"))]
    rows = told(blind, pipeline=story.pipeline, currency="EUR", rates=[{"currency": "USD", "rate": "2"}])
    assert sum(row[2] for row in rows) == sum(row[2] for row in told(story.api, pipeline=story.pipeline))
    assert {amount for row in rows for amount in (row[1], *row[4:])} == {None}


def test_the_pipeline_by_stage_weighs_and_converts(story: Story) -> None:
    query = """query ($pipeline: ID!, $stages: [StageChanceInput!], $rates: [RateInput!]) {
        pipelineByStage(pipelineId: $pipeline, stages: $stages, rates: $rates, currency: "EUR") {
            stage opportunities amount { amount currency } weighted { amount currency } } }"""
    rates = [{"currency": currency, "rate": "1.25"} for currency in ("USD", "GBP", "CHF")]
    stages = [{"key": "offer", "probability": 33}]

    plain = story.api.ask(query, pipeline=story.pipeline)["pipelineByStage"]
    other = story.api.ask(query, pipeline=story.pipeline, rates=rates, stages=stages)["pipelineByStage"]

    sales = [s for s in sales_of(story, story.pipeline) if s["status"] == "OPEN" and not s["archived"] and s["amount"]]
    for rows, rate, chances in ((plain, Decimal(1), {}), (other, Decimal("1.25"), {"offer": 33})):
        sums: dict[Any, Any] = {}
        for sale in sales:
            euros = rate != 1 and sale["amount"]["currency"] != "EUR"
            amount = Decimal(sale["amount"]["amount"]) * (rate if euros else 1)
            place = sale["stage"], "EUR" if euros else sale["amount"]["currency"]
            count, total, weighted = sums.get(place, (0, 0, 0))
            chance = chances.get(sale["stage"], sale["probability"])
            sums[place] = count + 1, total + amount, weighted + amount * chance / 100
        assert {
            (row["stage"], row["amount"]["currency"]): (
                row["opportunities"],
                Decimal(row["amount"]["amount"]),
                Decimal(row["weighted"]["amount"]),
            )
            for row in rows
            if row["amount"]
        } == sums


def test_what_was_won_is_told_in_one_currency(api: Api, pipeline: str) -> None:
    owner, product = a_user(api), a_product(api)
    for amount in (euros("10"), dollars("4")):
        id = an_opportunity(api, pipeline)
        api.given("addOpportunityLine", id=id, productId=product, quantity="2", price=amount, discount="50")
        api.given("winOpportunity", id=id, amount=amount, on="1987-06-01")
        api.given("assignOpportunityOwner", id=id, ownerId=owner)
    of = 'currency: "EUR", rates: [{currency: "USD", rate: "0.5"}], since: "1987-01-01", until: "1988-01-01"'

    found = api.ask(f"""{{ wonByPeriod(ownerId: "{owner}", {of}) {{ opportunities amount {MONEY} }}
        wonByProduct({of}) {{ opportunities quantity amount {MONEY} }} }}""")

    assert found == {
        "wonByPeriod": [{"opportunities": 2, "amount": euros("12")}],
        "wonByProduct": [{"opportunities": 2, "quantity": "4", "amount": euros("12")}],
    }


@pytest.mark.parametrize(
    ("assumed", "field", "message"),
    [
        ('stages: [{key: "first", probability: 101}]', "stages.0.probability", "a probability is between 0 and 100"),
        ('stages: [{key: "nowhere", probability: 1}]', "stages.0.key", "there is no such stage"),
        (
            'stages: [{key: "first", probability: 1}, {key: "first", probability: 2}]',
            "stages.1",
            "this is said twice",
        ),
        ('currency: "EUR", rates: [{currency: "USD", rate: "0"}]', "rates.0.rate", "a rate is more than nothing"),
        (
            'currency: "EUR", rates: [{currency: "USD", rate: "1"}, {currency: "USD", rate: "2"}]',
            "rates.1",
            "this is said twice",
        ),
        (
            'currency: "EUR", rates: [{currency: "ABC", rate: "1"}]',
            "rates.0.currency",
            "a currency is a code of ISO 4217, such as EUR",
        ),
        ('currency: "EUR", rates: [{currency: "EUR", rate: "2"}]', "rates.0.currency", "a currency is worth itself"),
        ('rates: [{currency: "USD", rate: "2"}]', "currency", "say into which currency these rates lead"),
        ('currency: "euro"', "currency", "a currency is a code of ISO 4217, such as EUR"),
        ("closeShift: 9999", "closeShift", "a decision is put off by at most 3660 days"),
        ("commitFrom: 101", "commitFrom", "a probability is between 0 and 100"),
        (
            "commitFrom: 10, bestCaseFrom: 20",
            "bestCaseFrom",
            "what is committed has no less a chance than the best case",
        ),
    ],
)
def test_an_assumption_that_cannot_be_is_refused_with_the_place_where_it_stands(
    api: Api, pipeline: str, assumed: str, field: str, message: str
) -> None:
    error = api.error(f"{{ forecast({assumed}) {{ opportunities }} }}")

    assert (error["message"], error["path"]) == (f"`{field}`: {message}", ["forecast"])
    assert error["extensions"].items() >= {"code": "BAD_USER_INPUT", "field": field}.items()


def test_a_stage_is_one_of_its_pipeline_and_of_that_day(api: Api) -> None:
    before, pipeline = api.head(), a_pipeline(api)
    other = api.given("definePipeline", name=some("Pipeline"))
    query = """query ($pipeline: ID, $asOf: AsOf) {
        forecast(stages: [{pipelineId: $pipeline, key: "offer", probability: 5}], asOf: $asOf) { period } }"""

    api.ask(query, pipeline=pipeline)

    assert api.error(query, pipeline=other)["extensions"]["field"] == "stages.0.key"
    assert api.error(query, pipeline=pipeline, asOf={"position": before})["extensions"]["field"] == "stages.0.key"
    assert api.refused(query, pipeline=other.replace("Pipeline", "User"))[0] == "BAD_USER_INPUT"


def test_no_more_is_taken_than_is_reckoned_with(api: Api) -> None:
    many = [{"key": f"k{number}", "probability": 1} for number in range(501)]

    assert api.refused(FORECAST, stages=many) == ("BAD_USER_INPUT", "`stages`: at most 500 are taken")


def test_what_was_won_is_no_more_assumed(api: Api) -> None:
    pipeline = a_pipeline(api)
    a_won_opportunity(api, pipeline, euros("10"), "2025-06-15", expectedClose="2026-01-01")

    found = told(api, pipeline=pipeline, closeShift=40, stages=[{"key": "first", "probability": 0}])

    ten, none = Decimal(10), Decimal(0)
    assert found == [("2025-06-01", "EUR", 0, 1, ten, none, none, none, none, ten)]
