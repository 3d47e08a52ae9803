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
from projections.sales.assumptions import (
    AMOUNT,
    CHANCE,
    CURRENCY,
    RATED,
    SUPPOSED,
    UNKNOWN_STAGE,
    InOneCurrency,
    OtherChances,
)
from projections.sales.opportunity import OpportunityLineView, OpportunityView
from projections.sales.pipeline import PipelineStageView


@dataclass(frozen=True, kw_only=True)
class PipelineByStage(OtherChances, InOneCurrency, Report, of=(OpportunityView, PipelineStageView), needs="sales.see"):
    """What is open, by stage and currency, in the order of the stages."""

    sql = (
        f"""
        select o.pipeline_id, o.stage, count(*) as opportunities,
               trim_scale(sum({AMOUNT})) as amount, {CURRENCY} as amount_currency,
               trim_scale(sum({AMOUNT} * {CHANCE} * 0.01)) as weighted, {CURRENCY} as weighted_currency"""
        """
        from {opportunities} o left join {pipeline_stages} s on s.id = o.pipeline_id and s.key = o.stage"""
        + RATED
        + SUPPOSED
        + """
        where o.status = 'open' and not o.archived
          and (:pipeline_id is null or o.pipeline_id = :pipeline_id)
          and (:owner_id is null or o.owner_id = :owner_id)
        group by o.pipeline_id, o.stage, s.place, 5
        order by o.pipeline_id, s.place, o.stage, 5
    """
    )
    unfit = UNKNOWN_STAGE

    pipeline_id: Annotated[UUID | None, Of("Pipeline"), "only what is in this pipeline"] = None
    owner_id: Annotated[UUID | None, Of("User"), "only what this user is responsible for"] = None

    @dataclass
    class Row:
        pipeline_id: UUID
        stage: Annotated[str, "its key"]
        opportunities: Annotated[int, "how many"]
        amount: Annotated[Money | None, "what they may bring in; null where that is unknown"]
        weighted: Annotated[Money | None, "what they may bring in, each by its chance"]


@dataclass(frozen=True, kw_only=True)
class WonByPeriod(InOneCurrency, Report, of=(OpportunityView,), needs="sales.see"):
    """What was won, by the period in which it was, and by currency."""

    sql = (
        f"""
        select date_trunc(:bucket, closed_on::timestamp)::date as period,
               count(*) as opportunities, trim_scale(sum({AMOUNT})) as amount, {CURRENCY} as amount_currency"""
        """
        from {opportunities} o"""
        + RATED
        + """
        where status = 'won'
          and (:since is null or closed_on >= :since) and (:until is null or closed_on < :until)
          and (:owner_id is null or owner_id = :owner_id)
        group by 1, 4
        order by 1, 4
    """
    )

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
class WonByProduct(InOneCurrency, Report, of=(OpportunityView, OpportunityLineView), needs="sales.see"):
    """What was sold of each product: the lines of what was won, less their discounts, by currency."""

    sql = """
        select l.product_id, count(distinct o.id) as opportunities, sum(l.quantity) as quantity,
               trim_scale(sum(l.quantity * l.price * (1 - l.discount * 0.01) * coalesce(r.rate, 1))) as amount,
               case when r.rate is null then l.price_currency else :currency end as amount_currency
        from {opportunities} o join {opportunity_lines} l on l.id = o.id
        left join :rates r on r.currency = l.price_currency
        where o.status = 'won'
          and (:since is null or o.closed_on >= :since) and (:until is null or o.closed_on < :until)
        group by l.product_id, 5
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
