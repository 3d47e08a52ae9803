"""Burn-down: how much work of a sprint or a project was left on each day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.values import WrongPart
from projections.columns import Of
from projections.projects.project import ProjectView
from projections.projects.sprint import SprintTaskView, SprintView
from projections.projects.task import TaskView
from projections.projects.workload import CALENDAR, HoursOfDays, works
from projections.report import OnAxis, Report


@dataclass(frozen=True, kw_only=True)
class BurnDown(
    OnAxis, HoursOfDays, Report, of=(TaskView, SprintView, SprintTaskView, ProjectView), needs="projects.see"
):
    """How much work of a sprint, or of a project, was left each day, and would be if it went evenly (燃尽图).

    At the end of each day, by what was known then, or `by` what had happened; ten years at most. Only what has no
    others under it counts. What would be left goes down alike each working day, from all that there was on the first.
    """

    sql = (
        """
        with whole as (
            select s.project_id, s.id as sprint_id, s.starts_on as first,
                   greatest(s.ends_on, s.closed_on, s.starts_on) as last
            from {sprints} s where s.id = :sprint_id
            union all
            select p.id, null, coalesce(p.started_on, p.starts_on, (
                       select (min(v._since) at time zone :time_zone)::date from {projects.versions} v
                       where v.id = :project_id)),
                   coalesce(p.completed_on, p.ends_on, :today)
            from {projects} p where p.id = :project_id and :sprint_id is null),
        calendars as (
            select w.*, """
        + CALENDAR
        + """
            from whole w left join {projects} p on p.id = w.project_id),
        days as (
            select c.project_id, c.sprint_id, g.day::date as day, :today as today,
                   case when g.day::date >= :today then 'infinity'
                        else (g.day + interval '1 day') at time zone :time_zone end as upto,
                   """
        + works("g.day::date", "c")
        + """ as works
            from calendars c cross join generate_series(
                c.first::timestamp, least(greatest(c.first, c.last), c.first + 3660)::timestamp, '1 day') as g (day)),
        known as (
            select d.day, t.id, t.parent_id, t.status, t.progress,
                   coalesce(t.effort, t.duration * :hours_per_day) as hours
            from days d
            join {tasks.versions} t
              on t.project_id = d.project_id
             and t.id = any(array(select x.id from {tasks} x where x.project_id = (select w.project_id from whole w)))
             and t._since < d.upto and (t._until is null or t._until >= d.upto)
            where d.day <= greatest(d.today, (select min(day) from days)) and not t.archived
              and (d.sprint_id is null or exists (
                  select from {sprint_tasks.versions} s
                  where s.id = d.sprint_id and s.task_id = t.id
                    and s._since < d.upto and (s._until is null or s._until >= d.upto)))),
        sums as (
            select k.day, sum(k.hours) as hours, count(*) as tasks,
                   sum(k.hours * (100 - k.progress) / 100) filter (where k.status <> 'done') as left_hours,
                   count(*) filter (where k.status <> 'done') as left_tasks
            from known k
            where not exists (select from known part where part.day = k.day and part.parent_id = k.id)
            group by k.day),
        begun as (select coalesce(sum(s.hours), 0) as hours from sums s where s.day = (select min(day) from sums)),
        line as (
            select d.*, count(*) filter (where d.works) over (order by d.day) as worked,
                   count(*) filter (where d.works) over () as working
            from days d)
        select l.day,
               case when l.day <= l.today then trim_scale(round(coalesce(s.left_hours, 0), 2)) end as left_hours,
               case when l.day <= l.today then coalesce(s.left_tasks, 0) end as left_tasks,
               case when l.day <= l.today then trim_scale(round(coalesce(s.hours, 0), 2)) end as all_hours,
               case when l.day <= l.today then coalesce(s.tasks, 0) end as all_tasks,
               trim_scale(round(b.hours * (l.working - l.worked) / greatest(l.working, 1), 2)) as ideal_hours
        from line l cross join begun b left join sums s on s.day = l.day
        order by l.day
    """
    )

    sprint_id: Annotated[UUID | None, Of("Sprint"), "the sprint that is asked about"] = None
    project_id: Annotated[UUID | None, Of("Project"), "or the project as a whole"] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.sprint_id is None) == (self.project_id is None):
            raise WrongPart("say which sprint, or which project: one of them", "sprint_id")

    @dataclass
    class Row:
        day: date
        left_hours: Annotated[Decimal | None, "of work that was left at its end; null for a day to come"]
        left_tasks: Annotated[int | None, "tasks that were not done at its end"]
        all_hours: Annotated[Decimal | None, "of all that there was to do, done or not"]
        all_tasks: Annotated[int | None, "tasks that there were, done or not"]
        ideal_hours: Annotated[Decimal, "that would be left if it went evenly"]
