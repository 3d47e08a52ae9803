"""A project (项目): work that is delivered for a customer, from a proposal to its end."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.customers.account import Account
from domain.parameters import Actor, Text, command
from domain.platform.user import User
from domain.sales.opportunity import Opportunity


class Status(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Project(Aggregate):
    needs = "projects.manage"

    name: str
    goal: str | None = None
    account_id: UUID | None = None
    opportunity_id: UUID | None = None
    manager_id: UUID | None = None
    sponsor_id: UUID | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    status: Status = Status.PROPOSED
    cancel_reason: str | None = None

    class Proposed(Aggregate.Created):
        name: str
        goal: str | None
        account_id: UUID | None
        opportunity_id: UUID | None
        manager_id: UUID | None
        sponsor_id: UUID | None
        starts_on: date | None
        ends_on: date | None

    class Cancelled(Aggregate.Event):
        cancel_reason: str
        status: Status = Status.CANCELLED

    @classmethod
    @command
    def propose(
        cls,
        name: str,
        by: Actor,
        goal: Annotated[Text | None, "what it is for"] = None,
        account: Account | None = None,
        opportunity: Annotated[Opportunity | None, "the sale that it came from"] = None,
        manager: Annotated[User | None, "whoever proposes it, unless given"] = None,
        sponsor: User | None = None,
        starts_on: date | None = None,
        ends_on: date | None = None,
    ) -> Self:
        """Suggest a project."""
        cls.require(not (starts_on and ends_on and ends_on < starts_on), "it ends after it starts", "ends_on")
        account_id = account.id if account else opportunity and opportunity.account_id
        return cls._create(
            cls.Proposed,
            name=name,
            goal=goal,
            account_id=account_id,
            opportunity_id=opportunity and opportunity.id,
            manager_id=manager.id if manager else by,
            sponsor_id=sponsor and sponsor.id,
            starts_on=starts_on,
            ends_on=ends_on,
        )

    @command
    def cancel(self, reason: Text) -> None:
        """Give it up."""
        self.trigger_event(self.Cancelled, cancel_reason=reason)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            self.require(not self.is_over, f"this project is {self.status}")
        super().guard(command)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be done in it."""
        return self.status in (Status.COMPLETED, Status.CANCELLED)

    def check_open(self) -> None:
        """Refuse what would be added to a project that is over."""
        self.require(not self.is_over, f"this project is {self.status}", "project_id")
