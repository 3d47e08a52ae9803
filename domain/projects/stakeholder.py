"""A stakeholder (相关方): somebody, or an organisation, whom a project touches, and who can help or hinder it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate, Claim
from domain.customers.account import Account
from domain.customers.contact import FORGOTTEN, Contact
from domain.parameters import AS_IT_IS, Its, Text, command
from domain.personal import OfPerson
from domain.platform.user import User
from domain.projects.project import Project
from domain.values import new_id

Sealed = OfPerson("sealed_for")
"""What is written is about the contact. Where there is none, it is sealed under a key of the stakeholder's own."""


class Attitude(StrEnum):
    """How they stand to the project (态度)."""

    UNAWARE = "unaware"
    RESISTANT = "resistant"
    NEUTRAL = "neutral"
    SUPPORTIVE = "supportive"
    LEADING = "leading"


class Status(StrEnum):
    ACTIVE = "active"
    DROPPED = "dropped"


class Stakeholder(Aggregate):
    needs = "projects.manage"

    project_id: UUID
    sealed_for: UUID
    contact_id: UUID | None = None
    account_id: UUID | None = None
    user_id: UUID | None = None
    interest: int | None = None
    influence: int | None = None
    attitude: Attitude | None = None
    expectation: Annotated[str, Sealed] | None = None
    involvement: Annotated[str, Sealed] | None = None
    status: Status = Status.ACTIVE
    drop_reason: str | None = None
    forgotten: bool = False
    forget_reason: str | None = None

    class Identified(Aggregate.Created):
        project_id: UUID
        sealed_for: UUID
        contact_id: UUID | None
        account_id: UUID | None
        user_id: UUID | None
        interest: int | None
        influence: int | None
        attitude: Attitude | None
        expectation: Annotated[str, Sealed] | None

    class Assessed(Aggregate.Event):
        sealed_for: UUID
        interest: int | None
        influence: int | None
        attitude: Attitude | None
        expectation: Annotated[str, Sealed] | None

    class InvolvementPlanned(Aggregate.Event):
        sealed_for: UUID
        involvement: Annotated[str, Sealed] | None

    class Dropped(Aggregate.Event):
        drop_reason: str | None
        status: Status = Status.DROPPED

    class Resumed(Aggregate.Event):
        drop_reason: None = None
        status: Status = Status.ACTIVE

    class Forgotten(Aggregate.Event):
        forgets = True
        forget_reason: str
        expectation: None = None
        involvement: None = None
        forgotten: bool = True

    @classmethod
    @command
    def identify(
        cls,
        project: Project,
        contact: Annotated[
            Contact | None, "who it is, if one of theirs: what is written is forgotten with them"
        ] = None,
        account: Annotated[Account | None, "who it is, if an organisation"] = None,
        user: Annotated[User | None, "who it is, if one of us"] = None,
        interest: Annotated[int | None, "how much they care: 1 (little) to 5 (much)"] = None,
        influence: Annotated[int | None, "how much they decide: 1 (little) to 5 (much)"] = None,
        attitude: Attitude | None = None,
        expectation: Annotated[Text | None, "what they hope for, or fear"] = None,
    ) -> Self:
        """Say that somebody matters to a project. Each matters to it once."""
        project.check_open()
        who = [each for each in (contact, account, user) if each]
        cls.require(len(who) == 1, "say who it is: either a contact, an account or a user", "contact_id")
        cls._check(interest, influence)
        id = new_id()
        return cls._create(
            cls.Identified,
            id=id,
            project_id=project.id,
            sealed_for=contact.id if contact else id,
            contact_id=contact and contact.id,
            account_id=account and account.id,
            user_id=user and user.id,
            interest=interest,
            influence=influence,
            attitude=attitude,
            expectation=expectation,
        )

    @command
    def assess(
        self,
        contact: Its[Contact | None],
        *,
        interest: Annotated[int | None, "how much they care: 1 (little) to 5 (much)"] = AS_IT_IS,
        influence: Annotated[int | None, "how much they decide: 1 (little) to 5 (much)"] = AS_IT_IS,
        attitude: Attitude | None = AS_IT_IS,
        expectation: Annotated[Text | None, "what they hope for, or fear"] = AS_IT_IS,
    ) -> None:
        """Judge them anew; what is left out stays."""
        self._check_remembered(contact)
        self._check(interest, influence)
        self.trigger_event(
            self.Assessed,
            sealed_for=self.sealed_for,
            interest=interest,
            influence=influence,
            attitude=attitude,
            expectation=expectation,
        )

    @command
    def plan_involvement(
        self, involvement: Annotated[Text | None, "how they are to be involved"], contact: Its[Contact | None]
    ) -> None:
        """Say how they are involved, so that they help; null for not at all."""
        self._check_remembered(contact)
        self.trigger_event(self.InvolvementPlanned, sealed_for=self.sealed_for, involvement=involvement)

    @command
    def drop(self, reason: Annotated[Text | None, "it stays, so name nobody"] = None) -> None:
        """They matter to the project no more."""
        self.trigger_event(self.Dropped, drop_reason=reason)

    @command
    def resume(self) -> None:
        """They matter to it after all."""
        self.trigger_event(self.Resumed)

    @command
    def forget(self, reason: Annotated[str, "it stays, so name nobody"]) -> None:
        """Erase what was written of them for ever, in the history too. A contact is forgotten by itself."""
        self.require(self.contact_id is None, "this is a contact: forget the contact")
        self.trigger_event(self.Forgotten, forget_reason=reason)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            self.require(not self.forgotten, "what was written of them was erased")
            dropped = self.status is Status.DROPPED
            self.require(dropped == (command == "resume") or command == "forget", f"this stakeholder is {self.status}")
        super().guard(command)

    def claims(self) -> frozenset[Claim]:
        if self.archived or self.status is Status.DROPPED:
            return super().claims()
        name = next(name for name in ("contact_id", "account_id", "user_id") if getattr(self, name))
        return super().claims() | {Claim("Stakeholder", name, f"{self.project_id} {getattr(self, name)}")}

    @classmethod
    def _check(cls, interest: int | None, influence: int | None) -> None:
        for field, value in (("interest", interest), ("influence", influence)):
            cls.require(value is None or 1 <= value <= 5, "this is between 1 (little) and 5 (much)", field)

    def _check_remembered(self, contact: Contact | None) -> None:
        self.require(contact is None or not contact.forgotten, FORGOTTEN)
