"""The hours that were worked on tasks, as people see them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.projects.task import Task
from projections.projects.task import TaskView
from projections.view import View


class TaskTimeEntryView(
    View,
    of=Task,
    table="task_time_entries",
    key="entry_id",
    within=TaskView,
    ends=(Task.TimeRemoved,),
    indexes=("user_id", "on"),
):
    """Hours that somebody worked on a task on a day (工时)."""

    entry_id: UUID
    user_id: Annotated[UUID, "who worked"]
    on: Annotated[date, "the day on which it was worked"]
    hours: Decimal
    note: str | None
