"""How long the Gantt of 10,000 tasks and 20,000 dependencies takes over HTTP, and how long others wait meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from statistics import median
from threading import Event, Thread
from time import perf_counter, process_time, sleep
from typing import Any
from uuid import UUID

import httpx

from domain.projects.task import Priority, Task
from domain.values import new_id
from infra.database import connect
from infra.feed import Recorded
from infra.lanes import lane_of
from infra.mapper import write
from infra.rebuild import rebuild
from infra.settings import Settings
from projections.catalogue import VIEWS
from server import application
from tests.api.client import Api
from tests.api.conftest import an_administrator, projecting, schema_called, serving
from tests.bench.schedule import a_plan
from tests.infra.past import record

ROUNDS = 5
ALL = """query ($p: ID!) { gantt(projectId: $p) {
    kind code name start finish lateStart lateFinish totalSlack freeSlack critical progress predecessorIds } }"""
ENDS = "query ($p: ID!) { criticalPath(projectId: $p, paths: 1) { name finish } }"
WITH_PEOPLE = "query ($p: ID!) { gantt(projectId: $p) { name start finish task { id name assignee { name } } } }"


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    with schema_called(database_url, "bench_gantt") as schema:
        user, token = an_administrator(database_url, schema)
        with (
            serving(application(Settings(), database_url, None, schema)) as at,
            httpx.Client(base_url=at, timeout=120) as client,
        ):
            api = Api(client, token, user)
            with projecting(database_url, schema):
                api.until_ready()
                project = api.given("proposeProject", name="Roll-out", startsOn="2026-11-30")
            fill(database_url, schema, UUID(project.removeprefix("Project_")))
            sleep(2)  # until the server has seen that the views were rebuilt
            asked = {"gantt, 12 fields": ALL, "gantt, with assignees": WITH_PEOPLE, "one critical path": ENDS}
            for what, query in asked.items():
                took, busy, size, waited = timed(api, query, project)
                of = f"{what}, of 10,000 tasks and 20,000 dependencies"
                yield of, f"{took:.2f} s, of a processor {busy:.2f} s; {size / 1e6:.1f} MB", "", ""
                yield f"{of}: the longest that another read waited", f"{waited * 1000:.0f} ms", "", ""


def timed(api: Api, query: str, project: str) -> tuple[float, float, int, float]:
    """Seconds until the answer is there, those that client and server worked, its bytes, and how long others waited."""
    took, busy, size, waits, stop = [], [], 0, [0.0], Event()
    other = Thread(target=look, args=(api, stop, waits))
    other.start()
    for _ in range(ROUNDS):
        begun, worked = perf_counter(), process_time()
        answer = api.post(query, {"p": project})
        took.append(perf_counter() - begun)
        busy.append(process_time() - worked)
        size = len(answer.content)
        assert answer.json().get("errors") is None, answer.json()["errors"]
    stop.set()
    other.join()
    return median(took), median(busy), size, max(waits)


def look(api: Api, stop: Event, waits: list[float]) -> None:
    with httpx.Client(base_url=api.http.base_url, timeout=120) as client:
        while not stop.wait(0.01):
            begun = perf_counter()
            client.post("/graphql", json={"query": "{ head { position } }"}, headers=api.headers)
            waits.append(perf_counter() - begun)


def fill(database_url: str, schema: str, project: UUID) -> None:
    """The tasks of a plan by chance, written straight into the history, and the views of them."""
    plan = a_plan(Random(8))
    ids = {task.id: new_id() for task in plan.tasks}
    with connect(database_url, schema) as connection:
        [position] = connection.execute("select position from event_head").fetchone() or (0,)
        at, made = datetime.now(UTC), list[Recorded]()
        versions = dict.fromkeys(ids, 0)

        def add(name: str, event: Any, /, **content: Any) -> None:
            versions[name] += 1
            begun = {"originator_topic": "Task"} if versions[name] == 1 else {}
            row = write(
                event(originator_id=ids[name], originator_version=versions[name], timestamp=at, **begun, **content)
            )
            place = position + len(made) + 1, ids[name], versions[name]
            made.append(Recorded(*place, row.topic, row.schema_version, row.state, at, at, lane_of(ids[name])))

        for task in plan.tasks:
            add(
                task.id, Task.Planned, project_id=project, name=task.id, description=None, phase=None, parent_id=None,
                milestone_id=None, assignee_id=None, priority=Priority.NORMAL, starts_on=None, due_on=None,
                duration=task.duration, effort=None,
            )  # fmt: skip
        for link in plan.dependencies:
            add(link.successor, Task.DependencySet, predecessor_id=ids[link.predecessor], kind=link.kind, lag=link.lag)
        record(connection, made)
        connection.execute(
            "update event_head set position = %s, recorded_at = %s", [position + len(made), max(at, datetime.now(UTC))]
        )
    rebuild(database_url, schema, VIEWS)
