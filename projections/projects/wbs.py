"""The breakdown of the work of a project: what there is to do, and what it adds up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, NamedTuple
from uuid import UUID

from projections.columns import Of
from projections.computed import Computed
from projections.projects.outline import Line, outline
from projections.projects.planned import Planned, TaskRow
from projections.projects.schedule import PLAN, OfProject, schedules


class Sum(NamedTuple):
    """What tasks come to."""

    tasks: int
    done: int
    effort: Decimal | None
    spent: Decimal


@dataclass(frozen=True, kw_only=True)
class Wbs(OfProject, Computed[Planned], of=PLAN, needs="projects.see"):
    """The work of a project, broken down (工作分解结构): phases, tasks, tasks under them, each with what is below it.

    Progress is weighed by effort where all that is to be done has one, else by duration.
    """

    @dataclass
    class Row:
        code: Annotated[str, "its number, such as 1.2.1; that of the whole is 0"]
        depth: Annotated[int, "how many levels it lies below the top"]
        name: str
        phase: Annotated[str | None, "the key of the phase that it is in"]
        task_id: Annotated[UUID | None, Of("Task"), "null for a phase and for the whole"]
        tasks: Annotated[int, "how many tasks it comes to, those with others under them not counted"]
        done: Annotated[int, "how many of them are finished"]
        effort: Annotated[Decimal | None, "hours that were estimated; null where none were"]
        spent: Annotated[Decimal, "hours that were logged"]
        progress: Annotated[Decimal, "in percent"]
        start: Annotated[date | None, "the first day of work; null for a phase without tasks"]
        finish: Annotated[date | None, "the last day of work"]

    def compute(self, found: Planned) -> Iterator[Row]:
        if not found.projects:
            return
        made = schedules(found, ())
        lines = [line for line in outline(found) if not line.milestone]
        parents, day = {task.parent_id for task in found.tasks}, found.projects[0].day
        for line, under in _with_below(lines):
            now = made and made[1].tasks.get(line.id)
            total = _sum(under, parents, day)
            yield self.Row(
                code=line.code or "",
                depth=line.depth,
                name=line.name,
                phase=line.phase,
                task_id=UUID(line.id) if line.task else None,
                **total._asdict(),
                progress=now.progress if now else Decimal(0),
                start=now and now.start,
                finish=now and now.finish,
            )


def _with_below(lines: list[Line]) -> Iterator[tuple[Line, list[TaskRow]]]:
    """Each line with its task, and all tasks below it."""
    for place, line in enumerate(lines):
        until = next((n for n in range(place + 1, len(lines)) if lines[n].depth <= line.depth), len(lines))
        yield line, [each.task for each in lines[place:until] if each.task]


def _sum(tasks: Iterable[TaskRow], parents: set[str | None], day: date) -> Sum:
    leaves = [task for task in tasks if task.id not in parents]
    efforts = [task.effort for task in leaves if task.effort is not None]
    return Sum(
        tasks=len(leaves),
        done=sum(task.finished_on is not None and task.finished_on <= day for task in leaves),
        effort=sum(efforts, Decimal(0)) if efforts else None,
        spent=sum((task.spent for task in tasks), Decimal(0)),
    )
