"""How milestones were kept: by their days as they stand, and by every day that each of them ever had (里程碑趋势)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from domain.projects.milestone import Status
from projections.columns import Of
from projections.projects.milestone import MilestoneView
from projections.report import Report


@dataclass(frozen=True, kw_only=True)
class MilestonesKept(Report, of=(MilestoneView,), needs="projects.see"):
    """Which milestones were kept, against the days that they had first: those put away are left out."""

    sql = """
        select m.project_id, m.id as milestone_id, m.name, m.phase, m.status,
               f.due_on as first_due_on, m.due_on, m.slips, (m.due_on - f.due_on)::bigint as days_put_off,
               m.reached_on, m.accepted_on,
               greatest(coalesce(m.reached_on, :on, :today) - m.due_on, 0)::bigint
                   as days_late,
               m.reached_on is not null and m.reached_on <= m.due_on as kept
        from {milestones} m
        join (select distinct on (id) id, due_on from {milestones.versions} v order by id, _since) f on f.id = m.id
        where not m.archived and (:project_id is null or m.project_id = :project_id)
        order by m.due_on, m.name, m.id
    """

    project_id: Annotated[UUID | None, Of("Project"), "only what is of this project"] = None
    on: Annotated[date | None, "the day on which what is not reached is judged; today unless given"] = None

    @dataclass
    class Row:
        project_id: UUID
        milestone_id: UUID
        name: str
        phase: Annotated[str | None, "the key of its phase in the project"]
        status: Status
        first_due_on: Annotated[date, "by when it was to be reached when it was planned"]
        due_on: Annotated[date, "by when it is to be reached"]
        slips: Annotated[int, "how often it was put off"]
        days_put_off: Annotated[int, "by how many days in all; less than nil where it was brought forward"]
        reached_on: date | None
        accepted_on: date | None
        days_late: Annotated[int, "after its day it was reached, or is not yet; 0 where it is not late"]
        kept: Annotated[bool, "whether it was reached by its day"]


@dataclass(frozen=True, kw_only=True)
class MilestoneDates(Report, of=(MilestoneView,), needs="projects.see"):
    """Every day that each milestone was to be reached by, with since when, and why."""

    sql = """
        select project_id, id as milestone_id, name, since, due_on, reason, reached_on
        from (select v.project_id, v.id, m.name, v._since as since, v.due_on, v.reschedule_reason as reason,
                     m.reached_on, lag(v.due_on) over (partition by v.id order by v._since, v.version) as before
              from {milestones.versions} v join {milestones} m on m.id = v.id
              where not m.archived and (:project_id is null or v.project_id = :project_id)) told
        where before is distinct from due_on
        order by since, name, milestone_id
    """

    project_id: Annotated[UUID | None, Of("Project"), "only what is of this project"] = None

    @dataclass
    class Row:
        project_id: UUID
        milestone_id: UUID
        name: Annotated[str, "as it is called"]
        since: Annotated[datetime, "when this day was told"]
        due_on: Annotated[date, "by when it was to be reached from then on"]
        reason: Annotated[str | None, "why it was planned for this day; null for the first"]
        reached_on: Annotated[date | None, "when it was reached, if it was"]
