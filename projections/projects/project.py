"""Projects, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.charter import ProjectScope
from domain.projects.planning.calendar import Calendar
from domain.projects.project import Method, Project, Status
from domain.values import Money
from projections.columns import Of
from projections.view import View


class ProjectView(
    View,
    of=Project,
    table="projects",
    needs="projects.see",
    owner="manager_id",
    indexes=(
        "name",
        "account_id",
        "opportunity_id",
        "manager_id",
        "sponsor_id",
        "template_id",
        "status",
        "starts_on",
        "ends_on",
        "completed_on",
    ),
    search=("name",),
):
    """Work that is delivered for a customer (项目)."""

    name: str
    goal: Annotated[str | None, "what it is for"] = None
    account_id: Annotated[UUID | None, "for whom it is done"] = None
    opportunity_id: Annotated[UUID | None, "the sale that it came from"] = None
    manager_id: Annotated[UUID | None, Of("User"), "who leads it (项目经理)"] = None
    sponsor_id: Annotated[UUID | None, Of("User"), "who wants it and pays for it"] = None
    template_id: Annotated[UUID | None, Of("ProjectTemplate"), "by which it was laid out"] = None
    method: Annotated[Method, "how the work is cut"] = Method.PHASED
    charter: Annotated[str | None, "why it is done, what counts as success, and who decides (章程)"] = None
    scope: Annotated[ProjectScope, "what belongs to it and what does not (范围)"] = ProjectScope()
    buffer_days: Annotated[int | None, "working days that are kept for what nobody foresees (缓冲)"] = None
    buffer_money: Annotated[Money | None, "what is kept to be spent on what nobody foresees"] = None
    calendar: Annotated[Calendar, "on which days work is done (工作日历)"] = Calendar()
    starts_on: Annotated[date | None, "when it is planned to begin"] = None
    ends_on: Annotated[date | None, "when it is planned to end"] = None
    approved_on: Annotated[date | None, "when it was given leave to begin"] = None
    approved_by_id: Annotated[UUID | None, Of("User"), "who gave it leave"] = None
    started_on: Annotated[date | None, "when work began"] = None
    completed_on: Annotated[date | None, "when it was done"] = None
    status: Status = Status.PROPOSED
    baseline: Annotated[int, "the number of the baseline that it is measured by; 0 before the first (基线)"] = 0
    baselined_on: Annotated[date | None, "when that was agreed on"] = None
    hold_reason: Annotated[str | None, "why the work rests"] = None
    cancel_reason: Annotated[str | None, "why it was given up"] = None
