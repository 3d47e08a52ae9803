"""Any read, of any instant: what was known then, and what had happened by then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from infra.settings import Settings
from server import application, schema_of
from tests.api.client import Api, some
from tests.api.company import a_pipeline, a_product, a_won_opportunity, an_account, an_opportunity, euros
from tests.api.conftest import serving

OF_NO_INSTANT = {
    "head": "it is the last event",
    "viewer": "it is who asks now",
    "rights": "they are those that hold now; whoCouldSee tells of then",
    "node": "Relay takes no more than an id: nodes does",
    "compare": "it names two instants",
    "history": "it is the history itself",
    "timeline": "it is the history itself",
    "auditLog": "it is the history itself",
    "causes": "it is the history itself",
    "effects": "it is the history itself",
    "accessLog": "it is no view: nobody asks what it was",
    "personalData": "it is what is held now, and its past",
    "whoCouldSee": "rights hold from when they are recorded",
}
"""What of the root takes no `asOf` or no `occurred`, and why."""


def test_whatever_is_read_is_read_of_any_instant() -> None:
    query = schema_of("UTC")[0]._schema.query_type
    assert query

    lacking = {name for name, field in query.fields.items() if not {"asOf", "occurred"} <= field.args.keys()}

    assert {name for name in lacking if not name.startswith("preview")} <= OF_NO_INSTANT.keys()
    assert {
        "nodes",
        "account",
        "opportunities",
        "opportunityLines",
        "search",
        "forecast",
    } <= query.fields.keys() - lacking
    assert {"asOf"} <= query.fields["whoCouldSee"].args.keys() & query.fields["history"].args.keys()


EVERYTHING = """query ($account: ID!, $opportunity: ID!, $pipeline: ID!, $asOf: AsOf, $occurred: Occurred) {
    nodes(ids: [$opportunity, $account], asOf: $asOf, occurred: $occurred) {
        __typename ... on Account { name version updatedAt }
    }
    account(id: $account, asOf: $asOf, occurred: $occurred) {
        name tags industry opportunities(orderBy: [{field: AMOUNT}]) {
            totalCount nodes { name status amount { amount } account { name } lines { totalCount nodes { quantity } } }
            pageInfo { startCursor endCursor hasNextPage }
            aggregate { count sum { amount { amount } } }
            groupBy(by: [{field: STATUS}]) { key { status } count }
        }
    }
    opportunity(id: $opportunity, asOf: $asOf, occurred: $occurred) { status owner { name } pipeline { name } }
    opportunities(filter: {account: {id: {eq: $account}}, status: {eq: OPEN}}, asOf: $asOf, occurred: $occurred) {
        totalCount nodes { id }
    }
    opportunityLines(filter: {opportunityId: {eq: $opportunity}}, asOf: $asOf, occurred: $occurred) {
        nodes { quantity price { amount } }
    }
    pipelineByStage(pipelineId: $pipeline, asOf: $asOf, occurred: $occurred) { stage opportunities amount { amount } }
    wonByPeriod(since: "1997-01-01", until: "1998-01-01", asOf: $asOf, occurred: $occurred) {
        period opportunities amount { amount }
    }
}"""


@pytest.fixture(scope="module")
def told(api: Api) -> list[tuple[int, str, dict[str, str], Any]]:
    """A story; after each of its steps, the position, the moment, the names of who is in it, and all that was read."""
    pipeline, account, product = a_pipeline(api), an_account(api, "Acme", industry="Pumps"), a_product(api)
    opportunity = an_opportunity(api, pipeline, accountId=account, amount=euros("5"))
    a_line = {"id": opportunity, "productId": product, "price": euros("1")}
    names, steps = {"account": account, "opportunity": opportunity, "pipeline": pipeline}, []

    def step(mutation: str, **input: Any) -> Any:
        payload = api.do(mutation, **input)
        assert payload["userErrors"] == [], payload
        at = api.ask("{ head { position recordedAt } }")["head"]
        assert at["position"] == payload["position"]
        steps.append((at["position"], at["recordedAt"], names, api.ask(EVERYTHING, **names)))

    step("renameAccount", id=account, name="Acme Corporation")
    step("addOpportunityLine", quantity="1", **a_line)
    step("addOpportunityLine", quantity="2", **a_line)
    query = "query ($id: ID!) { opportunity(id: $id) { lines { nodes { lineId } } } }"
    line = api.ask(query, id=opportunity)["opportunity"]["lines"]["nodes"][0]["lineId"]
    step("changeOpportunityLine", id=opportunity, lineId=line, quantity="3", price=euros("2"))
    step("removeOpportunityLine", id=opportunity, lineId=line)
    step("openOpportunity", pipelineId=pipeline, name="Hoses", accountId=account, amount=euros("7"))
    step("tagAccount", id=account, label="big")
    step("moveOpportunityToStage", id=opportunity, stage="offer")
    step("winOpportunity", id=opportunity, amount=euros("6"), on="1997-07-01")
    step("renamePipeline", id=pipeline, name="New")
    step("reopenOpportunity", id=opportunity)
    step("archiveOpportunity", id=opportunity)
    step("changeAccountDetails", id=account, details={"industry": None})
    step("archiveAccount", id=account)
    return steps


def test_the_past_is_what_was_read_when_it_was_now(api: Api, told: list[Any]) -> None:
    by_position = [api.ask(EVERYTHING, **names, asOf={"position": position}) for position, _, names, _ in told]

    assert by_position == [then for *_, then in told]
    assert len({str(then) for then in by_position}) == len(told)


def test_a_moment_stands_for_the_last_position_recorded_by_then(api: Api, told: list[Any]) -> None:
    by_time = [api.ask(EVERYTHING, **names, asOf={"time": time}) for _, time, names, _ in told]
    just_before = [
        api.ask(EVERYTHING, **names, asOf={"time": str(datetime.fromisoformat(time) - timedelta(microseconds=1))})
        for _, time, names, _ in told[1:]
    ]

    assert by_time == [then for *_, then in told]
    assert just_before == [then for *_, then in told][:-1]


def test_at_the_beginning_there_was_nothing(api: Api, told: list[Any]) -> None:
    *_, names, _ = told[0]

    nothing = api.ask(EVERYTHING, **names, asOf={"position": 0})

    assert nothing == api.ask(EVERYTHING, **names, asOf={"time": "1999-01-01"})
    assert nothing == {
        "nodes": [None, None],
        "account": None,
        "opportunity": None,
        "opportunities": {"totalCount": 0, "nodes": []},
        "opportunityLines": {"nodes": []},
        "pipelineByStage": [],
        "wonByPeriod": [],
    }


def test_two_instants_stand_side_by_side_in_one_query(api: Api, told: list[Any]) -> None:
    (first, _, names, _), *_, (last, *_) = told

    answer = api.ask(
        """query ($id: ID!, $first: Position!, $last: Position!) {
            before: account(id: $id, asOf: {position: $first}) { tags archived }
            after: account(id: $id, asOf: {position: $last}) { tags archived }
            now: account(id: $id) { tags archived }
        }""",
        id=names["account"],
        first=first,
        last=last,
    )

    put_away = {"tags": ["big"], "archived": True}
    assert answer == {"before": {"tags": [], "archived": False}, "after": put_away, "now": put_away}


def test_how_long_sales_stood_is_told_as_of_then(api: Api) -> None:
    pipeline = a_pipeline(api)
    opportunity = an_opportunity(api, pipeline)
    position = api.position
    api.given("moveOpportunityToStage", id=opportunity, stage="offer")
    query = """query ($pipeline: ID!, $asOf: AsOf) {
        timeInStage(pipelineId: $pipeline, asOf: $asOf) { stage opportunities onAverage } }"""

    then = api.ask(query, pipeline=pipeline, asOf={"position": position})["timeInStage"]
    now = api.ask(query, pipeline=pipeline)["timeInStage"]

    assert then == [{"stage": "first", "opportunities": 1, "onAverage": 0}]
    assert [row["stage"] for row in now] == ["first", "offer"]


@pytest.mark.parametrize(
    ("as_of", "message"),
    [
        ({}, "`asOf` takes either a position or a time"),
        ({"position": 1, "time": "2020-01-01"}, "`asOf` takes either a position or a time"),
        ({"position": None}, "`asOf` takes either a position or a time"),
        ({"time": "2999-01-01"}, "`asOf.time` lies in the future: nothing is known of it yet"),
    ],
)
def test_an_instant_that_cannot_be_is_refused(api: Api, as_of: dict[str, Any], message: str) -> None:
    refused = api.refused("query ($asOf: AsOf) { accounts(asOf: $asOf) { totalCount } }", asOf=as_of)

    assert refused == ("BAD_USER_INPUT", message)


@pytest.mark.parametrize("position", [-1, 2**63, 1.5, True, "x", "-1"])
def test_a_position_that_is_none_is_refused(api: Api, position: Any) -> None:
    query = "query ($asOf: AsOf) { accounts(asOf: $asOf) { totalCount } }"

    code, message = api.refused(query, asOf={"position": position})

    assert (code, ".position" in message) == ("BAD_USER_INPUT", True)


def test_a_position_that_is_not_there_yet_is_waited_for_and_then_refused(api: Api) -> None:
    query = "query ($asOf: AsOf) { accounts(asOf: $asOf) { totalCount } }"

    code, message = api.refused(query, asOf={"position": api.head() + 1_000})

    assert code == "VIEW_BEHIND"
    assert message == "the views have not come as far as the position that `asOf` names"


# -- what had happened -----------------------------------------------------------------------------

SALE = """query ($id: ID!, $until: DateTime!, $asOf: AsOf) {
    opportunity(id: $id, occurred: {until: $until}, asOf: $asOf) { name stage amount { amount } status }
}"""


def happened(api: Api, id: str, until: str, **more: Any) -> Any:
    return api.ask(SALE, id=id, until=until, **more)["opportunity"]


@pytest.fixture(scope="module")
def late(api: Api, pipeline: str) -> tuple[str, list[int]]:
    """A sale whose steps were told out of order, and the position after each."""
    opened = api.do(
        "openOpportunity", pipelineId=pipeline, name="Hall", amount=euros("1"), occurredAt="2020-01-10T00:00:00Z"
    )
    id, positions = opened["changed"][0]["id"], [opened["position"]]
    for mutation, day, input in (
        ("moveOpportunityToStage", "2020-03-01", {"stage": "offer"}),
        ("changeOpportunityAmount", "2020-02-01", {"amount": euros("2")}),
        ("changeOpportunityAmount", "2020-01-20", {"amount": euros("3")}),
        ("winOpportunity", "2020-04-01", {"amount": euros("4"), "on": "2020-04-01"}),
    ):
        positions.append(api.do(mutation, id=id, occurredAt=f"{day}T00:00:00Z", **input)["position"])
    return id, positions


@pytest.mark.parametrize(
    ("until", "sale"),
    [
        ("2020-01-09", None),
        ("2020-01-10", ("first", "1", "OPEN")),
        ("2020-01-20", ("first", "3", "OPEN")),
        ("2020-02-01", ("first", "3", "OPEN")),
        ("2020-03-01", ("offer", "3", "OPEN")),
        ("2020-04-01", ("offer", "4", "WON")),
    ],
)
def test_a_row_is_what_the_last_told_of_all_that_had_happened_says(
    api: Api, late: tuple[str, list[int]], until: str, sale: tuple[str, str, str] | None
) -> None:
    id, _ = late

    found = happened(api, id, until)

    assert found == (sale and {"name": "Hall", "stage": sale[0], "amount": {"amount": sale[1]}, "status": sale[2]})


def test_what_had_happened_is_told_as_it_was_known_then(api: Api, late: tuple[str, list[int]]) -> None:
    id, positions = late

    known = [happened(api, id, "2020-03-31", asOf={"position": position}) for position in positions]

    assert [(each["stage"], each["amount"]["amount"]) for each in known] == [
        ("first", "1"),
        ("offer", "1"),
        ("offer", "2"),
        ("offer", "3"),
        ("offer", "3"),
    ]
    assert happened(api, id, "2020-03-31", asOf={"position": positions[0] - 1}) is None


def test_lists_figures_and_reports_tell_what_had_happened(api: Api) -> None:
    pipeline, account = a_pipeline(api), an_account(api)
    for day, amount in (("2020-02-01", "2"), ("2020-01-01", "1"), ("2020-03-01", "4")):
        opened = {"pipelineId": pipeline, "accountId": account, "amount": euros(amount), "name": day}
        api.given("openOpportunity", occurredAt=f"{day}T00:00:00Z", **opened)
    query = """query ($account: ID!, $pipeline: ID!, $until: DateTime!) {
        opportunities(filter: {accountId: {eq: $account}}, occurred: {until: $until}, orderBy: [{field: AMOUNT}]) {
            totalCount nodes { name } aggregate { sum { amount { amount } } }
        }
        pipelineByStage(pipelineId: $pipeline, occurred: {until: $until}) { opportunities amount { amount } }
    }"""

    found = api.ask(query, account=account, pipeline=pipeline, until="2020-02-15")

    assert found == {
        "opportunities": {
            "totalCount": 2,
            "nodes": [{"name": "2020-01-01"}, {"name": "2020-02-01"}],
            "aggregate": {"sum": {"amount": [{"amount": "3"}]}},
        },
        "pipelineByStage": [{"opportunities": 2, "amount": {"amount": "3"}}],
    }


def test_items_are_there_from_when_they_were_added_until_they_were_taken_out(api: Api, pipeline: str) -> None:
    long_ago, product = {"occurredAt": "2020-01-01T00:00:00Z"}, a_product(api)
    id = an_opportunity(api, pipeline, **long_ago)
    for day in ("2020-02-01", "2020-03-01"):
        line = {"productId": product, "quantity": day[6], "price": euros("1"), "occurredAt": f"{day}T00:00:00Z"}
        api.given("addOpportunityLine", id=id, **line)
    lines = api.ask("query ($id: ID!) { opportunity(id: $id) { lines { nodes { lineId quantity } } } }", id=id)
    [first] = [each for each in lines["opportunity"]["lines"]["nodes"] if each["quantity"] == "2"]
    api.given("removeOpportunityLine", id=id, lineId=first["lineId"], occurredAt="2020-04-01T00:00:00Z")
    query = """query ($id: ID!, $until: DateTime!) { opportunity(id: $id, occurred: {until: $until}) {
        lines { totalCount nodes { quantity product { name } } } } }"""

    counts = {
        until: api.ask(query, id=id, until=until)["opportunity"]["lines"]["totalCount"]
        for until in ("2020-01-15", "2020-02-15", "2020-03-15", "2020-04-15")
    }

    assert counts == {"2020-01-15": 0, "2020-02-15": 1, "2020-03-15": 2, "2020-04-15": 1}


def test_what_is_read_below_inherits_the_instant(api: Api, pipeline: str) -> None:
    account = api.given("registerAccount", name="Old", occurredAt="2020-01-01T00:00:00Z")
    api.given("renameAccount", id=account, name="New", occurredAt="2020-03-01T00:00:00Z")
    sale = {"pipelineId": pipeline, "name": "Hall", "accountId": account}
    opportunity = api.given("openOpportunity", occurredAt="2020-01-01T00:00:00Z", **sale)

    found = api.ask(
        """query ($id: ID!) { opportunity(id: $id, occurred: {until: "2020-02-01"}) {
            account { name opportunities { nodes { account { name } } } }
        } }""",
        id=opportunity,
    )["opportunity"]

    assert found == {"account": {"name": "Old", "opportunities": {"nodes": [{"account": {"name": "Old"}}]}}}


def test_a_report_of_how_things_became_known_takes_no_business_time(api: Api) -> None:
    refused = api.refused('{ timeInStage(occurred: {until: "2020-01-01"}) { stage } }')

    message = "this report tells how things moved as they became known: it takes no `occurred`"
    assert refused == ("BAD_USER_INPUT", message)


def test_a_bare_day_is_midnight_of_the_company(api: Api, database_url: str, pipeline: str) -> None:
    zone = "Asia/Tokyo"
    midnight = datetime(2021, 5, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    just_after = str(midnight + timedelta(seconds=1))
    opportunity = an_opportunity(api, pipeline, occurredAt=str(midnight))
    later = an_opportunity(api, pipeline, occurredAt=just_after)

    app = application(Settings(time_zone=zone), database_url, None, "test_api")
    with serving(app) as address, httpx.Client(base_url=address) as client:
        in_tokyo = Api(client, api.token, api.user_id)
        in_tokyo.until_ready()
        found = [happened(in_tokyo, id, "2021-05-01") for id in (opportunity, later)]
        written = in_tokyo.given("registerAccount", name=some("Acme"), occurredAt="2021-05-01")

    assert [each is None for each in found] == [False, True]
    until = {"until": str(midnight)}
    read = "query ($id: ID!, $until: DateTime!) { account(id: $id, occurred: {until: $until}) { id } }"
    assert api.ask(read, id=written, **until)["account"] == {"id": written}
    assert happened(api, opportunity, "2021-05-01") is not None
    assert happened(api, opportunity, "2021-04-30") is None


def test_what_comes_late_counts_from_when_it_happened(api: Api, pipeline: str) -> None:
    before = api.position
    won = a_won_opportunity(api, pipeline, euros("9"), "1997-05-05", occurredAt="1997-01-01T00:00:00Z")
    query = """query ($until: DateTime!, $asOf: AsOf) {
        wonByPeriod(since: "1997-05-01", until: "1997-06-01", occurred: {until: $until}, asOf: $asOf) { opportunities }
    }"""

    by_then = api.ask(query, until="1997-12-31")["wonByPeriod"]
    now = api.ask(query, until=api.now())["wonByPeriod"]
    known_before = api.ask(query, until=api.now(), asOf={"position": before})["wonByPeriod"]

    assert (by_then, now, known_before) == ([], [{"opportunities": 1}], [])
    assert happened(api, won, "1997-12-31")["status"] == "OPEN"
