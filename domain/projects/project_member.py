"""A project member (团队): somebody in the team of a project, in a role, with what they answer for (责任分配)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate, Claim
from domain.customers.contact import Contact
from domain.parameters import AS_IT_IS, Moment, Text, command
from domain.platform.user import User
from domain.projects.project import Project


class Role(StrEnum):
    """What somebody does in a project (角色)."""

    PROJECT_MANAGER = "project_manager"
    BUSINESS_ANALYST = "business_analyst"
    IMPLEMENTATION_SPECIALIST = "implementation_specialist"
    DEVELOPER = "developer"
    IT_TECHNICIAN = "it_technician"
    QA = "qa"
    USER_REPRESENTATIVE = "user_representative"
    SYSTEM_ADMINISTRATOR = "system_administrator"
    DATA_ANALYST = "data_analyst"
    TRAINER = "trainer"
    SUPPORT = "support"


class Raci(StrEnum):
    """What somebody has to do with a deliverable: does it, answers for it, is asked, is told."""

    RESPONSIBLE = "responsible"
    ACCOUNTABLE = "accountable"
    CONSULTED = "consulted"
    INFORMED = "informed"


@dataclass(frozen=True)
class Responsibility:
    """What a member has to do with one deliverable."""

    deliverable: str
    responsibility: Raci


class ProjectMember(Aggregate):
    needs = "projects.manage"

    project_id: UUID
    role: Role
    allocation: Decimal
    since: date
    user_id: UUID | None = None
    contact_id: UUID | None = None
    until: date | None = None
    responsibilities: Mapping[str, Responsibility] = field(default_factory=dict)
    left: bool = False
    leave_reason: str | None = None

    class Joined(Aggregate.Created):
        project_id: UUID
        role: Role
        allocation: Decimal
        since: date
        user_id: UUID | None
        contact_id: UUID | None
        until: date | None

    class RoleChanged(Aggregate.Event):
        role: Role

    class AllocationChanged(Aggregate.Event):
        allocation: Decimal
        since: date
        until: date | None

    class ResponsibilitySet(Aggregate.Event):
        item_of = "responsibilities"
        deliverable: str
        responsibility: Raci

    class ResponsibilityDropped(Aggregate.Event):
        ends_item_of = "responsibilities"
        deliverable: str

    class Left(Aggregate.Event):
        until: date
        leave_reason: str | None
        left: bool = True

    class Rejoined(Aggregate.Event):
        until: date | None
        leave_reason: None = None
        left: bool = False

    @classmethod
    @command(mutation="joinAsProjectMember")
    def join(
        cls,
        project: Project,
        role: Role,
        now: Moment,
        user: Annotated[User | None, "who joins, if it is one of us"] = None,
        contact: Annotated[Contact | None, "who joins, if it is one of theirs"] = None,
        allocation: Annotated[Decimal, "in percent of their working time"] = Decimal(100),
        since: Annotated[date | None, "from which day on; today unless given"] = None,
        until: Annotated[date | None, "the last day that is planned"] = None,
    ) -> Self:
        """Take somebody into the team of a project. Nobody has the same role in a project twice at a time."""
        project.check_open()
        cls.require((user is None) != (contact is None), "say who it is: either a user or a contact", "user_id")
        first = since or now.date()
        cls._check(allocation, first, until)
        return cls._create(
            cls.Joined,
            project_id=project.id,
            role=role,
            allocation=allocation,
            since=first,
            user_id=user and user.id,
            contact_id=contact and contact.id,
            until=until,
        )

    @command
    def change_role(self, role: Role) -> None:
        """Say what they do from now on."""
        self.trigger_event(self.RoleChanged, role=role)

    @command
    def change_allocation(
        self,
        *,
        allocation: Annotated[Decimal, "in percent of their working time"] = AS_IT_IS,
        since: date = AS_IT_IS,
        until: Annotated[date | None, "the last day that is planned"] = AS_IT_IS,
    ) -> None:
        """Say how much of their time it takes, and from when until when; what is left out stays."""
        self._check(allocation, since, until)
        self.trigger_event(self.AllocationChanged, allocation=allocation, since=since, until=until)

    @command
    def set_responsibility(self, deliverable: Annotated[str, "what is to come of it"], responsibility: Raci) -> None:
        """Say what they have to do with a deliverable. In a project only one answers for each of them."""
        self.trigger_event(self.ResponsibilitySet, deliverable=deliverable, responsibility=responsibility)

    @command
    def drop_responsibility(self, deliverable: str) -> None:
        """They have nothing to do with it any more."""
        self.require(deliverable in self.responsibilities, "nothing is said of this deliverable", "deliverable")
        self.trigger_event(self.ResponsibilityDropped, deliverable=deliverable)

    @command(mutation="leaveAsProjectMember")
    def leave(
        self,
        now: Moment,
        on: Annotated[date | None, "their last day; today unless given"] = None,
        reason: Text | None = None,
    ) -> None:
        """They belong to the team no more. What they answered for is free for somebody else."""
        last = self.day(on, now)
        self.require(last >= self.since, "nobody leaves before they have joined", "on")
        self.trigger_event(self.Left, until=last, leave_reason=reason)

    @command(mutation="rejoinAsProjectMember")
    def rejoin(self, until: Annotated[date | None, "the last day that is planned"] = None) -> None:
        """They belong to the team again, as if they had never left."""
        self._check(self.allocation, self.since, until)
        self.trigger_event(self.Rejoined, until=until)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            self.require(self.left == (command == "rejoin"), f"this member has {'' if self.left else 'not '}left")
        super().guard(command)

    def claims(self) -> frozenset[Claim]:
        """Beside what all claim: the role of this person, and each deliverable that only one answers for.

        What others are responsible for, no aggregate knows; that two would answer for the same, the claim finds.
        """
        if self.archived or self.left:
            return super().claims()
        answered = (r.deliverable for r in self.responsibilities.values() if r.responsibility is Raci.ACCOUNTABLE)
        person = self.user_id or self.contact_id
        own = [("role", f"{person} {self.role}"), *(("deliverable", each.casefold()) for each in answered)]
        return super().claims().union(Claim("ProjectMember", n, f"{self.project_id} {value}") for n, value in own)

    @classmethod
    def _check(cls, allocation: Decimal, since: date, until: date | None) -> None:
        cls.require(1 <= allocation <= 100, "an allocation is between 1 and 100 percent", "allocation")
        cls.require(until is None or until >= since, "the last day is not before the first", "until")
