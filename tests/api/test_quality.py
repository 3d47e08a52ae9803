"""Requirements, risks, changes and issues as a frontend works with them, and what it is told of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.api.cast import Cast, casting
from tests.api.client import Api, some
from tests.api.company import a_user, euros


class Rollout(NamedTuple):
    """A project with two risks, and a neighbour of it with one."""

    project: str
    worst: str
    small: str
    neighbour: str
    before: int
    """The position at which nothing was assessed yet."""


@pytest.fixture(scope="module")
def rollout(api: Api) -> Rollout:
    project, other = (api.given("proposeProject", name=some("Project")) for _ in range(2))
    worst, small, neighbour = (
        api.given("identifyRisk", projectId=p, name=name, category="DATA", effect="The import fails")
        for p, name in ((project, "Old data"), (project, "Holidays"), (other, "Neighbour"))
    )
    before = api.position
    api.given("assessRisk", id=worst, probability=5, impact=4, cost=euros("1000"), days=10)
    api.given("assessRisk", id=small, probability=1, impact=1, cost=euros("50"))
    api.given("assessRisk", id=neighbour, probability=5, impact=5, cost=euros("9000"))
    return Rollout(project, worst, small, neighbour, before)


@pytest.fixture(scope="module")
def cast(api: Api, database_url: str) -> Iterator[Cast]:
    with casting(api, database_url, "test_api") as made:
        yield made


REGISTER = """query ($id: ID!) { riskRegister(projectId: $id) {
    riskId risk { name } score level exposure { amount currency } daysExposed } }"""


def test_the_register_of_a_project_has_its_own_risks_the_worst_first(api: Api, rollout: Rollout) -> None:
    rows = api.ask(REGISTER, id=rollout.project)["riskRegister"]

    assert rows == [
        {
            "riskId": rollout.worst, "risk": {"name": "Old data"}, "score": 20, "level": "HIGH",
            "exposure": euros("900"), "daysExposed": "9",
        },
        {
            "riskId": rollout.small, "risk": {"name": "Holidays"}, "score": 1, "level": "LOW",
            "exposure": euros("5"), "daysExposed": None,
        },
    ]  # fmt: skip


def test_as_of_then_nothing_was_assessed(api: Api, rollout: Rollout) -> None:
    query = """query ($id: ID!, $then: Position!) {
        riskMatrix(projectId: $id, asOf: {position: $then}) { risks }
        now: riskMatrix(projectId: $id) { probability impact risks riskIds }
        riskExposure(projectId: $id, asOf: {position: $then}, bucket: DAY) { risks exposure { amount } } }"""

    told = api.ask(query, id=rollout.project, then=rollout.before)

    assert sum(cell["risks"] for cell in told["riskMatrix"]) == 0
    assert [(c["probability"], c["impact"], c["riskIds"]) for c in told["now"] if c["risks"]] == [
        (5, 4, [rollout.worst]),
        (1, 1, [rollout.small]),
    ]
    assert told["riskExposure"][-1] == {"risks": 2, "exposure": None}


def test_a_risk_that_occurs_shows_its_issue_and_the_issue_its_risk(api: Api) -> None:
    project = api.given("proposeProject", name=some("Project"))
    risk = api.given("identifyRisk", projectId=project, name="Old data", category="DATA")
    query = "query ($id: ID!) { risk(id: $id) { status issue { name severity risk { id } } } }"

    payload = api.do("occurRisk", "risk { status }", id=risk, severity="CRITICAL")

    assert [each["id"].partition("_")[0] for each in payload["changed"]] == ["Risk", "Issue"]
    assert api.ask(query, id=risk)["risk"] == {
        "status": "OCCURRED",
        "issue": {"name": "Old data", "severity": "CRITICAL", "risk": {"id": risk}},
    }


def test_a_project_shows_all_that_belongs_to_it(api: Api, rollout: Rollout) -> None:
    query = """query ($id: ID!) { project(id: $id) {
        risks { nodes { id } } requirements { totalCount } changeRequests { totalCount } issues { totalCount }
        businessProcesses { totalCount } swotAnalyses { totalCount } } }"""

    told = api.ask(query, id=rollout.project)["project"]

    assert {node["id"] for node in told["risks"]["nodes"]} == {rollout.worst, rollout.small}
    assert {each["totalCount"] for name, each in told.items() if name != "risks"} == {0}


def test_what_happened_to_its_risks_stands_in_the_timeline_of_a_project(api: Api, rollout: Rollout) -> None:
    query = "query ($of: ID!) { timeline(of: $of, first: 100) { nodes { nodeId } } }"

    told = {node["nodeId"] for node in api.ask(query, of=rollout.project)["timeline"]["nodes"]}

    assert {rollout.worst, rollout.small} <= told and rollout.neighbour not in told


def test_who_sees_their_own_risks_is_told_of_no_others(api: Api, cast: Cast, rollout: Rollout) -> None:
    project = api.given("proposeProject", name=some("Project"))
    reader = cast.user({"projects.see": "OWN"})
    mine, theirs = (
        api.given("identifyRisk", projectId=project, name=name, category="DATA", ownerId=owner)
        for name, owner in (("Mine", reader.me), ("Theirs", a_user(api)))
    )
    for risk in (mine, theirs):
        api.given("assessRisk", id=risk, probability=3, impact=3, cost=euros("100"))
    query = """query ($id: ID!) { riskRegister(projectId: $id) { riskId }
        riskMatrix(projectId: $id) { risks } riskExposure(projectId: $id, bucket: DAY) { risks } }"""
    reader.position = api.position

    told, whole = reader.ask(query, id=project), api.ask(query, id=project)

    assert [row["riskId"] for row in told["riskRegister"]] == [mine]
    assert (sum(c["risks"] for c in told["riskMatrix"]), told["riskExposure"][-1]["risks"]) == (1, 1)
    assert {row["riskId"] for row in whole["riskRegister"]} == {mine, theirs}


def test_what_is_hidden_of_risks_is_hidden_in_reports(api: Api, cast: Cast, rollout: Rollout) -> None:
    reader = cast.user({"projects.see": "ALL"}, ["Risk.cost", "Risk.probability"])
    reader.position = api.position
    query = """query ($id: ID!) {
        riskRegister(projectId: $id) { score level exposure { amount } cost { amount } impact }
        riskMatrix(projectId: $id) { risks }
        riskExposure(projectId: $id, bucket: DAY) { risks high exposure { amount } } }"""

    told = reader.ask(query, id=rollout.project)

    nothing = {"score": None, "level": None, "exposure": None, "cost": None}
    assert [{n: row[n] for n in nothing} for row in told["riskRegister"]] == [nothing, nothing]
    assert {row["impact"] for row in told["riskRegister"]} == {4, 1}
    assert sum(cell["risks"] for cell in told["riskMatrix"]) == 0
    assert told["riskExposure"][-1] == {"risks": 2, "high": 0, "exposure": None}


def test_a_trend_of_too_many_periods_is_refused(api: Api) -> None:
    code, message = api.refused('{ riskExposure(since: "2000-01-01", bucket: DAY) { risks } }')

    assert (code, "more than 1000 periods" in message) == ("BAD_USER_INPUT", True)
    assert api.ask('{ riskExposure(since: "2000-01-01", bucket: MONTH) { risks } }')["riskExposure"]


@pytest.mark.parametrize("bucket", ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"])
def test_a_trend_has_periods_of_any_length(api: Api, rollout: Rollout, bucket: str) -> None:
    query = "query ($b: Bucket!, $id: ID!) { riskExposure(bucket: $b, projectId: $id) { period risks } }"

    rows = api.ask(query, b=bucket, id=rollout.project)["riskExposure"]

    assert rows[-1]["risks"] == 2 and len({row["period"] for row in rows}) == len(rows)


def test_the_document_of_requirements_and_the_log_of_changes_point_to_what_they_are_about(api: Api, cast: Cast) -> None:
    project = api.given("proposeProject", name=some("Project"))
    of: dict[str, Any] = {"projectId": project, "name": "Search"}
    requirement = api.given("elicitRequirement", **of, text="Pumps are found.", method="WORKSHOP", acceptance="x")
    task = api.given("planTask", **of)
    api.given("traceRequirement", id=requirement, taskId=task)
    for step in ("confirm", "baseline"):
        api.given(f"{step}Requirement", id=requirement)
    change = api.given("raiseChangeRequest", **of, what="x", why="y")
    api.given("affectChangeRequest", id=change, requirementId=requirement)
    api.given("assessChangeRequest", id=change, scopeImpact="x", days=2)
    error = api.user_error("approveChangeRequest", id=change)
    assert (error["code"], "does not approve it" in error["message"]) == ("REFUSED", True)
    manager = cast.user({"projects.*": "ALL"})
    manager.given("approveChangeRequest", id=change)
    query = """query ($id: ID!) {
        requirementsDocument(projectId: $id) { requirement { name } taskIds status }
        traceability(projectId: $id) { requirementId task { name } targetStatus progress }
        changeLog(projectId: $id) { changeId requirementIds days daysSoFar decidedBy { id } decidedAt } }"""
    api.position = manager.position

    told = api.ask(query, id=project)

    [stated], [traced], [logged] = told["requirementsDocument"], told["traceability"], told["changeLog"]
    assert stated == {"requirement": {"name": "Search"}, "taskIds": [task], "status": "BASELINED"}
    assert (traced["task"], traced["targetStatus"], traced["progress"]) == ({"name": "Search"}, "planned", "0")
    assert logged.pop("decidedAt")
    assert logged == {
        "changeId": change,
        "requirementIds": [requirement],
        "days": 2,
        "daysSoFar": 2,
        "decidedBy": {"id": manager.me},
    }
