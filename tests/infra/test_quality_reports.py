"""What is told of requirements, risks, changes and issues is what the aggregates come to, now and at any instant."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.projects.issue import Severity
from domain.projects.requirement import Kind, Priority
from infra.reporting import answer
from projections.projects.business_process import BusinessProcessView
from projections.projects.change_request import ChangeRequestAffectedView, ChangeRequestView
from projections.projects.changes import ChangeLog
from projections.projects.document import DocumentView
from projections.projects.issue import IssueView
from projections.projects.milestone import MilestoneView
from projections.projects.open_issues import OpenIssues
from projections.projects.requirement import RequirementTraceView, RequirementView
from projections.projects.risk import RiskView
from projections.projects.risks import RiskExposure, RiskMatrix, RiskRegister
from projections.projects.specification import RequirementsDocument, Traceability
from projections.projects.task import TaskView
from projections.report import Bucket
from tests.infra.past import published, without_views
from tests.scenario import ME, Companies, World, a_user

START = datetime(2026, 3, 2, tzinfo=UTC)
TODAY = date(2026, 3, 20)
STEP = timedelta(hours=5)
"""Between two events."""
READ = (
    *(RequirementView, RequirementTraceView, BusinessProcessView, ChangeRequestView, ChangeRequestAffectedView),
    *(RiskView, IssueView, TaskView, MilestoneView, DocumentView),
)
SPREAD = """
    set session_replication_role = replica;
    update events set recorded_at = '2026-03-02T00:00:00Z'::timestamptz + (position - 1) * interval '5 hours';
    reset session_replication_role"""
SHARES = {None: None, 1: Decimal("0.1"), 2: Decimal("0.3"), 3: Decimal("0.5"), 4: Decimal("0.7"), 5: Decimal("0.9")}


class Roll:
    """Two projects about which much was said, five hours apart, and what the aggregates knew at any position."""

    def __init__(self, world: World) -> None:
        self.world, self.random = world, random.Random(8)
        self.projects = [world.given("Project.propose", name=name) for name in ("One", "Other")]
        self.eve = a_user(world, "Eve")
        self.events = list[Any]()

    def known(self, position: int, kind: str) -> list[Any]:
        """All of a kind as they stood at a position, but what was put away, in the order in which they were made."""
        made: dict[UUID, Any] = {}
        for event in self.events[:position]:
            if event.TOPIC.startswith(f"{kind}."):
                made[event.originator_id] = event.mutate(made.get(event.originator_id))
        return [each for each in made.values() if not each.archived]

    def at(self, position: int) -> datetime:
        return START + (position - 1) * STEP

    def told(self, report: Any, position: int) -> list[dict[str, Any]]:
        return answer(self.world.connection, report, position)

    def any(self, *values: Any) -> Any:
        return self.random.choice(values)

    def money(self) -> Any:
        return self.any(None, {"amount": str(self.random.randrange(1, 900)), "currency": self.any("EUR", "USD")})


@pytest.fixture(scope="module")
def roll(companies: Companies) -> Iterator[Roll]:
    with companies.one() as (store, connection):
        roll = Roll(World(store, connection))
        for _ in range(30):
            for much in (risks, requirements, changes, issues):
                much(roll)
        roll.events = roll.world.since(0)
        connection.execute(SPREAD)
        without_views(connection)
        published(connection, READ)
        yield roll
        without_views(connection)


def do(roll: Roll, command: str, id: UUID, /, by: UUID = ME, **arguments: Any) -> None:
    """Which may be refused, by what came before."""
    roll.world.when(command, id, by=by, **arguments)


def some(roll: Roll, kind: str) -> Iterator[UUID]:
    ids = [e.originator_id for e in roll.world.since(0) if e.TOPIC.startswith(f"{kind}.") and e.originator_version == 1]
    yield from roll.random.sample(ids, min(2, len(ids)))


def risks(roll: Roll) -> None:
    project = roll.any(*roll.projects)
    owner = roll.any(None, roll.eve)
    roll.world.given(
        "Risk.identify", project_id=project, name="Risk", category=roll.any("data", "cost"), owner_id=owner
    )
    for risk in some(roll, "Risk"):
        judged: dict[str, Any] = {"probability": roll.random.randrange(1, 6), "impact": roll.random.randrange(1, 6)}
        do(roll, "Risk.assess", risk, **judged, cost=roll.money(), days=roll.any(None, 3, 10))
        due = roll.any("2026-03-20", "2026-05-01")
        do(roll, "Risk.plan_response", risk, response="reduce", plan="x", review_due=due)
        match roll.random.randrange(8):
            case 0:
                do(roll, "Risk.close", risk, reason="x")
            case 1:
                do(roll, "Risk.archive", risk)
            case 2:
                do(roll, "Risk.reopen", risk, reason="x")


def requirements(roll: Roll) -> None:
    project = roll.any(*roll.projects)
    told = {"kind": roll.any(*Kind).value, "priority": roll.any(*Priority).value, "acceptance": "x"}
    code = roll.any(None, f"R{roll.world.position:04}")
    roll.world.given("Requirement.elicit", project_id=project, name="x", text="y", method="workshop", code=code, **told)
    process = roll.world.given("BusinessProcess.describe", project_id=project, name="Order")
    task = roll.world.given("Task.plan", project_id=project, name="Build")
    milestone = roll.world.given("Milestone.plan", project_id=project, name="Go-live", due_on="2026-09-01")
    written = {"kind": "design", "reference": "https://files.example/1"}
    document = roll.world.given("Document.add", project_id=project, name="Design", **written)
    for requirement in some(roll, "Requirement"):
        target = roll.any(
            {"process_id": process}, {"task_id": task}, {"milestone_id": milestone}, {"document_id": document}
        )
        do(roll, "Requirement.trace", requirement, **target)
    do(roll, "BusinessProcess.redesign", process, to_be="x")
    do(roll, "Document.submit", document)
    do(roll, f"Document.{roll.any('approve', 'watch')}", document, by=roll.eve)
    do(roll, f"BusinessProcess.{roll.any('adopt', 'watch')}", process)
    do(roll, "Task.report_progress", task, progress=str(roll.any(0, 40)))
    do(roll, "Milestone.reach", milestone, evidence="x")
    do(roll, f"Milestone.{roll.any('accept', 'watch')}", milestone, by=roll.eve)
    for requirement in some(roll, "Requirement"):
        do(roll, f"Requirement.{roll.any('confirm', 'baseline', 'archive')}", requirement)
        if roll.random.random() < 0.2:
            do(roll, "Requirement.drop", requirement, reason="x")


def changes(roll: Roll) -> None:
    project = roll.any(*roll.projects)
    roll.world.given("ChangeRequest.raise_change", project_id=project, name="x", what="y", why="z")
    [requirement, *_] = some(roll, "Requirement")
    for change in some(roll, "ChangeRequest"):
        do(roll, "ChangeRequest.affect", change, requirement_id=requirement)
        do(roll, "ChangeRequest.assess", change, scope_impact="x", days=roll.random.randrange(-3, 9), cost=roll.money())
        do(roll, f"ChangeRequest.{roll.any('approve', 'implement', 'reopen')}", change, by=roll.eve)
        if roll.random.random() < 0.2:
            do(roll, "ChangeRequest.reject", change, reason="x")


def issues(roll: Roll) -> None:
    on = TODAY - timedelta(days=roll.any(0, 7, 8, 30, 31, 90, 91))
    raised = {"severity": roll.any(*Severity).value, "raised_on": str(on)}
    due = roll.any(None, "2026-03-15")
    owner = roll.any(None, roll.eve)
    given = raised | {"name": "x", "due_on": due, "owner_id": owner}
    roll.world.given("Issue.raise_issue", project_id=roll.any(*roll.projects), **given)
    for issue in some(roll, "Issue"):
        command, more = roll.any(
            ("escalate", {"to_id": roll.eve, "reason": "x"}),
            ("resolve", {"resolution": "x"}),
            ("reopen", {"reason": "x"}),
            ("archive", {}),
        )
        do(roll, f"Issue.{command}", issue, **more)


moments = pytest.mark.parametrize("share", [0.25, 0.6, 1.0], ids="at {}".format)


def position(roll: Roll, share: float) -> int:
    return int(len(roll.events) * share)


def threatens(risk: Any) -> bool:
    return not risk.archived and risk.status.value not in ("occurred", "closed")


# -- risks -----------------------------------------------------------------------------------------


@moments
def test_each_cell_of_the_matrix_holds_the_risks_that_threaten(roll: Roll, share: float) -> None:
    at, project = position(roll, share), roll.projects[0]
    wanted = defaultdict(list)
    for risk in roll.known(at, "Risk"):
        if threatens(risk) and risk.project_id == project:
            wanted[risk.probability, risk.impact].append(risk.id)

    rows = roll.told(RiskMatrix(project_id=project), at)

    assert len(rows) == 25 and any(row["risks"] for row in rows)
    for row in rows:
        cell, score = (row["probability"], row["impact"]), row["probability"] * row["impact"]
        assert (row["risk_ids"], row["risks"]) == (sorted(wanted[cell]), len(wanted[cell]))
        assert row["level"] == ("high" if score >= 15 else "medium" if score >= 5 else "low")
    scores = [row["probability"] * row["impact"] for row in rows]
    assert scores == sorted(scores, reverse=True)


@moments
@pytest.mark.parametrize("over", [False, True])
def test_the_register_tells_of_each_risk_what_it_costs_by_its_chance(roll: Roll, share: float, over: bool) -> None:
    at, today = position(roll, share), date(2026, 4, 1)
    there = [risk for risk in roll.known(at, "Risk") if over or threatens(risk)]

    rows = roll.told(RiskRegister(over=over, on=today), at)

    assert {row["risk_id"] for row in rows} == {risk.id for risk in there}
    scores = [-1 if row["score"] is None else row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    by_id = {risk.id: risk for risk in there}
    for row in rows:
        risk = by_id[row["risk_id"]]
        chance = SHARES[risk.probability]
        assert row["exposure"] == (None if risk.cost is None else risk.cost.amount * chance)
        assert row["exposure_currency"] == row["cost_currency"] == (risk.cost and risk.cost.currency)
        assert row["days_exposed"] == (None if risk.days is None else risk.days * chance)
        overdue = threatens(risk) and risk.review_due is not None and risk.review_due < today
        assert (row["is_overdue"], row["status"], row["plan"]) == (overdue, risk.status.value, risk.plan)


@moments
@pytest.mark.parametrize(("bucket", "days"), [(Bucket.DAY, 1), (Bucket.WEEK, 7)])
def test_the_trend_tells_what_threatened_at_the_end_of_each_period(
    roll: Roll, share: float, bucket: Bucket, days: int
) -> None:
    last = position(roll, share)

    rows = roll.told(RiskExposure(bucket=bucket, since=START.date()), last)

    found = {(row["period"], row["exposure_currency"]): row for row in rows}
    assert len(found) == len(rows)
    begun = START.date()
    while (first := datetime(begun.year, begun.month, begun.day, tzinfo=UTC)) <= roll.at(last):
        ended = min(first + timedelta(days=days), roll.at(last))
        until = max(n for n in range(last + 1) if n == 0 or roll.at(n) <= ended)
        wanted = exposed(risk for risk in roll.known(until, "Risk") if threatens(risk))
        for currency, (risks, high, exposure, delay) in wanted.items():
            row = found.pop((begun, currency))
            assert (row["risks"], row["high"], row["exposure"], row["days_exposed"]) == (risks, high, exposure, delay)
        begun += timedelta(days=days)
    assert found == {}


def exposed(threatening: Iterator[Any]) -> Mapping[str | None, tuple[int, int, Decimal | None, Decimal | None]]:
    """By currency: how many, how many of them high, what they cost by their chance, and by how many days they delay."""
    of: dict[str | None, list[Any]] = defaultdict(list)
    for risk in threatening:
        of[risk.cost.currency if risk.cost else None].append(risk)
    found = {
        currency: (
            len(those),
            sum((r.probability or 0) * (r.impact or 0) >= 15 for r in those),
            total([r.cost.amount * SHARES[r.probability] for r in those if r.cost]),
            total([r.days * SHARES[r.probability] for r in those if r.days is not None]),
        )
        for currency, those in of.items()
    }
    return found or {None: (0, 0, None, None)}


def total(amounts: list[Decimal]) -> Decimal | None:
    return sum(amounts, Decimal(0)) if amounts else None


# -- requirements ----------------------------------------------------------------------------------


@moments
def test_the_document_has_everything_of_each_requirement_by_kind_and_priority(roll: Roll, share: float) -> None:
    at, project = position(roll, share), roll.projects[1]
    there = [r for r in roll.known(at, "Requirement") if r.status.value != "dropped" and r.project_id == project]
    last = chr(0x10FFFF)
    there.sort(key=lambda r: (list(Kind).index(r.kind), list(Priority).index(r.priority), r.code or last, r.id))

    rows = roll.told(RequirementsDocument(project_id=project), at)

    assert [row["requirement_id"] for row in rows] == [r.id for r in there] and rows
    for row, requirement in zip(rows, there, strict=True):
        shown = (row["text"], row["status"], row["code"], row["acceptance"])
        assert shown == (requirement.text, requirement.status.value, requirement.code, requirement.acceptance)
        assert row["process_ids"] == sorted(t.process_id for t in requirement.traces.values() if t.process_id)
        assert row["task_ids"] == sorted(t.task_id for t in requirement.traces.values() if t.task_id)
        assert row["milestone_ids"] == sorted(t.milestone_id for t in requirement.traces.values() if t.milestone_id)


def test_the_document_is_of_one_kind_or_priority_and_with_what_was_dropped_if_that_is_asked(roll: Roll) -> None:
    at = len(roll.events)
    there = roll.known(at, "Requirement")

    data = roll.told(RequirementsDocument(kind=Kind.DATA, dropped=True), at)
    musts = roll.told(RequirementsDocument(priority=Priority.MUST), at)

    assert {row["requirement_id"] for row in data} == {r.id for r in there if r.kind is Kind.DATA}
    wanted = {r.id for r in there if r.priority is Priority.MUST and r.status.value != "dropped"}
    assert {row["requirement_id"] for row in musts} == wanted


@moments
@pytest.mark.parametrize("untraced", [False, True])
def test_each_requirement_is_told_with_what_it_is_traced_to_and_how_far_that_is(
    roll: Roll, share: float, untraced: bool
) -> None:
    at = position(roll, share)
    targets = {each.id: each for kind in TARGETS for each in roll.known(at, kind)}
    wanted = set[Any]()
    for requirement in roll.known(at, "Requirement"):
        if requirement.status.value != "dropped":
            traced = [] if untraced and requirement.traces else [targets[id] for id in requirement.traces]
            wanted |= {(requirement.id, t.id, t.name, t.status.value, progress(t)) for t in traced}
            if not requirement.traces:
                wanted.add((requirement.id, None, None, None, None))

    rows = roll.told(Traceability(untraced=untraced), at)

    assert rows and len(rows) == len(wanted)
    assert wanted == {
        (
            row["requirement_id"],
            row["task_id"] or row["milestone_id"] or row["process_id"] or row["document_id"],
            row["target"],
            row["target_status"],
            row["progress"],
        )
        for row in rows
    }
    assert all(row["traced"] == (row["target"] is not None) for row in rows)
    assert untraced or share < 1 or {row["traced"] for row in rows} == {True, False}


TARGETS = ("Task", "Milestone", "BusinessProcess", "Document")


def progress(target: Any) -> Decimal:
    """Percent of a thing that is done."""
    if hasattr(target, "progress"):
        return Decimal(target.progress)
    return Decimal(100 if target.status.value in ("accepted", "adopted", "approved") else 0)


# -- changes and issues ----------------------------------------------------------------------------


@moments
def test_the_log_of_changes_tells_who_asked_and_who_decided_when(roll: Roll, share: float) -> None:
    at, project = position(roll, share), roll.projects[0]
    there = [c for c in roll.known(at, "ChangeRequest") if c.project_id == project]
    decided = {
        event.originator_id: roll.at(n)
        for n, event in enumerate(roll.events[:at], 1)
        if event.TOPIC in ("ChangeRequest.Approved", "ChangeRequest.Rejected", "ChangeRequest.Withdrawn")
    }

    rows = roll.told(ChangeLog(project_id=project), at)

    assert [row["change_id"] for row in rows] == [change.id for change in there] and rows
    approved = 0
    for row, change in zip(rows, there, strict=True):
        approved += change.days if change.status.value in ("approved", "implemented") else 0
        assert (row["days_so_far"], row["days"], row["status"]) == (approved, change.days, change.status.value)
        assert row["cost"] == (change.cost and change.cost.amount)
        assert row["decided_at"] == (decided[change.id] if change.decided_by_id else None)
        assert row["requirement_ids"] == sorted(a.requirement_id for a in change.affected.values())


@moments
def test_open_issues_are_told_by_severity_and_age(roll: Roll, share: float) -> None:
    at, today = position(roll, share), TODAY
    wanted = defaultdict(list)
    for issue in roll.known(at, "Issue"):
        if issue.status.value in ("open", "escalated"):
            days = (today - issue.raised_on).days
            age = next(name for name, most in AGES.items() if days <= most)
            wanted[issue.severity.value, age].append(issue)

    rows = roll.told(OpenIssues(on=today), at)

    order = [(list(Severity).index(Severity(row["severity"])), list(AGES).index(row["age"])) for row in rows]
    assert order == sorted(order, reverse=True) and rows
    assert {(row["severity"], row["age"]) for row in rows} == wanted.keys()
    for row in rows:
        those = sorted(wanted[row["severity"], row["age"]], key=lambda issue: (issue.raised_on, issue.id))
        assert (row["issues"], row["issue_ids"]) == (len(those), [issue.id for issue in those])
        assert row["escalated"] == sum(issue.status.value == "escalated" for issue in those)
        assert row["overdue"] == sum(issue.due_on is not None and issue.due_on < today for issue in those)
        assert row["unassigned"] == sum(issue.owner_id is None for issue in those)
        assert row["oldest"] == max((today - issue.raised_on).days for issue in those)


AGES = {"week": 7, "month": 30, "quarter": 90, "longer": 10**6}
