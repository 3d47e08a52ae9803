"""Phases of projects, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from domain.projects.phases import ProjectPhaseStatus
from domain.projects.project import Project
from projections.projects.project import ProjectView
from projections.view import View


class ProjectPhaseView(
    View,
    of=Project,
    table="project_phases",
    key="phase",
    within=ProjectView,
    ends=(Project.PhaseDropped,),
    indexes=("place", "starts_on", "ends_on"),
):
    """A part of a project, completed by its milestones and its checklist (阶段)."""

    phase: Annotated[str, "its key in the project"]
    name: str
    place: Annotated[int, "its place among the phases, in rising order"]
    objective: Annotated[str | None, "what it is to bring about"] = None
    starts_on: Annotated[date | None, "when it is planned to begin"] = None
    ends_on: Annotated[date | None, "when it is planned to end"] = None
    status: ProjectPhaseStatus = ProjectPhaseStatus.PLANNED
    entered_on: Annotated[date | None, "when it began"] = None
    completed_on: Annotated[date | None, "when it was done"] = None
