"""Communication plans, as people see them, and what is overdue of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.communication_plan import Channel, CommunicationPlan, Unit
from projections.columns import Of
from projections.projects.project import ProjectView
from projections.report import Report
from projections.view import View


class CommunicationPlanView(
    View,
    of=CommunicationPlan,
    table="communication_plans",
    needs="projects.see",
    indexes=("project_id", "stakeholder_ids", "responsible_id", "channel", "next_due", "last_on", "ended_on"),
    search=("name", "audience"),
):
    """What is told to whom in a project, again and again (沟通计划)."""

    project_id: UUID
    name: Annotated[str, "what is told"]
    audience: Annotated[str, "to whom"]
    every: Annotated[int, "so many days, weeks or months lie between two times"]
    unit: Unit
    channel: Channel
    first_on: Annotated[date, "from which day on it is counted"]
    stakeholder_ids: Annotated[tuple[UUID, ...], Of("Stakeholder"), "who of the stakeholders is told"] = ()
    responsible_id: Annotated[UUID | None, Of("User"), "who sees to it"] = None
    next_due: Annotated[date | None, "when it is to be told next; null once it has ended"] = None
    last_on: Annotated[date | None, "when it was told last"] = None
    times: Annotated[int, "how often it was told"] = 0
    ended_on: date | None = None
    end_reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class CommunicationOverdue(Report, of=(CommunicationPlanView, ProjectView), needs="projects.see"):
    """What should have been told and was not (逾期沟通), the longest overdue first. In projects that are over, or were
    put away, nothing is overdue. Days are the company's.
    """

    sql = """
        select p.id as communication_plan_id, p.project_id, p.responsible_id, p.next_due as due_on,
               (t.today - p.next_due)::bigint as days
        from {communication_plans} p
        cross join (select coalesce(:on, :today) as today) t
        left join {projects} j on j.id = p.project_id
        where p.next_due < t.today and not p.archived
          and (j.id is null or not (j.archived or coalesce(j.status in ('completed', 'cancelled'), false)))
          and (:project_id is null or p.project_id = :project_id)
          and (:responsible_id is null or p.responsible_id = :responsible_id)
        order by p.next_due, p.id
    """

    on: Annotated[date | None, "as if it were this day; the day that is asked of unless given"] = None
    project_id: Annotated[UUID | None, Of("Project"), "only in this project"] = None
    responsible_id: Annotated[UUID | None, Of("User"), "only what this user sees to"] = None

    @dataclass
    class Row:
        communication_plan_id: UUID
        project_id: UUID
        responsible_id: Annotated[UUID | None, Of("User"), "who sees to it"]
        due_on: Annotated[date, "when it was to be told"]
        days: Annotated[int, "by how many days it is overdue"]
