"""Whom projects need, and the plans that were agreed on, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from domain.projects.project import Project
from projections.projects.project import ProjectView
from projections.view import View


class ProjectRoleView(
    View, of=Project, table="project_roles", key="role", within=ProjectView, ends=(Project.RoleDropped,)
):
    """Who is needed in a project: so many people of a role."""

    role: str
    headcount: Annotated[int, "how many people"]
    duties: Annotated[str | None, "what they do"] = None


class ProjectBaselineView(
    View,
    of=Project,
    table="project_baselines",
    key="number",
    within=ProjectView,
    ends=(Project.BaselineDropped,),
    indexes=("on",),
):
    """The plan of a project as it was agreed on: as it stood when this was recorded."""

    number: Annotated[int, "counted from 1"]
    reason: Annotated[str, "why the plan was agreed on anew"]
    on: Annotated[date, "when it was agreed on"]
