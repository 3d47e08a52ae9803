"""When the tasks of a project take place, what makes it so long, and what becomes of its milestones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from domain.projects.planning.plan import Dependency, DependencyKind, Plan
from domain.projects.planning.schedule import Schedule, Scheduled, schedule
from domain.projects.planning.what_if import slipped
from domain.values import WrongPart
from projections.columns import Of
from projections.computed import Computed
from projections.projects.breakdown import TaskDependencyView
from projections.projects.charter import ProjectBaselineView
from projections.projects.milestone import MilestoneView
from projections.projects.outline import Line, outline
from projections.projects.phases import ProjectPhaseView
from projections.projects.plan import Delay, delays_of, in_words, plan_of
from projections.projects.planned import Baselined, Planned
from projections.projects.project import ProjectView
from projections.projects.task import TaskView

PLAN: Final = (ProjectView, ProjectPhaseView, TaskView, TaskDependencyView, MilestoneView)
MOST_PATHS: Final = 100


class GanttKind(StrEnum):
    """What a line of a chart stands for."""

    PROJECT = "project"
    PHASE = "phase"
    TASK = "task"
    MILESTONE = "milestone"


@dataclass(frozen=True, kw_only=True)
class OfProject:
    """A report on one project, as of a day. Of what is not there, or was not yet, there are no rows."""

    project_id: Annotated[UUID, Of("Project")]
    on: Annotated[
        date | None, "as if it were this day: what is left to do lies behind it; the day that is asked of unless given"
    ] = None


@dataclass(frozen=True, kw_only=True)
class Slipping(OfProject):
    """A report on a project, some of whose tasks may be assumed to slip."""

    what_if: Annotated[tuple[Delay, ...], "tasks that are assumed to slip"] = ()


def schedules(found: Planned, what_if: Iterable[Delay]) -> tuple[Plan, Schedule, Schedule] | None:
    """The plan of a project, its schedule, and what that becomes if tasks slip; None where there is nothing to do."""
    plan = plan_of(found)
    if plan is None:
        return None
    finished = {task.id for task in plan.tasks if task.finished}
    delays = delays_of(found, what_if, finished)
    with in_words(found):
        return plan, *slipped(plan, delays)


@dataclass(frozen=True, kw_only=True)
class Gantt(Slipping, Computed[Baselined], of=(*PLAN, ProjectBaselineView), needs="projects.see"):
    """When everything in a project takes place (甘特图): phases, tasks and milestones with early and late dates, slack,
    and what is critical, beside the dates of the baseline.

    It knows what you may see: a task that you may not see is as if it were not there.
    """

    baseline: Annotated[int | None, "the number of the baseline beside it; the last, if left out"] = None

    @dataclass
    class Row:
        kind: GanttKind
        code: Annotated[str | None, "its number in the breakdown of the work, such as 1.2; null for a milestone"]
        depth: Annotated[int, "how many levels it lies below the top"]
        name: str
        phase: Annotated[str | None, "the key of the phase that it is in"]
        task_id: UUID | None
        milestone_id: UUID | None
        start: Annotated[date, "the first day of work; of what has begun, the day on which it did"]
        finish: Annotated[date, "the last day of work"]
        late_start: Annotated[
            date, "when it must start at the latest, or the project ends later or a deadline is missed"
        ]
        late_finish: Annotated[date, "when it must be finished at the latest"]
        due_on: Annotated[date | None, "its deadline"]
        baseline_start: Annotated[date | None, "when it was to start by the baseline; null where it was not in it"]
        baseline_finish: Annotated[date | None, "when it was to be finished by the baseline"]
        behind: Annotated[
            int | None, "by how many working days it is finished later than by the baseline; less than nil: earlier"
        ]
        duration: Annotated[int, "working days from its start to its finish"]
        total_slack: Annotated[
            int, "working days by which it may slip (总浮动时间); less than nil where a deadline is missed"
        ]
        free_slack: Annotated[int, "working days by which it may slip and move nothing else (自由浮动时间)"]
        critical: Annotated[bool, "whether it is unfinished and has no slack"]
        finished: bool
        progress: Annotated[Decimal, "in percent; of what has others under it, theirs"]
        predecessor_ids: Annotated[tuple[UUID, ...], Of("Task"), "the tasks that it waits for"]
        driver_ids: Annotated[tuple[UUID, ...], Of("Task"), "those of them that it waits for the longest"]
        moved: Annotated[int, "by how many working days its finish moves by what is assumed"]

    def compute(self, found: Baselined) -> Iterator[Row]:
        made = schedules(found, self.what_if)
        if made is None:
            return
        plan, before, after = made
        baseline = baseline_of(found)
        waits: dict[str, list[Dependency]] = {}
        for link in plan.dependencies:
            waits.setdefault(link.successor, []).append(link)
        tasks, due_on = {task.id: UUID(task.id) for task in found.tasks}, {each.id: each.due_on for each in found.all}
        for line in outline(found):
            if (now := after.tasks.get(line.id)) is None:
                continue  # a phase without tasks
            was = baseline.get(line.id)
            yield self.Row(
                kind=_kind(line),
                code=line.code,
                depth=line.depth,
                name=line.name,
                phase=line.phase,
                task_id=tasks.get(line.id),
                milestone_id=UUID(line.id) if line.milestone else None,
                start=now.start,
                finish=now.finish,
                late_start=now.late_start,
                late_finish=now.late_finish,
                due_on=due_on.get(line.id),
                baseline_start=was and was.start,
                baseline_finish=was and was.finish,
                behind=was and plan.calendar.through(now.finish) - plan.calendar.through(was.finish),
                duration=now.duration,
                total_slack=now.total_slack,
                free_slack=now.free_slack,
                critical=now.critical,
                finished=now.finished,
                progress=now.progress,
                predecessor_ids=_tasks(tasks, (link.predecessor for link in waits.get(line.id, ()))),
                driver_ids=_tasks(tasks, (link.predecessor for link in now.drivers)),
                moved=now.early.finish - before.tasks[line.id].early.finish,
            )


@dataclass(frozen=True, kw_only=True)
class CriticalPath(Slipping, Computed[Planned], of=PLAN, needs="projects.see"):
    """What makes a project as long as it is (关键路径): ways to its end, on which each task holds up the next."""

    paths: Annotated[int, "how many paths are told at most, from 1 to 100"] = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.paths <= MOST_PATHS:
            raise WrongPart(f"from 1 to {MOST_PATHS} paths are told", "paths")

    @dataclass
    class Row:
        path: Annotated[int, "which path it is on, counted from 1"]
        place: Annotated[int, "which place it has on it, counted from 1"]
        name: str
        task_id: UUID | None
        milestone_id: UUID | None
        start: Annotated[date, "the first day of work"]
        finish: Annotated[date, "the last day of work"]
        total_slack: Annotated[int, "working days by which it may slip: none, or less where a deadline is missed"]
        waits: Annotated[
            DependencyKind | None, "how it waits for the one before it; null where it waits through what it is under"
        ]
        lag: Annotated[int | None, "and how many working days more"]

    def compute(self, found: Planned) -> Iterator[Row]:
        made = schedules(found, self.what_if)
        if made is None:
            return
        names = {each.id: each.name for each in found.all}
        tasks = {task.id for task in found.tasks}
        for number, path in enumerate(made[2].critical_paths(self.paths), 1):
            before: str | None = None
            for place, id in enumerate(path, 1):
                each = made[2].tasks[id]
                link = next((link for link in each.drivers if link.predecessor == before), None)
                yield self.Row(
                    path=number,
                    place=place,
                    name=names[id],
                    task_id=UUID(id) if id in tasks else None,
                    milestone_id=None if id in tasks else UUID(id),
                    start=each.start,
                    finish=each.finish,
                    total_slack=each.total_slack,
                    waits=link.kind if link else None,
                    lag=link.lag if link else None,
                )
                before = id


@dataclass(frozen=True, kw_only=True)
class MilestoneForecast(Slipping, Computed[Planned], of=PLAN, needs="projects.see"):
    """When each milestone of a project will be reached, as the work stands, beside the day by which it is due."""

    @dataclass
    class Row:
        milestone_id: UUID
        name: str
        due_on: Annotated[date, "by when it is to be reached"]
        expected_on: Annotated[date, "when it will be reached; of what was reached, the day on which it was"]
        late_by: Annotated[int, "working days from the day by which it is due to that day; less than nil: it is early"]
        total_slack: Annotated[int, "working days by which what leads to it may slip"]
        critical: Annotated[bool, "whether it is to be reached still and has no slack"]
        reached: bool
        moved: Annotated[int, "by how many working days it moves by what is assumed"]

    def compute(self, found: Planned) -> Iterator[Row]:
        made = schedules(found, self.what_if)
        if made is None:
            return
        plan, before, after = made
        for each in found.milestones:
            now = after.tasks[each.id]
            yield self.Row(
                milestone_id=UUID(each.id),
                name=each.name,
                due_on=each.due_on,
                expected_on=now.finish,
                late_by=plan.calendar.through(now.finish) - plan.calendar.through(each.due_on),
                total_slack=now.total_slack,
                critical=now.critical,
                reached=now.finished,
                moved=now.early.finish - before.tasks[each.id].early.finish,
            )


def baseline_of(found: Baselined) -> dict[str, Scheduled]:
    """When all took place by the plan that was agreed on; empty without one."""
    plan = plan_of(found.then) if found.then else None
    if plan is None:
        return {}
    with in_words(found):
        return dict(schedule(plan).tasks)


def _kind(line: Line) -> GanttKind:
    if line.task:
        return GanttKind.TASK
    if line.milestone:
        return GanttKind.MILESTONE
    return GanttKind.PROJECT if line.phase is None else GanttKind.PHASE


def _tasks(known: Mapping[str, UUID], ids: Iterable[str]) -> tuple[UUID, ...]:
    return tuple(known[id] for id in ids if id in known)
