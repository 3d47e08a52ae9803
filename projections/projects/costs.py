"""What projects cost: against what was planned, by category and phase, and over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.costs import BudgetCategory
from domain.values import Money
from projections.columns import Of
from projections.projects.budget import BudgetCommitmentView, BudgetLineView, BudgetSpendingView, BudgetView
from projections.projects.hours import TaskTimeEntryView
from projections.projects.task import TaskView
from projections.report import Bucket, Report


@dataclass(frozen=True, kw_only=True)
class CostAgainstPlan(
    Report,
    of=(BudgetView, BudgetLineView, BudgetCommitmentView, BudgetSpendingView, TaskView, TaskTimeEntryView),
    needs="projects.see",
):
    """What projects were to cost and what they do, by category and phase (成本对比).

    What was spent without being planned has a row too. What was taken back does not count. The hours that were logged
    on tasks are spent on people, at the rate of the budget, in the phase of the task.
    """

    sql = """
        with budgets as (
            select b.id, b.project_id, b.currency from {budgets} b
            where not b.archived and (:project_id is null or b.project_id = :project_id)),
        entries as (
            select l.id, l.category, l.phase, l.planned, 0 as committed, 0 as actual from {budget_lines} l
            union all
            select s.id, s.category, s.phase, 0, 0, s.amount from {budget_spendings} s where not s.taken_back
            union all
            select b.id, 'people', t.phase, 0, 0, e.hours * b.hourly_rate
            from {budgets} b join {tasks} t on t.project_id = b.project_id join {task_time_entries} e on e.id = t.id
            where b.hourly_rate is not null
            union all
            select c.id, c.category, c.phase, 0, greatest(c.amount - coalesce(sum(s.amount), 0), 0), 0
            from {budget_commitments} c
            left join {budget_spendings} s on s.id = c.id and s.against = c.commitment_id and not s.taken_back
            where not c.closed
            group by c.id, c.commitment_id, c.category, c.phase, c.amount),
        sums as (
            select b.project_id, b.currency, e.category, e.phase, sum(e.planned) as planned,
                   sum(e.committed) as committed, sum(e.actual) as actual
            from budgets b join entries e on e.id = b.id
            group by b.project_id, b.currency, e.category, e.phase)
        select project_id, category, phase, trim_scale(planned) as planned, currency as planned_currency,
               trim_scale(committed) as committed, currency as committed_currency,
               trim_scale(actual) as actual, currency as actual_currency,
               trim_scale(planned - committed - actual) as left, currency as left_currency,
               case when actual > planned then trim_scale(actual - planned) end as overrun,
               case when actual > planned then currency end as overrun_currency
        from sums
        order by project_id, phase nulls last, category
    """

    project_id: Annotated[UUID | None, Of("Project"), "only this project"] = None

    @dataclass
    class Row:
        project_id: UUID
        category: BudgetCategory
        phase: Annotated[str | None, "the key of a phase; null for the project as a whole"]
        planned: Money
        committed: Annotated[Money, "what was promised to others, and is still to be spent"]
        actual: Annotated[Money, "what was spent, with what the hours cost that were logged"]
        left: Annotated[Money, "what is neither spent nor promised; less than nothing where it is too much"]
        overrun: Annotated[Money | None, "by how much more was spent than is planned; null: it was not"]


@dataclass(frozen=True, kw_only=True)
class BudgetTrend(
    Report,
    of=(BudgetView, BudgetLineView, BudgetCommitmentView, BudgetSpendingView, TaskView, TaskTimeEntryView),
    needs="projects.see",
):
    """How the budgets of projects went, period by period: what was planned, promised, and spent.

    From the period in which money moved or was planned first to that of the instant asked. What was spent includes what
    the hours cost that were logged on tasks. Days are the company's.
    """

    sql = """
        with budget as (
            select b.id, b.project_id, b.currency, (b.created_at at time zone :time_zone)::date as since
            from {budgets} b
            where not b.archived and (:project_id is null or b.project_id = :project_id)),
        moved as (
            select s.id, s.on as day, s.amount as spent, 0 as promised
            from {budget_spendings} s where not s.taken_back
            union all
            select b.id, e.on, e.hours * b.hourly_rate, 0
            from {budgets} b join {tasks} t on t.project_id = b.project_id join {task_time_entries} e on e.id = t.id
            where b.hourly_rate is not null
            union all
            select c.id, c.on, 0, c.amount from {budget_commitments} c),
        begun as (
            select b.id, least(b.since, min(m.day)) as day from budget b left join moved m on m.id = b.id
            group by b.id, b.since),
        periods as (
            select g.id, p::date as period, (p + s.step)::date as following
            from begun g
            cross join (select case :bucket when 'quarter' then interval '3 months'
                                            else ('1 ' || :bucket)::interval end as step) s
            cross join lateral generate_series(
                date_trunc(:bucket, g.day::timestamp), date_trunc(:bucket, :today::timestamp), s.step) p),
        sums as (
            select p.id, p.period,
                   (select coalesce(sum(v.planned), 0) from {budget_lines.versions} v
                    where v.id = p.id and (v._since at time zone :time_zone)::date < p.following
                      and (v._until is null or (v._until at time zone :time_zone)::date >= p.following)) as planned,
                   coalesce(sum(m.promised) filter (where m.day >= p.period), 0) as promised,
                   coalesce(sum(m.spent) filter (where m.day >= p.period), 0) as spent,
                   coalesce(sum(m.spent), 0) as spent_so_far
            from periods p left join moved m on m.id = p.id and m.day < p.following
            group by p.id, p.period, p.following)
        select b.project_id, s.period, trim_scale(s.planned) as planned, b.currency as planned_currency,
               trim_scale(s.promised) as promised, b.currency as promised_currency,
               trim_scale(s.spent) as spent, b.currency as spent_currency,
               trim_scale(s.spent_so_far) as spent_so_far, b.currency as spent_so_far_currency
        from sums s join budget b on b.id = s.id
        order by b.project_id, s.period
    """

    project_id: Annotated[UUID | None, Of("Project"), "only this project"] = None
    bucket: Annotated[Bucket, "how long a period is"] = Bucket.MONTH

    @dataclass
    class Row:
        project_id: UUID
        period: Annotated[date, "its first day"]
        planned: Annotated[Money, "for the project in all, as it stood at the end of the period"]
        promised: Annotated[Money, "to others in the period, such as by orders"]
        spent: Annotated[Money, "in the period"]
        spent_so_far: Annotated[Money, "by its end"]
