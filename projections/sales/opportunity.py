"""Opportunities and their lines, as people see them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.sales.opportunity import Opportunity, Status
from domain.values import Money
from projections.view import View


class OpportunityView(
    View,
    of=Opportunity,
    table="opportunities",
    needs="sales.see",
    owner="owner_id",
    indexes=("account_id", "owner_id", "stage", "status", "amount", "expected_close", "closed_on"),
    search=("name",),
):
    """An account may buy something from us."""

    name: str
    pipeline_id: UUID
    stage: Annotated[str, "the key of the stage where it stands"]
    probability: Annotated[int, "of winning, in percent"]
    account_id: UUID | None = None
    amount: Annotated[Money | None, "what it may bring in; what it brought, once it is won"] = None
    expected_close: Annotated[date | None, "when the decision is expected"] = None
    source: Annotated[str | None, "how we came to know of it"] = None
    next_step: Annotated[str | None, "what is to be done next"] = None
    competitors: Annotated[tuple[str, ...], "who else would like to sell"] = ()
    status: Status = Status.OPEN
    closed_on: Annotated[date | None, "when it was won or lost"] = None
    lost_reason: str | None = None


class OpportunityLineView(
    View,
    of=Opportunity,
    table="opportunity_lines",
    key="line_id",
    within=OpportunityView,
    ends=(Opportunity.LineRemoved,),
    indexes=("product_id",),
):
    """So much of one product, at a price."""

    line_id: UUID
    product_id: UUID
    quantity: Decimal
    price: Annotated[Money, "of one unit"]
    discount: Annotated[Decimal, "in percent of the price"]
