"""Who has how much to do, how work burns down, and what sprints bring: the reports, against a plain computation."""

from __future__ import annotations

import random
from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from domain.projects.planning.calendar import Calendar
from infra.tables import Table
from projections.catalogue import VIEWS
from tests.api.client import Api, some
from tests.api.company import a_user

WORKLOAD = """query ($project: ID!, $since: Date, $at: AsOf) { workload(
    projectId: $project, since: $since, weeks: 6, hoursPerDay: "7.5", asOf: $at) { userId week hours tasks } }"""
ALLOCATED = "{ workload { userId week hours allocated } }"
BURN_DOWN = """query ($sprint: ID, $project: ID, $at: AsOf) { burnDown(
    sprintId: $sprint, projectId: $project, asOf: $at) { day leftHours leftTasks allHours allTasks idealHours } }"""
VELOCITY = """query ($project: ID!, $at: AsOf) { velocity(projectId: $project, asOf: $at) {
    sprintId status plannedHours plannedTasks doneHours doneTasks doneBesides } }"""
BOARD = """query ($sprint: ID!, $at: AsOf) { board(sprintId: $sprint, asOf: $at) {
    status assigneeId tasks leftHours spent overdue } }"""
TODAY = datetime.now(UTC).date()
MONDAY = TODAY - timedelta(days=TODAY.weekday())
HOLIDAY = MONDAY + timedelta(days=8)


@dataclass
class Piece:
    """A task, as somebody with pencil and paper would keep it."""

    hours: Decimal
    progress: Decimal = Decimal(0)
    done: bool = False
    away: bool = False
    within: bool = True
    whole: str | None = None

    @property
    def left(self) -> Decimal:
        return self.hours * (100 - self.progress) / 100


def a_project(api: Api, **arguments: Any) -> str:
    return api.given("proposeProject", name=some("Roll-out"), **arguments)


def a_task(api: Api, project: str, **arguments: Any) -> str:
    return api.given("planTask", projectId=project, name=some("Task"), **arguments)


def rounded(number: Fraction | Decimal) -> Decimal:
    exact = Decimal(number.numerator) / Decimal(number.denominator) if isinstance(number, Fraction) else number
    return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


# -- workload ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_the_work_that_is_left_is_spread_over_its_days(api: Api, seed: int) -> None:
    r, project, other = random.Random(seed), a_project(api), a_project(api)
    days = {"weekdays": [0, 1, 2, 3, 4], "holidays": [str(HOLIDAY)], "extra": [str(MONDAY + timedelta(days=12))]}
    api.given("setProjectCalendar", id=project, calendar=days)
    calendar = Calendar(holidays=frozenset({HOLIDAY}), extra=frozenset({MONDAY + timedelta(days=12)}))
    ada, eve = a_user(api), a_user(api)
    a_task(api, other, assigneeId=ada, effort="1000")
    expected = defaultdict[Any, list[Any]](lambda: [Fraction(0), set()])
    for number in range(8):
        who, effort = r.choice([None, ada, eve]), r.choice([None, Decimal(r.randrange(1, 900)) / 10])
        start = TODAY + timedelta(days=r.randrange(-9, 20))
        due, duration = start + timedelta(days=r.randrange(20)), r.randrange(1, 9)
        given = {"startsOn": str(start), "dueOn": str(due), "duration": duration, "assigneeId": who}
        task = a_task(api, project, effort=effort and str(effort), **given)
        progress = Decimal(r.randrange(1, 90)) if r.random() < 0.5 else Decimal(0)
        if progress:
            api.given("startTask", id=task)
            api.given("reportTaskProgress", id=task, progress=str(progress))
        hours = Fraction(effort if effort is not None else duration * Decimal("7.5")) * Fraction(100 - progress) / 100
        first = max(TODAY, start)
        span = [first + timedelta(days=n) for n in range(max((due - first).days, 0) + 1)]
        working = [day for day in span if calendar.works(day)] or [first]
        for day in working:
            if MONDAY <= day < MONDAY + timedelta(weeks=6):
                week = expected[who, str(day - timedelta(days=day.weekday()))]
                week[0] += hours / len(working)
                week[1].add(number)
    at = api.head()
    whole = a_task(api, project, assigneeId=ada, effort="40")
    for part in range(2):
        task = a_task(api, project, parentId=whole)
        api.given("startTask", id=task)
        api.given("completeTask" if part else "archiveTask", id=task)

    then = api.ask(WORKLOAD, project=project, at={"position": at})["workload"]

    told = {(row["userId"], row["week"]): (Decimal(row["hours"]), row["tasks"]) for row in then}
    assert told == {key: (rounded(hours), len(tasks)) for key, (hours, tasks) in expected.items()}
    assert api.ask(WORKLOAD, project=project)["workload"] == then


def test_who_does_nothing_more_has_no_work(api: Api) -> None:
    project, ada = a_project(api), a_user(api)
    a_task(api, project, assigneeId=ada, effort="8")
    before = api.head()
    api.given("cancelProject", id=project, reason="no money")

    assert api.ask(WORKLOAD, project=project)["workload"] == []
    [row] = api.ask(WORKLOAD, project=project, at={"position": before})["workload"]
    assert (row["userId"], row["hours"]) == (ada, "8")


def test_beside_the_work_stands_what_people_are_there_for(api: Api) -> None:
    project, other, ada, eve = a_project(api), a_project(api), a_user(api), a_user(api)
    monday, tuesday = (MONDAY + timedelta(weeks=1, days=n) for n in (0, 1))
    for who in (ada, eve):
        a_task(api, project, assigneeId=who, startsOn=str(monday), dueOn=str(tuesday), effort="50")
    of_it = {"userId": ada, "role": "DEVELOPER"}
    api.given("joinAsProjectMember", projectId=project, allocation="50", since=str(tuesday), **of_it)
    api.given("joinAsProjectMember", projectId=other, allocation="20", since="2025-01-01", until=str(tuesday), **of_it)

    [row] = [each for each in api.ask(ALLOCATED)["workload"] if each["userId"] == ada]
    of_project = api.ask(WORKLOAD.replace("tasks", "tasks allocated"), project=project)["workload"]

    assert (row["week"], row["hours"], row["allocated"]) == (str(monday), "50", "19.2")  # 4 days half, 2 a fifth of 8
    assert {each["userId"]: each["allocated"] for each in of_project} == {ada: "15", eve: None}


def test_work_without_a_day_when_it_is_due_takes_as_long_as_it_takes(api: Api) -> None:
    project, monday = a_project(api), MONDAY + timedelta(weeks=1)
    a_task(api, project, startsOn=str(monday), duration=7)

    rows = api.ask(WORKLOAD, project=project, since=str(monday))["workload"]

    assert [(row["week"], row["hours"]) for row in rows] == [
        (str(monday), "37.5"),
        (str(monday + timedelta(weeks=1)), "15"),
    ]


@pytest.mark.parametrize(
    "asked", ["workload(weeks: 0)", 'workload(hoursPerDay: "25")', 'velocity(hoursPerDay: "0")', "burnDown"]
)
def test_what_makes_no_sense_is_not_reported(api: Api, asked: str) -> None:
    shown = "day" if asked == "burnDown" else "tasks" if "workload" in asked else "sprintId"

    assert api.refused(f"{{ {asked} {{ {shown} }} }}")[0] == "BAD_USER_INPUT"


# -- burn-down --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_work_burns_down_day_by_day_as_it_was_known_then(api: Api, database_url: str, seed: int) -> None:
    r, project, other = random.Random(seed), a_project(api, startsOn=str(MONDAY)), a_project(api)
    first, length = TODAY - timedelta(days=6), 10
    ends = first + timedelta(days=length - 1)
    sprint = api.given("planSprint", projectId=project, name="One", startsOn=str(first), endsOn=str(ends))
    a_task(api, other, effort="99")
    pieces = dict[str, Piece]()
    ends_of, kept = list[tuple[date, int]](), list[dict[str, Piece]]()
    for number in range(7):
        for _ in range(4):
            step(api, r, project, sprint, pieces)
        ends_of.append((first + timedelta(days=number), api.head()))
        kept.append(deepcopy(pieces))
    api.ask("{ tasks(first: 1) { nodes { id } } }")
    as_if_done_on(database_url, ends_of, [project, sprint, *pieces])

    now = api.ask(BURN_DOWN, sprint=sprint)["burnDown"]
    early = api.ask(BURN_DOWN, sprint=sprint, at={"position": ends_of[3][1]})["burnDown"]

    assert now == burned(kept, first, length)
    assert early == burned(kept[:4] + [kept[3]] * 3, first, length)


OCCURRED = """query ($project: ID!, $sprint: ID!) {
    project: burnDown(projectId: $project, by: OCCURRED) { day leftHours leftTasks allHours allTasks }
    sprint: burnDown(sprintId: $sprint, by: OCCURRED) { day leftHours leftTasks allHours allTasks } }"""
THEN = """query ($project: ID!, $sprint: ID!, $occurred: Occurred) {
    tasks(filter: {projectId: {eq: $project}}, occurred: $occurred, first: 100) {
        nodes { id parentId effort duration progress status } }
    sprintTasks(filter: {sprintId: {eq: $sprint}}, occurred: $occurred, first: 100) { nodes { taskId } } }"""


@pytest.mark.parametrize("seed", range(2))
def test_work_burns_down_as_it_was_done_whenever_that_was_told(api: Api, seed: int) -> None:
    r, first = random.Random(seed), date(2026, 3, 2)
    last = first + timedelta(days=9)
    planned = f"{first}T00:00:00Z"
    project = a_project(api, startsOn=str(first), endsOn=str(last), occurredAt=planned)
    sprint = api.given(
        "planSprint", projectId=project, name="One", startsOn=str(first), endsOn=str(last), occurredAt=planned
    )
    tasks = list[str]()
    for _ in range(40):
        told_late(api, r, project, sprint, tasks, f"{first + timedelta(days=r.randrange(10))}T{r.randrange(24):02}:00Z")

    found = api.ask(OCCURRED, project=project, sprint=sprint)

    assert [row["day"] for row in found["project"]] == [str(first + timedelta(days=n)) for n in range(10)]
    for row, within in zip(found["project"], found["sprint"], strict=True):
        until = f"{row['day']}T23:59:59.999999Z"
        then = api.ask(THEN, project=project, sprint=sprint, occurred={"until": until})
        there, held = then["tasks"]["nodes"], {each["taskId"] for each in then["sprintTasks"]["nodes"]}
        assert row == {"day": row["day"], **left_of(there)}
        assert within == {"day": row["day"], **left_of([each for each in there if each["id"] in held])}
    assert len({row["leftHours"] for row in found["project"]}) > 5


def told_late(api: Api, r: random.Random, project: str, sprint: str, tasks: list[str], at: str) -> None:
    """Something that happened at a time, in no order; or that is refused, by what was told before."""
    if len(tasks) < 3 or r.random() < 0.2:
        whole = r.choice(tasks) if tasks and r.random() < 0.2 else None
        made = api.do("planTask", projectId=project, name="x", effort=r.choice([None, "3", "12.5"]), parentId=whole,
                      duration=r.randrange(1, 4), occurredAt=at)  # fmt: skip
        tasks += [each["id"] for each in made["changed"] if each["id"] not in tasks]
        return
    task = r.choice(tasks)
    mutation, arguments = r.choice([
        ("reportTaskProgress", {"id": task, "progress": str(r.randrange(100))}),
        ("startTask", {"id": task}),
        ("completeTask", {"id": task}),
        ("estimateTask", {"id": task, "effort": str(r.randrange(1, 30))}),
        ("archiveTask", {"id": task}),
        ("addSprintTask", {"id": sprint, "taskId": task}),
        ("addSprintTask", {"id": sprint, "taskId": task}),
        ("removeSprintTask", {"id": sprint, "taskId": task.partition("_")[2]}),
    ])  # fmt: skip
    api.do(mutation, **arguments, occurredAt=at)


def left_of(tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """What is to be done of some tasks, and what is left of it."""
    leaves = [each for each in tasks if not any(part["parentId"] == each["id"] for part in tasks)]
    hours = {each["id"]: Decimal(each["effort"] or 8 * each["duration"]) for each in leaves}
    open_ones = [each for each in leaves if each["status"] != "DONE"]
    left = sum((hours[each["id"]] * (100 - Decimal(each["progress"])) / 100 for each in open_ones), Decimal(0))
    return {
        "leftHours": shown(left),
        "leftTasks": len(open_ones),
        "allHours": shown(sum(hours.values(), Decimal(0))),
        "allTasks": len(leaves),
    }


def step(api: Api, r: random.Random, project: str, sprint: str, pieces: dict[str, Piece]) -> None:
    """Something happens, in the project and on paper."""
    open_ones = [id for id, each in pieces.items() if not each.done and not each.away]
    leaves = [id for id in open_ones if not any(each.whole == id for each in pieces.values())]
    what = r.choice(["plan", "part", "report", "estimate", "done", "away", "out"]) if leaves else "plan"
    task, effort = r.choice(leaves or [""]), Decimal(r.randrange(1, 400)) / 10
    if what in ("plan", "part"):
        whole = task if what == "part" and pieces[task].progress == 0 else None
        duration = r.randrange(1, 5)
        estimated = r.random() < 0.8
        made = a_task(api, project, parentId=whole, duration=duration, effort=str(effort) if estimated else None)
        pieces[made] = Piece(effort if estimated else Decimal(8 * duration), within=r.random() < 0.9, whole=whole)
        if pieces[made].within:
            api.given("addSprintTask", id=sprint, taskId=made)
        api.given("startTask", id=made)
    elif what == "report":
        pieces[task].progress = Decimal(r.randrange(0, 100))
        api.given("reportTaskProgress", id=task, progress=str(pieces[task].progress))
    elif what == "estimate":
        pieces[task].hours = effort
        api.given("estimateTask", id=task, effort=str(effort))
    elif what == "done":
        pieces[task].progress, pieces[task].done = Decimal(100), True
        api.given("completeTask", id=task)
    elif what == "away":
        pieces[task].away = True
        api.given("archiveTask", id=task)
    elif pieces[task].within:
        pieces[task].within = False
        api.given("removeSprintTask", id=sprint, taskId=task.partition("_")[2])


def burned(kept: list[dict[str, Piece]], first: date, length: int) -> list[dict[str, Any]]:
    """What the report is to tell, from what was kept at the end of each day."""
    rows, calendar = list[dict[str, Any]](), Calendar()
    days = [first + timedelta(days=n) for n in range(length)]
    working = [day for day in days if calendar.works(day)]
    begun = Decimal(0)
    for day, pieces in zip(days, [*kept, *[None] * (length - len(kept))], strict=True):
        told: dict[str, Any] = dict.fromkeys(("leftHours", "leftTasks", "allHours", "allTasks"))
        if pieces is not None:
            known = {id: each for id, each in pieces.items() if each.within and not each.away}
            leaves = [each for id, each in known.items() if not any(part.whole == id for part in known.values())]
            begun = begun or sum((each.hours for each in leaves), Decimal(0))
            told = {
                "leftHours": shown(sum((each.left for each in leaves if not each.done), Decimal(0))),
                "leftTasks": sum(not each.done for each in leaves),
                "allHours": shown(sum((each.hours for each in leaves), Decimal(0))),
                "allTasks": len(leaves),
            }
        to_come = sum(each > day for each in working)
        rows.append({"day": str(day), **told, "idealHours": shown(Fraction(begun) * to_come / len(working))})
    return rows


def shown(number: Fraction | Decimal) -> str:
    plain = rounded(number).normalize()
    return f"{plain:f}" if plain else "0"


def as_if_done_on(database_url: str, ends: list[tuple[date, int]], ids: list[str]) -> None:
    """Whatever was done by a position is as if it had been done at noon of a day."""
    bare = [id.partition("_")[2] for id in ids]
    tables = [Table(view) for view in VIEWS if view.table in ("tasks", "sprint_tasks")]
    moved = [(t.history, "_until", "_to") for t in tables]
    moved += [(name, "updated_at", "_from") for t in tables for name in (t.name, t.history)]
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=test_api") as connection:
        for table, time, position in moved:
            days = SQL(" ").join(
                SQL("when {} <= {} then {}::timestamptz").format(Identifier(position), end, f"{day} 12:00+00")
                for day, end in ends
            )
            put = SQL("update {table} set {time} = case {days} else {time} end where id = any(%s)")
            connection.execute(put.format(table=Identifier(table), time=Identifier(time), days=days), [bare])


def test_a_project_burns_down_from_its_first_day(api: Api) -> None:
    project = a_project(api, startsOn=str(TODAY), endsOn=str(TODAY + timedelta(days=13)))
    done = a_task(api, project, effort="10")
    a_task(api, project, effort="30")
    api.given("startTask", id=done)
    api.given("completeTask", id=done)

    first, *_, last = api.ask(BURN_DOWN, project=project)["burnDown"]

    assert (first["leftHours"], first["leftTasks"], first["allHours"]) == ("30", 1, "40")
    assert (last["leftHours"], last["idealHours"], last["day"]) == (None, "0", str(TODAY + timedelta(days=13)))


# -- sprints ----------------------------------------------------------------------------------------------------


def test_what_was_planned_and_what_was_done_in_each_sprint(api: Api) -> None:
    project, other = a_project(api), a_project(api)
    days = {"startsOn": str(MONDAY), "endsOn": str(MONDAY + timedelta(days=11))}
    one, two, idle, theirs = (
        api.given("planSprint", projectId=of, name=some("Sprint"), **days) for of in (project, project, project, other)
    )
    done, left, besides = (a_task(api, project, effort=hours) for hours in ("5", "8", "3"))
    for task in (done, left):
        api.given("addSprintTask", id=one, taskId=task)
    api.given("startSprint", id=theirs)
    api.given("startSprint", id=one, on=str(TODAY - timedelta(days=1)))
    api.given("estimateTask", id=done, effort="7")
    api.given("addSprintTask", id=one, taskId=besides)
    for task in (done, besides):
        api.given("startTask", id=task)
        api.given("completeTask", id=task)
    before = api.head()
    api.given("closeSprint", id=one, moveToId=two)
    api.given("startSprint", id=two)
    api.given("startTask", id=left)
    api.given("completeTask", id=left)

    def row(sprint: str, status: str, *told: Any) -> dict[str, Any]:
        names = ("plannedHours", "plannedTasks", "doneHours", "doneTasks", "doneBesides")
        return {"sprintId": sprint, "status": status, **dict(zip(names, told, strict=True))}

    now = api.ask(VELOCITY, project=project)["velocity"]
    then = api.ask(VELOCITY, project=project, at={"position": before})["velocity"]

    assert now == [row(two, "ACTIVE", "8", 1, "8", 1, 0), row(one, "CLOSED", "13", 2, "10", 2, 1)]
    assert then == [row(one, "ACTIVE", "13", 2, "10", 2, 1)]
    assert idle


def test_a_board_tells_how_the_tasks_of_a_sprint_stand(api: Api) -> None:
    project, ada = a_project(api), a_user(api)
    days = {"startsOn": str(MONDAY), "endsOn": str(MONDAY + timedelta(days=11))}
    sprint = api.given("planSprint", projectId=project, name="One", **days)
    waiting, begun, done, outside = (
        a_task(api, project, effort="8", assigneeId=who, dueOn="2025-01-01") for who in (None, ada, ada, ada)
    )
    whole = a_task(api, project, effort="100")
    api.given("moveTaskUnder", id=waiting, parentId=whole)
    for task in (waiting, begun, done, whole):
        api.given("addSprintTask", id=sprint, taskId=task)
    for task in (begun, done):
        api.given("startTask", id=task)
    api.given("reportTaskProgress", id=begun, progress="25")
    api.given("logTaskTime", id=begun, hours="1.5")
    before = api.head()
    api.given("completeTask", id=done)
    api.given("blockTask", id=begun, reason="the server is down")

    def row(status: str, who: str | None, *told: Any) -> dict[str, Any]:
        names = ("tasks", "leftHours", "spent", "overdue")
        return {"status": status, "assigneeId": who, **dict(zip(names, told, strict=True))}

    now = api.ask(BOARD, sprint=sprint)["board"]
    then = api.ask(BOARD, sprint=sprint, at={"position": before})["board"]

    waits = row("PLANNED", None, 1, "8", "0", 1)
    assert now == [waits, row("BLOCKED", ada, 1, "6", "1.5", 1), row("DONE", ada, 1, "0", "0", 0)]
    assert then == [waits, row("IN_PROGRESS", ada, 2, "14", "1.5", 2)]
    assert outside
