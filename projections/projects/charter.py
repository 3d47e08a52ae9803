"""What a project was agreed to need, as people see it."""

from __future__ import annotations

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
