from typing import Any
from uuid import UUID

import pytest

from domain.command import Code
from domain.projects.change_request import ChangeRequest, Status
from domain.projects.project import Project
from tests.scenario import World, a_role, a_user, one_of, somebody

WHAT_IT_DOES = {"scope_impact": "one more field", "days": 3, "cost": {"amount": "1200", "currency": "EUR"}}


def a_change(world: World, project: UUID | None = None, **by: Any) -> UUID:
    told = {"name": "Names, too", "what": "Search by name", "why": "Nobody knows numbers"}
    return world.given("ChangeRequest.raise_change", project_id=project or one_of(world, Project), **told, **by)


def an_assessed_change(world: World, **by: Any) -> UUID:
    change = a_change(world, **by)
    world.given("ChangeRequest.assess", change, **WHAT_IT_DOES)
    return change


def test_who_raised_a_change_does_not_approve_it(world: World) -> None:
    eve = a_user(world, "Eve")
    change, neighbour = an_assessed_change(world), an_assessed_change(world)

    world.when("ChangeRequest.approve", change).is_refused("who raised a change does not approve it: ask somebody else")
    world.when("ChangeRequest.approve", change, by=eve, note="worth it").records(
        ChangeRequest.Approved, decided_by_id=eve, decision="worth it"
    )

    assert (world.load(change).status, world.load(neighbour).status) == (Status.APPROVED, Status.ASSESSED)


def test_approval_needs_an_assessment(world: World) -> None:
    change, eve = a_change(world), a_user(world, "Eve")

    world.when("ChangeRequest.approve", change, by=eve).is_refused("say first what it would do to scope, time and cost")


def test_what_is_amended_is_to_be_assessed_again(world: World) -> None:
    change, eve = an_assessed_change(world), a_user(world, "Eve")

    world.given("ChangeRequest.amend", change, what="Search by name and town")

    world.when("ChangeRequest.approve", change, by=eve).is_refused("assess it")
    assert world.load(change).why == "Nobody knows numbers"


def test_what_was_decided_is_not_amended_and_concerns_nothing_more(world: World) -> None:
    change, eve = an_assessed_change(world), a_user(world, "Eve")
    task = world.given("Task.plan", project_id=world.load(change).project_id, name="Build it")
    world.given("ChangeRequest.approve", change, by=eve)

    asked: dict[str, Any] = {"amend": {"what": "x"}, "affect": {"task_id": task}, "assess": WHAT_IT_DOES}
    for command, more in asked.items():
        world.when(f"ChangeRequest.{command}", change, **more).is_refused("this change request is approved")


def test_what_was_rejected_is_decided_anew_when_it_was_reopened(world: World) -> None:
    change, eve = an_assessed_change(world), a_user(world, "Eve")

    world.when("ChangeRequest.reject", change, reason="too dear").records(ChangeRequest.Rejected, decision="too dear")
    world.when("ChangeRequest.approve", change, by=eve).is_refused("this change request is rejected")
    world.when("ChangeRequest.implement", change).is_refused("this change request is rejected")
    world.given("ChangeRequest.reopen", change)

    assert (world.load(change).status, world.load(change).decided_by_id) == (Status.ASSESSED, None)
    world.when("ChangeRequest.reopen", change).is_refused("this change request is assessed")


def test_what_is_approved_is_done_or_withdrawn(world: World) -> None:
    eve = a_user(world, "Eve")
    done, withdrawn = an_assessed_change(world), an_assessed_change(world)
    for change in (done, withdrawn):
        world.given("ChangeRequest.approve", change, by=eve)

    world.when("ChangeRequest.implement", done).records_only(ChangeRequest.Implemented)
    world.when("ChangeRequest.withdraw", withdrawn, reason="not needed").records_only(ChangeRequest.Withdrawn)

    world.when("ChangeRequest.withdraw", done, reason="x").is_refused("this change request is implemented")


def test_it_concerns_one_thing_at_a_time_of_its_own_project(world: World) -> None:
    change, elsewhere = a_change(world), world.given("Task.plan", project_id=one_of(world, Project), name="x")
    task = world.given("Task.plan", project_id=world.load(change).project_id, name="Build it")

    world.when("ChangeRequest.affect", change).is_refused("say one thing that it concerns")
    world.when("ChangeRequest.affect", change, task_id=elsewhere).is_refused("another project", "task_id")
    world.when("ChangeRequest.affect", change, task_id=task, note="longer").records(
        ChangeRequest.AffectedAdded, target_id=task, task_id=task, note="longer"
    )
    world.given("ChangeRequest.unaffect", change, target_id=str(task))

    world.when("ChangeRequest.unaffect", change, target_id=str(task)).is_refused("not concern this", "target_id")


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_a_project_that_is_over_is_not_changed_any_more(world: World, command: str) -> None:
    change, eve = an_assessed_change(world), a_user(world, "Eve")
    world.given("Project.cancel", world.load(change).project_id, reason="no money")

    then = world.when(f"ChangeRequest.{command}", change, by=eve, **{"reject": {"reason": "x"}}.get(command, {}))

    if command == "approve":
        then.is_refused("this project is cancelled", "project_id")
    else:
        then.records_only(ChangeRequest.Rejected)


def test_what_is_approved_rebaselines_a_project_that_was_approved_in_the_same_moment(world: World) -> None:
    project, eve = one_of(world, Project), a_user(world, "Eve")
    world.given("Project.set_charter", project, charter="x")
    world.given("Project.set_scope", project, scope={"included": ["x"]})
    world.given("Project.approve", project)
    change, neighbour = a_change(world, project), one_of(world, Project)
    world.given("ChangeRequest.assess", change, **WHAT_IT_DOES)

    then = world.when("ChangeRequest.approve", change, by=eve)

    then.records(ChangeRequest.Approved).records(Project.BaselineTaken, number=2, reason="change: Names, too")
    assert (world.load(project).baseline, world.load(neighbour).baseline) == (2, 0)


def test_a_project_that_was_not_approved_yet_has_no_baseline_to_take_anew(world: World) -> None:
    then = world.when("ChangeRequest.approve", an_assessed_change(world), by=a_user(world, "Eve"))

    then.records_only(ChangeRequest.Approved)


def test_who_manages_other_projects_does_not_change_the_baseline_of_this_one(world: World) -> None:
    project = one_of(world, Project)
    world.given("Project.set_charter", project, charter="x")
    world.given("Project.set_scope", project, scope={"included": ["x"]})
    world.given("Project.approve", project)
    change = a_change(world, project)
    world.given("ChangeRequest.assess", change, **WHAT_IT_DOES)
    ada = somebody(world, a_role(world, "manager", {"projects.see": "all", "projects.manage": "own"}))
    world.given("ChangeRequest.assign_owner", change, owner_id=ada)
    world.governed()

    refused = world.when("ChangeRequest.approve", change, by=ada)

    refused.is_refused("it needs projects.manage", code=Code.FORBIDDEN)
