"""What teams ask of sprints: how they stand, and how much was done in each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.projects.sprint import Status as SprintStatus
from domain.projects.task import Status
from projections.columns import Of
from projections.projects.sprint import SprintTaskView, SprintView
from projections.projects.task import TaskView
from projections.projects.workload import HoursOfDays
from projections.report import Report


@dataclass(frozen=True, kw_only=True)
class Velocity(HoursOfDays, Report, of=(SprintView, SprintTaskView, TaskView), needs="projects.see"):
    """How much was planned and how much was done in each sprint that began, the last first (速率).

    Planned is what it began with, as it was estimated then; done is what was done by its end, or so far, as it is
    estimated now.
    """

    sql = """
        with begun as (
            select s.id, s.project_id, s.started_on, s.closed_on, s.status, s.committed_ids, s.finished_ids,
                   (select min(v._since) from {sprints.versions} v
                    where v.id = s.id and v.started_on is not null and v._since > coalesce(
                        (select max(w._since) from {sprints.versions} w where w.id = s.id and w.started_on is null),
                        '-infinity')) as since
            from {sprints} s
            where s.status <> 'planned' and not s.archived and (:project_id is null or s.project_id = :project_id)),
        planned as (
            select b.id, count(*) as tasks, sum(coalesce(t.effort, t.duration * :hours_per_day)) as hours
            from begun b
            join {tasks.versions} t
              on t.id = any(b.committed_ids) and t._since <= b.since and (t._until is null or t._until > b.since)
            group by b.id),
        done as (
            select b.id, count(*) as tasks, sum(coalesce(t.effort, t.duration * :hours_per_day)) as hours,
                   count(*) filter (where not t.id = any(b.committed_ids)) as added
            from begun b
            join {tasks} t
              on case when b.status = 'closed' then t.id = any(b.finished_ids)
                      else t.status = 'done' and exists (
                          select from {sprint_tasks} s where s.id = b.id and s.task_id = t.id) end
            group by b.id)
        select b.id as sprint_id, b.project_id, b.status, b.started_on, b.closed_on,
               trim_scale(round(coalesce(p.hours, 0), 2)) as planned_hours, coalesce(p.tasks, 0) as planned_tasks,
               trim_scale(round(coalesce(d.hours, 0), 2)) as done_hours, coalesce(d.tasks, 0) as done_tasks,
               coalesce(d.added, 0) as done_besides
        from begun b left join planned p on p.id = b.id left join done d on d.id = b.id
        order by b.started_on desc, b.id desc
    """

    project_id: Annotated[UUID | None, Of("Project"), "only those of this project"] = None

    @dataclass
    class Row:
        sprint_id: UUID
        project_id: UUID
        status: SprintStatus
        started_on: date
        closed_on: Annotated[date | None, "null while it runs"]
        planned_hours: Annotated[Decimal, "of the tasks that it began with, as estimated then"]
        planned_tasks: Annotated[int, "how many it began with"]
        done_hours: Annotated[Decimal, "of the tasks that were done in it"]
        done_tasks: Annotated[int, "how many were done in it"]
        done_besides: Annotated[int, "how many of these it did not begin with"]


@dataclass(frozen=True, kw_only=True)
class Board(HoursOfDays, Report, of=(TaskView, SprintTaskView), needs="projects.see"):
    """The tasks of a sprint, or of a project, by how they stand and who does them (看板).

    What is put away is left out.
    """

    sql = """
        select t.status, t.assignee_id, count(*) as tasks,
               trim_scale(round(sum(t.hours * (100 - t.progress) / 100), 2)) as left_hours,
               trim_scale(sum(t.spent)) as spent, count(*) filter (where t.due_on < t.today) as overdue
        from (select t.*, coalesce(t.effort, t.duration * :hours_per_day) as hours,
                     case when t.status <> 'done' then :today end as today
              from {tasks} t) t
        where not t.archived
          and (:project_id is null or t.project_id = :project_id)
          and (:sprint_id is null or exists (
              select from {sprint_tasks} s where s.id = :sprint_id and s.task_id = t.id))
          and not exists (select from {tasks} part where part.parent_id = t.id and not part.archived)
        group by t.status, t.assignee_id
        order by array_position('{planned,in_progress,blocked,done}', t.status), t.assignee_id nulls last
    """

    sprint_id: Annotated[UUID | None, Of("Sprint"), "only what is in this sprint"] = None
    project_id: Annotated[UUID | None, Of("Project"), "only what is of this project"] = None

    @dataclass
    class Row:
        status: Annotated[Status, "how they stand"]
        assignee_id: Annotated[UUID | None, Of("User"), "who does them; null for nobody yet"]
        tasks: Annotated[int, "how many; only what has no others under it counts"]
        left_hours: Annotated[Decimal, "of work that is left"]
        spent: Annotated[Decimal, "hours that were worked on them"]
        overdue: Annotated[int, "how many should be done by now and are not"]
