"""What is wrong in projects and not settled yet, by how bad it is and for how long it has been so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from domain.projects.issue import Severity
from projections.columns import Of
from projections.projects.issue import IssueView
from projections.projects.specification import in_order
from projections.report import Report


class Age(StrEnum):
    """For how long something has been wrong: up to seven days, up to thirty, up to ninety, or longer."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    LONGER = "longer"


@dataclass(frozen=True, kw_only=True)
class OpenIssues(Report, of=(IssueView,), needs="projects.see"):
    """What is not settled yet, by severity and age, the worst and the oldest first. Days are the company's."""

    sql = f"""
        with open as (
            select i.*, d.today - i.raised_on as days, d.today from {{issues}} i
            cross join (select coalesce(:on, :today) as today) d
            where i.status in ('open', 'escalated') and not i.archived
              and (:project_id is null or i.project_id = :project_id)
              and (:owner_id is null or i.owner_id = :owner_id)),
        aged as (
            select *, case when days <= 7 then 'week' when days <= 30 then 'month' when days <= 90 then 'quarter'
                           else 'longer' end as age
            from open)
        select severity, age, count(*) as issues, count(*) filter (where status = 'escalated') as escalated,
               count(*) filter (where due_on < today) as overdue,
               count(*) filter (where owner_id is null) as unassigned,
               max(days)::bigint as oldest, array_agg(id order by raised_on, id) as issue_ids
        from aged
        group by severity, age
        order by {in_order("severity", Severity)} desc, {in_order("age", Age)} desc
    """

    project_id: Annotated[UUID | None, Of("Project"), "only those of this project"] = None
    owner_id: Annotated[UUID | None, Of("User"), "only those that this user is to settle"] = None
    on: Annotated[date | None, "as if it were this day; the day that is asked of unless given"] = None

    @dataclass
    class Row:
        severity: Severity
        age: Age
        issues: Annotated[int, "how many"]
        escalated: Annotated[int, "how many were brought before somebody else"]
        overdue: Annotated[int, "how many should have been settled by now"]
        unassigned: Annotated[int, "how many nobody is to settle"]
        oldest: Annotated[int, "for how many days the oldest has been open"]
        issue_ids: Annotated[tuple[UUID, ...], Of("Issue"), "the oldest first"]
