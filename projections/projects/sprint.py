"""Sprints and the tasks that they hold, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.sprint import Sprint, Status
from projections.columns import Of
from projections.view import View


class SprintView(
    View,
    of=Sprint,
    table="sprints",
    needs="projects.see",
    indexes=("project_id", "status", "starts_on", "ends_on"),
    search=("name",),
):
    """Some weeks of a project, with a goal and the tasks that are to be done in them (冲刺)."""

    project_id: UUID
    name: str
    goal: Annotated[str | None, "what is to be reached in it"] = None
    starts_on: Annotated[date, "its first day, as planned"]
    ends_on: Annotated[date, "its last day, as planned"]
    committed_ids: Annotated[frozenset[UUID], Of("Task"), "those that it began with"] = frozenset()
    finished_ids: Annotated[frozenset[UUID], Of("Task"), "those that were done when it ended"] = frozenset()
    started_on: Annotated[date | None, "when it began"] = None
    closed_on: Annotated[date | None, "when it ended"] = None
    status: Status = Status.PLANNED


class SprintTaskView(
    View,
    of=Sprint,
    table="sprint_tasks",
    key="task_id",
    within=SprintView,
    ends=(Sprint.TaskRemoved,),
    indexes=("task_id",),
):
    """A task that is to be done in a sprint."""

    task_id: UUID
