"""What is on the checklists of projects, as people see it."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.project import Project
from projections.columns import Of
from projections.projects.project import ProjectView
from projections.view import View


class ProjectCheckView(
    View,
    of=Project,
    table="project_checks",
    key="check_id",
    within=ProjectView,
    ends=(Project.CheckDropped,),
    indexes=("phase",),
):
    """Something that is looked at before a phase is completed, or the project (检查清单)."""

    check_id: UUID
    phase: Annotated[str | None, "the key of the phase that it is to be done in; null for the project"] = None
    text: Annotated[str, "what is looked at"]
    done: bool = False
    done_on: Annotated[date | None, "when it was done"] = None
    done_by_id: Annotated[UUID | None, Of("User"), "who says that it is done"] = None
