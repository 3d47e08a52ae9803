"""What may be said of a sprint, and what not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.command import Code, Request
from domain.projects.sprint import Sprint, Status
from tests.projects.test_task import TOMORROW, a_begun_task, a_project, a_task
from tests.scenario import ME, World

DAYS = {"starts_on": "2026-01-05", "ends_on": "2026-01-16"}


def a_sprint(world: World, project: UUID, *tasks: UUID, name: str = "One", **arguments: Any) -> UUID:
    sprint = world.given("Sprint.plan", project_id=project, name=name, **DAYS | arguments)
    for task in tasks:
        world.given("Sprint.add_task", sprint, task_id=task)
    return sprint


def adding(sprint: UUID, task: UUID) -> Request:
    return Request(command="Sprint.add_task", actor=ME, id=sprint, arguments={"task_id": task})


@pytest.fixture
def project(world: World) -> UUID:
    return a_project(world)


def test_a_sprint_ends_after_it_starts(world: World, project: UUID) -> None:
    sprint = a_sprint(world, project)

    moved = world.when("Sprint.reschedule", sprint, ends_on="2026-01-01")

    moved.is_refused("before it starts", "ends_on")
    world.when("Sprint.plan", project_id=project, name="x", starts_on="2026-02-02", ends_on="2026-02-01").is_refused(
        "before it starts", "ends_on"
    )


def test_a_sprint_holds_tasks_of_its_own_project(world: World, project: UUID) -> None:
    theirs, sprint = a_task(world, a_project(world, "Other")), a_sprint(world, project)

    world.when("Sprint.add_task", sprint, task_id=theirs).is_refused("of its own project", "task_id")


def test_a_task_is_in_one_sprint_at_a_time(world: World, project: UUID) -> None:
    task, other = a_task(world, project), a_task(world, project)
    one, two = a_sprint(world, project, task, other), a_sprint(world, project, name="Two")

    world.when("Sprint.add_task", one, task_id=task).is_refused("in this sprint already", "task_id")
    world.when("Sprint.add_task", two, task_id=task).is_refused("in another sprint", "task_id")
    world.given("Sprint.remove_task", one, task_id=task)
    world.when("Sprint.add_task", two, task_id=task).records(Sprint.TaskAdded, task_id=task)
    assert [*world.load(one).tasks] == [other]
    world.when("Sprint.remove_task", one, task_id=task).is_refused("not in this sprint", "task_id")


def test_what_is_done_is_in_no_sprint_to_come(world: World, project: UUID) -> None:
    task, sprint = a_begun_task(world, project), a_sprint(world, project)
    world.given("Task.complete", task)

    world.when("Sprint.add_task", sprint, task_id=task).is_refused("done already", "task_id")


def test_one_sprint_of_a_project_runs(world: World, project: UUID) -> None:
    task, elsewhere = a_task(world, project), a_sprint(world, a_project(world, "Other"))
    one, two = a_sprint(world, project, task), a_sprint(world, project, name="Two")

    begun = world.when("Sprint.start", one, on="2026-01-05")

    begun.records(Sprint.Started, committed_ids=frozenset({task}))
    world.when("Sprint.start", two).is_refused("another sprint of this project runs")
    world.when("Sprint.start", one).is_refused("is active")
    world.given("Sprint.start", elsewhere)
    world.given("Sprint.put_back", one)
    world.when("Sprint.start", two).records(Sprint.Started)
    world.when("Sprint.put_back", one).is_refused("is planned")


def test_what_is_left_at_the_end_goes_on_in_another(world: World, project: UUID) -> None:
    done, left, away = a_begun_task(world, project), a_task(world, project), a_task(world, project)
    one, two = a_sprint(world, project, done, left, away), a_sprint(world, project, name="Two")
    world.given("Sprint.start", one, on="2026-01-05")
    world.given("Task.complete", done)
    world.given("Task.archive", away)

    closed = world.when("Sprint.close", one, move_to_id=two, on="2026-01-16")

    closed.records(Sprint.Closed, finished_ids=frozenset({done}))
    closed.records_only(Sprint.TaskAdded, Sprint.Closed).records(Sprint.TaskAdded, originator_id=two, task_id=left)
    assert world.load(one).tasks.keys() == {done, left, away}
    world.when("Sprint.close", one).is_refused("is closed")
    world.when("Sprint.reopen", one).is_refused("in use already", "task_id", Code.DUPLICATE)


def test_what_is_left_at_the_end_may_be_in_no_sprint(world: World, project: UUID) -> None:
    left = a_task(world, project)
    one = a_sprint(world, project, left)
    world.given("Sprint.start", one)
    world.given("Sprint.close", one)

    two = a_sprint(world, project, left, name="Two")

    world.given("Sprint.remove_task", two, task_id=left)
    world.when("Sprint.reopen", one).records(Sprint.Reopened, status=Status.ACTIVE)


@pytest.mark.parametrize("which", ["itself", "closed", "elsewhere"])
def test_not_every_sprint_takes_over_what_is_left(world: World, project: UUID, which: str) -> None:
    one, closed, elsewhere = (
        a_sprint(world, project, a_task(world, project)),
        a_sprint(world, project),
        a_sprint(world, a_project(world, "Other")),
    )
    for sprint in (closed, one):
        world.given("Sprint.start", sprint, on="2026-01-05")
        if sprint == closed:
            world.given("Sprint.close", closed, on="2026-01-06")
    told = {
        "itself": (one, "what is its own"),
        "closed": (closed, "is closed"),
        "elsewhere": (elsewhere, "of its own project"),
    }
    to, message = told[which]

    world.when("Sprint.close", one, move_to_id=to).is_refused(message, "move_to_id")


def test_nothing_happens_to_a_sprint_on_a_day_to_come(world: World, project: UUID) -> None:
    one, two = a_sprint(world, project), a_sprint(world, a_project(world, "Other"))
    world.given("Sprint.start", two, on="2026-01-05")

    world.when("Sprint.start", one, on=TOMORROW).is_refused("not come yet", "on")
    world.when("Sprint.close", two, on=TOMORROW).is_refused("not come yet", "on")
    world.when("Sprint.close", two, on="2026-01-04").is_refused("begun on 2026-01-05", "on")


def test_a_project_that_is_over_begins_no_sprint(world: World, project: UUID) -> None:
    sprint = a_sprint(world, project)
    world.given("Project.cancel", project, reason="no money")

    world.when("Sprint.start", sprint).is_refused("is cancelled", "project_id")
    world.when("Sprint.plan", project_id=project, name="x", **DAYS).is_refused("is cancelled", "project_id")


def test_two_who_take_a_task_at_the_same_time_do_not_both_get_it(world: World, project: UUID) -> None:
    task = a_task(world, project)
    one, two = a_sprint(world, project), a_sprint(world, project, name="Two")
    asked = [
        world.pipeline.start(lambda run, sprint=sprint: run(adding(sprint, task)))  # type: ignore[misc]
        for sprint in (one, two)
    ]

    first, second = [each.result() for each in asked]

    assert (type(first).__name__, getattr(second, "code", None)) in (
        ("Accepted", Code.REFUSED),
        ("Accepted", Code.DUPLICATE),
    )
    assert [[*world.load(sprint).tasks] for sprint in (one, two)] == [[task], []]
