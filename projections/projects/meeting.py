"""Meetings, their decisions and their actions, as people see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from domain.projects.meeting import Kind, Meeting, Status
from projections.columns import Of
from projections.view import View


class MeetingView(
    View,
    of=Meeting,
    table="meetings",
    needs="projects.see",
    indexes=("project_id", "kind", "starts_at", "user_ids", "contact_ids", "status", "held_at"),
    search=("name", "minutes"),
):
    """People of a project come together (会议)."""

    project_id: UUID
    kind: Kind
    name: Annotated[str, "what it is about"]
    starts_at: datetime
    ends_at: datetime | None = None
    place: Annotated[str | None, "a room, or the address of a call"] = None
    agenda: Annotated[tuple[str, ...], "its points (议程), in their order"] = ()
    user_ids: Annotated[tuple[UUID, ...], Of("User"), "who of us is asked to come"] = ()
    contact_ids: Annotated[tuple[UUID, ...], Of("Contact"), "who of theirs is asked to come"] = ()
    present_user_ids: Annotated[tuple[UUID, ...], Of("User"), "who of us came"] = ()
    present_contact_ids: Annotated[tuple[UUID, ...], Of("Contact"), "who of theirs came"] = ()
    minutes: Annotated[str | None, "what was said (纪要)"] = None
    status: Status = Status.SCHEDULED
    held_at: Annotated[datetime | None, "when it took place"] = None
    cancel_reason: Annotated[str | None, "why it did not take place"] = None


class MeetingDecisionView(
    View,
    of=Meeting,
    table="meeting_decisions",
    key="decision_id",
    within=MeetingView,
    ends=(Meeting.DecisionWithdrawn,),
):
    """What was decided in a meeting (决议)."""

    decision_id: UUID
    text: str


class MeetingActionView(
    View,
    of=Meeting,
    table="meeting_actions",
    key="action_id",
    within=MeetingView,
    ends=(Meeting.ActionDropped,),
    indexes=("task_id",),
):
    """What somebody is to do after a meeting (行动项), and the task that it became."""

    action_id: UUID
    text: str
    task_id: UUID
