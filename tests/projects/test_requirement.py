from typing import Any
from uuid import UUID

import pytest

from domain.command import Code
from domain.projects.project import Project
from domain.projects.requirement import Requirement, Status
from domain.projects.task import Task
from tests.scenario import ME, World, a_contact, a_user, one_of

ACCEPTED = "a pump is found by its number in a second"


def a_requirement(world: World, project: UUID | None = None, **told: Any) -> UUID:
    given = {"name": "Search", "text": "Pumps are found by their number.", "method": "workshop", "acceptance": ACCEPTED}
    return world.given("Requirement.elicit", project_id=project or one_of(world, Project), **given | told)


def a_baselined(world: World, project: UUID | None = None) -> UUID:
    requirement = a_requirement(world, project)
    for step in ("confirm", "baseline"):
        world.given(f"Requirement.{step}", requirement)
    return requirement


def an_approved_change(world: World, of: UUID, *, concerning: bool = True) -> UUID:
    project = world.load(of).project_id
    told = {"name": "Names, too", "what": "Search by name", "why": "Nobody knows numbers"}
    change = world.given("ChangeRequest.raise_change", project_id=project, by=a_user(world, "Eve"), **told)
    if concerning:
        world.given("ChangeRequest.affect", change, requirement_id=of)
    world.given("ChangeRequest.assess", change, scope_impact="one more field", days=1)
    world.given("ChangeRequest.approve", change)
    return change


def test_a_requirement_goes_from_what_was_said_to_what_was_shown(world: World) -> None:
    requirement, neighbour, ada = a_requirement(world), a_requirement(world), a_contact(world)

    world.when("Requirement.refine", requirement, text="Better").records_only(Requirement.Refined)
    world.when("Requirement.confirm", requirement, contact_id=ada).records(Requirement.Confirmed, confirmed_by_id=ada)
    world.when("Requirement.baseline", requirement).records_only(Requirement.Baselined)
    world.when("Requirement.implement", requirement).records_only(Requirement.Implemented)
    world.when("Requirement.verify", requirement, evidence="run 7").records(Requirement.Verified, evidence="run 7")

    found, other = world.load(requirement), world.load(neighbour)
    assert (found.status, found.text, found.name) == (Status.VERIFIED, "Better", "Search")
    assert (other.status, other.evidence) == (Status.ELICITED, None)


@pytest.mark.parametrize("step", ["baseline", "implement", "verify", "reopen"])
def test_no_step_is_left_out(world: World, step: str) -> None:
    more = {"verify": {"evidence": "x"}, "reopen": {"reason": "x"}}.get(step, {})

    world.when(f"Requirement.{step}", a_requirement(world), **more).is_refused("this requirement is elicited")


def test_what_is_confirmed_says_by_what_it_is_seen_that_it_is_met(world: World) -> None:
    requirement = a_requirement(world, acceptance=None)

    world.when("Requirement.confirm", requirement).is_refused("by what it is seen that it is met", "acceptance")
    world.given("Requirement.refine", requirement, acceptance=ACCEPTED)

    world.when("Requirement.confirm", requirement).records_only(Requirement.Confirmed)


def test_what_was_confirmed_and_is_refined_is_to_be_confirmed_again(world: World) -> None:
    requirement = a_requirement(world)
    world.given("Requirement.confirm", requirement, contact_id=a_contact(world))

    world.given("Requirement.refine", requirement, priority="must")

    assert (world.load(requirement).status, world.load(requirement).confirmed_by_id) == (Status.REFINED, None)
    world.when("Requirement.baseline", requirement).is_refused("is refined")


def test_what_is_baselined_changes_by_an_approved_change_request_that_names_it_and_by_nothing_else(
    world: World,
) -> None:
    requirement = a_baselined(world)
    raised = world.given(
        "ChangeRequest.raise_change", project_id=world.load(requirement).project_id, name="x", what="y", why="z"
    )

    def refined(**named: Any) -> Any:
        return world.when("Requirement.refine", requirement, text="By name, too.", **named)

    refined().is_refused("name the approved change request", "change_id")
    refined(change_id=raised).is_refused("this change request is raised", "change_id")
    of_others = an_approved_change(world, requirement, concerning=False)
    refined(change_id=of_others).is_refused("does not say that it concerns", "change_id")
    change = an_approved_change(world, requirement)
    refined(change_id=change).records(Requirement.Refined, change_id=change, status=Status.BASELINED)


def test_what_was_verified_and_is_changed_is_to_be_implemented_anew(world: World) -> None:
    requirement = a_baselined(world)
    world.given("Requirement.implement", requirement)
    world.given("Requirement.verify", requirement, evidence="run 7")

    world.given("Requirement.refine", requirement, text="x", change_id=an_approved_change(world, requirement))

    assert (world.load(requirement).status, world.load(requirement).evidence) == (Status.BASELINED, None)


def test_what_is_baselined_is_dropped_by_an_approved_change_request_only(world: World) -> None:
    requirement, early = a_baselined(world), a_requirement(world)

    world.when("Requirement.drop", requirement, reason="too dear").is_refused("approved change request", "change_id")
    change = an_approved_change(world, requirement)

    world.when("Requirement.drop", requirement, reason="too dear", change_id=change).records_only(Requirement.Dropped)
    world.when("Requirement.drop", early, reason="nobody wants it").records_only(Requirement.Dropped)


def test_what_was_dropped_takes_nothing_until_it_is_wanted_again(world: World) -> None:
    requirement = a_requirement(world)
    world.given("Requirement.drop", requirement, reason="x")

    world.when("Requirement.refine", requirement, text="y").is_refused("is dropped")
    world.when("Requirement.trace", requirement, task_id=one_of(world, Task)).is_refused("is dropped")
    world.given("Requirement.reopen", requirement, reason="they ask for it")

    assert world.load(requirement).status is Status.REFINED


def test_what_is_not_met_after_all_is_to_be_implemented_again(world: World) -> None:
    requirement = a_baselined(world)
    world.given("Requirement.implement", requirement)

    world.given("Requirement.reopen", requirement, reason="the test fails")

    assert world.load(requirement).status is Status.BASELINED


def test_it_is_traced_to_one_thing_at_a_time_of_its_own_project(world: World) -> None:
    project, elsewhere = one_of(world, Project), one_of(world, Task)
    requirement = a_requirement(world, project)
    task = world.given("Task.plan", project_id=project, name="Build it")
    milestone = world.given("Milestone.plan", project_id=project, name="Go-live", due_on="2026-09-01")

    world.when("Requirement.trace", requirement).is_refused("say one thing")
    world.when("Requirement.trace", requirement, task_id=task, milestone_id=milestone).is_refused("say one thing")
    world.when("Requirement.trace", requirement, task_id=elsewhere).is_refused("another project", "task_id")
    world.when("Requirement.trace", requirement, task_id=task, note="builds").records(
        Requirement.Traced, target_id=task, task_id=task, milestone_id=None, process_id=None, note="builds"
    )
    world.given("Requirement.trace", requirement, milestone_id=milestone)
    world.when("Requirement.untrace", requirement, target_id=str(task)).records_only(Requirement.Untraced)

    document = {"name": "Design", "kind": "design", "reference": "https://files.example/1"}
    written = world.given("Document.add", project_id=project, **document)
    world.given("Requirement.trace", requirement, document_id=written)

    assert list(world.load(requirement).traces) == [milestone, written]
    world.when("Requirement.untrace", requirement, target_id=str(task)).is_refused("not traced to this", "target_id")


def test_for_whom_it_matters_is_a_stakeholder_of_its_own_project(world: World) -> None:
    project = one_of(world, Project)
    elsewhere, own = (
        world.given("Stakeholder.identify", project_id=p, contact_id=a_contact(world))
        for p in (one_of(world, Project), project)
    )
    told = {"project_id": project, "name": "x", "text": "y", "method": "interview"}

    world.when("Requirement.elicit", **told, stakeholder_id=elsewhere).is_refused("another project", "stakeholder_id")
    world.when("Requirement.elicit", **told, stakeholder_id=own).records(Requirement.Elicited, stakeholder_id=own)


def test_a_code_is_its_own_in_the_project_however_it_is_written(world: World) -> None:
    project, other = one_of(world, Project), one_of(world, Project)
    first = a_requirement(world, project, code="REQ-1")

    again = world.when(
        "Requirement.elicit", project_id=project, name="x", text="y", method="interview", code="req-1"
    ).is_refused("in use", "code", Code.DUPLICATE)
    assert again.holder == f"Requirement_{first}"
    a_requirement(world, other, code="REQ-1")
    world.given("Requirement.refine", first, code="REQ-2")

    assert world.load(a_requirement(world, project, code="REQ-1")).code == "REQ-1"


def test_a_project_that_is_over_takes_no_more_requirements(world: World) -> None:
    project = one_of(world, Project)
    world.given("Project.cancel", project, reason="no money")

    refused = world.when("Requirement.elicit", project_id=project, name="x", text="y", method="interview")

    refused.is_refused("this project is cancelled", "project_id")


def test_who_approves_a_change_is_not_who_raised_it_and_so_it_takes_two_to_change_what_is_agreed(world: World) -> None:
    requirement = a_baselined(world)
    told = {"name": "x", "what": "y", "why": "z"}
    mine = world.given("ChangeRequest.raise_change", project_id=world.load(requirement).project_id, by=ME, **told)
    world.given("ChangeRequest.affect", mine, requirement_id=requirement)
    world.given("ChangeRequest.assess", mine, scope_impact="none", days=0)

    world.when("ChangeRequest.approve", mine, by=ME).is_refused("who raised a change does not approve it")

    world.when("Requirement.refine", requirement, text="x", change_id=mine).is_refused("is assessed", "change_id")
