"""What something points to: one thing out of several kinds, each kind by an attribute of its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.aggregate import Refused


def one_of(project_id: UUID, otherwise: str, **targets: Any) -> dict[str, UUID | None]:
    """The ids that an event tells of the one thing that was named: `target_id`, and `task_id` where it is a task.

    Refused, with what `otherwise` says, unless just one is named; and where that is of another project.
    """
    named = [(name, target) for name, target in targets.items() if target]
    if len(named) != 1:
        raise Refused(otherwise)
    [(chosen, target)] = named
    if target.project_id != project_id:
        raise Refused("this is of another project", f"{chosen}_id")
    return {"target_id": target.id} | {f"{name}_id": target.id if name == chosen else None for name in targets}
