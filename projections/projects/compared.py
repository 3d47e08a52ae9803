"""What of a project its plan is made of, from one instant to another: all versions of it, and what happened to them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Final, TypeVar
from uuid import UUID

from projections.computed import From
from projections.projects.planned import (
    DEPENDENCY_COLUMNS,
    MILESTONE_COLUMNS,
    PROJECT_COLUMNS,
    TASK_COLUMNS,
    TODAY,
    DependencyRow,
    MilestoneRow,
    PhaseRow,
    Planned,
    ProjectRow,
    TaskRow,
)

R = TypeVar("R", bound="Version")


@dataclass(frozen=True)
class Span:
    """The two instants that are compared, with their days; `since` is null where nothing had been agreed on before."""

    since: datetime | None
    until: datetime
    since_on: date | None
    until_on: date


@dataclass(frozen=True)
class Version:
    since: datetime
    until: datetime | None
    version: int
    archived: bool


@dataclass(frozen=True)
class TaskVersion(TaskRow, Version):
    pass


@dataclass(frozen=True)
class MilestoneVersion(MilestoneRow, Version):
    pass


@dataclass(frozen=True)
class LinkVersion(DependencyRow, Version):
    pass


@dataclass(frozen=True)
class ProjectVersion(ProjectRow, Version):
    pass


@dataclass(frozen=True)
class EventRow:
    id: str
    version: int
    event: str
    at: datetime
    actor_id: UUID
    command: str


@dataclass(frozen=True)
class BaselineRow:
    number: int
    reason: str
    at: datetime


@dataclass(frozen=True)
class RequestRow:
    id: UUID
    target: str


SPAN: Final = """
    select i.since, i.until, (i.since at time zone :time_zone)::date as since_on,
           (i.until at time zone :time_zone)::date as until_on
    from (select coalesce(:since, (
               select b.created_at from {project_baselines} b join {projects} p on p.id = b.id and p.baseline = b.number
               where p.id = :project_id)) as since,
                 coalesce(:until, :instant) as until) i"""
HELD: Final = "v._since as since, v._until as until, v.version"
WITHIN: Final = "v._since <= s.until and (s.since is null or v._until is null or v._until > s.since)"


def _versions(relation: str, columns: str, which: str, archived: str = "v.archived") -> str:
    """The versions of what is in the project that held at some time between the two instants, and at both."""
    columns = re.sub(r"\b[tdp]\.", "v.", columns)
    return (
        f"with s as ({SPAN}) select {HELD}, {archived}, {columns} from {{{relation}.versions}} v, s"
        f" where {which} and {WITHIN} order by v._since, v.version"
    )


def _events(table: str) -> str:
    return (
        f"with s as ({SPAN}) select e.id::text as id, e.version, e.event, e.recorded_at as at, e.actor_id, e.command"
        f" from {{{table}.events}} e, s where e.id in (select t.id from {{{table}}} t where t.project_id = :project_id)"
        " and e.recorded_at <= s.until and (s.since is null or e.recorded_at > s.since) order by e.id, e.version"
    )


@dataclass(frozen=True)
class Compared:
    """A plan from one instant to another: all versions of what is in it, and what happened to them."""

    spans: Annotated[tuple[Span, ...], From(SPAN)]
    projects: Annotated[
        tuple[ProjectVersion, ...],
        From(_versions("projects", PROJECT_COLUMNS.replace(TODAY, "s.until_on"), "v.id = :project_id")),
    ]
    phases: Annotated[
        tuple[PhaseRow, ...],
        From("select f.phase, f.name, f.place from {project_phases} f where f.id = :project_id order by f.place"),
    ]
    tasks: Annotated[tuple[TaskVersion, ...], From(_versions("tasks", TASK_COLUMNS, "v.project_id = :project_id"))]
    links: Annotated[
        tuple[LinkVersion, ...],
        From(
            _versions(
                "task_dependencies",
                DEPENDENCY_COLUMNS,
                "v.id in (select t.id from {tasks} t where t.project_id = :project_id)",
                "false as archived",
            )
        ),
    ]
    milestones: Annotated[
        tuple[MilestoneVersion, ...], From(_versions("milestones", MILESTONE_COLUMNS, "v.project_id = :project_id"))
    ]
    task_events: Annotated[tuple[EventRow, ...], From(_events("tasks"))]
    milestone_events: Annotated[tuple[EventRow, ...], From(_events("milestones"))]
    baselines: Annotated[
        tuple[BaselineRow, ...],
        From(
            "select b.number, b.reason, b.created_at as at from {project_baselines} b"
            " where b.id = :project_id order by b.number"
        ),
    ]

    requests: Annotated[
        tuple[RequestRow, ...],
        From(
            f"with s as ({SPAN}) select c.id, a.target_id::text as target"
            " from {change_requests} c join {change_request_affected} a on a.id = c.id, s"
            " where c.project_id = :project_id and not c.archived and c.status in ('approved', 'implemented')"
            " and (s.since is null or c.updated_at > s.since) order by c.id"
        ),
    ]

    def at(self, instant: datetime | None, day: date | None) -> Planned | None:
        """The plan as it stood at an instant, which has this day; None where there was no project yet."""
        projects = _holding(self.projects, instant)
        if day is None or not projects:
            return None
        return Planned(
            projects=tuple(replace(each, day=day) for each in projects),
            phases=self.phases,
            tasks=_holding(self.tasks, instant),
            dependencies=_holding(self.links, instant),
            milestones=_holding(self.milestones, instant),
        )


def _holding(versions: Iterable[R], instant: datetime | None) -> tuple[R, ...]:
    """Those versions that held at an instant, without what was put away."""
    return tuple(
        each
        for each in versions
        if instant and each.since <= instant and (each.until is None or each.until > instant) and not each.archived
    )
