"""The plan of a project: its phases, tasks and milestones as the views have them, as the schedule takes them.

The project, a phase, and a task that has others under it, span what is in them. A milestone takes no time and waits for
the tasks that lead to it; where there are none, for those of its phase; where there are none of these either, it is on
its day. What was put away is left out, and so is a dependency on what is not there, or not to be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from domain.projects.milestone import Status as MilestoneStatus
from domain.projects.planning.plan import Dependency, Plan, Task
from domain.projects.planning.wrong import WrongPlan
from domain.values import WrongPart
from projections.columns import Of
from projections.computed import Uncomputable
from projections.projects.planned import MilestoneRow, Planned, TaskRow


@dataclass(frozen=True, kw_only=True)
class Delay:
    """A task that slips."""

    task_id: Annotated[UUID, Of("Task")]
    delay_days: Annotated[
        int, "by how many working days it starts later than it would, or finishes later if it has begun"
    ] = field(compare=False)

    def __post_init__(self) -> None:
        if self.delay_days < 0:
            raise WrongPart("a slip is not negative", "delay_days")


WHOLE: Final = "project"
"""What the whole is called in a plan: all else is under it."""


def phase_id(phase: str) -> str:
    """What a phase is called in a plan."""
    return f"phase {phase}"


def phase_of(found: Planned) -> dict[str, str | None]:
    """The phase of each task: that of what it is under, where it is under something."""
    by_id, known = {task.id: task for task in found.tasks}, dict[str, str | None]()
    for task in found.tasks:
        way = [task]
        while way[-1].id not in known and (above := by_id.get(way[-1].parent_id or "")) and above not in way:
            way.append(above)
        phase = known.get(way[-1].id, way[-1].phase)
        known.update((each.id, phase) for each in way)
    return known


def plan_of(found: Planned) -> Plan | None:
    """The plan, as of its day; None where there is nothing to be done in it. Raises Uncomputable."""
    if not found.projects or not found.all:
        return None
    project, tasks, phases = found.projects[0], found.tasks, phase_of(found)
    there = {task.id for task in tasks}
    used = dict.fromkeys(phase for task in tasks if (phase := phases[task.id]) is not None)
    starts = [task.starts_on for task in tasks if task.starts_on]
    with in_words(found):
        return Plan(
            start=project.starts_on or min(starts, default=project.day),
            tasks=(
                Task(id=WHOLE),
                *(Task(id=phase_id(phase), parent=WHOLE) for phase in used),
                *(_task(task, phases[task.id], there, project.day) for task in tasks),
                *(_milestone(each, found, used, project.day) for each in found.milestones),
            ),
            dependencies=(
                *(
                    Dependency(d.predecessor_id, d.id, d.kind, d.lag)
                    for d in found.dependencies
                    if d.predecessor_id in there
                ),
                *_leading(found, used),
            ),
            calendar=project.calendar,
            as_of=project.day,
        )


def _task(row: TaskRow, phase: str | None, there: set[str], day: date) -> Task:
    parent = row.parent_id if row.parent_id in there else None
    finished = row.finished_on if row.finished_on and row.finished_on <= day else None
    started = min(filter(None, (row.started_on, finished)), default=None)
    return Task(
        id=row.id,
        duration=row.duration,
        parent=parent or (WHOLE if phase is None else phase_id(phase)),
        not_earlier_than=row.starts_on,
        deadline=row.due_on,
        started=started if started and started <= day else None,
        finished=finished,
        remaining=row.remaining,
        progress=row.progress,
        effort=row.effort,
    )


def _milestone(row: MilestoneRow, found: Planned, phases: Mapping[str, None], day: date) -> Task:
    alone = row.phase not in phases and all(task.milestone_id != row.id for task in found.tasks)
    reached = row.status in (MilestoneStatus.REACHED, MilestoneStatus.ACCEPTED)
    return Task(
        id=row.id,
        parent=WHOLE,
        deadline=row.due_on,
        not_earlier_than=row.due_on if alone else None,
        finished=row.reached_on if reached and row.reached_on and row.reached_on <= day else None,
    )


def _leading(found: Planned, phases: Mapping[str, None]) -> Iterator[Dependency]:
    """What the milestones wait for."""
    leading: dict[str, list[str]] = {}
    for task in found.tasks:
        if task.milestone_id:
            leading.setdefault(task.milestone_id, []).append(task.id)
    for each in found.milestones:
        of_phase = [phase_id(each.phase)] if each.phase is not None and each.phase in phases else []
        for id in leading.get(each.id, of_phase):
            yield Dependency(id, each.id)


@contextmanager
def in_words(found: Planned) -> Iterator[None]:
    """What is wrong with a plan is said with the names of what is in it."""
    try:
        yield
    except WrongPlan as wrong:
        message = str(wrong)
        names: Sequence[tuple[str, str]] = [(each.id, each.name) for each in found.all]
        for id, name in (*names, *((phase_id(each.phase), each.name) for each in found.phases)):
            message = message.replace(id, f"“{name}”")
        raise Uncomputable(message) from None


def delays_of(found: Planned, what_if: Iterable[Delay], finished: set[str]) -> dict[str, int]:
    """The slips that are assumed, by task; a WrongPart where one cannot be."""
    there, delays = {task.id for task in found.tasks}, {}
    for nth, each in enumerate(what_if):
        id = str(each.task_id)
        if id not in there:
            raise WrongPart("this task is not in the plan", f"what_if.{nth}.task_id")
        if id in finished:
            raise WrongPart("this task is finished, and cannot slip", f"what_if.{nth}.task_id")
        delays[id] = each.delay_days
    return delays
