"""What of a project its plan is made of, as views have it: now, and as it stood when the plan was agreed on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Final

from domain.projects.milestone import Status as MilestoneStatus
from domain.projects.planning.calendar import Calendar
from domain.projects.planning.plan import DependencyKind
from projections.computed import From

TODAY: Final = "coalesce(:on, :today)"
"""The day up to which things have happened. What is left to do lies behind it."""
IN_PLAN: Final = "t.project_id = :project_id and not t.archived"


@dataclass(frozen=True)
class ProjectRow:
    name: str
    starts_on: date | None
    ends_on: date | None
    calendar_weekdays: tuple[int, ...]
    calendar_holidays: tuple[date, ...]
    calendar_extra: tuple[date, ...]
    day: date

    @property
    def calendar(self) -> Calendar:
        return Calendar(
            frozenset(self.calendar_weekdays), frozenset(self.calendar_holidays), frozenset(self.calendar_extra)
        )


@dataclass(frozen=True)
class PhaseRow:
    phase: str
    name: str
    place: int


@dataclass(frozen=True)
class TaskRow:
    id: str
    name: str
    phase: str | None
    parent_id: str | None
    milestone_id: str | None
    starts_on: date | None
    due_on: date | None
    duration: int
    effort: Decimal | None
    spent: Decimal
    remaining: int | None
    progress: Decimal
    started_on: date | None
    finished_on: date | None


@dataclass(frozen=True)
class DependencyRow:
    id: str
    predecessor_id: str
    kind: DependencyKind
    lag: int


@dataclass(frozen=True)
class MilestoneRow:
    id: str
    name: str
    phase: str | None
    due_on: date
    status: MilestoneStatus
    reached_on: date | None


PROJECT_COLUMNS: Final = f"""
    p.name, p.starts_on, p.ends_on, p.calendar_weekdays, p.calendar_holidays, p.calendar_extra, {TODAY} as day"""
TASK_COLUMNS: Final = """
    t.id::text as id, t.name, t.phase, t.parent_id::text as parent_id, t.milestone_id::text as milestone_id,
    t.starts_on, t.due_on, t.duration, t.effort, t.spent, t.remaining, t.progress, t.started_on, t.finished_on"""
MILESTONE_COLUMNS: Final = "t.id::text as id, t.name, t.phase, t.due_on, t.status, t.reached_on"
DEPENDENCY_COLUMNS: Final = "d.id::text as id, d.predecessor_id::text as predecessor_id, d.kind, d.lag"


@dataclass(frozen=True)
class Planned:
    """A project as it stands."""

    projects: Annotated[
        tuple[ProjectRow, ...], From("select" + PROJECT_COLUMNS + " from {projects} p where p.id = :project_id")
    ]
    phases: Annotated[
        tuple[PhaseRow, ...],
        From(
            "select f.phase, f.name, f.place from {project_phases} f where f.id = :project_id order by f.place, f.phase"
        ),
    ]
    tasks: Annotated[tuple[TaskRow, ...], From(f"select {TASK_COLUMNS} from {{tasks}} t where {IN_PLAN} order by t.id")]
    dependencies: Annotated[
        tuple[DependencyRow, ...],
        From(
            f"select {DEPENDENCY_COLUMNS} from {{task_dependencies}} d join {{tasks}} t on t.id = d.id where {IN_PLAN}"
        ),
    ]
    milestones: Annotated[
        tuple[MilestoneRow, ...],
        From(f"select {MILESTONE_COLUMNS} from {{milestones}} t where {IN_PLAN} order by t.due_on, t.id"),
    ]

    @property
    def all(self) -> tuple[TaskRow | MilestoneRow, ...]:
        """The tasks and milestones."""
        return (*self.tasks, *self.milestones)


BASELINE: Final = """
    select b.id, b.created_at as at, b."on" as day from {project_baselines} b
    where b.id = :project_id and b.number = coalesce(
        :baseline, (select p.baseline from {projects} p where p.id = :project_id))"""
THEN: Final = "v._since <= b.at and (v._until is null or v._until > b.at)"


def _then(columns: str, alias: str, relation: str, which: str, more: str = "") -> str:
    """What is selected of a relation, of its versions at the time of the baseline."""
    versions = f"(select v.* from {{{relation}.versions}} v, b where {THEN})"
    return f"with b as ({BASELINE}) select {columns} from {versions} {alias}{more} where {which}"


@dataclass(frozen=True)
class Baselined(Planned):
    """A project as it stands, and as it stood when its plan was agreed on. Without a baseline the latter is empty."""

    baseline_projects: Annotated[
        tuple[ProjectRow, ...],
        From(_then(PROJECT_COLUMNS.replace(TODAY, "b.day"), "p", "projects", "p.id = :project_id", ", b")),
    ]
    baseline_tasks: Annotated[tuple[TaskRow, ...], From(_then(TASK_COLUMNS, "t", "tasks", IN_PLAN))]
    baseline_dependencies: Annotated[
        tuple[DependencyRow, ...],
        From(
            _then(
                DEPENDENCY_COLUMNS,
                "d",
                "task_dependencies",
                "exists (select from {tasks.versions} t where t.id = d.id and t.project_id = :project_id)",
            )
        ),
    ]
    baseline_milestones: Annotated[tuple[MilestoneRow, ...], From(_then(MILESTONE_COLUMNS, "t", "milestones", IN_PLAN))]

    @property
    def then(self) -> Planned | None:
        """The plan that was agreed on."""
        if not self.baseline_projects:
            return None
        return Planned(
            self.baseline_projects,
            self.phases,
            self.baseline_tasks,
            self.baseline_dependencies,
            self.baseline_milestones,
        )
