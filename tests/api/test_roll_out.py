"""A roll-out from its sale to its status report, and what was known of it on three earlier days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from domain.catalogue import AGGREGATES
from infra.default_templates import make_templates
from infra.event_store import EventStore
from infra.pipeline import CommandPipeline
from infra.rights import Directory
from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import a_won_opportunity, an_account, euros

TODAY: Final = datetime.now(UTC).date()
START: Final = TODAY - timedelta(days=TODAY.weekday() + 12 * 7)
"""The Monday twelve weeks before this one."""
MANAGES: Final = {"projects.*": "ALL", "sales.see": "ALL", "customers.see": "ALL", "platform.see": "ALL"}
WORKS: Final = {"projects.see": "ALL", "projects.work": "ALL", "projects.manage": "ALL", "platform.see": "ALL"}
KNOWN: Final = """query ($project: ID!, $on: Date, $asOf: AsOf) {
    gantt(projectId: $project, on: $on, asOf: $asOf) {
        kind name start finish baselineFinish behind critical finished progress totalSlack }
    milestoneForecast(projectId: $project, on: $on, asOf: $asOf) { name dueOn expectedOn lateBy reached }
    projectStatus(projectId: $project, on: $on, asOf: $asOf) { aspect light reasons }
    earnedValue(projectId: $project, on: $on, asOf: $asOf) { total phase pv { amount } ev { amount } ac { amount } }
    project(id: $project, asOf: $asOf) {
        status baseline risks { nodes { status } } changeRequests { nodes { status } } }
    }"""
ANALYSIS: Final = "Analyse requirements"
SELECTION: Final = "Select the system"


def day(weeks: int, days: int = 0) -> date:
    """So many weeks and days after the project began."""
    return START + timedelta(weeks=weeks, days=days)


@dataclass
class RollOut:
    """A project while it runs: who is in it, what it is made of, and what was known at each stop on the way."""

    manager: Api
    analyst: Api
    sponsor: Api
    id: str
    tasks: dict[str, str]
    milestones: dict[str, str]
    stops: dict[str, tuple[int, date, Any]] = field(default_factory=dict)

    def by(self, who: Api, mutation: str, at: date, /, **input: Any) -> str:
        """What somebody enters on a day, sees what the others did, and lets them see it."""
        done = who.given(mutation, **input, occurredAt=f"{at}T12:00:00Z")
        for each in (self.manager, self.analyst, self.sponsor):
            each.position = max(each.position, who.position)
        return done

    def refused(self, who: Api, mutation: str, /, **input: Any) -> tuple[str, str]:
        """Why somebody may not do something; nothing is recorded."""
        head, error = who.head(), who.user_error(mutation, **input)
        assert who.head() == head
        return error["code"], error["message"]

    def known(self, on: date, position: int | None = None) -> Any:
        as_of = None if position is None else {"position": position}
        return self.manager.ask(KNOWN, project=self.id, on=str(on), asOf=as_of)

    def stop(self, name: str, on: date) -> Any:
        """Remember what is known now, as of a day."""
        self.stops[name] = (self.manager.position, on, self.known(on))
        return self.stops[name][2]


@pytest.fixture(scope="module")
def roll_out(api: Api, cast: Cast, pipeline: str, database_url: str) -> Iterator[RollOut]:
    """It runs once, and each test looks at one side of it."""
    with templates(database_url):
        made = begun(api, cast, pipeline)
    goes_to_plan(made)
    slips(made)
    is_planned_anew(made)
    gets_there(made)
    yield made


@contextmanager
def templates(database_url: str) -> Iterator[None]:
    """The templates that come with Daybook are there."""
    with EventStore(database_url, "test_api") as store:
        make_templates(CommandPipeline(AGGREGATES, store, Directory(store)))
        yield


def begun(api: Api, cast: Cast, pipeline: str) -> RollOut:
    """A sale is won, and a project proposed from it by the template of eight months."""
    manager, analyst, sponsor = (
        cast.user(grants, name=name)
        for name, grants in (("Mia Manager", MANAGES), ("Ana Analyst", WORKS), ("Sam Sponsor", WORKS))
    )
    sale = a_won_opportunity(
        api, pipeline, euros("90000"), str(day(-1)), name="CRM for Acme", accountId=an_account(api, some("Acme"))
    )
    manager.position = api.head()
    [template] = [
        each["id"]
        for each in manager.ask("{ projectTemplates(first: 100) { nodes { id name } } }")["projectTemplates"]["nodes"]
        if each["name"] == "CRM in eight months"
    ]
    project = manager.given(
        "proposeProject", name=some("Roll-out"), opportunityId=sale, templateId=template, startsOn=str(START),
        sponsorId=sponsor.me, occurredAt=f"{day(-1)}T12:00:00Z",
    )  # fmt: skip
    found = manager.ask(
        """query ($id: ID!) { project(id: $id) { tasks(first: 100) { nodes { id name } }
           milestones(first: 100) { nodes { id name } } } }""",
        id=project,
    )["project"]
    tasks, milestones = (
        {each["name"]: each["id"] for each in found[kind]["nodes"]} for kind in ("tasks", "milestones")
    )
    analyst.position = sponsor.position = manager.position
    return RollOut(manager, analyst, sponsor, project, tasks, milestones)


def goes_to_plan(it: RollOut) -> None:
    """Charter, scope, people and money; it is approved, and its first week goes as planned."""
    it.by(it.manager, "setProjectCharter", day(-1), id=it.id, charter="One system for sales and service.")
    assert it.refused(it.sponsor, "approveProject", id=it.id)[1].startswith("say what belongs to its scope")
    it.by(it.manager, "setProjectScope", day(-1), id=it.id, scope={"included": ["sales"], "excluded": ["payroll"]})
    it.by(it.manager, "joinAsProjectMember", day(-1), projectId=it.id, role="BUSINESS_ANALYST", userId=it.analyst.me)
    lines = [
        {"category": "PEOPLE", "phase": phase, "planned": euros("30000")} for phase in ("months-1-2", "months-3-4-5")
    ]
    it.by(it.manager, "planBudget", day(-1), projectId=it.id, lines=lines, hourlyRate=euros("80"))
    it.by(it.sponsor, "approveProject", day(-1), id=it.id, on=str(day(-1)))
    it.by(it.manager, "startProject", START, id=it.id, on=str(START))
    it.by(it.manager, "enterProjectPhase", START, id=it.id, phase="months-1-2", on=str(START))
    kick_off = it.tasks["Form the team and kick off"]
    it.by(it.manager, "startTask", START, id=kick_off, on=str(START))
    it.by(it.manager, "completeTask", day(0, 4), id=kick_off, on=str(day(0, 4)))
    it.stop("to plan", day(0, 4))


def slips(it: RollOut) -> None:
    """After four weeks the analysis, which should be done, is half done; and what was feared comes true."""
    analysis = it.tasks[ANALYSIS]
    it.by(it.analyst, "startTask", day(1), id=analysis, on=str(day(1)))
    assert it.refused(it.analyst, "reportTaskProgress", id=analysis, progress="101")[1].startswith("progress is from 0")
    tomorrow = str(TODAY + timedelta(days=1))
    assert it.refused(it.analyst, "logTaskTime", id=analysis, hours="8", on=tomorrow)[0] == "REFUSED"
    for week in range(1, 5):
        it.by(it.analyst, "logTaskTime", day(week, 4), id=analysis, hours="24", on=str(day(week, 4)))
    risk = it.by(it.analyst, "identifyRisk", day(2), projectId=it.id, name="Experts have no time", category="PEOPLE",
                 ownerId=it.manager.me)  # fmt: skip
    it.by(it.analyst, "assessRisk", day(2), id=risk, probability=4, impact=4, cost=euros("9000"), days=10)
    it.by(it.manager, "planRiskResponse", day(3), id=risk, response="REDUCE", plan="Book them by the week")
    it.by(it.analyst, "reportTaskProgress", day(5), id=analysis, progress="50", remaining=10)
    it.by(it.manager, "occurRisk", day(5), id=risk, severity="HIGH", text="Season", on=str(day(5)))
    it.stop("slipped", day(5))


def is_planned_anew(it: RollOut) -> None:
    """What is left is moved by two weeks, and a change is approved for it: by another than who asked for it."""
    change = it.by(it.analyst, "raiseChangeRequest", day(5, 1), projectId=it.id,
                   name="Two weeks more", what="All that follows the analysis is two weeks later.",
                   why="The season takes the experts.")  # fmt: skip
    milestone = it.milestones["Requirements and system agreed on"]
    it.by(it.analyst, "affectChangeRequest", day(5, 1), id=change, milestoneId=milestone)
    it.by(it.analyst, "assessChangeRequest", day(5, 1), id=change, scopeImpact="None", days=10, cost=euros("4000"))
    assert "who raised a change does not approve it" in it.refused(it.analyst, "approveChangeRequest", id=change)[1]
    later = {row["name"]: row for row in it.manager.ask(
        "query ($id: ID!) { tasks(filter: {projectId: {eq: $id}}, first: 100) { nodes { name dueOn } } }", id=it.id
    )["tasks"]["nodes"]}  # fmt: skip
    for name, task in it.tasks.items():
        due = date.fromisoformat(later[name]["dueOn"])
        if due > day(1):
            it.by(it.manager, "rescheduleTask", day(5, 2), id=task, dueOn=str(due + timedelta(weeks=2)))
    due_by_name = {row["name"]: row["dueOn"] for row in it.stops["to plan"][2]["milestoneForecast"]}
    for name, each in it.milestones.items():
        moved = date.fromisoformat(due_by_name[name])
        it.by(
            it.manager,
            "rescheduleMilestone",
            day(5, 2),
            id=each,
            dueOn=str(moved + timedelta(weeks=2)),
            reason="Season",
        )
    it.by(it.analyst, "reportTaskProgress", day(5, 3), id=it.tasks[ANALYSIS], progress="65", remaining=7)
    it.by(it.sponsor, "approveChangeRequest", day(5, 3), id=change, note="We wait for the experts.")
    it.by(it.analyst, "completeTask", day(6, 4), id=it.tasks[ANALYSIS], on=str(day(6, 4)))
    it.by(it.manager, "startTask", day(7), id=it.tasks[SELECTION], on=str(day(7)))
    it.by(it.manager, "reportTaskProgress", day(8), id=it.tasks[SELECTION], progress="33", remaining=10)
    it.stop("planned anew", day(8))


def gets_there(it: RollOut) -> None:
    """The first milestone is reached by one and accepted by another, its phase completed, and a report given out."""
    milestone, on = it.milestones["Requirements and system agreed on"], day(9, 4)
    it.by(it.manager, "completeTask", on, id=it.tasks[SELECTION], on=str(on))
    it.by(it.manager, "reachMilestone", on, id=milestone, on=str(on), evidence="Contract signed")
    assert it.refused(it.manager, "acceptMilestone", id=milestone)[0] == "REFUSED"
    unaccepted = it.refused(it.manager, "completeProjectPhase", id=it.id, phase="months-1-2")
    assert "first these milestones are to be accepted: Requirements and system agreed on" in unaccepted[1]
    it.by(it.sponsor, "acceptMilestone", day(10), id=milestone, on=str(day(10)))
    checks = it.manager.ask("query ($id: ID!) { project(id: $id) { checks { nodes { checkId phase } } } }", id=it.id)
    for check in checks["project"]["checks"]["nodes"]:
        if check["phase"] == "months-1-2":
            it.by(it.manager, "tickProjectCheck", day(10), id=it.id, checkId=check["checkId"], on=str(day(10)))
    it.by(it.manager, "completeProjectPhase", day(10), id=it.id, phase="months-1-2", on=str(day(10)))
    it.stop("there", day(10))
    report = it.by(it.manager, "draftStatusReport", day(10), projectId=it.id, since=str(START), until=str(day(10)),
                   done="A system was chosen.", nextSteps="Design.")  # fmt: skip
    lights = {
        row["aspect"].lower(): {"colour": row["light"], "reason": "; ".join(row["reasons"])}
        for row in it.stops["there"][2]["projectStatus"]
        if row["aspect"] != "OVERALL"
    }
    it.by(it.manager, "setStatusReportLights", day(10), id=report, **lights)
    it.by(it.manager, "publishStatusReport", day(10), id=report)
    assert it.refused(it.manager, "changeStatusReport", id=report, done="x")[1].startswith("this report is published")


def lines(known: Any) -> dict[str, Any]:
    return {row["name"]: row for row in known["gantt"]}


def first_milestone(known: Any) -> Any:
    return known["milestoneForecast"][0]


def lights(known: Any) -> dict[str, str]:
    return {row["aspect"]: row["light"] for row in known["projectStatus"]}


def test_the_sale_and_its_project_are_seen_from_both_sides_and_in_both_timelines(roll_out: RollOut) -> None:
    it = roll_out.manager
    found = it.ask(
        """query ($id: ID!) { project(id: $id) { account { id }
           opportunity { id account { id } projects { nodes { id } } } } }""",
        id=roll_out.id,
    )["project"]

    sale = found["opportunity"]
    assert sale["projects"]["nodes"] == [{"id": roll_out.id}]
    assert found["account"] == sale["account"] is not None
    text = "query ($of: ID!) { timeline(of: $of, last: 1000) { nodes { kind } } }"
    for of in (roll_out.id, sale["id"], found["account"]["id"]):
        kinds = {event["kind"] for event in it.ask(text, of=of)["timeline"]["nodes"]}
        assert "PROJECT_PROPOSED" in kinds


@pytest.mark.parametrize("name", ["to plan", "slipped", "planned anew"])
def test_what_was_known_on_an_earlier_day_is_answered_as_it_was_then(roll_out: RollOut, name: str) -> None:
    position, on, then = roll_out.stops[name]

    assert roll_out.known(on, position) == then
    assert roll_out.known(on) != then


def test_in_the_first_week_all_is_as_planned(roll_out: RollOut) -> None:
    position, on, _ = roll_out.stops["to plan"]
    known = roll_out.known(on, position)

    assert first_milestone(known) == {
        "name": "Requirements and system agreed on", "dueOn": str(day(7, 4)), "expectedOn": str(day(7, 4)), "lateBy": 0,
        "reached": False,
    }  # fmt: skip
    assert {row["behind"] for row in known["gantt"]} == {0}
    assert (lines(known)[ANALYSIS]["start"], lines(known)[ANALYSIS]["finish"]) == (str(day(1)), str(day(4, 4)))
    assert lights(known)["TIME"] == "GREEN" and known["project"]["baseline"] == 1


def test_the_slip_moves_all_that_waits_for_it(roll_out: RollOut) -> None:
    position, on, _ = roll_out.stops["slipped"]
    known = roll_out.known(on, position)

    assert (first_milestone(known)["expectedOn"], first_milestone(known)["lateBy"]) == (str(day(9, 4)), 10)
    assert {lines(known)[name]["behind"] for name in (ANALYSIS, SELECTION, "Go live", "Project closed")} == {10}
    assert (lights(known)["TIME"], lights(known)["QUALITY"]) == ("RED", "AMBER")
    assert known["project"]["risks"]["nodes"] == [{"status": "OCCURRED"}]
    [total] = [row for row in known["earnedValue"] if row["total"]]
    assert float(total["ac"]["amount"]) == 4 * 24 * 80 and float(total["ev"]["amount"]) < float(total["pv"]["amount"])


def test_after_the_change_it_is_measured_by_the_new_plan(roll_out: RollOut) -> None:
    position, on, _ = roll_out.stops["planned anew"]
    known = roll_out.known(on, position)

    assert first_milestone(known)["dueOn"] == first_milestone(known)["expectedOn"] == str(day(9, 4))
    assert {row["behind"] for row in known["gantt"] if row["name"] in (SELECTION, "Go live", "Project closed")} == {0}
    assert lights(known)["TIME"] == "GREEN"
    assert known["project"]["baseline"] == 2 and known["project"]["changeRequests"]["nodes"] == [{"status": "APPROVED"}]


def test_what_moved_between_the_baselines_is_told_with_who_decided_so(roll_out: RollOut) -> None:
    rows = roll_out.manager.ask(
        """query ($id: ID!) { first: gantt(projectId: $id, baseline: 1) { name behind }
           project(id: $id) { baselines { nodes { number reason } } }
           baselineComparison(projectId: $id) { name } }""",
        id=roll_out.id,
    )

    baselines = {each["number"]: each["reason"] for each in rows["project"]["baselines"]["nodes"]}
    assert baselines.keys() == {1, 2} and baselines[1] == "approved" and "Two weeks more" in baselines[2]
    assert {row["name"]: row["behind"] for row in rows["first"]}[SELECTION] == 10


def test_the_status_report_keeps_its_lights(roll_out: RollOut) -> None:
    [report] = roll_out.manager.ask(
        """query ($id: ID!) { project(id: $id) { statusReports { nodes {
            status done time { colour reason } publishedBy { name } } } } }""",
        id=roll_out.id,
    )["project"]["statusReports"]["nodes"]

    assert (report["status"], report["done"]) == ("PUBLISHED", "A system was chosen.")
    assert report["time"]["colour"] == lights(roll_out.stops["there"][2])["TIME"]
    assert report["publishedBy"] == {"name": "Mia Manager"}


def test_the_status_report_as_a_page_tells_what_is_known_and_how_it_stood_before(roll_out: RollOut) -> None:
    position, _, _ = roll_out.stops["slipped"]
    page, then, zh = (
        roll_out.manager.http.get(f"/reports/status/{roll_out.id}.{rest}", headers=roll_out.manager.headers).text
        for rest in ("html", f"md?asOf={position}", "md?language=zh")
    )

    for told in (
        "Mia Manager",
        "A system was chosen.",
        "Two weeks more",
        "We wait for the experts.",
        "data:image/svg+xml",
    ):
        assert told in page
    assert "No status report has been published." in then and "| Two weeks more" not in then
    assert re.search(r"\| Experts have no time \| high \| open \|", then)
    assert re.search(r"\| Whole project \| .* EUR \| 7,680.00 EUR \|", then)
    assert re.search(
        r"\| Requirements and system agreed on \| [^|]+ \| [^|]+ \| \d+ working days late \| planned \|", then
    )
    assert "## 里程碑" in zh and "已验收" in zh
