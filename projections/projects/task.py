"""Tasks, as people see them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.projects.task import Priority, Status, Task
from projections.columns import Of
from projections.view import View


class TaskView(
    View,
    of=Task,
    table="tasks",
    needs="projects.see",
    owner="assignee_id",
    indexes=("project_id", "milestone_id", "parent_id", "assignee_id", "status", "starts_on", "due_on"),
    search=("name",),
):
    """A piece of the work of a project (任务分解)."""

    project_id: UUID
    name: str
    description: str | None = None
    phase: Annotated[str | None, "the key of its phase in the project"] = None
    parent_id: Annotated[UUID | None, Of("Task"), "the task that it is a part of"] = None
    subtask_ids: Annotated[frozenset[UUID], Of("Task"), "the tasks that are parts of it"] = frozenset()
    milestone_id: Annotated[UUID | None, "to which it leads"] = None
    assignee_id: Annotated[UUID | None, Of("User"), "who does it"] = None
    required_skills: Annotated[tuple[str, ...], "what whoever does it must know"] = ()
    required_resources: Annotated[tuple[str, ...], "what must be there"] = ()
    priority: Annotated[Priority, "how much it matters"] = Priority.NORMAL
    starts_on: Annotated[date | None, "not earlier than this day"] = None
    due_on: Annotated[date | None, "the day at whose end it should be finished"] = None
    duration: Annotated[int, "in working days"] = 1
    effort: Annotated[Decimal | None, "hours that it was estimated to take"] = None
    spent: Annotated[Decimal, "hours that were worked on it in all"] = Decimal(0)
    remaining: Annotated[int | None, "working days that are left, where that was said"] = None
    progress: Annotated[
        Decimal, "percent of it that is done, as reported; what has others under it is as far as they are"
    ] = Decimal(0)
    started_on: Annotated[date | None, "when work on it began"] = None
    finished_on: Annotated[date | None, "when it was done"] = None
    status: Annotated[Status, "how it stands; what has others under it is done after all of them"] = Status.PLANNED
    blocked_reason: Annotated[str | None, "what keeps it from going on"] = None
