"""Risks, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.risk import Category, FoundBy, Response, Risk, Status
from domain.values import Money
from projections.view import View


class RiskView(
    View,
    of=Risk,
    table="risks",
    needs="projects.see",
    owner="owner_id",
    indexes=(
        "project_id", "name", "category", "probability", "impact", "cost", "days", "response", "status", "review_due",
        "issue_id", "owner_id",
    ),
    search=("name", "cause", "effect"),
):  # fmt: skip
    """What may go wrong in a project (风险)."""

    project_id: UUID
    name: str
    category: Category
    found_by: Annotated[FoundBy | None, "how it was found"] = None
    cause: Annotated[str | None, "what may bring it about"] = None
    effect: Annotated[str | None, "what comes of it if it happens"] = None
    triggers: Annotated[tuple[str, ...], "by what it is seen to come"] = ()
    probability: Annotated[int | None, "from 1 to 5: 10, 30, 50, 70 and 90 percent; null until it is assessed"] = None
    impact: Annotated[int | None, "from 1, hardly felt, to 5, the project fails"] = None
    cost: Annotated[Money | None, "what it costs if it happens"] = None
    days: Annotated[int | None, "by how many working days all ends later if it happens"] = None
    response: Annotated[Response | None, "what is done about it (应对策略)"] = None
    plan: Annotated[str | None, "how that is done"] = None
    reviewed_on: Annotated[date | None, "when it was looked at last"] = None
    review_note: Annotated[str | None, "how it stood then"] = None
    review_due: Annotated[date | None, "when it is to be looked at again"] = None
    occurred_on: Annotated[date | None, "when it happened"] = None
    issue_id: Annotated[UUID | None, "what came of it when it happened last"] = None
    status: Status = Status.IDENTIFIED
    reason: Annotated[str | None, "why it was closed, or reopened"] = None
