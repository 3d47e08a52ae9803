"""Projects, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.project import Project, Status
from projections.columns import Of
from projections.view import View


class ProjectView(
    View,
    of=Project,
    table="projects",
    needs="projects.see",
    owner="manager_id",
    indexes=("name", "account_id", "opportunity_id", "manager_id", "status", "starts_on", "ends_on"),
    search=("name",),
):
    """Work that is delivered for a customer (项目)."""

    name: str
    goal: Annotated[str | None, "what it is for"] = None
    account_id: Annotated[UUID | None, "for whom it is done"] = None
    opportunity_id: Annotated[UUID | None, "the sale that it came from"] = None
    manager_id: Annotated[UUID | None, Of("User"), "who leads it"] = None
    sponsor_id: Annotated[UUID | None, Of("User"), "who wants it and pays for it"] = None
    starts_on: Annotated[date | None, "when it is planned to begin"] = None
    ends_on: Annotated[date | None, "when it is planned to end"] = None
    status: Status = Status.PROPOSED
    cancel_reason: Annotated[str | None, "why it was given up"] = None
