"""Whatever is asked for, and by how many at once: tasks never wait for each other, and nothing else is refused."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import networkx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalogue import AGGREGATES
from domain.command import Accepted, Code, Refusal, Request
from domain.taking_back import Fate
from domain.values import new_id
from infra.event_store import EventStore
from infra.pipeline import FOLLOWED, CommandPipeline
from infra.rights import DAYBOOK
from tests.projects.test_task import a_project, a_task, wait
from tests.scenario import ME, World, a_role, somebody
from tests.test_undo import an_edit, known, undo

TASKS = 6
ASKED = st.tuples(
    st.sampled_from(["wait", "wait", "wait", "move", "move", "undepend", "leave"]),
    st.integers(0, TASKS - 1),
    st.integers(0, TASKS - 1),
    st.sampled_from(["FS", "SS"]),
)


def may_be(parents: dict[int, int], waits: Iterable[tuple[int, int]]) -> bool:
    """Whether such a plan can be: by the beginnings and the ends of all tasks, each before what it must come before."""
    graph = networkx.DiGraph((f"begin {n}", f"end {n}") for n in range(TASKS))
    for part, whole in parents.items():
        graph.add_edges_from([(f"begin {whole}", f"begin {part}"), (f"end {part}", f"end {whole}")])
    graph.add_edges_from((f"end {predecessor}", f"begin {task}") for task, predecessor in waits)
    return bool(networkx.is_directed_acyclic_graph(graph))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(commands=st.lists(ASKED, min_size=15, max_size=30))
def test_what_is_accepted_has_no_circle_and_what_is_refused_would_have_one(
    world: World, commands: list[tuple[str, int, int, str]]
) -> None:
    project = a_project(world)
    tasks = [a_task(world, project, str(n)) for n in range(TASKS)]
    parents, waits = dict[int, int](), set[tuple[int, int]]()

    for what, task, other, kind in commands:
        if what == "wait":
            wanted = parents, waits | {(task, other)}
            then = world.when("Task.depend_on", tasks[task], predecessor_id=tasks[other], kind=kind)
        elif what == "undepend":
            wanted = parents, waits - {(task, other)}
            then = world.when("Task.undepend", tasks[task], predecessor_id=tasks[other])
            if (task, other) not in waits:
                assert isinstance(then.outcome, Refusal)
                continue
        else:
            parent = None if what == "leave" else other
            wanted = {n: p for n, p in parents.items() if n != task} | ({} if parent is None else {task: other}), waits
            then = world.when("Task.move_under", tasks[task], parent_id=None if parent is None else tasks[other])
        assert isinstance(then.outcome, Accepted) == may_be(*wanted), then.outcome
        if isinstance(then.outcome, Accepted):
            parents, waits = wanted

    for n, id in enumerate(tasks):
        found = world.load(id)
        assert found.parent_id == (tasks[parents[n]] if n in parents else None)
        assert found.subtask_ids == {tasks[part] for part, whole in parents.items() if whole == n}
        assert found.dependencies.keys() == {tasks[p] for t, p in waits if t == n}


@pytest.mark.parametrize("parts", [False, True])
def test_two_who_decide_at_the_same_time_close_no_circle(world: World, database_url: str, parts: bool) -> None:
    [schema] = world.connection.execute("select current_schema()").fetchone() or ("",)
    project, size = a_project(world), 4
    with EventStore(database_url, schema) as other, ThreadPoolExecutor(size) as threads:
        servers = [world.pipeline, CommandPipeline(AGGREGATES, other)]
        for _ in range(12):
            ring = [a_task(world, project, str(n)) for n in range(size)]
            waiting = [a_task(world, project, f"of {n}", parent_id=ring[n]) if parts else ring[n] for n in range(size)]
            together = Barrier(size)

            def ask(n: int, ring: list[UUID] = ring, waiting: list[UUID] = waiting, at: Barrier = together) -> Any:
                wanted = {"predecessor_id": ring[n - 1]}
                request = Request(command="Task.depend_on", actor=ME, id=waiting[n], arguments=wanted)
                at.wait(60)
                return servers[n % 2].run(request)

            outcomes = list(threads.map(ask, range(size)))

            refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
            assert refused and all(each.code in (Code.REFUSED, Code.CONFLICT) for each in refused)
            held = [world.load(task).dependencies for task in waiting]
            assert sum(map(len, held)) == size - len(refused)


def test_an_undo_closes_no_circle(world: World) -> None:
    project, edit = a_project(world), new_id()
    one, two, whole = (a_task(world, project, name) for name in ("One", "Two", "Whole"))
    wait(world, two, one)
    world.given("Task.move_under", one, parent_id=whole)
    an_edit(world, edit, "Task.undepend", two, predecessor_id=one)
    moved = new_id()
    an_edit(world, moved, "Task.move_under", one, parent_id=None)
    wait(world, whole, two)

    again, back = undo(world, edit), undo(world, moved)
    world.given("Task.undepend", whole, predecessor_id=two)
    free = undo(world, edit)

    assert again.counts[Fate.UNDONE] == 1  # two after one: one is no part of the whole any more
    assert back.refusal and "wait for each other" in str([each.refusal for each in back.affected])
    assert free.refusal and undo(world, moved).refusal is None
    assert known(world, one)[0]["parent_id"] == whole and world.load(whole).subtask_ids == {one}


def test_a_circle_tells_no_name_of_what_may_not_be_seen(world: World) -> None:
    directory = world.governed()
    role = a_role(world, grants={"projects.see": "own", "projects.work": "own", "projects.manage": "all"})
    eve, ada = somebody(world, role, name="Eve"), somebody(world, role, name="Ada")
    directory.recorded({"User", "Role"})
    project = world.given("Project.propose", name="Roll-out", manager_id=eve, by=DAYBOOK)
    mine, secret, last = (
        world.given("Task.plan", project_id=project, name=name, assignee_id=whose, by=DAYBOOK)
        for name, whose in (("Mine", eve), ("Buy the rival", ada), ("Last", eve))
    )
    world.given("Task.depend_on", secret, predecessor_id=mine, by=DAYBOOK)
    world.given("Task.depend_on", last, predecessor_id=secret, by=DAYBOOK)

    closed = world.when("Task.depend_on", mine, predecessor_id=last, by=eve)

    closed.is_refused("Last → Mine → a task that you may not see → Last", "predecessor_id")


def test_what_is_tied_to_too_much_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.pipeline.FOLLOWED", 3)
    project = a_project(world)
    first, *others = (a_task(world, project, str(n)) for n in range(6))
    before = first
    for task in others[:4]:
        wait(world, task, before)
        before = task

    asked = world.when("Task.depend_on", others[4], predecessor_id=before)

    asked.is_refused("more than 3 others are tied to this")
    assert FOLLOWED == 4_000
