"""What was asked to be done otherwise than was agreed upon, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from domain.projects.change_request import Status
from domain.values import Money
from projections.columns import Of
from projections.projects.change_request import ChangeRequestAffectedView, ChangeRequestView
from projections.report import Report


@dataclass(frozen=True, kw_only=True)
class ChangeLog(Report, of=(ChangeRequestView, ChangeRequestAffectedView), needs="projects.see"):
    """Each change request of a project, the first first (变更日志): who asked for what, who decided, what it did."""

    sql = """
        select c.id as change_id, c.project_id, c.name, c.what, c.why, c.status, c.raised_by_id,
               c.created_at as raised_at, c.scope_impact, c.days, c.cost, c.cost_currency, c.assessed_by_id,
               c.decided_by_id, d.decided_at, c.decision, a.requirement_ids, a.task_ids, a.milestone_ids,
               coalesce(sum(c.days) filter (where c.status in ('approved', 'implemented'))
                   over (partition by c.project_id order by c.created_at, c.id), 0)::bigint as days_so_far
        from {change_requests} c
        cross join lateral (
            select coalesce(array_agg(a.requirement_id order by a.requirement_id)
                                filter (where a.requirement_id is not null), '{}') as requirement_ids,
                   coalesce(array_agg(a.task_id order by a.task_id) filter (where a.task_id is not null), '{}')
                       as task_ids,
                   coalesce(array_agg(a.milestone_id order by a.milestone_id)
                                filter (where a.milestone_id is not null), '{}') as milestone_ids
            from {change_request_affected} a where a.id = c.id) a
        left join (
            select v.id, max(v.recorded_at) as decided_at from {change_requests.events} v
            where v.event in ('Approved', 'Rejected', 'Withdrawn') group by v.id) d
            on d.id = c.id and c.decided_by_id is not null
        where not c.archived and (:project_id is null or c.project_id = :project_id)
          and (:status is null or c.status = :status)
        order by c.created_at, c.id
    """

    project_id: Annotated[UUID | None, Of("Project"), "only those of this project"] = None
    status: Annotated[Status | None, "only those that stand so"] = None

    @dataclass
    class Row:
        change_id: Annotated[UUID, Of("ChangeRequest")]
        project_id: UUID
        name: str
        what: Annotated[str, "what is to be otherwise"]
        why: Annotated[str, "what is gained, or what happens without it"]
        status: Status
        raised_by_id: Annotated[UUID, Of("User"), "who asked for it"]
        raised_at: Annotated[datetime, "when that was recorded"]
        scope_impact: Annotated[str | None, "what more or less is delivered"]
        days: Annotated[int | None, "by how many working days all ends later"]
        cost: Annotated[Money | None, "what it costs more"]
        assessed_by_id: Annotated[UUID | None, Of("User"), "who judged what it would do"]
        decided_by_id: Annotated[UUID | None, Of("User"), "who approved, rejected or withdrew it"]
        decided_at: Annotated[datetime | None, "when that was recorded"]
        decision: Annotated[str | None, "why"]
        requirement_ids: Annotated[tuple[UUID, ...], Of("Requirement"), "the requirements that it concerns"]
        task_ids: Annotated[tuple[UUID, ...], Of("Task"), "the work that it concerns"]
        milestone_ids: Annotated[tuple[UUID, ...], Of("Milestone"), "the milestones that it concerns"]
        days_so_far: Annotated[int, "the days of what is listed of the project up to here and was approved"]
