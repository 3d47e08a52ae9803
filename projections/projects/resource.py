"""Resources, what came of them and what was handed out, as people see them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.projects.resource import Kind, Resource, Status
from domain.values import Money
from projections.columns import Of
from projections.view import View


class ResourceView(
    View,
    of=Resource,
    table="resources",
    needs="projects.see",
    indexes=("project_id", "name", "kind", "status", "needed_on", "account_id", "expected_on", "phase"),
    search=("name",),
):
    """Something that a project needs and that is bought for it, kept, and handed out (资源)."""

    project_id: UUID
    name: str
    kind: Kind
    quantity: Annotated[Decimal, "how much of it is needed"]
    unit: Annotated[str, "in which it is counted, such as pieces"]
    needed_on: Annotated[date | None, "by when it is needed"] = None
    phase: Annotated[str | None, "the key of its phase in the project"] = None
    expected_cost: Annotated[Money | None, "what all of it was thought to cost"] = None
    requested_on: Annotated[date | None, "when it was asked to be bought"] = None
    requested_by_id: Annotated[UUID | None, Of("User"), "who asked for it"] = None
    account_id: Annotated[UUID | None, "from whom it is bought"] = None
    ordered: Annotated[Decimal | None, "how much was ordered"] = None
    ordered_on: Annotated[date | None, "when it was ordered"] = None
    cost: Annotated[Money | None, "what all that was ordered costs"] = None
    expected_on: Annotated[date | None, "when what is still to come is to be delivered"] = None
    delay_reason: Annotated[str | None, "why it is to come on another day than at first"] = None
    delivered: Annotated[Decimal, "how much of it came"] = Decimal(0)
    stored: Annotated[Decimal, "how much of it was put into the store, what is handed out included"] = Decimal(0)
    place: Annotated[str | None, "where the store is"] = None
    issued: Annotated[Decimal, "how much of it is handed out"] = Decimal(0)
    cancel_reason: Annotated[str | None, "why the project does without it"] = None
    status: Annotated[Status, "how far it has come, or the first of it"] = Status.NEEDED


class ResourceDeliveryView(
    View,
    of=Resource,
    table="resource_deliveries",
    key="delivery_id",
    within=ResourceView,
    ends=(Resource.DeliveryStruck,),
    indexes=("on",),
):
    """What came, of all that was ordered."""

    delivery_id: UUID
    quantity: Decimal
    on: Annotated[date, "when it came"]
    note: str | None = None


class ResourceHandoutView(
    View,
    of=Resource,
    table="resource_handouts",
    key="handout_id",
    within=ResourceView,
    ends=(Resource.HandingOutStruck,),
    indexes=("user_id", "task_id", "on"),
):
    """What was handed out, and how much of it came back."""

    handout_id: UUID
    quantity: Decimal
    on: Annotated[date, "when it was handed out"]
    user_id: Annotated[UUID | None, "to whom"] = None
    task_id: Annotated[UUID | None, "what for"] = None
    returned: Annotated[Decimal, "how much of it came back"] = Decimal(0)
    returned_on: Annotated[date | None, "when the last of it came back"] = None
