"""The outline of a project: its phases, the tasks in them, the tasks under these, each with its number (WBS 编码)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from projections.projects.plan import WHOLE, phase_id, phase_of
from projections.projects.planned import MilestoneRow, Planned, TaskRow


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the outline: the project itself, a phase, a task, or a milestone, which has no number."""

    id: str
    """What it is called in the plan."""
    name: str
    code: str | None
    depth: int
    """How many levels it lies below the top."""
    phase: str | None
    task: TaskRow | None = None
    milestone: MilestoneRow | None = None


def outline(found: Planned) -> list[Line]:
    """All lines: the project, phases in their order with tasks as they were planned, and milestones behind those."""
    return list(_lines(found))


def _lines(found: Planned) -> Iterator[Line]:
    phases, there = phase_of(found), {task.id for task in found.tasks}
    under: dict[str | None, list[TaskRow]] = {}
    milestones: dict[str | None, list[MilestoneRow]] = {}
    for task in sorted(found.tasks, key=lambda task: task.id):
        phase = phases[task.id]
        top = None if phase is None else phase_id(phase)
        under.setdefault(task.parent_id if task.parent_id in there else top, []).append(task)
    for each in found.milestones:
        milestones.setdefault(each.phase, []).append(each)
    named = {each.phase: each.name for each in found.phases}
    named |= {phase: phase for phase in sorted({*phases.values(), *milestones} - {None, *named}, key=str) if phase}
    yield Line(WHOLE, found.projects[0].name, "0", 0, None)
    number = 0
    for number, (phase, name) in enumerate(named.items(), 1):
        yield Line(phase_id(phase), name, str(number), 1, phase)
        yield from _below(under, phase_id(phase), str(number), 2, phase)
        yield from (Line(each.id, each.name, None, 2, phase, milestone=each) for each in milestones.get(phase, ()))
    yield from _below(under, None, "", 1, None, number)
    yield from (Line(each.id, each.name, None, 1, None, milestone=each) for each in milestones.get(None, ()))


def _below(
    under: dict[str | None, list[TaskRow]], above: str | None, code: str, depth: int, phase: str | None, after: int = 0
) -> Iterator[Line]:
    for number, task in enumerate(under.get(above, ()), after + 1):
        own = f"{code}.{number}" if code else str(number)
        yield Line(task.id, task.name, own, depth, phase, task=task)
        yield from _below(under, task.id, own, depth + 1, phase)
