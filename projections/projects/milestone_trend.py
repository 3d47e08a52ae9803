"""How the days of milestones moved (里程碑趋势): when each was due, as was said on one day after another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from projections.columns import Of
from projections.projects.milestone import MilestoneView
from projections.report import OnAxis, Report


@dataclass(frozen=True, kw_only=True)
class MilestoneTrend(OnAxis, Report, of=(MilestoneView,), needs="projects.see"):
    """When each milestone of a project was due (里程碑趋势图), as it was known on each day on which that changed, and
    as it is known on the day that is asked of; or `by` what was decided by then. Of several changes on a day, the last
    is told.
    """

    sql = """
        with days as (
            select distinct on (v.id, (v._since at time zone :time_zone)::date)
                   v.id, (v._since at time zone :time_zone)::date as day, v.due_on
            from {milestones.versions} v
            where v.id = any(array(select m.id from {milestones} m where m.project_id = :project_id))
            order by v.id, (v._since at time zone :time_zone)::date, v._since desc
        ), said as (
            select d.id, d.day, d.due_on, lag(d.due_on) over (partition by d.id order by d.day) as before from days d
        ), points as (
            select s.id, s.day, s.due_on from said s where s.before is distinct from s.due_on
            union
            select m.id, :today, m.due_on from {milestones} m
        )
        select m.id as milestone_id, m.name, p.day as reported_on, p.due_on, m.reached_on
        from {milestones} m join points p on p.id = m.id
        where m.project_id = :project_id and not m.archived
        order by m.due_on, m.id, p.day
    """

    project_id: Annotated[UUID, Of("Project")]

    @dataclass
    class Row:
        milestone_id: UUID
        name: str
        reported_on: Annotated[date, "the day on which it was so"]
        due_on: Annotated[date, "when it was due, as it was known at the end of that day"]
        reached_on: Annotated[date | None, "when it was reached, as it is known now; null: not yet"]
