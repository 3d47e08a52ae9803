"""What is made of a project for people: as the caller may see it, as of any instant, and never around the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from domain.projects.planning.plan import Dependency, Plan, Task
from domain.projects.planning.schedule import schedule
from infra.deliverables import DELIVERABLES
from infra.plans.reading import read
from tests.api.cast import Cast
from tests.api.client import Api
from tests.infra.test_charts import texts

SPRINT = next(each for each in DELIVERABLES if each.path == "/charts/sprint-burn-down")
OF_PROJECTS = [each for each in DELIVERABLES if each is not SPRINT]


def a_project(api: Api, name: str = "CRM for Acme Pumps") -> str:
    return api.given("proposeProject", name=name)


def fetched(api: Api, path: str, **headers: str) -> httpx.Response:
    return api.http.get(path, headers=api.headers | headers)


def trend(api: Api, project: str, rest: str = "svg") -> httpx.Response:
    return fetched(api, f"/charts/milestone-trend/{project}.{rest}")


def names(answer: httpx.Response) -> set[str]:
    """What can be read in a chart."""
    assert answer.status_code == 200, answer.text
    return {" ".join(text.split()) for text in texts(answer.text)}


@pytest.fixture
def planned(api: Api) -> Callable[..., str]:
    """A project with milestones."""

    def make(*milestones: str) -> str:
        project = a_project(api)
        for name in milestones:
            api.given("planMilestone", projectId=project, name=name, dueOn="2027-02-15")
        return project

    return make


@pytest.mark.parametrize("what", OF_PROJECTS, ids=lambda what: what.path)
def test_each_is_made_of_a_project_in_each_format(api: Api, planned: Callable[..., str], what: Any) -> None:
    project = planned("Design accepted", "上线")

    for format, media in what.formats.items():
        answer = fetched(api, f"{what.path}/{project}.{format}")

        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].partition(";")[0] == media.partition(";")[0]
        assert answer.content


@pytest.mark.parametrize("what", OF_PROJECTS, ids=lambda what: what.path)
def test_who_may_not_see_projects_is_told_nothing(cast: Cast, planned: Callable[..., str], what: Any) -> None:
    project, stranger = planned("Design accepted"), cast.user({"sales.see": "ALL"})

    for format in what.formats:
        answer = fetched(stranger, f"{what.path}/{project}.{format}")

        assert answer.status_code in (403, 404)
        assert "Design accepted" not in answer.text and "Acme" not in answer.text


def test_a_project_that_a_caller_may_not_see_is_as_if_it_were_not_there(cast: Cast, api: Api) -> None:
    own = cast.user({"projects.see": "OWN", "projects.manage": "OWN"})
    hers, other = own.given("proposeProject", name="Hers"), a_project(api)

    assert trend(own, hers).status_code == 200
    answer = trend(own, other)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (
        404,
        f"there is no {other}, or you may not see it",
    )


def test_it_is_drawn_as_it_was_known_at_any_instant(api: Api) -> None:
    project = a_project(api)
    api.given("planMilestone", projectId=project, name="Design accepted", dueOn="2027-02-15")
    before = api.position
    other = api.given("planMilestone", projectId=project, name="Go-live", dueOn="2027-05-03")
    api.given("rescheduleMilestone", id=other, dueOn="2027-05-31", reason="data are late")

    now, then = trend(api, project), trend(api, project, f"svg?asOf={before}")

    assert {"Design accepted 15 Feb", "Go-live 31 May"} <= names(now)
    assert "Design accepted 15 Feb" in names(then)
    assert not any("Go-live" in name for name in names(then))


def test_it_is_drawn_along_the_days_on_which_something_happened_where_that_is_asked_for(api: Api) -> None:
    project = a_project(api)
    moved = api.given("planMilestone", projectId=project, name="Go-live", dueOn="2027-05-03", occurredAt="2026-03-02")
    api.given("rescheduleMilestone", id=moved, dueOn="2027-05-31", reason="data are late", occurredAt="2026-04-07")
    query = """query ($id: ID!, $by: TimeAxis!) { milestoneTrend(projectId: $id, by: $by) { reportedOn dueOn } }"""

    [_] = api.ask(query, id=project, by="RECORDED")["milestoneTrend"]
    first, then, today = api.ask(query, id=project, by="OCCURRED")["milestoneTrend"]

    assert (first, then) == (
        {"reportedOn": "2026-03-02", "dueOn": "2027-05-03"},
        {"reportedOn": "2026-04-07", "dueOn": "2027-05-31"},
    )
    assert today["dueOn"] == "2027-05-31"
    drawn, known = names(trend(api, project, "svg?by=occurred")), names(trend(api, project, "svg?by=recorded"))
    assert {"decided on", "Mar 2026"} <= drawn and not {"decided on", "Mar 2026"} & known
    assert any(name.endswith("by when it happened") for name in drawn)
    assert any(name.endswith("，按发生时间") for name in names(trend(api, project, "svg?by=occurred&language=zh")))


@pytest.mark.parametrize("what", OF_PROJECTS, ids=lambda what: what.path)
def test_of_a_project_that_was_not_there_yet_there_is_none(api: Api, planned: Callable[..., str], what: Any) -> None:
    before = api.head()
    project = planned("Design accepted")
    long_ago = (date.today() - timedelta(days=400)).isoformat()

    for format in what.formats:
        for then in (before, long_ago):
            answer = fetched(api, f"{what.path}/{project}.{format}?asOf={then}")
            [error] = answer.json()["errors"]
            assert (answer.status_code, error["extensions"]["code"]) == (404, "NOT_FOUND")
            assert error["message"] == f"there was no {project} then, or you may not see it"


def test_it_speaks_chinese(api: Api, planned: Callable[..., str]) -> None:
    project = planned("上线")

    found = names(trend(api, project, "svg?language=zh"))

    assert any(name.startswith("里程碑趋势图，截至") for name in found)
    assert "上线 2月15日" in found


def test_what_a_client_has_is_not_sent_again_until_something_changes(api: Api, planned: Callable[..., str]) -> None:
    project = planned("Design accepted")
    path = f"/charts/milestone-trend/{project}.png"
    first = fetched(api, path)

    again = fetched(api, path, **{"if-none-match": first.headers["etag"]})
    api.given("planMilestone", projectId=project, name="Go-live", dueOn="2027-05-03")
    changed = fetched(api, path, **{"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200 and changed.headers["etag"] != first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache" and "authorization" in first.headers["vary"]


WRONG = {
    "gif": (404, "there is no such format"),
    "svg?asOf=soon": (400, "`asOf` is a position, a day such as 2026-01-31"),
    "svg?asOf=2026-01-31T12:00:00": (400, "a time with its zone"),
    "svg?asof=1": (400, "there is no parameter `asof`"),
    "svg?on=2026-01-31": (400, "there is no parameter `on`: there are asOf, by, language"),
    "svg?by=chance": (400, "`by` is one of recorded, occurred"),
    "svg?language=fr": (400, "`language` is one of en, zh"),
}


@pytest.mark.parametrize("rest", WRONG)
def test_what_is_asked_in_a_wrong_way_is_refused_with_what_would_be_right(api: Api, rest: str) -> None:
    status, message = WRONG[rest]

    answer = trend(api, a_project(api), rest)

    assert answer.status_code == status and message in answer.json()["errors"][0]["message"]


def test_a_gantt_chart_is_drawn_as_if_it_were_another_day(api: Api) -> None:
    project = api.given("proposeProject", name="Acme", startsOn="2026-01-05")
    api.given("planTask", projectId=project, name="Design", duration=5)
    gantt = f"/charts/gantt/{project}.svg"

    then, now = fetched(api, f"{gantt}?on=2026-01-05"), fetched(api, gantt)

    assert {"Gantt chart, as of 5 Jan 2026", "9 Jan"} <= names(then) and "9 Jan" not in names(now)
    wrong = fetched(api, f"{gantt}?on=soon")
    assert wrong.status_code == 400 and "`on` is a day" in wrong.json()["errors"][0]["message"]


@pytest.mark.parametrize("what", OF_PROJECTS, ids=lambda what: what.path)
def test_who_may_see_projects_and_nothing_else_gets_each_without_the_people(cast: Cast, api: Api, what: Any) -> None:
    project = a_project(api)
    api.given("planTask", projectId=project, name="Interfaces", assigneeId=api.me, dueOn="2027-02-01")
    reader = cast.user({"projects.see": "ALL"})
    reader.position = api.position
    name = api.ask("query ($id: ID!) { user(id: $id) { name } }", id=api.me)["user"]["name"]

    for format in what.formats:
        answer = fetched(reader, f"{what.path}/{project}.{format}")

        assert answer.status_code == 200, answer.text
        assert name.encode() not in answer.content


def test_nobody_is_told_anything_without_a_token(api: Api) -> None:
    project = a_project(api)

    answer = api.http.get(f"/charts/milestone-trend/{project}.svg")

    assert answer.status_code == 401 and answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_an_svg_of_ours_can_run_nothing_in_a_browser(api: Api, planned: Callable[..., str]) -> None:
    answer = trend(api, planned("</svg><script>alert(1)</script>"))

    assert "script" not in {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(answer.text).iter()}
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_trend_of_milestones_tells_each_day_once_and_that_which_is_asked(api: Api) -> None:
    project, other = a_project(api), a_project(api)
    moved = api.given("planMilestone", projectId=project, name="Go-live", dueOn="2027-05-03")
    api.given("planMilestone", projectId=other, name="Elsewhere", dueOn="2027-05-03")
    api.given("rescheduleMilestone", id=moved, dueOn="2027-05-31", reason="data are late")

    told = api.ask("query ($id: ID!) { milestoneTrend(projectId: $id) { name dueOn reachedOn } }", id=project)

    assert told["milestoneTrend"] == [{"name": "Go-live", "dueOn": "2027-05-31", "reachedOn": None}]


def test_the_burn_down_of_a_sprint_is_named_after_it(api: Api) -> None:
    project = a_project(api)
    sprint = api.given("planSprint", projectId=project, name="Sprint 3", startsOn="2026-11-02", endsOn="2026-11-13")
    task = api.given("planTask", projectId=project, name="Pipelines", effort="40")
    api.given("addSprintTask", id=sprint, taskId=task)

    found = names(fetched(api, f"{SPRINT.path}/{sprint}.svg"))

    assert {"Sprint 3", "hours"} <= found


def test_risks_are_named_in_the_cell_where_they_belong_and_those_of_others_are_not_drawn(api: Api) -> None:
    project, other = a_project(api), a_project(api)
    for whose, name in ((project, "Key users have no time"), (other, "Elsewhere")):
        risk = api.given("identifyRisk", projectId=whose, name=name, category="PEOPLE")
        api.given("assessRisk", id=risk, probability=4, impact=5)

    found = names(fetched(api, f"/charts/risk-matrix/{project}.svg"))

    assert "Key users have no time" in found and "Elsewhere" not in found


def test_a_gantt_chart_has_phases_tasks_and_milestones_as_they_were_known(api: Api) -> None:
    project = api.given("proposeProject", name="CRM for Acme Pumps", startsOn="2027-01-04")
    first = api.given("planTask", projectId=project, name="流程设计", duration=5)
    before = api.position
    second = api.given("planTask", projectId=project, name="Interfaces", duration=3)
    api.given("dependTaskOn", id=second, predecessorId=first, kind="SS", lag=2)
    api.given("planMilestone", projectId=project, name="Design accepted", dueOn="2027-02-15")

    now, then = (names(fetched(api, f"/charts/gantt/{project}.svg{rest}")) for rest in ("", f"?asOf={before}"))

    assert {"0 CRM for Acme Pumps", "1 流程设计", "2 Interfaces", "Design accepted"} <= now
    assert "1 流程设计" in then and not any("Interfaces" in name or "Design" in name for name in then)


def test_a_plan_that_is_exported_and_imported_again_has_the_same_schedule(api: Api) -> None:
    project = api.given("proposeProject", name="CRM 上线", startsOn="2027-01-04")
    design = api.given("planTask", projectId=project, name="设计 & review")
    first = api.given("planTask", projectId=project, name="Processes", duration=5, parentId=design, effort="60")
    second = api.given("planTask", projectId=project, name="Interfaces", duration=3, parentId=design, priority="HIGH")
    third = api.given("planTask", projectId=project, name="Configure", duration=8, dueOn="2027-02-01")
    api.given("dependTaskOn", id=second, predecessorId=first, kind="SS", lag=3)
    api.given("dependTaskOn", id=third, predecessorId=design, kind="FS", lag=-1)

    answer = fetched(api, f"/plans/{project}.xml")

    assert answer.headers["content-type"].startswith("application/xml")
    plan, _ = read(BytesIO(answer.content))
    assert [(line.name, line.parent, line.duration) for line in plan.lines if line.name != "设计 & review"] == [
        ("Processes", 1, 5),
        ("Interfaces", 1, 3),
        ("Configure", None, 8),
    ]
    links = {line.name: [(link.kind, link.lag) for link in line.waits_for] for line in plan.lines}
    assert (links["Interfaces"], links["Configure"]) == ([("SS", 3)], [("FS", -1)])
    tasks = tuple(
        Task(id=str(each.number), duration=each.duration, parent=str(each.parent) if each.parent else None)
        for each in plan.lines
    )
    waits = tuple(
        Dependency(str(link.predecessor), str(each.number), link.kind, link.lag)
        for each in plan.lines
        for link in each.waits_for
    )
    made = schedule(Plan(start=plan.start, tasks=tasks, dependencies=waits, calendar=plan.calendar))
    assert [(made.tasks[str(each.number)].start, made.tasks[str(each.number)].finish) for each in plan.lines] == [
        (each.start, each.finish) for each in plan.lines
    ]
