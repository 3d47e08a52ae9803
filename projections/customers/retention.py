"""Whom to forget: those whose time has run out by every rule, and for whom nothing else speaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from projections.columns import Of
from projections.customers.account import AccountView
from projections.customers.contact import ContactAccountView, ContactConsentView, ContactView
from projections.customers.interaction import InteractionView
from projections.customers.retention_rule import RetentionRuleView
from projections.report import Report
from projections.sales.opportunity import OpportunityView


class KeptBecause(StrEnum):
    """What speaks for keeping a person: a hold, a rule by which their time still runs, a sale that may come, something
    that is planned with them."""

    HELD = "held"
    TIME_RUNS = "time_runs"
    OPEN_OPPORTUNITY = "open_opportunity"
    PLANNED_INTERACTION = "planned_interaction"


@dataclass(frozen=True, kw_only=True)
class ToForget(
    Report,
    of=(
        ContactView,
        ContactAccountView,
        ContactConsentView,
        InteractionView,
        AccountView,
        OpportunityView,
        RetentionRuleView,
    ),
    needs="customers.see",
):
    """Whom to forget, by the retention rules: each person with each rule that says something of them.

    It proposes, and forgets nobody: `forgetContact` does. It knows what you may see: who does not see all interactions
    and sales may be told of somebody for whom one of those speaks. Days are the company's.
    """

    sql = """
        with recursive up (id, survivor) as (
            select a.id, a.merged_into_id from {accounts} a where a.merged_into_id is not null
            union all
            select up.id, a.merged_into_id from up join {accounts} a on a.id = up.survivor
            where a.merged_into_id is not null),
        survivors as (
            select up.id, up.survivor from up
            where not exists (select from up further where further.id = up.survivor)),
        works as (
            select w.id as contact_id, coalesce(s.survivor, w.account_id) as account_id
            from {contact_accounts} w left join survivors s on s.id = w.account_id),
        sales as (
            select coalesce(s.survivor, o.account_id) as account_id,
                   max(o.closed_on) filter (where o.status = 'won') as won_on,
                   bool_or(o.status = 'open' and not o.archived) as is_open
            from {opportunities} o left join survivors s on s.id = o.account_id
            group by 1),
        bought as (
            select w.contact_id, max(s.won_on) as won_on, bool_or(s.is_open) as is_open
            from works w join sales s on s.account_id = w.account_id
            group by 1),
        met as (
            select p.contact_id, max(i.held_at) filter (where i.status = 'held') as held_at,
                   bool_or(not i.archived and (i.status = 'planned'
                           or (i.follow_up_due is not null and i.follow_up_done_on is null))) as is_planned
            from {interactions} i
            cross join lateral (select i.contact_id union select unnest(i.contact_ids)) p (contact_id)
            where p.contact_id is not null
            group by 1),
        withdrawn as (
            select n.id as contact_id, max(n.withdrawn_at) as withdrawn_at from {contact_consents} n
            group by 1 having bool_and(n.withdrawn_at is not null)),
        rules as (select * from {retention_rules} r where not r.archived),
        away as (
            select v.id as contact_id, coalesce(max(v._until) filter (where not v.archived), min(v._since)) as since
            from {contacts.versions} v
            where exists (select from rules where counts_from = 'archived')
            group by 1),
        counted as (
            select c.id as contact_id, r.id as rule_id, r.months, c.hold_reason is not null as is_held,
                   coalesce(b.is_open, false) as is_open, coalesce(m.is_planned, false) as is_planned,
                   case r.counts_from
                       when 'last_sale' then b.won_on
                       else (case r.counts_from
                           when 'last_interaction' then coalesce(m.held_at, c.created_at)
                           when 'consent_withdrawn' then n.withdrawn_at
                           when 'archived' then case when c.archived then away.since end
                           else c.created_at end at time zone :time_zone)::date
                   end as counted_from
            from {contacts} c cross join rules r
            left join met m on m.contact_id = c.id
            left join bought b on b.contact_id = c.id
            left join withdrawn n on n.contact_id = c.id
            left join away on away.contact_id = c.id
            where not c.forgotten and (:contact_id is null or c.id = :contact_id)
              and (r.only_tagged is null or r.only_tagged = any(c.tags))
              and (not r.only_without_account or not exists (select from works w where w.contact_id = c.id))),
        ending as (
            select *, (counted_from + make_interval(months => months::int))::date as runs_out_on,
                   coalesce(:on, :today) as today
            from counted where counted_from is not null),
        told as (
            select *, array_remove(array[
                       case when is_held then 'held' end,
                       case when bool_or(runs_out_on > today) over (partition by contact_id) then 'time_runs' end,
                       case when is_open then 'open_opportunity' end,
                       case when is_planned then 'planned_interaction' end], null) as kept_because
            from ending)
        select contact_id, rule_id, counted_from, runs_out_on, kept_because
        from told
        where (:kept or kept_because = '{}') and (:rule_id is null or rule_id = :rule_id)
        order by runs_out_on, contact_id, rule_id
    """

    on: Annotated[date | None, "as if it were this day; the day that is asked of unless given"] = None
    kept: Annotated[bool, "those, too, for whom something speaks"] = False
    contact_id: Annotated[UUID | None, Of("Contact"), "only this person"] = None
    rule_id: Annotated[
        UUID | None, Of("RetentionRule"), "only by this rule; what other rules say counts all the same"
    ] = None

    @dataclass
    class Row:
        contact_id: UUID
        rule_id: Annotated[UUID, Of("RetentionRule")]
        counted_from: Annotated[date, "the day from which the time runs"]
        runs_out_on: Annotated[date, "the first day on which the rule keeps them no more"]
        kept_because: Annotated[tuple[KeptBecause, ...], "what speaks for keeping them; empty where nothing does"]
