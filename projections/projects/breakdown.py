"""What tasks wait for, as people see it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from domain.projects.planning.plan import DependencyKind
from domain.projects.task import Task
from projections.columns import Of
from projections.projects.task import TaskView
from projections.view import View


class TaskDependencyView(
    View,
    of=Task,
    table="task_dependencies",
    key="predecessor_id",
    within=TaskView,
    ends=(Task.DependencyRemoved,),
    indexes=("predecessor_id",),
):
    """A task waits for another (依赖)."""

    predecessor_id: Annotated[UUID, Of("Task"), "what it waits for"]
    kind: Annotated[DependencyKind, "which of its ends waits for which end of the other"]
    lag: Annotated[int, "working days in between; less than nil for a lead"]
