"""What threatens projects: the matrix, the register, and how the exposure went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from domain.projects.risk import LEVELS, OVER, SHARE, Category, Level, Response, Status
from domain.values import Money
from projections.columns import Of
from projections.projects.risk import RiskView
from projections.report import Bucket, Report

MOST_PERIODS: Final = 1_000
"""So many periods of a trend are told at once."""
DAYS: Final = {Bucket.DAY: 1, Bucket.WEEK: 7, Bucket.MONTH: 28, Bucket.QUARTER: 90, Bucket.YEAR: 365}
"""How many days a period has at least."""
LEAST: Final = " ".join(f"when {bucket.value!r} then {days}" for bucket, days in DAYS.items())

CHANCE: Final = f"case r.probability {' '.join(f'when {n} then {share}' for n, share in SHARE.items())} end"
"""How likely a risk `r` is."""
SCORE: Final = "r.probability * r.impact"
OPEN: Final = f"r.status not in ({', '.join(repr(status.value) for status in sorted(OVER))}) and not r.archived"
"""Whether a risk `r` still threatens."""


def level(score: str) -> str:
    """SQL that tells the level of a score."""
    return f"case {' '.join(f'when {score} >= {least} then {name.value!r}' for name, least in LEVELS.items())} end"


@dataclass(frozen=True, kw_only=True)
class RiskMatrix(Report, of=(RiskView,), needs="projects.see"):
    """The risks that threaten, by how likely they are and what they would do (风险矩阵): 25 cells, the worst first.

    What was not assessed yet stands in none.
    """

    sql = f"""
        select p.n::bigint as probability, i.n::bigint as impact, {level("p.n * i.n")} as level, count(r.id) as risks,
               coalesce(array_agg(r.id order by r.id) filter (where r.id is not null), '{{}}') as risk_ids
        from generate_series(1, 5) p (n) cross join generate_series(1, 5) i (n)
        left join {{risks}} r on r.probability = p.n and r.impact = i.n and {OPEN}
                             and (:project_id is null or r.project_id = :project_id)
        group by p.n, i.n
        order by p.n * i.n desc, p.n desc
    """

    project_id: Annotated[UUID | None, Of("Project"), "only those of this project"] = None

    @dataclass
    class Row:
        probability: Annotated[int, "from 1 to 5"]
        impact: Annotated[int, "from 1 to 5"]
        level: Annotated[Level, "how much it matters what stands here"]
        risks: Annotated[int, "how many"]
        risk_ids: Annotated[tuple[UUID, ...], Of("Risk")]


@dataclass(frozen=True, kw_only=True)
class RiskRegister(Report, of=(RiskView,), needs="projects.see"):
    """Each risk with its exposure and what is done about it (风险登记册), the worst first. Days are the company's.

    The exposure is the share that its probability stands for (10, 30, 50, 70 or 90 percent) of what it would cost.
    """

    sql = f"""
        select r.id as risk_id, r.project_id, r.name, r.category, r.status, r.probability, r.impact,
               {SCORE} as score, {level(SCORE)} as level, r.cost, r.cost_currency,
               trim_scale(r.cost * {CHANCE}) as exposure, r.cost_currency as exposure_currency,
               r.days, trim_scale(r.days * {CHANCE}) as days_exposed, r.cause, r.effect, r.triggers, r.response, r.plan,
               r.owner_id, r.reviewed_on, r.review_due,
               coalesce(r.review_due < coalesce(:on, :today), false) and {OPEN}
                   as is_overdue,
               r.issue_id
        from {{risks}} r
        where not r.archived and (:over or {OPEN}) and (:project_id is null or r.project_id = :project_id)
          and (:owner_id is null or r.owner_id = :owner_id)
        order by {SCORE} desc nulls last, r.id
    """

    project_id: Annotated[UUID | None, Of("Project"), "only those of this project"] = None
    owner_id: Annotated[UUID | None, Of("User"), "only those that this user watches"] = None
    over: Annotated[bool, "those, too, that occurred or were closed"] = False
    on: Annotated[date | None, "as if it were this day; the day that is asked of unless given"] = None

    @dataclass
    class Row:
        risk_id: UUID
        project_id: UUID
        name: str
        category: Category
        status: Status
        probability: Annotated[int | None, "from 1 to 5; null until it is assessed"]
        impact: Annotated[int | None, "from 1 to 5; null until it is assessed"]
        score: Annotated[int | None, "probability times impact, from 1 to 25"]
        level: Annotated[Level | None, "how much it matters"]
        cost: Annotated[Money | None, "what it costs if it happens"]
        exposure: Annotated[Money | None, "what it costs by its chance (风险敞口)"]
        days: Annotated[int | None, "by how many working days all ends later if it happens"]
        days_exposed: Annotated[Decimal | None, "the same by its chance"]
        cause: Annotated[str | None, "what may bring it about"]
        effect: Annotated[str | None, "what comes of it if it happens"]
        triggers: Annotated[tuple[str, ...], "by what it is seen to come"]
        response: Annotated[Response | None, "what is done about it"]
        plan: Annotated[str | None, "how that is done"]
        owner_id: Annotated[UUID | None, Of("User"), "who watches it"]
        reviewed_on: Annotated[date | None, "when it was looked at last"]
        review_due: Annotated[date | None, "when it is to be looked at again"]
        is_overdue: Annotated[bool, "whether it should have been looked at by now"]
        issue_id: Annotated[UUID | None, "what came of it when it happened last"]


@dataclass(frozen=True, kw_only=True)
class RiskExposure(Report, of=(RiskView,), needs="projects.see"):
    """How many risks threatened at the end of each period, and the sum of their exposure by currency (风险趋势).

    Of each period there is a row for each currency, and one without for those of which it is not known what they would
    cost; where nothing threatened, that one alone. The last period ends at the moment asked. Days are the company's.
    """

    sql = f"""
        with periods as (
            select p::date as period, least((p + s.step) at time zone :time_zone, :instant) as ended
            from (select case :bucket when 'quarter' then interval '3 months' else ('1 ' || :bucket)::interval end
                         as step, (:instant at time zone :time_zone) as now) s
            cross join lateral generate_series(
                date_trunc(:bucket, coalesce(:since, (s.now - interval '90 days')::date)::timestamp), s.now, s.step) p)
        select p.period, count(r.id) as risks, count(r.id) filter (where {SCORE} >= {LEVELS[Level.HIGH]}) as high,
               trim_scale(sum(r.cost * {CHANCE})) as exposure, r.cost_currency as exposure_currency,
               trim_scale(sum(r.days * {CHANCE})) as days_exposed
        from periods p
        left join {{risks.versions}} r on r._since <= p.ended and (r._until is null or r._until > p.ended) and {OPEN}
                                      and (:project_id is null or r.project_id = :project_id)
        group by p.period, r.cost_currency
        order by p.period, r.cost_currency nulls last
    """
    unfit = f"""
        select 'since' as field, 'this is more than {MOST_PERIODS} periods: ask for longer ones' as message
        where :today - :since > {MOST_PERIODS} * case :bucket {LEAST} end
    """

    project_id: Annotated[UUID | None, Of("Project"), "only those of this project"] = None
    bucket: Annotated[Bucket, "how long a period is"] = Bucket.WEEK
    since: Annotated[date | None, "from the period with this day on; the last 90 days unless given"] = None

    @dataclass
    class Row:
        period: Annotated[date, "its first day"]
        risks: Annotated[int, "how many threatened at its end"]
        high: Annotated[int, "how many of them were of a high level"]
        exposure: Annotated[Money | None, "what they cost, each by its chance"]
        days_exposed: Annotated[Decimal | None, "by how many working days they delay, each by its chance"]
