"""What sales may bring in, by the period in which they are to be decided; and what became of what was forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from domain.values import Money, WrongPart
from projections.columns import Of
from projections.platform.team import TeamMemberView, TeamView
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
from projections.sales.opportunity import OpportunityView
from projections.sales.pipeline import PipelineStageView

MOST_DAYS = 3660
"""By so many days a decision is put off at most."""


@dataclass(frozen=True, kw_only=True)
class Forecast(
    OtherChances,
    InOneCurrency,
    Report,
    of=(OpportunityView, PipelineStageView, TeamView, TeamMemberView),
    needs="sales.see",
):
    """What was won and what is open, by the period of its decision, and by currency.

    What is open counts by its chance: as committed, as the best case, or as pipeline. `stages`, `rates` and
    `closeShift` tell what would be under other assumptions; what was won already stays as it is.
    """

    sql = (
        """
        with sales as (
            select o.status = 'won' as won, """
        + f"{AMOUNT} as amount, {CURRENCY} as currency, {CHANCE} as chance,"
        + """
                   case when o.status = 'won' then o.closed_on else o.expected_close + :close_shift::int end as day
            from {opportunities} o"""
        + RATED
        + SUPPOSED
        + """
            where (o.status = 'won' or (o.status = 'open' and not o.archived))
              and (:pipeline_id is null or o.pipeline_id = :pipeline_id)
              and (:owner_id is null or o.owner_id = :owner_id)
              and (:team_id is null or o.owner_id in (
                  select m.user_id from {team_members} m where m.id = :team_id
                  union all select t.lead_id from {teams} t where t.id = :team_id))),
        sums as (
            select date_trunc(:bucket, day::timestamp)::date as period, currency,
                   count(*) filter (where not won) as opportunities, count(*) filter (where won) as wins,
                   coalesce(sum(amount) filter (where won), 0) as won,
                   coalesce(sum(amount) filter (where not won and chance >= :commit_from), 0) as commit,
                   coalesce(sum(amount) filter (
                       where not won and chance >= :best_case_from and chance < :commit_from), 0) as best_case,
                   coalesce(sum(amount) filter (where not won and chance < :best_case_from), 0) as pipeline,
                   coalesce(sum(amount * chance * 0.01) filter (where not won), 0) as weighted
            from sales
            where (:since is null or day >= :since) and (:until is null or day < :until)
            group by 1, 2)
        select period, opportunities, wins,
               case when currency is not null then trim_scale(won) end as won, currency as won_currency,
               case when currency is not null then trim_scale(commit) end as commit, currency as commit_currency,
               case when currency is not null then trim_scale(best_case) end as best_case,
               currency as best_case_currency,
               case when currency is not null then trim_scale(pipeline) end as pipeline,
               currency as pipeline_currency,
               case when currency is not null then trim_scale(weighted) end as weighted,
               currency as weighted_currency,
               case when currency is not null then trim_scale(won + weighted) end as expected,
               currency as expected_currency
        from sums order by period nulls last, currency nulls last
    """
    )
    unfit = UNKNOWN_STAGE
    only_with: ClassVar = {"team_id": (TeamView, TeamMemberView)}

    bucket: Annotated[Bucket, "how long a period is"] = Bucket.MONTH
    since: Annotated[date | None, "only what is decided on this day or later"] = None
    until: Annotated[date | None, "only what is decided before this day"] = None
    pipeline_id: Annotated[UUID | None, Of("Pipeline"), "only what is in this pipeline"] = None
    owner_id: Annotated[UUID | None, Of("User"), "only what this user is responsible for"] = None
    team_id: Annotated[UUID | None, Of("Team"), "only what those in this team are responsible for"] = None
    commit_from: Annotated[int, "the chance in percent from which something counts as committed"] = 80
    best_case_from: Annotated[int, "the chance in percent from which something counts as the best case"] = 50
    close_shift: Annotated[int, "by how many days what is open is decided later than expected"] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("commit_from", "best_case_from"):
            if not 0 <= getattr(self, name) <= 100:
                raise WrongPart("a probability is between 0 and 100", name)
        if self.best_case_from > self.commit_from:
            raise WrongPart("what is committed has no less a chance than the best case", "best_case_from")
        if abs(self.close_shift) > MOST_DAYS:
            raise WrongPart(f"a decision is put off by at most {MOST_DAYS} days", "close_shift")

    @dataclass
    class Row:
        period: Annotated[date | None, "its first day; null for what is open without an expected close"]
        opportunities: Annotated[int, "how many are open"]
        wins: Annotated[int, "how many were won"]
        won: Annotated[Money | None, "what was won; null, as all amounts, where they are unknown"]
        commit: Annotated[Money | None, "what is open and as good as won"]
        best_case: Annotated[Money | None, "what is open and likely to be won"]
        pipeline: Annotated[Money | None, "whatever else is open"]
        weighted: Annotated[Money | None, "what is open, each by its chance"]
        expected: Annotated[Money | None, "what was won, and what is open by its chance"]
