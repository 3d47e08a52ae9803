"""What the work of a project is worth: its budget spread over its tasks, how far these are, and what was paid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Annotated, Final

from domain.projects.planning.earned_value import Cost, EarningRule, Reported, Work
from domain.projects.planning.plan import HUNDRED
from domain.projects.planning.schedule import schedule
from domain.values import SMALLEST, Money
from projections.computed import From
from projections.projects.budget import BudgetLineView, BudgetSpendingView, BudgetView
from projections.projects.charter import ProjectBaselineView
from projections.projects.hours import TaskTimeEntryView
from projections.projects.plan import in_words, phase_of, plan_of
from projections.projects.planned import Baselined, Planned, TaskRow
from projections.projects.schedule import PLAN

VALUED: Final = (*PLAN, ProjectBaselineView, TaskTimeEntryView, BudgetView, BudgetLineView, BudgetSpendingView)
BUDGET: Final = "join {budgets} b on b.id = l.id and b.project_id = :project_id and not b.archived"


@dataclass(frozen=True)
class BudgetRow:
    currency: str
    rate: Decimal | None


@dataclass(frozen=True)
class LineRow:
    phase: str | None
    planned: Decimal


@dataclass(frozen=True)
class SpentRow:
    phase: str | None
    on: date
    amount: Decimal


@dataclass(frozen=True)
class LoggedRow:
    id: str
    phase: str | None
    on: date
    hours: Decimal


@dataclass(frozen=True)
class ReportRow:
    id: str
    on: date
    percent: Decimal


@dataclass(frozen=True)
class Valued(Baselined):
    """A project with its plan, its budget, what was reported of its progress, and what was paid."""

    budgets: Annotated[
        tuple[BudgetRow, ...],
        From(
            "select l.currency, l.hourly_rate as rate from {budgets} l"
            " where l.project_id = :project_id and not l.archived"
        ),
    ]
    lines: Annotated[
        tuple[LineRow, ...],
        From(f"select l.phase, l.planned from {{budget_lines}} l {BUDGET} where l.category <> 'reserve'"),
    ]
    spendings: Annotated[
        tuple[SpentRow, ...],
        From(f'select l.phase, l."on", l.amount from {{budget_spendings}} l {BUDGET} where not l.taken_back'),
    ]
    logged: Annotated[
        tuple[LoggedRow, ...],
        From(
            'select l.id::text as id, t.phase, l."on", l.hours from {task_time_entries} l join {tasks} t on t.id = l.id'
            " where t.project_id = :project_id"
        ),
    ]
    reports: Annotated[
        tuple[ReportRow, ...],
        From("""
            select v.id::text as id,
                   coalesce(v.finished_on, (coalesce(e.occurred_at, v._since) at time zone :time_zone)::date) as "on",
                   case when v.finished_on is null then v.progress else 100 end as percent
            from {tasks.versions} v left join {tasks.events} e on e.id = v.id and e.version = v.version
            where v.project_id = :project_id order by v._since, v.version"""),
    ]


def works_of(found: Valued, rule: EarningRule) -> Iterator[Work]:
    """The pieces of work of a project that has a budget, and what was paid, by phase."""
    agreed: Planned = found.then or found
    plan, phases, project = plan_of(agreed), phase_of(agreed), found.projects[0]
    parents = {task.parent_id for task in agreed.tasks}
    # In the order of ids: whoever is the first of some tasks has the digit that they cannot share.
    leaves = sorted((task for task in agreed.tasks if task.id not in parents), key=lambda task: task.id)
    with in_words(found):
        dates = schedule(plan).tasks if plan else {}
    budgets, unspent = shares(found.lines, leaves, phases)
    currency, done = found.budgets[0].currency, progress_by(found, project.day)
    for task in leaves:
        yield Work(
            id=task.id,
            group=phases[task.id],
            budget=Money(budgets.get(task.id, Decimal(0)), currency),
            start=dates[task.id].start,
            finish=dates[task.id].finish,
            rule=rule,
            progress=(Reported(project.day, done.get(task.id, Decimal(0))),),
        )
    first = min((each.start for each in dates.values()), default=project.starts_on or project.day)
    last = max((each.finish for each in dates.values()), default=max(first, project.ends_on or first))
    for phase, amount in unspent.items():
        yield Work(id=f"budget {phase}", group=phase, budget=Money(amount, currency), start=first, finish=last)
    for phase, costs in costs_of(found, currency).items():
        yield Work(
            id=f"costs {phase}", group=phase, budget=Money(Decimal(0), currency), start=first, finish=first, costs=costs
        )


def shares(
    lines: tuple[LineRow, ...], leaves: list[TaskRow], phases: Mapping[str, str | None]
) -> tuple[dict[str, Decimal], dict[str | None, Decimal]]:
    """What of the budget each task has, to the last digit; and of what no task is done, by phase."""
    budgets, left = dict[str, Decimal](), dict[str | None, Decimal]()
    for line in lines:
        among = [task for task in leaves if line.phase is None or phases[task.id] == line.phase]
        if not among:
            left[line.phase] = left.get(line.phase, Decimal(0)) + line.planned
            continue
        by_effort = all(task.effort is not None for task in among)
        weights = [task.effort or Decimal(0) if by_effort else Decimal(task.duration) for task in among]
        weights = weights if sum(weights) else [Decimal(1)] * len(among)
        rest, whole = line.planned, sum(weights, Decimal(0))
        for task, weight in zip(among[1:], weights[1:], strict=True):
            share = (line.planned * weight / whole).quantize(SMALLEST, ROUND_DOWN)
            rest -= share
            budgets[task.id] = budgets.get(task.id, Decimal(0)) + share
        budgets[among[0].id] = budgets.get(among[0].id, Decimal(0)) + rest
    return budgets, left


def progress_by(found: Valued, day: date) -> dict[str, Decimal]:
    """How far each task was by the end of a day, in percent; what others are under by now is as far as they are."""
    known, under = dict[str, Decimal](), dict[str, list[TaskRow]]()
    for report in found.reports:  # in the order in which they were recorded: what was said later holds
        if report.on <= day:
            known[report.id] = report.percent
    for task in found.tasks:
        under.setdefault(task.parent_id or "", []).append(task)

    def of(id: str) -> Decimal:
        if not (among := under.get(id)):
            return known.get(id, Decimal(0))
        by_effort = all(task.effort is not None for task in among)
        weights = [task.effort or Decimal(0) if by_effort else Decimal(task.duration) for task in among]
        whole = sum(weights, Decimal(0))
        if not whole:
            return Decimal(0)
        done = sum((of(task.id) * weight for task, weight in zip(among, weights, strict=True)), Decimal(0))
        return min(HUNDRED, done / whole)

    return {id: of(id) for id in {*known, *(task.id for task in found.tasks)}}


def costs_of(found: Valued, currency: str) -> dict[str | None, tuple[Cost, ...]]:
    """What was paid, by phase: what was spent, and the hours that were logged."""
    costs: dict[str | None, list[Cost]] = {}
    phases, rate = phase_of(found), found.budgets[0].rate
    for spent in found.spendings:
        costs.setdefault(spent.phase, []).append(Cost(spent.on, Money(spent.amount, currency)))
    for logged in found.logged if rate else ():
        amount = Money((logged.hours * (rate or Decimal(0))).quantize(SMALLEST), currency)
        costs.setdefault(phases.get(logged.id, logged.phase), []).append(Cost(logged.on, amount))
    return {phase: tuple(of) for phase, of in costs.items()}
