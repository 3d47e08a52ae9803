"""Who is promised to which projects, and whether that is more than there is of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

from domain.values import WrongPart
from projections.columns import Of
from projections.platform.user import UserSkillView, UserView
from projections.projects.project import ProjectView
from projections.projects.project_member import ProjectMemberView
from projections.projects.task import TaskView
from projections.projects.workload import MOST_WEEKS, OPEN_WORK, HoursOfDays
from projections.report import Report


@dataclass(frozen=True, kw_only=True)
class ResourceAllocation(
    HoursOfDays,
    Report,
    of=(ProjectMemberView, TaskView, ProjectView, UserView, UserSkillView),
    needs="projects.see",
):
    """The resource allocation table (资源分配表): each user in each week, over all projects.

    Allocated is what projects that are not over take of their working time, Monday to Friday; hours are those of open
    work. Somebody is over-allocated who is promised by more than 100 percent on any day, or has more to do than a week
    has hours.
    """

    sql = (
        f"with {OPEN_WORK},"
        + """
        closed as (
            select p.id from {projects} p where p.archived or p.status in ('completed', 'cancelled')),
        team as (
            select t.project_id, t.user_id, t.allocation, t.since, t.until from {project_members} t
            where t.user_id is not null and not t.archived and (:user_id is null or t.user_id = :user_id)
              and t.project_id not in (select id from closed)),
        weekdays as (
            select g.day::date as day, date_trunc('week', g.day)::date as week
            from moment m
            cross join generate_series(
                m.since::timestamp, (m.since + 7 * :weeks::int - 1)::timestamp, '1 day') as g (day)
            where extract(isodow from g.day) < 6),
        promised as (
            select t.user_id, d.week, d.day, sum(t.allocation) as percent
            from team t join weekdays d on d.day >= t.since and (t.until is null or d.day <= t.until)
            group by 1, 2, 3),
        allocated as (
            select user_id, week, sum(percent) / 5 as allocation, max(percent) as peak from promised group by 1, 2),
        to_do as (
            select user_id, week, sum(hours) as hours, count(distinct id) as tasks from work
            where user_id is not null group by 1, 2),
        skilled as (
            select k.id as user_id from {user_skills} k join {users} u on u.id = k.id
            where lower(k.skill) = lower(:skill) and k.level >= :at_least and u.active and not u.archived
              and (:user_id is null or u.id = :user_id)),
        people as (
            select user_id from allocated union select user_id from to_do union select user_id from skilled)
        select p.user_id, w.week, coalesce(trim_scale(round(a.allocation, 2)), 0) as allocation,
               coalesce(a.peak, 0) as peak, coalesce(trim_scale(round(t.hours, 2)), 0) as hours,
               coalesce(t.tasks, 0) as tasks,
               coalesce(a.peak > 100, false) or coalesce(t.hours > 5 * :hours_per_day, false) as is_over
        from people p cross join (select distinct week from weekdays) w
        left join allocated a on a.user_id = p.user_id and a.week = w.week
        left join to_do t on t.user_id = p.user_id and t.week = w.week
        where (:skill is null or p.user_id in (select user_id from skilled))
          and (:project_id is null or p.user_id in (
              select user_id from team where project_id = :project_id
              union all select user_id from work where project_id = :project_id))
        order by p.user_id, w.week
    """
    )
    only_with: ClassVar = {"skill": (UserView, UserSkillView)}

    since: Annotated[date | None, "from the week of this day on; of today unless given"] = None
    weeks: Annotated[int, "how many weeks"] = 8
    project_id: Annotated[
        UUID | None, Of("Project"), "only those who work for this project; what they do elsewhere counts all the same"
    ] = None
    user_id: Annotated[UUID | None, Of("User"), "only this user"] = None
    skill: Annotated[str | None, "only those who have this skill"] = None
    at_least: Annotated[int, "how well they have it: 1 (beginner) to 5 (expert)"] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.weeks <= MOST_WEEKS:
            raise WrongPart(f"say how many weeks, from 1 to {MOST_WEEKS}", "weeks")
        if not 1 <= self.at_least <= 5:
            raise WrongPart("a level is between 1 and 5", "at_least")

    @dataclass
    class Row:
        user_id: UUID
        week: Annotated[date, "its Monday"]
        allocation: Annotated[Decimal, "percent of their working time that is promised, on the average of its days"]
        peak: Annotated[Decimal, "percent that is promised on the day with the most"]
        hours: Annotated[Decimal, "of work that is left, to two digits after the point"]
        tasks: Annotated[int, "on how many tasks"]
        is_over: Annotated[bool, "whether that is more than there is of them"]
