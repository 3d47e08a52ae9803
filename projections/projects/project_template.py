"""Templates of projects, as people see them."""

from __future__ import annotations

from typing import Annotated

from domain.projects.planning.template import (
    TemplateCheck,
    TemplateMilestone,
    TemplatePhase,
    TemplateRole,
    TemplateTask,
)
from domain.projects.project_template import ProjectTemplate
from projections.view import View


class ProjectTemplateView(
    View,
    of=ProjectTemplate,
    table="project_templates",
    needs="projects.see",
    indexes=("name", "retired"),
    search=("name",),
):
    """How projects of one kind are laid out (项目模板)."""

    name: str
    description: Annotated[str | None, "for what kind of project it is"] = None
    phases: Annotated[tuple[TemplatePhase, ...], "in their order"] = ()
    milestones: Annotated[tuple[TemplateMilestone, ...], "what is reached"] = ()
    tasks: Annotated[tuple[TemplateTask, ...], "what is done"] = ()
    roles: Annotated[tuple[TemplateRole, ...], "who is needed"] = ()
    checks: Annotated[tuple[TemplateCheck, ...], "what is on the checklists"] = ()
    retired: Annotated[bool, "whether no project begins from it any more"] = False
