from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.command import Request
from domain.projects.meeting import Meeting
from domain.projects.project import Project
from domain.projects.task import Task
from tests.scenario import ME, World, a_contact, a_user, one_of

THEN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def a_meeting(world: World, **arguments: Any) -> UUID:
    given = {
        "project_id": one_of(world, Project),
        "kind": "steering",
        "name": "Steering committee",
        "starts_at": "2026-03-02T09:00:00Z",
    }
    return world.given("Meeting.schedule", **given | arguments)


def a_held_meeting(world: World, **arguments: Any) -> UUID:
    meeting = a_meeting(world, **arguments)
    world.given("Meeting.hold", meeting)
    return meeting


def test_people_are_asked_to_come_together_at_a_time_with_an_agenda(world: World) -> None:
    ada, bob, project = a_user(world), a_contact(world, "Bob"), one_of(world, Project)

    scheduled = world.when(
        "Meeting.schedule",
        project_id=project,
        kind="kick_off",
        name="Kick-off",
        starts_at="2026-03-02T09:00:00+01:00",
        ends_at="2026-03-02T10:00:00Z",
        agenda=["who we are", "what we want"],
        user_ids=[ada, ada],
        contact_ids=[bob],
    )

    scheduled.records(
        Meeting.Scheduled,
        project_id=project,
        starts_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
        agenda=("who we are", "what we want"),
        user_ids=(ada,),
        contact_ids=(bob,),
    )


def test_a_meeting_does_not_end_before_it_begins(world: World) -> None:
    meeting = a_meeting(world)

    refused = world.when("Meeting.reschedule", meeting, ends_at="2026-03-02T08:59:59Z")

    refused.is_refused("does not end before it begins", "ends_at")


def test_until_it_is_held_its_time_its_place_its_agenda_and_its_attendees_change(world: World) -> None:
    meeting, neighbour, ada = a_meeting(world, place="room 1"), a_meeting(world), a_user(world)

    world.given("Meeting.reschedule", meeting, starts_at="2026-03-03T09:00:00Z")
    world.given("Meeting.set_agenda", meeting, agenda=["money"])
    world.given("Meeting.set_attendees", meeting, user_ids=[ada])

    known = world.load(meeting)
    assert (known.starts_at.day, known.place, known.agenda, known.user_ids) == (3, "room 1", ("money",), (ada,))
    assert world.load(neighbour).agenda == ()


def test_those_who_were_asked_came_unless_it_is_said_who_did(world: World) -> None:
    ada, eve, bob = a_user(world), a_user(world, "Eve"), a_contact(world, "Bob")
    all_came, one_came = (a_meeting(world, user_ids=[ada, eve], contact_ids=[bob]) for _ in range(2))

    world.asked(Request(command="Meeting.hold", id=all_came, actor=ME, occurred_at=THEN)).records(
        Meeting.Held, held_at=THEN, present_user_ids=(ada, eve), present_contact_ids=(bob,)
    )
    world.when("Meeting.hold", one_came, user_ids=[eve]).records(
        Meeting.Held, present_user_ids=(eve,), present_contact_ids=()
    )

    assert world.load(one_came).user_ids == (ada, eve)


AFTERWARDS: dict[str, dict[str, Any]] = {
    "record_minutes": {"minutes": "all is well"},
    "decide": {"text": "we go on"},
    "add_action": {"text": "buy a server"},
}


@pytest.mark.parametrize("command", AFTERWARDS)
def test_a_meeting_that_was_not_held_has_no_minutes_decisions_or_actions(world: World, command: str) -> None:
    planned, cancelled = a_meeting(world), a_meeting(world)
    world.given("Meeting.cancel", cancelled, reason="ill")

    world.when(f"Meeting.{command}", planned, **AFTERWARDS[command]).is_refused("scheduled: it was not held")
    world.when(f"Meeting.{command}", cancelled, **AFTERWARDS[command]).is_refused("cancelled: it was not held")


@pytest.mark.parametrize("command", ["reschedule", "set_agenda", "set_attendees", "hold", "cancel"])
def test_a_meeting_that_was_held_or_cancelled_is_planned_no_more(world: World, command: str) -> None:
    held, cancelled = a_held_meeting(world), a_meeting(world)
    world.given("Meeting.cancel", cancelled)
    told: dict[str, Any] = {"agenda": []} if command == "set_agenda" else {}

    world.when(f"Meeting.{command}", held, **told).is_refused("this meeting is held already")
    world.when(f"Meeting.{command}", cancelled, **told).is_refused("this meeting is cancelled already")


def test_minutes_are_written_and_corrected(world: World) -> None:
    meeting = a_held_meeting(world)
    world.given("Meeting.record_minutes", meeting, minutes="All is wel.")

    world.given("Meeting.record_minutes", meeting, minutes="All is well.")

    assert world.load(meeting).minutes == "All is well."


def test_what_was_decided_is_kept_until_it_turns_out_that_it_was_not(world: World) -> None:
    meeting = a_held_meeting(world)
    world.given("Meeting.decide", meeting, text="we go live in June")
    world.given("Meeting.decide", meeting, text="we buy a server")
    first, _ = world.load(meeting).decisions

    world.given("Meeting.withdraw_decision", meeting, decision_id=first)

    assert {each.text for each in world.load(meeting).decisions.values()} == {"we buy a server"}
    world.when("Meeting.withdraw_decision", meeting, decision_id=first).is_refused("no such decision", "decision_id")


def test_an_action_is_a_task_of_the_project_from_then_on(world: World) -> None:
    project, ada = one_of(world, Project), a_user(world)
    meeting = a_held_meeting(world, project_id=project)

    added = world.when("Meeting.add_action", meeting, text="buy a server", assignee_id=ada, due="2026-03-31")

    task, action = added.recorded
    assert isinstance(task, Task.Planned) and isinstance(action, Meeting.ActionAdded)
    assert (task.project_id, task.name, task.assignee_id, str(task.due_on)) == (
        project,
        "buy a server",
        ada,
        "2026-03-31",
    )
    assert action.task_id == task.originator_id
    assert added.outcome.changed[0].id == meeting  # type: ignore[union-attr]


def test_an_action_that_was_none_is_dropped_and_its_task_stays(world: World) -> None:
    meeting = a_held_meeting(world)
    world.given("Meeting.add_action", meeting, text="buy a server")
    [(action, told)] = world.load(meeting).actions.items()

    world.given("Meeting.drop_action", meeting, action_id=action)

    assert world.load(meeting).actions == {}
    assert not world.load(told.task_id).archived
    world.when("Meeting.drop_action", meeting, action_id=action).is_refused("no such action", "action_id")


def test_nothing_is_to_be_done_any_more_in_a_project_that_is_over(world: World) -> None:
    project = one_of(world, Project)
    meeting = a_held_meeting(world, project_id=project)
    world.given("Project.cancel", project, reason="no money")

    world.when("Meeting.add_action", meeting, text="buy").is_refused("this project is cancelled", "project_id")
    world.when(
        "Meeting.schedule", project_id=project, kind="status", name="x", starts_at="2026-03-02T09:00:00Z"
    ).is_refused("this project is cancelled", "project_id")


def test_what_was_called_held_or_cancelled_by_mistake_is_scheduled_again(world: World) -> None:
    held, cancelled, ada = a_meeting(world), a_meeting(world), a_user(world)
    world.when("Meeting.reopen", held).is_refused("scheduled still")
    world.given("Meeting.hold", held, user_ids=[ada])
    world.given("Meeting.cancel", cancelled, reason="ill")

    for meeting in (held, cancelled):
        world.given("Meeting.reopen", meeting)

    known = [world.load(each) for each in (held, cancelled)]
    assert {(k.status, k.held_at, k.cancel_reason, k.present_user_ids) for k in known} == {
        ("scheduled", None, None, ())
    }


def test_what_has_minutes_was_held(world: World) -> None:
    meeting = a_held_meeting(world)
    world.given("Meeting.record_minutes", meeting, minutes="All is well.")

    world.when("Meeting.reopen", meeting).is_refused("there are minutes, decisions or actions of it")
