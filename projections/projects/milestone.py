"""Milestones, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.milestone import Milestone, Status
from projections.columns import Of
from projections.view import View


class MilestoneView(
    View,
    of=Milestone,
    table="milestones",
    needs="projects.see",
    indexes=("project_id", "due_on", "phase", "status", "reached_on", "accepted_on"),
    search=("name",),
):
    """Something that is reached by a day, and accepted by those whom it is for (里程碑)."""

    project_id: UUID
    name: str
    due_on: Annotated[date, "by when it is to be reached"]
    phase: Annotated[str | None, "the key of its phase in the project"] = None
    criteria: Annotated[tuple[str, ...], "by which it is accepted (验收标准)"] = ()
    deliverables: Annotated[tuple[str, ...], "what is handed over (交付物)"] = ()
    status: Annotated[Status, "reached is what was delivered, accepted what was taken"] = Status.PLANNED
    slips: Annotated[int, "how often it was put off"] = 0
    reschedule_reason: Annotated[str | None, "why it was planned for another day last"] = None
    reached_on: Annotated[date | None, "when what it asks for was delivered"] = None
    reached_by_id: Annotated[UUID | None, Of("User"), "who delivered it"] = None
    evidence: Annotated[str | None, "what shows that it was reached"] = None
    miss_reason: Annotated[str | None, "why it was not reached by its day"] = None
    accepted_on: Annotated[date | None, "when it was taken (验收)"] = None
    accepted_by_id: Annotated[UUID | None, Of("User"), "who took it"] = None
    rejected_by_id: Annotated[UUID | None, Of("User"), "who did not take what was delivered last"] = None
    reject_reason: Annotated[str | None, "why what was delivered last was not taken"] = None
