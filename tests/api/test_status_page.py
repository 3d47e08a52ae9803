"""The status report for people: of any project, of what its reader may see, and never more."""

from __future__ import annotations

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from domain.aggregate import Aggregate
from domain.projects import change_request, issue, milestone, project, risk
from domain.projects.budget import Budget
from domain.projects.change_request import ChangeRequest
from domain.projects.issue import Issue
from domain.projects.milestone import Milestone
from domain.projects.project import Project
from domain.projects.risk import Risk
from domain.projects.status_report import StatusReport
from domain.projects.task import Task
from domain.rights import maskable
from infra.charts.words import Language
from infra.deliverables.status_words import WORDS
from infra.tables import Table
from projections.catalogue import VIEWS
from projections.projects.status import ProjectAspect
from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import an_account, euros
from tests.api.test_deliverables import fetched

HOSTILE = "<script>alert(1)</script>\n| a | [x](javascript:alert(1))"


def report(api: Api, project: str, rest: str = "md") -> str:
    answer: httpx.Response = fetched(api, f"/reports/status/{project}.{rest}")
    assert answer.status_code == 200, answer.text
    return answer.text


def part(text: str, title: str) -> str:
    """What stands under a title in Markdown."""
    return text.partition(f"## {title}\n\n")[2].partition("\n## ")[0].strip()


def test_a_project_of_which_nothing_is_known_yet_has_one_too(api: Api) -> None:
    text = report(api, api.given("proposeProject", name="Begins"))

    assert text.startswith("# Status report: Begins\n")
    assert part(text, "Plan") == "*There is no plan yet.*"
    assert part(text, "Earned value") == "*There is no budget yet, or no plan to spread it over.*"
    assert part(text, "As reported") == "*No status report has been published.*"
    assert {part(text, each) for each in ("Milestones", "Open risks", "Open issues", "Changes", "Objectives")} == {
        "*None.*"
    }


def test_it_tells_of_this_project_and_of_no_other(api: Api) -> None:
    project, other = (api.given("proposeProject", name=some("Project")) for _ in range(2))
    for whose, mark in ((project, "Ours"), (other, "Theirs")):
        of = {"projectId": whose}
        api.given("planMilestone", **of, name=f"{mark} is live", dueOn="2030-02-15")
        risk = api.given("identifyRisk", **of, name=f"{mark} has no time", category="PEOPLE")
        api.given("assessRisk", id=risk, probability=4, impact=5, cost=euros("1000"))
        api.given("raiseIssue", **of, name=f"{mark} is slow", severity="CRITICAL")
        api.given("raiseChangeRequest", **of, name=f"{mark} is later", what="x", why="x")

    text = report(api, project)

    assert "Theirs" not in text
    assert "| Ours is live | 15 Feb 2030 | 15 Feb 2030 | on time | planned |" in part(text, "Milestones")
    assert "| Ours has no time | 20 | assessed |" in part(text, "Open risks")
    assert "| Ours is slow | critical | open |" in part(text, "Open issues")
    assert "| Ours is later | raised |" in part(text, "Changes")
    assert "| Quality | 🔴 red | critical issues: Ours is slow |" in part(text, "How it stands")


def test_what_its_reader_may_not_see_is_left_out_and_it_says_so(cast: Cast, api: Api) -> None:
    account = an_account(api, some("Acme"))
    project = api.given("proposeProject", name="CRM", accountId=account)
    reader = cast.user({"projects.see": "ALL"})
    name = api.ask("query ($id: ID!) { account(id: $id) { name } }", id=account)["account"]["name"]
    reader.position = api.position

    seen, read = report(api, project), report(reader, project)

    assert f"- **Account**: {name}\n" in seen and name not in read
    assert "- **Account**: Left out: you may not see this, for which you need customers.see.\n" in read
    assert "- **Project manager**: Left out: you may not see this, for which you need platform.see.\n" in read
    assert "## Milestones" in read


KINDS = [Project, Milestone, Task, Risk, Issue, ChangeRequest, Budget, StatusReport]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_whatever_a_role_hides_there_is_a_report_without_it(cast: Cast, api: Api, kind: type[Aggregate]) -> None:
    project = api.given("proposeProject", name="CRM", startsOn="2030-01-01", goal="one view of customers")
    of = {"projectId": project}
    milestone = api.given("planMilestone", **of, name="Live", dueOn="2030-02-15")
    api.given("planTask", **of, name="Clean", effort="8", dueOn="2030-02-15", milestoneId=milestone)
    api.given("planBudget", **of, lines=[{"category": "PEOPLE", "planned": euros("4711")}], hourlyRate=euros("80"))
    risk = api.given("identifyRisk", **of, name="No time", category="PEOPLE")
    api.given("assessRisk", id=risk, probability=4, impact=5, cost=euros("1000"))
    api.given("raiseIssue", **of, name="Slow", severity="CRITICAL", dueOn="2030-02-15")
    change = api.given("raiseChangeRequest", **of, name="Later", what="x", why="x")
    api.given("assessChangeRequest", id=change, scopeImpact="None", days=10, cost=euros("4000"))
    reader = cast.user({"projects.see": "ALL", "customers.see": "ALL", "platform.see": "ALL"}, maskable(kind))
    reader.position = api.position

    for format in ("md", "html"):
        answer = fetched(reader, f"/reports/status/{project}.{format}")
        assert answer.status_code == 200, answer.text
        assert ("one view of customers" in answer.text) is (kind is not Project)


@pytest.mark.parametrize("format", ["md", "html"])
def test_what_people_wrote_is_never_markup(api: Api, format: str) -> None:
    project = api.given("proposeProject", name="x", goal=HOSTILE)
    api.given("planMilestone", projectId=project, name=HOSTILE, dueOn="2030-02-15")
    api.given("raiseIssue", projectId=project, name=HOSTILE, severity="HIGH")
    drafted = api.given(
        "draftStatusReport", projectId=project, since="2026-01-01", until="2026-01-31", done=f"{HOSTILE}\n- one\n# two"
    )
    green = {"colour": "GREEN"}
    others = dict.fromkeys(("time", "cost", "quality", "risk"), green)
    api.given("setStatusReportLights", id=drafted, scope={"colour": "RED", "reason": HOSTILE}, **others)
    api.given("publishStatusReport", id=drafted)

    text = report(api, project, format)

    assert "<script" not in text and text.count("alert(1)") >= 10
    if format == "md":
        assert not any(markup in text for markup in ("[x]", "| a |", "\n# two", "\n- one"))


def test_where_a_plan_cannot_be_computed_all_else_is_told_and_why_it_cannot(api: Api, database_url: str) -> None:
    project = api.given("proposeProject", name="Circle")
    of = {"projectId": project}
    first, second = (api.given("planTask", **of, name=name) for name in ("<script>A", "B"))
    api.given("dependTaskOn", id=second, predecessorId=first)
    api.given("dependTaskOn", id=first, predecessorId=api.given("planTask", **of, name="C"))
    api.given("planMilestone", **of, name="Live", dueOn="2030-02-15")
    api.given("planBudget", **of, lines=[{"category": "PEOPLE", "planned": euros("100")}])
    api.given("raiseIssue", **of, name="It is slow", severity="CRITICAL")
    report(api, project)
    waits_for_itself(database_url, first, second)

    found, page = report(api, project), report(api, project, "html")

    why = "*This cannot be computed: these tasks wait for each other: "
    told = {title: part(found, title) for title in ("Plan", "Milestones", "Earned value", "Open issues")}
    assert all(told[title].startswith(why) for title in ("Plan", "Milestones", "Earned value")), told
    assert "| It is slow | critical | open |" in told["Open issues"]
    assert "| Time | 🔴 red | the plan cannot be computed: these tasks wait for each other: " in found
    assert "This cannot be computed: " in page and not any("<script" in text for text in (found, page))
    assert "无法计算：" in report(api, project, "md?language=zh")
    chart = fetched(api, f"/charts/gantt/{project}.svg")
    assert (chart.status_code, chart.json()["errors"][0]["extensions"]["code"]) == (400, "NOT_COMPUTABLE")


def waits_for_itself(database_url: str, first: str, second: str) -> None:
    """What no command lets come about: the first waits for the second, which waits for it."""
    [table] = [Table(view).name for view in VIEWS if view.table == "task_dependencies"]
    put = SQL("update {} set predecessor_id = %s where id = %s").format(Identifier(table))
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=test_api") as connection:
        connection.execute(put, [second.partition("_")[2], first.partition("_")[2]])


@pytest.mark.parametrize("language", Language)
def test_it_has_words_for_every_state_in_each_language(language: Language) -> None:
    states = [project.Status, milestone.Status, risk.Status, risk.Response, issue.Status, issue.Severity]
    names = {each.name for kind in (*states, change_request.Status, ProjectAspect) for each in kind}

    assert names <= WORDS[language].keys() and all(WORDS[language].values())
