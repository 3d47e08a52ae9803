"""How milestones were kept and objectives are met, against a plain computation; and what came of a sale."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import euros

KEPT = """query ($project: ID!, $on: Date, $at: AsOf) { milestonesKept(projectId: $project, on: $on, asOf: $at) {
    milestoneId status firstDueOn dueOn slips daysPutOff reachedOn daysLate kept } }"""
TREND = """query ($project: ID!, $at: AsOf) { milestoneDates(projectId: $project, asOf: $at) {
    milestoneId dueOn reason reachedOn } }"""
KPIS = """query ($project: ID!, $at: AsOf) { kpis(projectId: $project, asOf: $at) {
    text value measuredOn measurements progress met } }"""
TODAY = datetime.now(UTC).date()


@dataclass
class Kept:
    """A milestone, as somebody with pencil and paper would keep it."""

    days: list[date]
    reasons: list[str | None] = field(default_factory=lambda: [None])
    reached: date | None = None

    def row(self, on: date) -> dict[str, Any]:
        due, slips = self.days[-1], sum(b > a for a, b in zip(self.days, self.days[1:], strict=False))
        return {
            "status": "REACHED" if self.reached else "PLANNED",
            "firstDueOn": str(self.days[0]),
            "dueOn": str(due),
            "slips": slips,
            "daysPutOff": (due - self.days[0]).days,
            "reachedOn": self.reached and str(self.reached),
            "daysLate": max(((self.reached or on) - due).days, 0),
            "kept": self.reached is not None and self.reached <= due,
        }


def test_how_milestones_were_kept_and_every_day_that_they_had_is_told_as_of_any_instant(api: Api) -> None:
    r, project, other = random.Random(8), api.given("proposeProject", name=some("x")), api.given(
        "proposeProject", name=some("x")
    )  # fmt: skip
    plan = {"name": "Go-live", "dueOn": str(TODAY)}
    api.given("planMilestone", projectId=other, **plan)
    away = api.given("planMilestone", projectId=project, **plan)
    api.given("archiveMilestone", id=away)
    known: dict[str, Kept] = {}
    moments: list[tuple[int, dict[str, Kept]]] = []
    for n in range(8):
        due = TODAY + timedelta(days=r.randrange(-30, 30))
        known[api.given("planMilestone", projectId=project, name=f"M{n}", dueOn=str(due))] = Kept([due])
    for _ in range(20):
        id, milestone = r.choice([*known.items()])
        if milestone.reached is None and r.random() < 0.7:
            due = milestone.days[-1] + timedelta(days=r.choice([-3, -1, 2, 7]))
            api.given("rescheduleMilestone", id=id, dueOn=str(due), reason="moved")
            milestone.days.append(due)
            milestone.reasons.append("moved")
        elif milestone.reached is None:
            milestone.reached = TODAY - timedelta(days=r.randrange(40))
            api.given("reachMilestone", id=id, on=str(milestone.reached))
        moments.append((api.position, {i: Kept([*m.days], [*m.reasons], m.reached) for i, m in known.items()}))

    for position, then in (moments[6], moments[-1]):
        at, on = {"position": position}, TODAY + timedelta(days=1)
        kept = api.ask(KEPT, project=project, on=str(on), at=at)["milestonesKept"]
        trend = api.ask(TREND, project=project, at=at)["milestoneDates"]

        assert {row.pop("milestoneId"): row for row in kept} == {id: each.row(on) for id, each in then.items()}
        told: dict[str, list[Any]] = {}
        for row in trend:
            told.setdefault(row["milestoneId"], []).append((row["dueOn"], row["reason"]))
        assert told == {
            id: [*zip(map(str, each.days), each.reasons, strict=True)] for id, each in then.items()
        }  # fmt: skip


def test_an_objective_is_told_with_its_last_measurement_as_of_any_instant(api: Api) -> None:
    project, other = (api.given("proposeProject", name=some("x")) for _ in range(2))
    for each in (project, other):
        aim = {"text": "Answer sooner", "metric": "hours", "baseline": "20", "target": "4"}
        api.given("setProjectObjective", id=each, **aim)
    for text, more in {
        "Sell more": {"metric": "deals", "baseline": "10", "target": "40"},
        "Be liked": {"metric": "score"},
        "Be bold": {},
    }.items():
        api.given("setProjectObjective", id=project, text=text, **more)
    nodes = api.ask(f'{{ project(id: "{project}") {{ objectives {{ nodes {{ objectiveId text }} }} }} }}')
    ids = {node["text"]: node["objectiveId"] for node in nodes["project"]["objectives"]["nodes"]}

    def measure(text: str, value: str, days_ago: int) -> None:
        on = str(TODAY - timedelta(days=days_ago))
        api.given("measureProjectKpi", id=project, objectiveId=ids[text], value=value, on=on)

    def told(at: int) -> dict[str, Any]:
        rows = api.ask(KPIS, project=project, at={"position": at})["kpis"]
        return {row["text"]: [row["value"], row["measurements"], row["progress"], row["met"]] for row in rows}

    measure("Answer sooner", "8", 10)
    measure("Sell more", "25", 10)
    before = api.position
    measure("Answer sooner", "2", 1)
    measure("Answer sooner", "12", 5)  # told late: it is older than the last
    measure("Be liked", "7", 3)

    assert told(before) == {
        "Answer sooner": ["8", 1, str(Decimal(75)), False],
        "Sell more": ["25", 1, "50", False],
        "Be liked": [None, 0, None, None],
        "Be bold": [None, 0, None, None],
    }
    assert told(api.position) == {
        "Answer sooner": ["2", 3, "112.5", True],
        "Sell more": ["25", 1, "50", False],
        "Be liked": ["7", 1, None, None],
        "Be bold": [None, 0, None, None],
    }


def test_a_project_that_came_from_a_sale_is_seen_from_both_sides_and_in_both_timelines(api: Api, pipeline: str) -> None:
    account = api.given("registerAccount", name=some("Acme"))
    open_, won, other = (
        api.given("openOpportunity", pipelineId=pipeline, name=some("Pumps"), accountId=account) for _ in range(3)
    )
    for sale in (won, other):
        api.given("winOpportunity", id=sale, amount=euros("9"))
    template = api.given(
        "defineProjectTemplate",
        name=some("CRM"),
        phases=[{"phase": "design", "name": "Design"}],
        milestones=[{"key": "drawn", "name": "Design accepted", "phase": "design"}],
        tasks=[
            {"key": "map", "name": "Draw", "phase": "design", "milestone": "drawn", "duration": 3},
            {"key": "talk", "name": "Talk", "phase": "design", "waitsFor": [{"task": "map", "kind": "SS", "lag": 1}]},
        ],
    )

    refused = api.user_error("proposeProject", name="x", opportunityId=open_)
    project = api.given(
        "proposeProject", name="Roll-out", opportunityId=won, templateId=template, startsOn="2026-12-18"
    )
    api.given("commentProject", id=project, text="We begin")

    assert (refused["code"], refused["field"]) == ("REFUSED", ["opportunityId"])
    assert "won" in refused["message"]
    seen = api.ask(
        """query ($project: ID!, $won: ID!, $other: ID!) {
            project(id: $project) { account { id } opportunity { id } template { id } endsOn
                phases { nodes { phase startsOn endsOn } }
                milestones { nodes { name dueOn } } tasks { nodes { name startsOn } } }
            won: opportunity(id: $won) { projects { nodes { id } } }
            other: opportunity(id: $other) { projects { nodes { id } } } }""",
        project=project, won=won, other=other,
    )  # fmt: skip
    assert seen["won"]["projects"]["nodes"] == [{"id": project}]
    assert seen["other"]["projects"]["nodes"] == []
    assert seen["project"].pop("tasks")["nodes"] and seen["project"] == {
        "account": {"id": account},
        "opportunity": {"id": won},
        "template": {"id": template},
        "endsOn": "2026-12-22",
        "phases": {"nodes": [{"phase": "design", "startsOn": "2026-12-18", "endsOn": "2026-12-22"}]},
        "milestones": {"nodes": [{"name": "Design accepted", "dueOn": "2026-12-22"}]},
    }
    timeline = "query ($of: ID!) { timeline(of: $of, first: 100) { nodes { kind nodeId } } }"
    told = {of: api.ask(timeline, of=of)["timeline"]["nodes"] for of in (won, project, other)}
    of_project = {"kind": "PROJECT_COMMENTED", "nodeId": project}
    assert of_project in told[won] and of_project in told[project] and of_project not in told[other]
    assert {"kind": "PROJECT_PROPOSED", "nodeId": project} in told[won]


def test_whoever_sees_no_sales_does_not_learn_which_sale_a_project_came_from(cast: Cast, pipeline: str) -> None:
    api = cast.api
    won = api.given("openOpportunity", pipelineId=pipeline, name=some("Pumps"))
    api.given("winOpportunity", id=won, amount=euros("9"))
    manager = cast.user({"projects.*": "ALL"})

    assert manager.user_error("proposeProject", name="x", opportunityId=won)["code"] in ("NOT_FOUND", "FORBIDDEN")
