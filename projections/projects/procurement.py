"""What is to be bought for projects: what is needed when, how far it has come, and what will be late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.projects.resource import Kind, Status
from domain.values import Money
from projections.columns import Of
from projections.projects.resource import ResourceView
from projections.report import Report


@dataclass(frozen=True, kw_only=True)
class ProcurementPlan(Report, of=(ResourceView,), needs="projects.see"):
    """What projects need, in the order of the days by which they do (采购计划).

    Something is late by the days between that day and the one on which the last of it is to come; or today, if it was
    to come before. What is there in full is not late any more. Days are the company's.
    """

    sql = """
        with needed as (
            select r.*, coalesce(r.ordered, r.quantity) - r.delivered as to_come,
                   coalesce(:on, :today) as today
            from {resources} r
            where not r.archived and r.status <> 'cancelled'
              and (:project_id is null or r.project_id = :project_id)
              and (:account_id is null or r.account_id = :account_id)),
        dated as (
            select *, case when to_come > 0 and greatest(coalesce(expected_on, today), today) > needed_on
                           then greatest(coalesce(expected_on, today), today) - needed_on else 0 end as days_late
            from needed)
        select project_id, id as resource_id, name, kind, phase, status, needed_on, trim_scale(quantity) as quantity,
               unit, account_id, expected_on, trim_scale(delivered) as delivered, trim_scale(to_come) as to_come,
               trim_scale(stored - issued) as in_store, trim_scale(coalesce(cost, expected_cost)) as cost,
               case when cost is null then expected_cost_currency else cost_currency end as cost_currency,
               days_late::bigint as days_late
        from dated
        where (not :only_open or to_come > 0) and (not :only_late or days_late > 0)
        order by needed_on nulls last, project_id, name, id
    """

    project_id: Annotated[UUID | None, Of("Project"), "only this project"] = None
    account_id: Annotated[UUID | None, Of("Account"), "only what is bought from this one"] = None
    on: Annotated[date | None, "the day on which it is asked; that of the instant asked unless given"] = None
    only_open: Annotated[bool, "only what is still to come"] = False
    only_late: Annotated[bool, "only what is late"] = False

    @dataclass
    class Row:
        project_id: UUID
        resource_id: UUID
        name: str
        kind: Kind
        phase: Annotated[str | None, "the key of its phase in the project"]
        status: Annotated[Status, "how far it has come, or the first of it"]
        needed_on: date | None
        quantity: Annotated[Decimal, "how much of it is needed"]
        unit: str
        account_id: Annotated[UUID | None, "from whom it is bought"]
        expected_on: Annotated[date | None, "when the last of it is to come"]
        delivered: Annotated[Decimal, "how much of it came"]
        to_come: Annotated[Decimal, "how much of it is still to come, ordered or not"]
        in_store: Annotated[Decimal, "how much of it lies in the store"]
        cost: Annotated[Money | None, "what all of it costs; until it is ordered, what it was thought to"]
        days_late: int
