"""Workload: who has how much to do, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from domain.values import WrongPart
from projections.columns import Of
from projections.projects.project import ProjectView
from projections.projects.project_member import ProjectMemberView
from projections.projects.task import TaskView
from projections.report import Report

MOST_WEEKS: Final = 104
WHOLE_DAY: Final = 24

CALENDAR: Final = """
    coalesce(p.calendar_weekdays, '{0,1,2,3,4}') as weekdays, coalesce(p.calendar_holidays, '{}') as holidays,
    coalesce(p.calendar_extra, '{}') as extra"""
"""On which days work is done in a project `p`; from Monday to Friday, where it may not be seen."""


def works(day: str, calendar: str) -> str:
    """Whether work is done on a day, by what `CALENDAR` tells of a project."""
    weekday = f"(extract(isodow from {day}) - 1)::bigint"
    in_week = f"{weekday} = any({calendar}.weekdays) and not {day} = any({calendar}.holidays)"
    return f"({day} = any({calendar}.extra) or ({in_week}))"


OPEN_WORK: Final = (
    """
        moment as (
            select :today as today,
                   date_trunc('week', coalesce(:since, :today)::timestamp)::date as since),
        open_tasks as (
            select t.id, t.project_id, t.assignee_id, """
    + CALENDAR
    + """,
                   case when t.effort is not null then t.effort * (100 - t.progress) / 100
                        else coalesce(t.remaining, t.duration * (100 - t.progress) / 100) * :hours_per_day
                   end as hours,
                   greatest(m.today, t.starts_on) as first, t.due_on, t.duration
            from {tasks} t cross join moment m left join {projects} p on p.id = t.project_id
            where t.status <> 'done' and not t.archived
              and coalesce(p.status not in ('completed', 'cancelled') and not p.archived, true)
              and (:user_id is null or t.assignee_id = :user_id)
              and not exists (select from {tasks} part where part.parent_id = t.id and not part.archived)),
        spans as (
            select o.*, least(
                       greatest(o.first, coalesce(
                           o.due_on, o.first + ((least(o.duration, 3660) - 1) * 7 / cardinality(o.weekdays))::int)),
                       o.first + 3660) as last
            from open_tasks o),
        days as (
            select s.id, s.project_id, s.assignee_id, s.hours, s.first, g.day::date as day, """
    + works("g.day::date", "s")
    + """ as works
            from spans s cross join generate_series(s.first::timestamp, s.last::timestamp, '1 day') as g (day)),
        counted as (select d.*, count(*) filter (where works) over (partition by d.id) as working from days d),
        work as (
            select c.id, c.project_id, c.assignee_id as user_id, c.hours / greatest(c.working, 1) as hours,
                   date_trunc('week', c.day::timestamp)::date as week
            from counted c cross join moment m
            where (c.works or (c.working = 0 and c.day = c.first))
              and c.day >= m.since and c.day < m.since + 7 * :weeks::int)"""
)
"""The open work of the weeks that are asked for, as `work`: the hours of each task on each day on which it is done."""


@dataclass(frozen=True, kw_only=True)
class HoursOfDays:
    """A report that counts what has no effort by its duration."""

    hours_per_day: Annotated[Decimal, "hours of a working day: what has no effort takes so many for each"] = Decimal(8)

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[misc]
        if not 0 < self.hours_per_day <= WHOLE_DAY:
            raise WrongPart(f"a working day has more than 0 hours, and {WHOLE_DAY} at most", "hours_per_day")


@dataclass(frozen=True, kw_only=True)
class Workload(HoursOfDays, Report, of=(TaskView, ProjectView, ProjectMemberView), needs="projects.see"):
    """The hours of open work by person and week (工作负荷), beside those for which they are there.

    What is left of a task is spread evenly over its working days, until it is due or over its duration; what is overdue
    is to be done today. Only what has no others under it counts, and no project that is over. Days are the company's.
    """

    sql = (
        "with"
        + OPEN_WORK
        + """,
        load as (
            select user_id, week, sum(hours) as hours, count(distinct id) as tasks
            from work where :project_id is null or project_id = :project_id group by 1, 2),
        members as (
            select m.user_id, m.allocation, m.since, m.until, """
        + CALENDAR
        + """
            from {project_members} m left join {projects} p on p.id = m.project_id
            where not m.archived and (:project_id is null or m.project_id = :project_id)),
        allocated as (
            select l.user_id, l.week, sum(m.allocation / 100 * :hours_per_day * there.days) as hours
            from load l join members m on m.user_id = l.user_id
            cross join lateral (
                select count(*) as days from generate_series(0, 6) n
                where l.week + n >= m.since and (m.until is null or l.week + n <= m.until) and """
        + works("(l.week + n)", "m")
        + """) there
            group by l.user_id, l.week)
        select l.user_id, l.week, trim_scale(round(l.hours, 2)) as hours, l.tasks,
               trim_scale(round(a.hours, 2)) as allocated
        from load l left join allocated a on a.user_id = l.user_id and a.week = l.week
        order by l.user_id nulls last, l.week
    """
    )

    since: Annotated[date | None, "from the week of this day on; of today unless given"] = None
    weeks: Annotated[int, "how many weeks"] = 8
    project_id: Annotated[UUID | None, Of("Project"), "only what is of this project"] = None
    user_id: Annotated[UUID | None, Of("User"), "only what this user is to do"] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.weeks <= MOST_WEEKS:
            raise WrongPart(f"say how many weeks, from 1 to {MOST_WEEKS}", "weeks")

    @dataclass
    class Row:
        user_id: Annotated[UUID | None, "who is to do it; null for what nobody is"]
        week: Annotated[date, "its Monday"]
        hours: Annotated[Decimal, "of work that is left, to two digits after the point"]
        tasks: Annotated[int, "on how many tasks"]
        allocated: Annotated[Decimal | None, "hours that their projects may count on; null for who is in no team"]
