"""Tasks, as people see them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.projects.task import Task
from projections.columns import Of
from projections.view import View


class TaskView(
    View,
    of=Task,
    table="tasks",
    needs="projects.see",
    owner="assignee_id",
    indexes=("project_id", "milestone_id", "assignee_id", "due_on"),
    search=("name",),
):
    """A piece of the work of a project (任务分解)."""

    project_id: UUID
    name: str
    description: str | None = None
    phase: Annotated[str | None, "the key of its phase in the project"] = None
    milestone_id: Annotated[UUID | None, "to which it leads"] = None
    assignee_id: Annotated[UUID | None, Of("User"), "who does it"] = None
    starts_on: Annotated[date | None, "not earlier than this day"] = None
    due_on: Annotated[date | None, "the day at whose end it should be finished"] = None
    duration: Annotated[int, "in working days"] = 1
    effort: Annotated[Decimal | None, "in hours"] = None
