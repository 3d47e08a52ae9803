"""Objectives of projects and what was measured of them, as people see them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.projects.project import Project
from projections.projects.project import ProjectView
from projections.view import View


class ProjectObjectiveView(
    View,
    of=Project,
    table="project_objectives",
    key="objective_id",
    within=ProjectView,
    ends=(Project.ObjectiveDropped,),
    indexes=("phase",),
):
    """Something that a project is to bring about, and how it is told that it was (目标)."""

    objective_id: UUID
    text: Annotated[str, "what is to be brought about"]
    phase: Annotated[str | None, "the key of the phase whose objective it is; null for the project's"] = None
    metric: Annotated[str | None, "what is measured: its KPI (关键绩效指标)"] = None
    unit: Annotated[str | None, "in what it is measured"] = None
    baseline: Annotated[Decimal | None, "how it was before the project"] = None
    target: Annotated[Decimal | None, "how it is to be"] = None
    source: Annotated[str | None, "the report that it is read from; null for by hand"] = None


class ProjectMeasurementView(
    View,
    of=Project,
    table="project_measurements",
    key="measurement_id",
    within=ProjectView,
    ends=(Project.MeasurementDropped,),
    indexes=("objective_id", "on"),
):
    """How far an objective of a project was on a day."""

    measurement_id: UUID
    objective_id: Annotated[UUID, "what was measured: the id of the objective in the project"]
    on: Annotated[date, "when it was measured"]
    value: Annotated[Decimal, "in the unit of the objective"]
    note: str | None = None
