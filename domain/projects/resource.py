"""A resource (资源): something that a project needs and that is bought for it, kept, and handed out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.customers.account import Account
from domain.parameters import AS_IT_IS, Actor, Its, Moment, Sees, Text, command
from domain.platform.user import User
from domain.projects.project import Project
from domain.projects.task import Task
from domain.values import Money, new_id


class Kind(StrEnum):
    """Whether it is used up, used, or a right to use something."""

    MATERIAL = "material"
    EQUIPMENT = "equipment"
    LICENCE = "licence"


class Status(StrEnum):
    """How far it has come, or the first of it."""

    NEEDED = "needed"
    REQUESTED = "requested"
    ORDERED = "ordered"
    DELIVERED = "delivered"
    STORED = "stored"
    ISSUED = "issued"
    RETURNED = "returned"
    CANCELLED = "cancelled"


UNORDERED: Final = frozenset({Status.NEEDED, Status.REQUESTED})
ORDERED: Final = frozenset({Status.ORDERED, Status.DELIVERED, Status.STORED, Status.ISSUED, Status.RETURNED})
ADMITS: Final = {
    "change_need": UNORDERED,
    "request": frozenset({Status.NEEDED}),
    "order": frozenset({Status.REQUESTED}),
    "cancel": UNORDERED | {Status.ORDERED},
}
"""In which states a command is admitted; any other needs that it was ordered."""


@dataclass(frozen=True)
class Delivery:
    """What came, of all that was ordered."""

    delivery_id: UUID
    quantity: Decimal
    on: date
    note: str | None


@dataclass(frozen=True)
class Handout:
    """What was handed out, and how much of it came back."""

    handout_id: UUID
    quantity: Decimal
    on: date
    user_id: UUID | None
    task_id: UUID | None
    returned: Decimal = Decimal(0)
    returned_on: date | None = None


class Resource(Aggregate):
    needs = "projects.manage"

    project_id: UUID
    name: str
    kind: Kind
    quantity: Decimal
    unit: str
    needed_on: date | None = None
    phase: str | None = None
    expected_cost: Money | None = None
    requested_on: date | None = None
    requested_by_id: UUID | None = None
    account_id: UUID | None = None
    ordered: Decimal | None = None
    ordered_on: date | None = None
    cost: Money | None = None
    expected_on: date | None = None
    delay_reason: str | None = None
    delivered: Decimal = Decimal(0)
    stored: Decimal = Decimal(0)
    place: str | None = None
    issued: Decimal = Decimal(0)
    cancel_reason: str | None = None
    status: Status = Status.NEEDED
    deliveries: Mapping[UUID, Delivery] = field(default_factory=dict)
    handouts: Mapping[UUID, Handout] = field(default_factory=dict)

    class Needed(Aggregate.Created):
        project_id: UUID
        name: str
        kind: Kind
        quantity: Decimal
        unit: str
        needed_on: date | None
        phase: str | None
        expected_cost: Money | None

    class NeedChanged(Aggregate.Event):
        name: str
        quantity: Decimal
        unit: str
        needed_on: date | None
        phase: str | None
        expected_cost: Money | None

    class Requested(Aggregate.Event):
        requested_on: date | None
        requested_by_id: UUID | None
        status: Status

    class Ordered(Aggregate.Event):
        account_id: UUID | None
        ordered: Decimal | None
        ordered_on: date | None
        cost: Money | None
        expected_on: date | None
        status: Status

    class DeliveryRescheduled(Aggregate.Event):
        expected_on: date | None
        delay_reason: str | None

    class DeliveryReceived(Aggregate.Event):
        item_of = "deliveries"
        delivery_id: UUID
        quantity: Decimal
        on: date
        note: str | None

    class DeliveryStruck(Aggregate.Event):
        ends_item_of = "deliveries"
        delivery_id: UUID

    class Delivered(Aggregate.Event):
        delivered: Decimal
        status: Status

    class Stored(Aggregate.Event):
        stored: Decimal
        place: str | None
        status: Status

    class HandedOut(Aggregate.Event):
        item_of = "handouts"
        handout_id: UUID
        quantity: Decimal
        on: date
        user_id: UUID | None
        task_id: UUID | None

    class HandingOutStruck(Aggregate.Event):
        ends_item_of = "handouts"
        handout_id: UUID

    class HandedBack(Aggregate.Event):
        item_of = "handouts"
        handout_id: UUID
        returned: Decimal
        returned_on: date | None

    class Issued(Aggregate.Event):
        issued: Decimal
        status: Status

    class Returned(Aggregate.Event):
        issued: Decimal
        status: Status

    class Cancelled(Aggregate.Event):
        cancel_reason: str | None
        status: Status

    @classmethod
    @command
    def need(
        cls,
        project: Project,
        name: str,
        kind: Kind,
        quantity: Decimal,
        unit: Annotated[str, "in which it is counted, such as pieces"],
        needed_on: date | None = None,
        phase: Annotated[str | None, "its key in the project"] = None,
        expected_cost: Annotated[Money | None, "of all of it"] = None,
    ) -> Self:
        """Say what a project needs, and by when."""
        project.check_open()
        project.check_phase(phase)
        cls._check_need(quantity, expected_cost)
        return cls._create(
            cls.Needed,
            project_id=project.id,
            name=name,
            kind=kind,
            quantity=quantity,
            unit=unit,
            needed_on=needed_on,
            phase=phase,
            expected_cost=expected_cost,
        )

    @command
    def change_need(
        self,
        project: Its[Project],
        sees: Sees,
        *,
        name: str = AS_IT_IS,
        quantity: Decimal = AS_IT_IS,
        unit: str = AS_IT_IS,
        needed_on: date | None = AS_IT_IS,
        phase: Annotated[str | None, "its key in the project; null for none"] = AS_IT_IS,
        expected_cost: Money | None = AS_IT_IS,
    ) -> None:
        """Correct what is needed, until it is ordered; what is left out stays."""
        if phase != self.phase:
            project.check_phase(phase, named=sees(project))
        self._check_need(quantity, expected_cost)
        self.trigger_event(
            self.NeedChanged,
            name=name,
            quantity=quantity,
            unit=unit,
            needed_on=needed_on,
            phase=phase,
            expected_cost=expected_cost,
        )

    @command
    def request(self, by: Actor, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """Ask that it be bought."""
        self.trigger_event(self.Requested, requested_on=self.day(on, now), requested_by_id=by, status=Status.REQUESTED)

    @command
    def order(
        self,
        cost: Annotated[Money, "of all of it"],
        now: Moment,
        account: Annotated[Account | None, "from whom"] = None,
        quantity: Annotated[Decimal | None, "all that is needed, unless given"] = None,
        expected_on: Annotated[date | None, "when it is to be delivered"] = None,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """Buy it."""
        self._check_need(quantity, cost, "cost")
        self.trigger_event(
            self.Ordered,
            account_id=account and account.id,
            ordered=quantity or self.quantity,
            ordered_on=self.day(on, now),
            cost=cost,
            expected_on=expected_on,
            status=Status.ORDERED,
        )

    @command
    def reschedule_delivery(self, expected_on: date, reason: Text) -> None:
        """Expect what is still to come on another day, and say why."""
        self.require(self._outstanding > 0, "all of it was delivered", "expected_on")
        self.trigger_event(self.DeliveryRescheduled, expected_on=expected_on, delay_reason=reason)

    @command
    def deliver(
        self,
        quantity: Annotated[Decimal, "how much of it came, at once"],
        now: Moment,
        on: Annotated[date | None, "today unless given"] = None,
        note: Text | None = None,
    ) -> None:
        """Record that it came, or a part of it."""
        self._check_quantity(quantity, self._outstanding, "of what was ordered, {} {} are still to come")
        received = {"delivery_id": new_id(), "quantity": quantity, "on": self.day(on, now), "note": note}
        self.trigger_event(self.DeliveryReceived, **received)
        self._move(self.Delivered, delivered=self.delivered + quantity)

    @command
    def store(self, quantity: Decimal, place: Annotated[str | None, "where; null: where it was before"] = None) -> None:
        """Put what came into the store."""
        self._check_quantity(quantity, self.delivered - self.stored, "{} {} of what was delivered are not stored yet")
        self._move(self.Stored, stored=self.stored + quantity, place=place or self.place)

    @command
    def issue(
        self,
        quantity: Decimal,
        now: Moment,
        user: Annotated[User | None, "to whom"] = None,
        task: Annotated[Task | None, "what for"] = None,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """Hand some of it out; never more than is in the store."""
        self._check_quantity(quantity, self.stored - self.issued, "there are only {} {} in the store")
        self.require(task is None or task.project_id == self.project_id, "this is another project's task", "task_id")
        handout = {"handout_id": new_id(), "quantity": quantity, "on": self.day(on, now)}
        self.trigger_event(self.HandedOut, **handout, user_id=user and user.id, task_id=task and task.id)
        self._move(self.Issued, issued=self.issued + quantity)

    @command(mutation="returnResource")
    def give_back(
        self,
        handout_id: UUID,
        now: Moment,
        quantity: Annotated[Decimal | None, "all of it, unless given"] = None,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """Bring back into the store what was handed out, or a part of it."""
        handout = self.needed(self.handouts.get(handout_id), "this was never handed out", "handout_id")
        out = handout.quantity - handout.returned
        back = out if quantity is None else quantity
        self._check_quantity(back, out, "{} {} of it are still handed out")
        self.trigger_event(
            self.HandedBack, handout_id=handout_id, returned=handout.returned + back, returned_on=self.day(on, now)
        )
        self._move(self.Returned, issued=self.issued - back)

    @command
    def cancel(self, reason: Text) -> None:
        """Do without it."""
        self.trigger_event(self.Cancelled, cancel_reason=reason, status=Status.CANCELLED)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            self.require(self.status in ADMITS.get(command, ORDERED), f"this resource is {self.status}")
            self.require(self.stored <= self.delivered, "more of it is stored than was delivered")
            self.require(self.issued <= self.stored, "more of it is handed out than was stored")
        super().guard(command)

    @property
    def _outstanding(self) -> Decimal:
        return (self.ordered or Decimal(0)) - self.delivered

    def _move(self, event: type[Aggregate.Event], **told: Decimal | str | None) -> None:
        """Record how much of it is where, and how far it has come by that."""
        delivered, stored, issued = (told.get(name, getattr(self, name)) for name in ("delivered", "stored", "issued"))
        reached = [
            (issued, Status.ISSUED),
            (self.handouts, Status.RETURNED),
            (stored, Status.STORED),
            (delivered, Status.DELIVERED),
            (True, Status.ORDERED),
        ]
        self.trigger_event(event, **told, status=next(status for there, status in reached if there))

    def _check_quantity(self, quantity: Decimal, most: Decimal, otherwise: str) -> None:
        self.require(quantity > 0, "a quantity is more than nothing", "quantity")
        self.require(quantity <= most, otherwise.format(most, self.unit), "quantity")

    @classmethod
    def _check_need(cls, quantity: Decimal | None, cost: Money | None, field: str = "expected_cost") -> None:
        cls.require(quantity is None or quantity > 0, "a quantity is more than nothing", "quantity")
        cls.require(cost is None or cost.amount >= 0, "a cost is not negative", field)
