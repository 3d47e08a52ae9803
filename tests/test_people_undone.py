"""What the people of a project did is undone, and all is as it was; undone again, as it became."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.projects.project import Project
from domain.values import new_id
from projections.catalogue import VIEWS
from tests.infra.past import published, without_views
from tests.projects.test_communication_plan import a_plan
from tests.projects.test_document import SHE, a_document, a_submitted_document
from tests.projects.test_meeting import a_held_meeting, a_meeting
from tests.scenario import World, a_project_member, a_stakeholder, a_user, one_of
from tests.test_undo import an_edit, known, undo


def an_approved_document(world: World) -> UUID:
    document = a_submitted_document(world)
    world.given("Document.approve", document, by=SHE, reason="good")
    return document


def a_rejected_document(world: World) -> UUID:
    document = a_submitted_document(world)
    world.given("Document.reject", document, by=SHE, reason="page 3")
    return document


def one_who_left(world: World) -> UUID:
    member = a_project_member(world, until="2099-01-01")
    world.given("ProjectMember.leave", member, reason="ill")
    return member


def one_who_answers(world: World) -> UUID:
    member = a_project_member(world)
    world.given("ProjectMember.set_responsibility", member, deliverable="x", responsibility="accountable")
    return member


def a_told_plan(world: World) -> UUID:
    plan = a_plan(world)
    world.given("CommunicationPlan.carry_out", plan)
    return plan


def a_cancelled_meeting(world: World) -> UUID:
    meeting = a_meeting(world)
    world.given("Meeting.cancel", meeting, reason="ill")
    return meeting


CASES: list[tuple[Any, str, dict[str, Any]]] = [
    (a_project_member, "leave", {"reason": "ill"}),
    (one_who_left, "rejoin", {}),
    (a_project_member, "set_responsibility", {"deliverable": "x", "responsibility": "informed"}),
    (one_who_answers, "drop_responsibility", {"deliverable": "x"}),
    (one_who_answers, "set_responsibility", {"deliverable": "x", "responsibility": "informed"}),
    (a_stakeholder, "assess", {"interest": 3, "expectation": "x"}),
    (a_stakeholder, "plan_involvement", {"involvement": "x"}),
    (a_stakeholder, "drop", {"reason": "x"}),
    (a_plan, "carry_out", {}),
    (a_told_plan, "change", {"unit": "month"}),
    (a_told_plan, "end", {"reason": "x"}),
    (a_meeting, "hold", {}),
    (a_meeting, "cancel", {"reason": "x"}),
    (a_cancelled_meeting, "reopen", {}),
    (a_held_meeting, "record_minutes", {"minutes": "x"}),
    (a_held_meeting, "decide", {"text": "x"}),
    (a_document, "submit", {}),
    (a_document, "withdraw", {"reason": "x"}),
    (a_submitted_document, "reject", {"reason": "x"}),
    (a_submitted_document, "withdraw", {}),
    (a_rejected_document, "submit", {}),
    (a_rejected_document, "withdraw", {}),
    (an_approved_document, "withdraw", {}),
    (a_submitted_document, "revise", {"reference": "x"}),
    (a_rejected_document, "revise", {"reference": "x"}),
    (an_approved_document, "revise", {"reference": "x"}),
]


@pytest.mark.parametrize(("make", "command", "told"), CASES, ids=lambda each: getattr(each, "__name__", None))
def test_it_is_as_it_was_and_then_as_it_became(world: World, make: Any, command: str, told: dict[str, Any]) -> None:
    thing, neighbour, edit = make(world), make(world), new_id()
    kind, before = type(world.load(thing)).__name__, known(world, thing, neighbour)
    an_edit(world, edit, f"{kind}.{command}", thing, **told)
    after = known(world, thing, neighbour)

    undone = undo(world, edit)

    assert undone.refusal is None, undone
    assert known(world, thing, neighbour) == before != after
    again = undo(world, undone.correlation_id)
    assert again.refusal is None, again
    assert known(world, thing, neighbour) == after


def test_an_action_is_undone_with_the_task_that_it_became(world: World) -> None:
    without_views(world.connection)
    published(world.connection, VIEWS)
    meeting, edit = a_held_meeting(world, project_id=one_of(world, Project)), new_id()
    an_edit(world, edit, "Meeting.add_action", meeting, text="buy a server", assignee_id=a_user(world))
    [action] = world.load(meeting).actions.values()
    world.projected()

    undone = undo(world, edit)

    assert undone.refusal is None
    assert (world.load(meeting).actions, world.load(action.task_id).archived) == ({}, True)
