"""The lights of a project: each turns amber and red by what happened, says why, and looks back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.api.client import Api, some
from tests.api.company import euros

TODAY: Final = datetime.now(UTC).date()
STATUS: Final = """query ($p: ID!, $on: Date, $behindRed: Int! = 10, $asOf: AsOf) {
    projectStatus(projectId: $p, on: $on, behindRed: $behindRed, asOf: $asOf) { aspect light reasons } }"""


@dataclass
class RollOut:
    """A project that was agreed on, with a task of ten days and one of two beside it."""

    api: Api
    project: str
    task: str

    def lights(self, **asked: Any) -> dict[str, str | None]:
        return {row["aspect"]: row["light"] for row in self.rows(**asked)}

    def reasons(self, aspect: str) -> str:
        return "; ".join(reason for row in self.rows() if row["aspect"] == aspect for reason in row["reasons"])

    def rows(self, **asked: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.ask(STATUS, p=self.project, **asked)["projectStatus"]
        return found


@pytest.fixture
def roll_out(api: Api) -> RollOut:
    project = api.given("proposeProject", name=some("Roll-out"), startsOn=str(TODAY + timedelta(days=7)))
    task = api.given("planTask", projectId=project, name="configure", duration=10, effort="80")
    api.given("planTask", projectId=project, name="train", duration=2, effort="20")
    api.given("setProjectCharter", id=project, charter="To sell better")
    api.given("setProjectScope", id=project, scope={"included": ["Sales"]})
    api.given("approveProject", id=project)
    return RollOut(api, project, task)


def test_a_project_that_is_as_agreed_on_is_green_and_what_nothing_tells_of_has_no_light(roll_out: RollOut) -> None:
    assert roll_out.rows() == [
        {"aspect": "OVERALL", "light": "GREEN", "reasons": []},
        {
            "aspect": "SCOPE",
            "light": "GREEN",
            "reasons": ["0 % of the agreed work was added, dropped or estimated otherwise"],
        },
        {"aspect": "TIME", "light": "GREEN", "reasons": ["it ends as by the baseline"]},
        {"aspect": "COST", "light": None, "reasons": []},
        {"aspect": "QUALITY", "light": "GREEN", "reasons": ["open issues: 0"]},
        {"aspect": "RISK", "light": None, "reasons": []},
    ]


def test_time_is_amber_when_it_ends_later_and_red_when_much_later(roll_out: RollOut) -> None:
    roll_out.api.given("rescheduleTask", id=roll_out.task, duration=14)
    before = roll_out.api.position

    assert (roll_out.lights()["TIME"], roll_out.lights(behindRed=4)["TIME"]) == ("AMBER", "RED")
    assert roll_out.reasons("TIME") == "it ends 4 working days later than by the baseline"
    roll_out.api.given("rescheduleTask", id=roll_out.task, duration=20)
    assert (roll_out.lights()["TIME"], roll_out.lights()["OVERALL"]) == ("RED", "RED")
    assert "it ends 10 working days later than by the baseline" in roll_out.reasons("OVERALL")
    assert roll_out.lights(asOf={"position": before})["TIME"] == "AMBER"


def test_scope_is_what_was_added_and_dropped_and_what_is_to_be_decided(roll_out: RollOut) -> None:
    roll_out.api.given("planTask", projectId=roll_out.project, name="more", effort="6")

    assert roll_out.lights()["SCOPE"] == "AMBER"
    assert roll_out.reasons("SCOPE") == "6 % of the agreed work was added, dropped or estimated otherwise"
    roll_out.api.given("archiveTask", id=roll_out.task)
    assert roll_out.lights()["SCOPE"] == "RED"


def test_a_change_that_is_not_decided_makes_the_scope_amber(roll_out: RollOut) -> None:
    roll_out.api.given(
        "raiseChangeRequest", projectId=roll_out.project, name="Portal", what="A portal", why="Asked for"
    )

    assert (roll_out.lights()["SCOPE"], roll_out.reasons("SCOPE")) == ("AMBER", "changes to be decided: Portal")


def test_cost_is_measured_against_the_budget(roll_out: RollOut) -> None:
    api, project = roll_out.api, roll_out.project
    budget = api.given("planBudget", projectId=project, lines=[{"category": "PEOPLE", "planned": euros("1000")}])

    assert roll_out.lights()["COST"] is None or roll_out.lights()["COST"] == "GREEN"
    api.given("startTask", id=roll_out.task)
    api.given("reportTaskProgress", id=roll_out.task, progress="50")
    api.given("spendBudget", id=budget, category="PEOPLE", amount=euros("420"), text="days")
    assert (roll_out.lights()["COST"], roll_out.reasons("COST")) == ("GREEN", "CPI is 0.95")
    api.given("spendBudget", id=budget, category="PEOPLE", amount=euros("20"), text="days")
    assert (roll_out.lights()["COST"], roll_out.reasons("COST")) == ("AMBER", "CPI is 0.91")
    api.given("spendBudget", id=budget, category="PEOPLE", amount=euros("600"), text="days")
    assert roll_out.lights()["COST"] == "RED"
    assert "1040 EUR were paid, and 1000 planned" in roll_out.reasons("COST")


@pytest.mark.parametrize(
    ("duration", "light", "used"),
    [(10, "GREEN", ""), (12, "GREEN", ": 22 % of its buffer of 9"), (13, "AMBER", ": 33 % of its buffer of 9"),
     (15, "AMBER", ": 56 % of its buffer of 9"), (16, "RED", ": 67 % of its buffer of 9"),
     (30, "RED", ": 222 % of its buffer of 9")],
)  # fmt: skip
def test_a_slip_is_judged_by_what_of_the_buffer_it_uses_up(
    roll_out: RollOut, duration: int, light: str, used: str
) -> None:
    roll_out.api.given("setProjectBuffer", id=roll_out.project, bufferDays=9)
    roll_out.api.given("rescheduleTask", id=roll_out.task, duration=duration)

    assert roll_out.lights()["TIME"] == light
    assert roll_out.reasons("TIME").endswith(f"by the baseline{used}")


def test_where_a_buffer_turns_amber_and_red_can_be_said(roll_out: RollOut) -> None:
    api, project = roll_out.api, roll_out.project
    api.given("setProjectBuffer", id=project, bufferDays=10)
    api.given("rescheduleTask", id=roll_out.task, duration=15)
    query = """query ($p: ID!, $amber: Decimal!, $red: Decimal!) {
        projectStatus(projectId: $p, bufferAmber: $amber, bufferRed: $red) { aspect light } }"""

    def light(amber: str, red: str) -> str:
        rows = api.ask(query, p=project, amber=amber, red=red)["projectStatus"]
        return next(str(row["light"]) for row in rows if row["aspect"] == "TIME")

    assert [light("51", "100"), light("50", "51"), light("20", "50")] == ["GREEN", "AMBER", "RED"]
    error = api.error(query, p=project, amber="51", red="50")
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "bufferRed")


@pytest.mark.parametrize(
    ("buffer", "light", "reason"),
    [
        (None, "AMBER", "CPI is 0.91"),
        (euros("0"), "AMBER", "CPI is 0.91"),
        ({"amount": "900", "currency": "USD"}, "AMBER", "CPI is 0.91"),
        (euros("400"), "GREEN", "it will cost 100 EUR more than planned: 25 % of its buffer of 400; CPI is 0.91"),
        (euros("300"), "AMBER", "it will cost 100 EUR more than planned: 33 % of its buffer of 300; CPI is 0.91"),
        (euros("120"), "RED", "it will cost 100 EUR more than planned: 83 % of its buffer of 120; CPI is 0.91"),
    ],
)
def test_what_it_costs_more_is_judged_by_what_of_the_buffer_it_uses_up(
    roll_out: RollOut, buffer: Any, light: str, reason: str
) -> None:
    api = roll_out.api
    budget = api.given(
        "planBudget", projectId=roll_out.project, lines=[{"category": "PEOPLE", "planned": euros("1000")}]
    )
    api.given("setProjectBuffer", id=roll_out.project, bufferMoney=buffer)
    api.given("startTask", id=roll_out.task)
    api.given("reportTaskProgress", id=roll_out.task, progress="50")
    api.given("spendBudget", id=budget, category="PEOPLE", amount=euros("440"), text="days")

    assert (roll_out.lights()["COST"], roll_out.reasons("COST")) == (light, reason)


@pytest.mark.parametrize(
    ("severity", "light", "reason"),
    [
        ("LOW", "GREEN", "open issues: 1"),
        ("HIGH", "AMBER", "grave issues: Slow"),
        ("CRITICAL", "RED", "critical issues: Slow"),
    ],
)
def test_quality_is_what_is_to_be_settled(roll_out: RollOut, severity: str, light: str, reason: str) -> None:
    issue = roll_out.api.given("raiseIssue", projectId=roll_out.project, name="Slow", severity=severity)

    assert (roll_out.lights()["QUALITY"], roll_out.reasons("QUALITY")) == (light, reason)
    roll_out.api.given("resolveIssue", id=issue, resolution="An index")
    assert roll_out.lights()["QUALITY"] == "GREEN"


@pytest.mark.parametrize(("probability", "impact", "light"), [(2, 3, "GREEN"), (3, 3, "AMBER"), (4, 4, "RED")])
def test_risk_is_how_likely_and_how_bad_it_is(roll_out: RollOut, probability: int, impact: int, light: str) -> None:
    api = roll_out.api
    risk = api.given("identifyRisk", projectId=roll_out.project, name="No data", category="DATA")

    assert (roll_out.lights()["RISK"], roll_out.reasons("RISK")) == ("AMBER", "risks that nobody assessed: No data")
    api.given("assessRisk", id=risk, probability=probability, impact=impact)
    assert roll_out.lights()["RISK"] == light
    if light != "GREEN":
        told = f"No data ({probability * impact} of 25), and nothing is planned against it"
        assert roll_out.reasons("RISK") == told


def test_where_red_begins_is_no_sooner_than_where_amber_does(roll_out: RollOut) -> None:
    query = "query ($p: ID!) { projectStatus(projectId: $p, behindAmber: 5, behindRed: 4) { light } }"

    error = roll_out.api.error(query, p=roll_out.project)

    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "behindRed")
