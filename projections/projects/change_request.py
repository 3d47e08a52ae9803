"""Change requests and what they concern, as people see them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from domain.projects.change_request import ChangeRequest, Status
from domain.values import Money
from projections.columns import Of
from projections.view import View


class ChangeRequestView(
    View,
    of=ChangeRequest,
    table="change_requests",
    needs="projects.see",
    indexes=("project_id", "name", "status", "raised_by_id", "assessed_by_id", "decided_by_id", "days", "cost"),
    search=("name", "what", "why"),
):
    """What is to be done otherwise than was agreed upon (变更)."""

    project_id: UUID
    name: str
    what: Annotated[str, "what is to be otherwise"]
    why: Annotated[str, "what is gained, or what happens without it"]
    options: Annotated[str | None, "what else could be done"] = None
    raised_by_id: Annotated[UUID, Of("User"), "who asked for it, and so does not approve it"]
    scope_impact: Annotated[str | None, "what more or less is delivered"] = None
    days: Annotated[int | None, "by how many working days all ends later; less than nil: sooner"] = None
    cost: Annotated[Money | None, "what it costs more; less than nil: what it saves"] = None
    assessed_by_id: Annotated[UUID | None, Of("User"), "who judged what it would do"] = None
    decided_by_id: Annotated[UUID | None, Of("User"), "who approved, rejected or withdrew it"] = None
    decision: Annotated[str | None, "why"] = None
    status: Status = Status.RAISED


class ChangeRequestAffectedView(
    View,
    of=ChangeRequest,
    table="change_request_affected",
    key="target_id",
    within=ChangeRequestView,
    ends=(ChangeRequest.AffectedRemoved,),
    indexes=("requirement_id", "task_id", "milestone_id"),
):
    """What a change request concerns: one thing of the project."""

    target_id: Annotated[UUID, "the bare id of whichever it is"]
    requirement_id: UUID | None = None
    task_id: UUID | None = None
    milestone_id: UUID | None = None
    note: Annotated[str | None, "what becomes of it"] = None
