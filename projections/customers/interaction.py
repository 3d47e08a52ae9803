"""Interactions, as people see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from domain.customers.contact import Purpose
from domain.customers.interaction import Direction, Interaction, Kind, Sealed, Sentiment, Status
from projections.columns import Of
from projections.view import View


class InteractionView(
    View,
    of=Interaction,
    table="interactions",
    needs="customers.see",
    owner="owner_id",
    indexes=(
        "contact_id",
        "contact_ids",
        "account_id",
        "opportunity_id",
        "owner_id",
        "sealed_for",
        "status",
        "starts_at",
        "held_at",
        "follow_up_due",
    ),
    search=("subject", "outcome"),
):
    """One exchange with a customer, planned or past. What was said is null once the person was forgotten."""

    kind: Kind
    direction: Direction
    status: Status
    sealed_for: Annotated[UUID, "with whom its text is forgotten: the contact; without one, only itself"]
    contact_id: Annotated[UUID | None, "whom it is about"] = None
    account_id: UUID | None = None
    opportunity_id: UUID | None = None
    contact_ids: Annotated[tuple[UUID, ...], Of("Contact"), "who else of theirs takes part"] = ()
    user_ids: Annotated[tuple[UUID, ...], Of("User"), "who of us takes part"] = ()
    purpose: Annotated[Purpose | None, "for which a consent is needed"] = None
    subject: Annotated[str, Sealed] | None = None
    body: Annotated[str, Sealed] | None = None
    starts_at: Annotated[datetime | None, "when it is planned for"] = None
    held_at: Annotated[datetime | None, "when it took place"] = None
    minutes: Annotated[int | None, "how long it takes"] = None
    outcome: Annotated[str | None, "what came of it"] = None
    sentiment: Annotated[Sentiment | None, "how they felt about it"] = None
    cancelled_because: str | None = None
    follow_up_due: Annotated[date | None, "by when something is to follow"] = None
    follow_up_owner_id: Annotated[UUID | None, Of("User"), "who is to do it"] = None
    follow_up_done_on: date | None = None
    forgotten: Annotated[bool, "whether its own text was erased"] = False
    forget_reason: Annotated[str | None, "why its own text was erased"] = None
