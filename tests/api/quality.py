"""Requirements, changes, risks and issues with something in every column, made step by step through the API."""

from __future__ import annotations

from typing import Any

from tests.api.client import Api, some
from tests.api.company import a_user, euros

DUE = "2030-01-31"


def fill_quality(api: Api, another: Api) -> None:
    """What takes more than one command, more than one person, or no more than one of several things."""
    do, other = api.given, a_user(api)
    contact = do("addContact", person={"familyName": "x"})
    project = do("proposeProject", name=some("Project"))
    of: dict[str, Any] = {"projectId": project, "name": some("x")}
    task, milestone = do("planTask", **of), do("planMilestone", **of, dueOn=DUE)
    process = do("describeBusinessProcess", **of, asIs="x", responsibleId=contact)
    document = do("addDocument", **of, kind="DESIGN", reference="x")
    stakeholder = do("identifyStakeholder", projectId=project, contactId=contact)
    asked: dict[str, Any] = {**of, "text": "x", "acceptance": "x", "sourceId": contact, "stakeholderId": stakeholder}
    requirement = do("elicitRequirement", **asked, method="WORKSHOP")
    change = do("raiseChangeRequest", **of, what="x", why="y", options="z")
    for each in ({"requirementId": requirement}, {"taskId": task}, {"milestoneId": milestone}):
        do("affectChangeRequest", id=change, **each, note="x")
    for target in ({"processId": process}, {"taskId": task}, {"milestoneId": milestone}, {"documentId": document}):
        do("traceRequirement", id=requirement, **target, note="x")
    do("assessChangeRequest", id=change, scopeImpact="x", days=3, cost=euros("5"))
    another.given("approveChangeRequest", id=change, note="x")
    do("confirmRequirement", id=requirement, contactId=contact)
    do("baselineRequirement", id=requirement)
    do("refineRequirement", id=requirement, text="y", changeId=change)
    do("implementRequirement", id=requirement)
    do("verifyRequirement", id=requirement, evidence="x")
    risk = do("identifyRisk", **of, category="DATA", ownerId=other)
    do("assessRisk", id=risk, probability=3, impact=4, cost=euros("7"), days=2)
    do("planRiskResponse", id=risk, response="REDUCE", plan="x", reviewDue=DUE)
    do("reviewRisk", id=risk, note="x", due=DUE)
    do("occurRisk", id=risk, ownerId=other, dueOn=DUE)
    raised = {**of, "severity": "LOW", "text": "x", "dueOn": DUE}
    issue = do("raiseIssue", **raised, riskId=risk, taskId=task, ownerId=other)
    do("escalateIssue", id=issue, toId=other, reason="x")
    do("resolveIssue", id=issue, resolution="x")
    do("closeIssue", id=issue)
    analysis = do("beginSwotAnalysis", **of)
    shown = "swotAnalysis { items { nodes { itemId } } }"
    made = api.do("addSwotAnalysisItem", shown, id=analysis, kind="THREAT", text="x")["swotAnalysis"]
    [item] = made["items"]["nodes"]
    do("makeSwotAnalysisRisk", id=analysis, itemId=item["itemId"], category="EXTERNAL")
