"""What may be said of a task, and what not."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.projects.project import Project
from domain.projects.task import Priority, Status, Task
from tests.projects.test_gates import an_entered_phase
from tests.projects.test_phases import with_phases
from tests.scenario import Allowing, World, a_user

TOMORROW = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()


def a_project(world: World, name: str = "Roll-out") -> UUID:
    return world.given("Project.propose", name=name)


def a_task(world: World, project: UUID, name: str = "Configure", **arguments: Any) -> UUID:
    return world.given("Task.plan", project_id=project, name=name, **arguments)


def a_begun_task(world: World, project: UUID, **arguments: Any) -> UUID:
    task = a_task(world, project, **arguments)
    world.given("Task.start", task)
    return task


def wait(world: World, task: UUID, predecessor: UUID, **arguments: Any) -> None:
    world.given("Task.depend_on", task, predecessor_id=predecessor, **arguments)


@pytest.fixture
def project(world: World) -> UUID:
    return a_project(world)


def test_a_task_is_planned_as_a_part_of_a_project(world: World, project: UUID) -> None:
    ada = a_user(world, "Ada")

    planned = world.when(
        "Task.plan", project_id=project, name="Test", assignee_id=ada, duration=3, effort="20.5", priority="high"
    )

    planned.records_only(Task.Planned).records(Task.Planned, assignee_id=ada, effort=Decimal("20.5"), duration=3)
    assert world.load(planned.id).priority is Priority.HIGH


def test_a_task_is_of_a_phase_that_is_there(world: World) -> None:
    project = with_phases(world, "Design", "Build")
    task = a_task(world, project, phase="design")

    planned = world.when("Task.plan", project_id=project, name="Test", phase="test")
    changed = world.when("Task.change_details", task, phase="test")

    planned.is_refused("this project has no such phase: there are design, build", "phase")
    changed.is_refused("this project has no such phase: there are design, build", "phase")
    world.when("Task.change_details", task, phase="build").records(Task.DetailsChanged, phase="build")
    world.when("Task.change_details", task, phase=None).records(Task.DetailsChanged, phase=None)
    world.when("Task.plan", project_id=a_project(world), name="Test", phase="design").is_refused(
        "it has none yet", "phase"
    )


def test_who_may_not_see_the_project_is_not_told_its_phases(world: World) -> None:
    task = a_task(world, with_phases(world, "Design"))
    world.pipeline.authority = Allowing(lambda request, permission, subject: not isinstance(subject, Project))

    refusal = world.when("Task.change_details", task, phase="test").is_refused("no such phase", "phase")

    assert refusal.message == "this project has no such phase"


def test_a_completed_phase_gets_no_tasks_and_keeps_those_that_it_has(world: World) -> None:
    project = an_entered_phase(world)
    task, other = a_task(world, project, phase="design"), a_task(world, project, phase="build")
    world.given("Project.complete_phase", project, phase="design")

    world.when("Task.plan", project_id=project, name="x", phase="design").is_refused("is completed", "phase")
    world.when("Task.change_details", other, phase="design").is_refused("is completed", "phase")
    world.when("Task.change_details", task, name="Draw").records(Task.DetailsChanged, name="Draw", phase="design")


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"duration": 0}, "duration", "from 1 to 36,500"),
        ({"effort": -1}, "effort", "nil or more"),
        ({"starts_on": "2026-02-02", "due_on": "2026-02-01"}, "due_on", "before it starts"),
    ],
)
def test_a_task_makes_sense(world: World, project: UUID, wrong: dict[str, Any], field: str, message: str) -> None:
    world.when("Task.plan", project_id=project, name="Test", **wrong).is_refused(message, field)


def test_nothing_is_planned_in_a_project_that_is_over(world: World, project: UUID) -> None:
    task = a_task(world, project)
    world.given("Project.cancel", project, reason="no money")

    world.when("Task.plan", project_id=project, name="Test").is_refused("is cancelled", "project_id")
    world.when("Task.start", task).is_refused("is cancelled", "project_id")
    world.when("Task.log_time", task, hours=1).is_refused("is cancelled", "project_id")


def test_what_a_task_names_is_of_its_own_project(world: World, project: UUID) -> None:
    other = a_project(world, "Other")
    milestone = world.given("Milestone.plan", project_id=other, name="Go-live", due_on="2026-12-01")
    task, theirs = a_task(world, project), a_task(world, other)

    world.when("Task.set_milestone", task, milestone_id=milestone).is_refused("of its own project", "milestone_id")
    world.when("Task.depend_on", task, predecessor_id=theirs).is_refused("of its own project", "predecessor_id")
    world.when("Task.move_under", task, parent_id=theirs).is_refused("of its own project", "parent_id")
    world.when("Task.plan", project_id=project, name="x", parent_id=theirs).is_refused("own project", "parent_id")


def test_a_task_leads_to_a_milestone(world: World, project: UUID) -> None:
    milestone = world.given("Milestone.plan", project_id=project, name="Go-live", due_on="2026-12-01")
    task = a_task(world, project, milestone_id=milestone)

    changed = world.when("Task.set_milestone", task, milestone_id=None)

    changed.records(Task.MilestoneChanged, milestone_id=None)


def test_what_is_left_out_stays(world: World, project: UUID) -> None:
    task = a_task(world, project, starts_on="2026-01-05", due_on="2026-01-09", duration=5, description="all of it")

    moved = world.when("Task.reschedule", task, due_on="2026-01-16")
    needs = world.when("Task.set_needs", task, required_skills=["SQL", "Java", "SQL"])
    named = world.when("Task.change_details", task, name="Set up")

    moved.records(Task.Rescheduled, starts_on=date(2026, 1, 5), due_on=date(2026, 1, 16), duration=5)
    needs.records(Task.NeedsChanged, required_skills=("SQL", "Java"), required_resources=())
    named.records(Task.DetailsChanged, name="Set up", description="all of it", priority=Priority.NORMAL)


# -- what is under what -----------------------------------------------------------------------------------------


def test_a_part_is_known_to_the_whole(world: World, project: UUID) -> None:
    whole, other = a_task(world, project, "Build"), a_task(world, project, "Test")

    planned = world.when("Task.plan", project_id=project, name="Configure", parent_id=whole)
    moved = world.when("Task.move_under", planned.id, parent_id=other)
    known = [world.load(each).subtask_ids for each in (whole, other)]
    world.given("Task.move_under", planned.id, parent_id=None)

    planned.records(Task.SubtasksChanged, originator_id=whole, subtask_ids=frozenset({planned.id}))
    moved.records(Task.MovedUnder, parent_id=other)
    assert known == [frozenset(), {planned.id}]
    assert world.load(other).subtask_ids == frozenset() and world.load(planned.id).parent_id is None


def test_a_task_does_not_lie_under_itself(world: World, project: UUID) -> None:
    build = a_task(world, project, "Build")
    part = a_task(world, project, "Configure", parent_id=build)

    world.when("Task.move_under", build, parent_id=part).is_refused("under itself: Build → Configure", "parent_id")
    world.when("Task.move_under", build, parent_id=build).is_refused("under itself: Build → Build", "parent_id")


def test_a_breakdown_has_fifty_levels_at_most(world: World, project: UUID) -> None:
    deepest = a_task(world, project, "1")
    for level in range(2, 51):
        deepest = a_task(world, project, str(level), parent_id=deepest)
    pair = a_task(world, project, "pair")
    a_task(world, project, "below", parent_id=pair)

    world.when("Task.plan", project_id=project, name="51", parent_id=deepest).is_refused("50 levels", "parent_id")
    world.when("Task.move_under", pair, parent_id=world.load(deepest).parent_id).is_refused("50 levels", "parent_id")


def test_a_whole_is_as_done_as_its_parts(world: World, project: UUID) -> None:
    whole = a_begun_task(world, project, name="Build")
    part = a_begun_task(world, project, parent_id=whole)

    world.when("Task.report_progress", whole, progress=50).is_refused("as what is under it", "id")
    world.when("Task.complete", whole).is_refused("under it is not done", "id")
    world.given("Task.complete", part)
    world.when("Task.complete", whole).records(Task.Completed)
    world.when("Task.reopen", part).is_refused("a part of is done")
    world.when("Task.plan", project_id=project, name="x", parent_id=whole).is_refused("is done", "parent_id")


def test_what_was_put_away_does_not_hold_up_the_whole(world: World, project: UUID) -> None:
    whole = a_begun_task(world, project, name="Build")
    part = a_task(world, project, parent_id=whole)

    world.given("Task.archive", part)

    world.when("Task.report_progress", whole, progress=50).records(Task.ProgressReported)
    world.when("Task.complete", whole).records(Task.Completed)


# -- what waits for what ----------------------------------------------------------------------------------------


def test_a_task_waits_for_another(world: World, project: UUID) -> None:
    first, second = a_task(world, project, "Clean"), a_task(world, project, "Move")

    set_ = world.when("Task.depend_on", second, predecessor_id=first, kind="SS", lag=-2)
    world.given("Task.depend_on", second, predecessor_id=first)
    told = [(wait.kind, wait.lag) for wait in world.load(second).dependencies.values()]
    world.given("Task.undepend", second, predecessor_id=first)

    set_.records(Task.DependencySet, predecessor_id=first, lag=-2)
    assert told == [("FS", 0)] and world.load(second).dependencies == {}
    world.when("Task.undepend", second, predecessor_id=first).is_refused("does not wait", "predecessor_id")


def test_tasks_that_would_wait_for_each_other_are_told_by_name(world: World, project: UUID) -> None:
    plan, clean, move = (a_task(world, project, name) for name in ("Plan", "Clean", "Move"))
    wait(world, clean, plan)
    wait(world, move, clean)

    closed = world.when("Task.depend_on", plan, predecessor_id=move)

    closed.is_refused("wait for each other: Clean → Move → Plan → Clean; drop one", "predecessor_id")
    world.when("Task.depend_on", plan, predecessor_id=plan).is_refused("wait for itself", "predecessor_id")


def test_two_of_a_name_are_told_apart(world: World, project: UUID) -> None:
    one, two = a_task(world, project, "Test"), a_task(world, project, "Test")
    wait(world, two, one)

    closed = world.when("Task.depend_on", one, predecessor_id=two)

    closed.is_refused("Test → Test (2) → Test;", "predecessor_id")


def test_what_is_under_a_task_counts(world: World, project: UUID) -> None:
    build, test = a_task(world, project, "Build"), a_task(world, project, "Test")
    part = a_task(world, project, "Configure", parent_id=build)
    wait(world, test, build)

    closed = world.when("Task.depend_on", part, predecessor_id=test)
    within = world.when("Task.depend_on", part, predecessor_id=build)

    closed.is_refused("Build → Test → Configure → Build", "predecessor_id")
    within.is_refused("Configure is under Build, and so takes place within it", "predecessor_id")


def test_parts_of_one_task_may_wait_for_each_other_and_for_what_the_whole_waits_for(
    world: World, project: UUID
) -> None:
    design, build = a_task(world, project, "Design"), a_task(world, project, "Build")
    one, two = (a_task(world, project, name, parent_id=build) for name in ("Configure", "Extend"))
    wait(world, build, design)

    world.when("Task.depend_on", two, predecessor_id=one).records(Task.DependencySet)
    world.when("Task.depend_on", one, predecessor_id=design).records(Task.DependencySet)
    world.when("Task.depend_on", design, predecessor_id=two).is_refused("wait for each other", "predecessor_id")


def test_a_task_is_not_moved_to_where_it_would_wait_for_itself(world: World, project: UUID) -> None:
    design, build, go = (a_task(world, project, name) for name in ("Design", "Build", "Go"))
    a_task(world, project, "Configure", parent_id=build)
    wait(world, build, design)
    wait(world, go, build)

    world.when("Task.move_under", design, parent_id=build).is_refused("is under Build", "parent_id")
    world.when("Task.move_under", go, parent_id=build).is_refused("is under Build", "parent_id")
    world.when("Task.move_under", go, parent_id=design).is_refused("wait for each other", "parent_id")


def test_what_waits_to_finish_has_nothing_under_it(world: World, project: UUID) -> None:
    design, build, test = (a_task(world, project, name) for name in ("Design", "Build", "Test"))
    a_task(world, project, "Configure", parent_id=build)
    wait(world, test, design, kind="FF")

    world.when("Task.depend_on", build, predecessor_id=design, kind="SF").is_refused("finishes with", "kind")
    world.when("Task.plan", project_id=project, name="x", parent_id=test).is_refused("waits to finish", "parent_id")


# -- what happens -----------------------------------------------------------------------------------------------


def test_work_begins_goes_on_and_ends(world: World, project: UUID) -> None:
    task = a_task(world, project)

    world.when("Task.complete", task).is_refused("start it first")
    world.when("Task.report_progress", task, progress=10).is_refused("start it first")
    world.given("Task.start", task, on="2026-01-05")
    world.given("Task.report_progress", task, progress="37.5", remaining=4)
    world.when("Task.start", task).is_refused("is in progress")
    world.when("Task.complete", task, on="2026-01-04").is_refused("begun on 2026-01-05", "on")
    done = world.when("Task.complete", task, on="2026-01-09")

    done.records(Task.Completed, finished_on=date(2026, 1, 9), progress=Decimal(100), remaining=None)
    world.when("Task.assign", task, assignee_id=None).is_refused("is done: reopen")
    world.when("Task.reopen", task, progress=80).records(Task.Reopened, progress=Decimal(80))
    assert world.load(task).finished_on is None


@pytest.mark.parametrize("progress", ["100.5", "-1"])
def test_progress_is_a_share_of_the_whole(world: World, project: UUID, progress: str) -> None:
    task = a_begun_task(world, project)

    world.when("Task.report_progress", task, progress=progress).is_refused("from 0 to 100 percent", "progress")
    world.when("Task.report_progress", task, progress=1, remaining=-1).is_refused("from 0 to", "remaining")


def test_nothing_happens_on_a_day_to_come(world: World, project: UUID) -> None:
    task, begun = a_task(world, project), a_begun_task(world, project)

    world.when("Task.start", task, on=TOMORROW).is_refused("not come yet", "on")
    world.when("Task.complete", begun, on=TOMORROW).is_refused("not come yet", "on")
    world.when("Task.log_time", begun, hours=1, on=TOMORROW).is_refused("not come yet", "on")


def test_what_is_blocked_goes_on_where_it_was(world: World, project: UUID) -> None:
    waiting, begun = a_task(world, project), a_begun_task(world, project)
    for task in (waiting, begun):
        world.given("Task.block", task, reason="the server is down")

    world.when("Task.start", waiting).is_refused("is blocked")
    world.when("Task.complete", begun).is_refused("is blocked")
    world.when("Task.block", begun, reason="x").is_refused("is blocked")
    world.when("Task.unblock", waiting).records(Task.Unblocked, status=Status.PLANNED)
    world.when("Task.unblock", begun).records(Task.Unblocked, status=Status.IN_PROGRESS)
    world.when("Task.unblock", begun).is_refused("is in progress")


def test_work_that_had_not_begun_is_put_back(world: World, project: UUID) -> None:
    task, begun = a_begun_task(world, project), a_begun_task(world, project)
    world.given("Task.report_progress", begun, progress=10)

    world.when("Task.put_back", begun).is_refused("has just begun")
    world.when("Task.put_back", task).records(Task.PutBack, started_on=None)


# -- hours ------------------------------------------------------------------------------------------------------


def test_hours_add_up_exactly(world: World, project: UUID) -> None:
    task, other = a_task(world, project), a_task(world, project)

    for hours in ("0.1", "0.2", "7.7"):
        world.given("Task.log_time", task, hours=hours, on="2026-01-05")
    first, second, _ = world.load(task).time_entries
    world.given("Task.correct_time", task, entry_id=first, hours="1.1", on="2026-01-06", note="on site")
    world.given("Task.remove_time", task, entry_id=second)

    assert (str(world.load(task).spent), world.load(other).spent) == ("8.8", 0)
    assert world.load(task).time_entries[first].on == date(2026, 1, 6)
    world.when("Task.remove_time", task, entry_id=second).is_refused("no such hours", "entry_id")


def test_a_day_of_one_person_has_24_hours(world: World, project: UUID) -> None:
    task, ada, eve = a_task(world, project), a_user(world, "Ada"), a_user(world, "Eve")
    world.given("Task.log_time", task, hours=16, on="2026-01-05", user_id=ada)

    world.when("Task.log_time", task, hours="8.01", on="2026-01-05", user_id=ada).is_refused("8 are left", "hours")
    world.when("Task.log_time", task, hours=25, on="2026-01-06", user_id=ada).is_refused("24 hours", "hours")
    world.when("Task.log_time", task, hours=0, on="2026-01-06").is_refused("how many hours", "hours")
    world.when("Task.log_time", task, hours=20, on="2026-01-05", user_id=eve).records(Task.TimeLogged, user_id=eve)
    (entry, *_) = world.load(task).time_entries
    world.when("Task.correct_time", task, entry_id=entry, hours="24.5").is_refused("24 hours", "hours")
    world.when("Task.correct_time", task, entry_id=entry, hours=24).records(Task.SpentChanged, spent=Decimal(44))


def test_no_hours_are_logged_on_a_task_that_is_done(world: World, project: UUID) -> None:
    task = a_begun_task(world, project)
    world.given("Task.complete", task)

    world.when("Task.log_time", task, hours=1).is_refused("is done: reopen it first")


def test_a_task_that_comes_back_is_a_part_of_what_it_was(world: World, project: UUID) -> None:
    whole = a_task(world, project, "Build")
    part = a_task(world, project, parent_id=whole)
    world.given("Task.archive", part)

    restored = world.when("Task.restore", part)

    restored.records_only(Task.Restored)
    assert world.load(whole).subtask_ids == {part}
