"""What people ask about sales beyond single rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.values import Money
from projections.columns import Of
from projections.report import Bucket, Report
from projections.sales.opportunity import OpportunityLineView, OpportunityView
from projections.sales.pipeline import PipelineStageView


@dataclass(frozen=True, kw_only=True)
class PipelineByStage(Report, of=(OpportunityView, PipelineStageView), needs="sales.see"):
    """What is open, by stage and currency, in the order of the stages."""

    sql = """
        select o.pipeline_id, o.stage, count(*) as opportunities, sum(o.amount) as amount, o.amount_currency
        from {opportunities} o left join {pipeline_stages} s on s.id = o.pipeline_id and s.key = o.stage
        where o.status = 'open' and not o.archived
          and (:pipeline_id is null or o.pipeline_id = :pipeline_id)
          and (:owner_id is null or o.owner_id = :owner_id)
        group by o.pipeline_id, o.stage, s.place, o.amount_currency
        order by o.pipeline_id, s.place, o.stage, o.amount_currency
    """

    pipeline_id: Annotated[UUID | None, Of("Pipeline"), "only what is in this pipeline"] = None
    owner_id: Annotated[UUID | None, Of("User"), "only what this user is responsible for"] = None

    @dataclass
    class Row:
        pipeline_id: UUID
        stage: Annotated[str, "its key"]
        opportunities: Annotated[int, "how many"]
        amount: Annotated[Money | None, "what they may bring in; null where that is unknown"]


@dataclass(frozen=True, kw_only=True)
class WonByPeriod(Report, of=(OpportunityView,), needs="sales.see"):
    """What was won, by the period in which it was, and by currency."""

    sql = """
        select date_trunc(:bucket, closed_on::timestamp)::date as period,
               count(*) as opportunities, sum(amount) as amount, amount_currency
        from {opportunities} o
        where status = 'won'
          and (:since is null or closed_on >= :since) and (:until is null or closed_on < :until)
          and (:owner_id is null or owner_id = :owner_id)
        group by 1, amount_currency
        order by 1, amount_currency
    """

    bucket: Annotated[Bucket, "how long a period is"] = Bucket.MONTH
    since: Annotated[date | None, "only what was won on this day or later"] = None
    until: Annotated[date | None, "only what was won before this day"] = None
    owner_id: Annotated[UUID | None, Of("User"), "only what this user is responsible for"] = None

    @dataclass
    class Row:
        period: Annotated[date, "its first day"]
        opportunities: Annotated[int, "how many"]
        amount: Annotated[Money | None, "what they brought in"]


@dataclass(frozen=True, kw_only=True)
class WonByProduct(Report, of=(OpportunityView, OpportunityLineView), needs="sales.see"):
    """What was sold of each product: the lines of what was won, less their discounts, by currency."""

    sql = """
        select l.product_id, count(distinct o.id) as opportunities, sum(l.quantity) as quantity,
               sum(l.quantity * l.price * (1 - l.discount / 100)) as amount, l.price_currency as amount_currency
        from {opportunities} o join {opportunity_lines} l on l.id = o.id
        where o.status = 'won'
          and (:since is null or o.closed_on >= :since) and (:until is null or o.closed_on < :until)
        group by l.product_id, l.price_currency
        order by amount desc, l.product_id
    """

    since: Annotated[date | None, "only what was won on this day or later"] = None
    until: Annotated[date | None, "only what was won before this day"] = None

    @dataclass
    class Row:
        product_id: UUID
        opportunities: Annotated[int, "in how many it was sold"]
        quantity: Annotated[Decimal, "how much of it"]
        amount: Annotated[Money, "what it brought in"]


@dataclass(frozen=True, kw_only=True)
class TimeInStage(Report, of=(OpportunityView,), needs="sales.see"):
    """How long opportunities stood in each stage, those that stand there still included."""

    sql = """
        select pipeline_id, stage, count(distinct id) as opportunities,
               sum(coalesce(_until, :instant) - _since) / count(distinct id) as on_average
        from {opportunities.versions} v
        where status = 'open' and (:pipeline_id is null or pipeline_id = :pipeline_id)
        group by pipeline_id, stage
        order by pipeline_id, stage
    """

    pipeline_id: Annotated[UUID | None, Of("Pipeline"), "only what is in this pipeline"] = None

    @dataclass
    class Row:
        pipeline_id: UUID
        stage: Annotated[str, "its key"]
        opportunities: Annotated[int, "how many have stood there"]
        on_average: timedelta
