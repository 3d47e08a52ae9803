"""Issues, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.issue import Issue, Severity, Status
from projections.columns import Of
from projections.view import View


class IssueView(
    View,
    of=Issue,
    table="issues",
    needs="projects.see",
    owner="owner_id",
    indexes=(
        "project_id", "name", "severity", "status", "raised_on", "raised_by_id", "due_on", "risk_id", "task_id",
        "escalated_to_id", "resolved_on", "closed_on", "owner_id",
    ),
    search=("name", "text", "resolution"),
):  # fmt: skip
    """What went wrong in a project and is to be settled (问题)."""

    project_id: UUID
    name: str
    text: Annotated[str | None, "what went wrong, and what it does"] = None
    severity: Annotated[Severity, "how bad it is"]
    raised_on: Annotated[date, "when it came up"]
    raised_by_id: Annotated[UUID, Of("User"), "who said so"]
    due_on: Annotated[date | None, "by when it is to be settled"] = None
    risk_id: Annotated[UUID | None, "the risk that came true"] = None
    task_id: Annotated[UUID | None, "the work that it holds up"] = None
    escalated_to_id: Annotated[UUID | None, Of("User"), "before whom it was brought"] = None
    escalate_reason: Annotated[str | None, "why"] = None
    resolution: Annotated[str | None, "what was done about it"] = None
    resolved_on: date | None = None
    resolved_by_id: Annotated[UUID | None, Of("User"), "who settled it"] = None
    closed_on: date | None = None
    reopen_reason: Annotated[str | None, "why it was taken up again"] = None
    status: Status = Status.OPEN
