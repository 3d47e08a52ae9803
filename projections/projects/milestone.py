"""Milestones, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.milestone import Milestone
from projections.view import View


class MilestoneView(
    View,
    of=Milestone,
    table="milestones",
    needs="projects.see",
    indexes=("project_id", "due_on"),
    search=("name",),
):
    """Something that is reached by a day (里程碑)."""

    project_id: UUID
    name: str
    due_on: Annotated[date, "by when it is to be reached"]
    phase: Annotated[str | None, "the key of its phase in the project"] = None
