"""The schedule of a project through the whole stack, against that of a plan made by hand of what was told."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.plan import Dependency, DependencyKind, Plan
from domain.projects.planning.plan import Task as Planned
from domain.projects.planning.schedule import Schedule, schedule
from domain.projects.planning.what_if import what_if
from domain.projects.planning.wrong import WrongPlan
from infra.replays import drop
from projections.projects.schedule import PLAN
from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.test_replays import Replays

TODAY: Final = datetime.now(UTC).date()
START: Final = TODAY - timedelta(days=20)
HOLIDAY: Final = START + timedelta(days=(2 - START.weekday()) % 7 + 7)
CALENDAR: Final = Calendar(holidays=frozenset({HOLIDAY}))
GANTT: Final = """query ($project: ID!, $on: Date, $whatIf: [DelayInput!], $asOf: AsOf, $baseline: Int) {
    gantt(projectId: $project, on: $on, whatIf: $whatIf, asOf: $asOf, baseline: $baseline) {
        kind code depth name phase taskId milestoneId start finish lateStart lateFinish dueOn baselineStart
        baselineFinish behind duration totalSlack freeSlack critical finished progress predecessorIds driverIds moved
        task { name } milestone { name }
    } }"""


@dataclass
class Told:
    """A project as a test told it: its tasks and milestones by id."""

    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    milestones: dict[str, dict[str, Any]] = field(default_factory=dict)

    def plan(self) -> Plan:
        """The plan by hand: without phases, and with milestones that wait for each task of theirs."""
        there = {id: task for id, task in self.tasks.items() if not task.get("archived")}
        leading = {id: [t for t, task in there.items() if task.get("milestone") == id] for id in self.milestones}
        for id, each in self.milestones.items():
            of_phase = [t for t, task in there.items() if task.get("phase") == each["phase"] and not task.get("parent")]
            leading[id] = leading[id] or (of_phase if each["phase"] else [])
        return Plan(
            start=START,
            calendar=CALENDAR,
            as_of=TODAY,
            tasks=(
                *(
                    Planned(
                        id=id,
                        duration=task["duration"],
                        parent=task["parent"] if task.get("parent") in there else None,
                        not_earlier_than=task.get("starts"),
                        deadline=task.get("due"),
                        started=task.get("started"),
                        finished=task.get("finished"),
                        progress=Decimal(task.get("progress", 0)),
                        remaining=task.get("remaining"),
                        effort=None if task.get("effort") is None else Decimal(task["effort"]),
                    )
                    for id, task in there.items()
                ),
                *(
                    Planned(id=id, deadline=each["due"], not_earlier_than=None if leading[id] else each["due"])
                    for id, each in self.milestones.items()
                ),
            ),
            dependencies=(
                *(
                    Dependency(one, other, DependencyKind(kind), lag)
                    for (one, other), (kind, lag) in self.links.items()
                    if one in there and other in there
                ),
                *(Dependency(task, id) for id, tasks in leading.items() for task in tasks),
            ),
        )


@dataclass
class Story:
    """A project as it grew: what had been told by which position."""

    api: Api
    project: str
    told: list[tuple[int, Told]]


@pytest.fixture(scope="module", params=[1, 2])
def story(request: pytest.FixtureRequest, api: Api) -> Iterator[Story]:
    """A project by chance: told step by step, with tasks under others, all kinds of dependencies, and what happened."""
    chance, told, steps = Random(request.param), Told(), list[tuple[int, Told]]()
    project = a_project(api)
    for number in range(70):
        _step(api, chance, project, told, number)
        steps.append((api.position, deepcopy(told)))
    yield Story(api, project, steps)


def a_project(api: Api) -> str:
    """With two phases, which begins at START and does not work on HOLIDAY."""
    project = api.given("proposeProject", name=some("Roll-out"), startsOn=str(START))
    for phase in ("design", "build"):
        api.given("addProjectPhase", id=project, name=phase.title(), phase=phase)
    api.given("setProjectCalendar", id=project, calendar={"holidays": [str(HOLIDAY)]})
    return project


def _step(api: Api, chance: Random, project: str, told: Told, number: int) -> None:
    leaves = [id for id in told.tasks if all(task.get("parent") != id for task in told.tasks.values())]
    fresh = [id for id in leaves if not told.tasks[id].get("started") and not told.tasks[id].get("archived")]
    what = chance.random()
    if number == 5:
        id = api.given("planMilestone", projectId=project, name="Designed", dueOn=str(TODAY), phase="design")
        told.milestones[id] = {"due": TODAY, "phase": "design"}
    elif number == 10:
        id = api.given("planMilestone", projectId=project, name="Live", dueOn=str(TODAY + timedelta(30)))
        told.milestones[id] = {"due": TODAY + timedelta(30), "phase": None}
    elif number < 4 or what < 0.35:
        _plan(api, chance, project, told, fresh, number)
    elif what < 0.65 and len(told.tasks) > 1:
        _link(api, chance, told)
    elif fresh:
        _happens(api, chance, told, chance.choice(fresh))


def _plan(api: Api, chance: Random, project: str, told: Told, fresh: list[str], number: int) -> None:
    task: dict[str, Any] = {"duration": chance.randint(1, 8), "effort": chance.choice([8, 16, 40])}
    given: dict[str, Any] = {"name": f"Task {number}", "duration": task["duration"], "effort": str(task["effort"])}
    held = {other for (_, other), (kind, _) in told.links.items() if kind in ("FF", "SF")}
    parents = [id for id in fresh if id not in held]
    if parents and chance.random() < 0.3:
        task["parent"] = given["parentId"] = chance.choice(parents)
        task["phase"] = told.tasks[task["parent"]].get("phase")
    else:
        task["phase"] = chance.choice([None, "design", "build"])
    given["phase"] = task["phase"]
    if chance.random() < 0.2:
        task["starts"] = TODAY + timedelta(chance.randint(0, 9))
        given["startsOn"] = str(task["starts"])
    elif chance.random() < 0.3:
        task["due"] = TODAY + timedelta(chance.randint(0, 20))
        given["dueOn"] = str(task["due"])
    if told.milestones and chance.random() < 0.3:
        task["milestone"] = given["milestoneId"] = chance.choice(list(told.milestones))
    told.tasks[api.given("planTask", projectId=project, **given)] = task


def _link(api: Api, chance: Random, told: Told) -> None:
    one, other = chance.sample(list(told.tasks), 2)
    kind, lag = chance.choice(["FS", "FS", "SS", "FF", "SF"]), chance.randint(-2, 3)
    trial = deepcopy(told)
    trial.links[one, other] = kind, lag
    for each in trial.tasks.values():
        each.pop("archived", None)
    input: dict[str, Any] = {"id": other, "predecessorId": one, "kind": kind, "lag": lag}
    try:
        schedule(trial.plan())
    except WrongPlan:
        api.do("dependTaskOn", **input)  # is refused, or stands among what is put away
        return
    payload = api.do("dependTaskOn", **input)
    if not payload["userErrors"]:
        told.links[one, other] = kind, lag


def _happens(api: Api, chance: Random, told: Told, id: str) -> None:
    task, what = told.tasks[id], chance.random()
    if what < 0.3:
        task["duration"] = chance.randint(1, 9)
        api.given("rescheduleTask", id=id, duration=task["duration"])
    elif what < 0.45:
        api.given("archiveTask", id=id)
        task["archived"] = True
    else:
        task["started"] = TODAY - timedelta(chance.randint(0, 9))
        api.given("startTask", id=id, on=str(task["started"]))
        if what < 0.7:
            task["progress"] = chance.randrange(1, 90)
            api.given("reportTaskProgress", id=id, progress=str(task["progress"]))
        elif what < 0.85:
            task["finished"] = TODAY - timedelta(chance.randint(0, (TODAY - task["started"]).days))
            api.given("completeTask", id=id, on=str(task["finished"]))


def gantt(api: Api, project: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.ask(GANTT, project=project, on=str(TODAY), **more)["gantt"]
    return found


def by_hand(made: Schedule) -> dict[str, Any]:
    """What the schedule says of each task and milestone, as the API writes it."""
    return {
        id: (
            str(each.start), str(each.finish), str(each.late_start), str(each.late_finish), each.total_slack,
            each.free_slack, each.critical, each.finished, Decimal(each.progress),
        )
        for id, each in made.tasks.items()
    }  # fmt: skip


def shown(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        row["taskId"] or row["milestoneId"]: (
            row["start"], row["finish"], row["lateStart"], row["lateFinish"], row["totalSlack"], row["freeSlack"],
            row["critical"], row["finished"], Decimal(row["progress"]),
        )
        for row in rows
        if row["kind"] in ("TASK", "MILESTONE")
    }  # fmt: skip


def test_the_gantt_is_the_schedule_of_what_was_told(story: Story) -> None:
    rows = gantt(story.api, story.project)

    assert shown(rows) == by_hand(schedule(story.told[-1][1].plan()))
    assert {row["kind"] for row in rows} == {"PROJECT", "PHASE", "TASK", "MILESTONE"}
    assert all(row["task"] == {"name": row["name"]} for row in rows if row["kind"] == "TASK")


@pytest.mark.parametrize("step", [3, 17, 34, 51])
def test_as_of_an_earlier_position_it_is_what_was_told_by_then(story: Story, step: int) -> None:
    position, told = story.told[step]

    rows = gantt(story.api, story.project, asOf={"position": position})

    assert shown(rows) == by_hand(schedule(told.plan()))
    assert shown(rows) != shown(gantt(story.api, story.project))


def test_a_slip_moves_what_it_moves_in_the_plan_by_hand(story: Story) -> None:
    plan = story.told[-1][1].plan()
    parents = {task.parent for task in plan.tasks}
    open_ones = [task.id for task in plan.tasks if not task.finished and task.duration and task.id not in parents]
    slipping = {id: nth + 3 for nth, id in enumerate(sorted(open_ones)[:2])}
    assumed = [{"taskId": id, "delayDays": days} for id, days in slipping.items()]

    rows = gantt(story.api, story.project, whatIf=assumed)
    forecast = story.api.ask(
        """query ($project: ID!, $on: Date, $whatIf: [DelayInput!]) {
            milestoneForecast(projectId: $project, on: $on, whatIf: $whatIf) { milestoneId expectedOn moved } }""",
        project=story.project,
        on=str(TODAY),
        whatIf=assumed,
    )["milestoneForecast"]

    effect = what_if(plan, slipping)
    moved = {each.id: (str(each.finish_to), each.days) for each in effect.moved}
    finishes = {id: str(each.finish) for id, each in schedule(plan).tasks.items()}
    told = {row["taskId"] or row["milestoneId"]: (row["finish"], row["moved"]) for row in rows}
    assert {id: told[id] for id in plan.by_id} == {id: moved.get(id, (finishes[id], 0)) for id in plan.by_id}
    assert {each["milestoneId"]: (each["expectedOn"], each["moved"]) for each in forecast} == {
        id: moved.get(id, (finishes[id], 0)) for id in story.told[-1][1].milestones
    }
    assert any(days for _, days in moved.values())


def test_critical_paths_are_those_of_the_plan_by_hand(story: Story) -> None:
    query = """query ($project: ID!, $on: Date) { criticalPath(projectId: $project, on: $on, paths: 3) {
        path place taskId milestoneId start } }"""

    rows = story.api.ask(query, project=story.project, on=str(TODAY))["criticalPath"]

    paths: dict[int, list[str]] = {}
    for row in rows:
        paths.setdefault(row["path"], []).append(row["taskId"] or row["milestoneId"])
        assert row["place"] == len(paths[row["path"]])
    assert {*map(tuple, paths.values())} <= {*schedule(story.told[-1][1].plan()).critical_paths(1000)}
    assert paths


def test_the_breakdown_adds_up(story: Story) -> None:
    query = """query ($project: ID!, $on: Date) { wbs(projectId: $project, on: $on) {
        code depth name phase taskId tasks done effort progress start finish } }"""

    rows = story.api.ask(query, project=story.project, on=str(TODAY))["wbs"]

    told = story.told[-1][1]
    there = {id: task for id, task in told.tasks.items() if not task.get("archived")}
    leaves = {id: task for id, task in there.items() if all(each.get("parent") != id for each in there.values())}
    done = sum(Decimal(t["effort"]) * (100 if t.get("finished") else t.get("progress", 0)) for t in leaves.values())
    whole, *_ = rows
    assert (whole["code"], whole["tasks"], Decimal(whole["effort"])) == (
        "0",
        len(leaves),
        sum(task["effort"] for task in leaves.values()),
    )
    assert Decimal(whole["progress"]) == (done / Decimal(whole["effort"])).quantize(Decimal("0.01"))
    assert whole["done"] == sum(bool(task.get("finished")) for task in leaves.values())
    for row in rows[1:]:
        above = row["code"].rpartition(".")[0]
        assert not above or any(other["code"] == above and other["depth"] == row["depth"] - 1 for other in rows)
    tops = [row for row in rows if row["depth"] == 1]
    assert sum(row["tasks"] for row in tops) == whole["tasks"]
    assert whole["finish"] == max(row["finish"] for row in tops if row["finish"])


# -- rules -------------------------------------------------------------------------------------------


@pytest.fixture
def project(api: Api) -> str:
    return a_project(api)


def a_task(api: Api, project: str, name: str = "Configure", **input: Any) -> str:
    return api.given("planTask", projectId=project, **{"name": name, "duration": 5, **input})


def test_an_empty_project_has_no_gantt_and_a_breakdown_of_its_phases(api: Api, project: str) -> None:
    answer = api.ask(
        """query ($p: ID!) { gantt(projectId: $p) { name } wbs(projectId: $p) { code name start tasks progress } }""",
        p=project,
    )

    assert answer["gantt"] == []
    assert [(row["code"], row["start"], row["tasks"]) for row in answer["wbs"]] == [
        ("0", None, 0),
        ("1", None, 0),
        ("2", None, 0),
    ]


def test_the_baseline_stands_beside_what_became_of_it(api: Api, project: str) -> None:
    first = a_task(api, project, startsOn=str(TODAY + timedelta(days=3)))
    api.given("setProjectCharter", id=project, charter="To sell better")
    api.given("setProjectScope", id=project, scope={"included": ["Sales"]})
    api.given("approveProject", id=project)
    agreed = gantt(api, project)
    api.given("rescheduleTask", id=first, duration=8)
    added = a_task(api, project, "Train")

    rows = {row["taskId"]: row for row in gantt(api, project)}

    [was] = [row for row in agreed if row["taskId"] == first]
    assert (rows[first]["baselineStart"], rows[first]["baselineFinish"]) == (was["start"], was["finish"])
    assert (rows[first]["behind"], rows[first]["start"]) == (3, was["start"])
    assert (rows[added]["baselineStart"], rows[added]["behind"]) == (None, None)
    api.given("rebaselineProject", id=project, reason="Eight days it is")
    assert [row["behind"] for row in gantt(api, project) if row["taskId"] == first] == [0]
    assert [row["behind"] for row in gantt(api, project, baseline=1) if row["taskId"] == first] == [3]


def test_a_milestone_waits_for_what_leads_to_it_or_for_its_phase_or_for_its_day(api: Api, project: str) -> None:
    long, short = a_task(api, project, phase="build", duration=9), a_task(api, project, phase="build", duration=2)
    day = TODAY + timedelta(days=30)
    for name, phase in ("Built", "build"), ("Begun", "build"), ("Alone", "design"):
        api.given("planMilestone", projectId=project, name=name, dueOn=str(day), phase=phase)
    [begun] = [row["milestoneId"] for row in gantt(api, project) if row["name"] == "Begun"]
    api.given("setTaskMilestone", id=short, milestoneId=begun)

    rows = gantt(api, project)

    finishes = {row["taskId"] or row["name"]: row["finish"] for row in rows}
    assert (finishes["Built"], finishes["Begun"]) == (finishes[long], finishes[short])
    assert finishes["Alone"] == str(CALENDAR.on_or_after(day))


def test_a_schedule_is_of_what_its_reader_may_see(api: Api, project: str, cast: Cast) -> None:
    member = cast.user({"projects.see": "OWN"})
    api.given("changeProjectManager", id=project, managerId=member.me)
    hers, other = a_task(api, project, assigneeId=member.me), a_task(api, project, "Migrate", duration=9)
    api.given("dependTaskOn", id=hers, predecessorId=other)
    member.position = api.position

    rows, whole = gantt(member, project), gantt(api, project)

    assert {row["taskId"] for row in rows if row["kind"] == "TASK"} == {hers}
    assert {row["taskId"] for row in whole if row["kind"] == "TASK"} == {hers, other}
    starts = {row["taskId"]: row["start"] for row in whole}
    assert [row["start"] < starts[hers] for row in rows if row["taskId"] == hers] == [True]
    assert other not in str(rows)
    stranger = cast.user({"sales.see": "ALL"})
    assert stranger.refused(GANTT, project=project)[0] == "FORBIDDEN"


OF_ONE: Final = {
    "gantt": "name", "criticalPath": "name", "milestoneForecast": "name", "wbs": "name", "baselineComparison": "name",
    "projectStatus": "aspect", "earnedValue": "name", "burnDown": "day", "milestoneTrend": "name",
}  # fmt: skip


@pytest.mark.parametrize("report", OF_ONE)
def test_of_a_project_that_is_not_there_or_was_not_yet_there_are_no_rows(api: Api, report: str) -> None:
    before = api.head()
    project = a_project(api)
    a_task(api, project)
    query = f"query ($p: ID!, $at: AsOf) {{ rows: {report}(projectId: $p, asOf: $at) {{ {OF_ONE[report]} }} }}"

    assert api.ask(query, p=project, at={"position": before})["rows"] == []
    assert api.ask(query, p=project, at={"time": "2001-01-01T00:00:00Z"})["rows"] == []
    assert api.ask(query, p="Project_00000000-0000-7000-8000-000000000000")["rows"] == []


def test_what_is_hidden_is_not_told_by_a_schedule(api: Api, project: str, cast: Cast) -> None:
    a_task(api, project, dueOn=str(TODAY + timedelta(days=2)))
    blind = cast.user({"projects.see": "ALL"}, hidden=["Task.due_on"])
    blind.position = api.position

    [seen] = [row for row in gantt(api, project) if row["kind"] == "TASK"]
    [left] = [row for row in gantt(blind, project) if row["kind"] == "TASK"]

    assert (seen["dueOn"], seen["totalSlack"] < 0) == (str(TODAY + timedelta(days=2)), True)
    assert (left["dueOn"], left["totalSlack"]) == (None, 0)


def test_reports_of_one_operation_are_of_one_plan_and_each_has_its_own_parameters(api: Api, project: str) -> None:
    task = a_task(api, project)
    query = """query ($p: ID!, $t: ID!) {
        projects(first: 1) { totalCount }
        now: gantt(projectId: $p) { name finish moved }
        later: gantt(projectId: $p, whatIf: [{taskId: $t, delayDays: 2}]) { name finish moved }
        wbs(projectId: $p) { name finish }
    }"""

    answer = api.ask(query, p=project, t=task)

    assert [row["moved"] for row in answer["now"]] == [0, 0]
    assert [row["moved"] for row in answer["later"]] == [2, 2]
    assert [row["finish"] for row in answer["wbs"] if row["name"] == "Configure"] == [answer["now"][1]["finish"]]


def test_a_schedule_beside_what_is_no_view_is_the_same(api: Api, project: str) -> None:
    task = a_task(api, project)
    query = (
        """query ($p: ID!, $t: ID!) { gantt(projectId: $p) { name task { id name } } history(id: $t) { totalCount } }"""
    )

    answer = api.ask(query, p=project, t=task)

    assert answer["gantt"][1] == {"name": "Configure", "task": {"id": task, "name": "Configure"}}


@pytest.mark.parametrize(
    ("arguments", "field", "message"),
    [
        ("projectId: $p, whatIf: [{taskId: $t, delayDays: -1}]", "whatIf.0.delayDays", "a slip is not negative"),
        (
            "projectId: $p, whatIf: [{taskId: $t, delayDays: 1}, {taskId: $t, delayDays: 2}]",
            "whatIf.1",
            "this is said twice",
        ),
        ("projectId: $p, whatIf: [{taskId: $other, delayDays: 1}]", "whatIf.0.taskId", "this task is not in the plan"),
        ("projectId: $p, whatIf: [{taskId: $done, delayDays: 1}]", "whatIf.0.taskId", "this task is finished"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(api: Api, arguments: str, field: str, message: str) -> None:
    project, other = a_project(api), a_project(api)
    known = {"p": project, "t": a_task(api, project), "other": a_task(api, other), "done": a_task(api, project)}
    api.given("startTask", id=known["done"])
    api.given("completeTask", id=known["done"])
    used = {name: id for name, id in known.items() if f"${name}" in arguments}
    declared = f"({', '.join(f'${name}: ID!' for name in used)})" if used else ""

    error = api.error(f"query {declared} {{ gantt({arguments}) {{ name }} }}", **used)

    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert message in error["message"]
    assert error["path"] == ["gantt"]


def test_a_schedule_tells_what_was_known_and_not_what_had_happened(api: Api, project: str) -> None:
    a_task(api, project)
    query = 'query ($p: ID!) { gantt(projectId: $p, occurred: {until: "2100-01-01T00:00:00Z"}) { name } }'

    assert api.refused(query, p=project)[0] == "BAD_USER_INPUT"


def test_two_projects_of_one_operation_have_a_plan_each(api: Api) -> None:
    one, other = a_project(api), a_project(api)
    a_task(api, one, "Configure")
    a_task(api, other, "Migrate")
    query = (
        "query ($one: ID!, $other: ID!) { one: wbs(projectId: $one) { name } other: wbs(projectId: $other) { name } }"
    )

    answer = api.ask(query, one=one, other=other)

    assert "Configure" in str(answer["one"]) and "Migrate" not in str(answer["one"])
    assert "Migrate" in str(answer["other"]) and "Configure" not in str(answer["other"])


def test_what_is_computed_is_not_kept_and_costs_more_than_what_is_read(api: Api, project: str) -> None:
    a_task(api, project)
    asked = {"query": f'{{ wbs(projectId: "{project}") {{ name task {{ name }} }} }}'}
    told = {"query": "{ pipelineByStage { stage opportunities } }"}

    computed, read = (
        api.http.get("/graphql", params=params, headers={"authorization": f"Bearer {api.token}"})
        for params in (asked, told)
    )

    assert "etag" not in computed.headers and "etag" in read.headers
    assert (computed.headers["daybook-cost"], read.headers["daybook-cost"]) == ("1300", "200")


def test_a_replay_has_schedules_too(api: Api, project: str, database_url: str) -> None:
    a_task(api, project)
    replays = Replays(api, database_url)
    made = replays.make(api.position, views=PLAN)
    answer = replays.ask(made.name, f'{{ wbs(projectId: "{project}") {{ name tasks }} }}')
    with replays.database() as connection:
        drop(connection, made.name)

    assert [row["name"] for row in answer["wbs"]][-1] == "Configure"
