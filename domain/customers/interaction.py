"""An interaction: one exchange with a customer, planned or past, and what is to follow from it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.customers.account import Account
from domain.customers.contact import FORGOTTEN, Channel, Contact, Purpose
from domain.parameters import AS_IT_IS, Its, Moment, Text, command
from domain.personal import OfPerson
from domain.platform.user import User
from domain.sales.opportunity import Opportunity
from domain.values import new_id

Sealed = OfPerson("sealed_for")
"""What was said is about the contact. Where there is none, it is sealed under a key of the interaction's own."""


class Kind(StrEnum):
    """In which form it takes place."""

    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    VISIT = "visit"
    CHAT = "chat"
    SOCIAL = "social"
    NOTE = "note"


class Direction(StrEnum):
    """From whom it comes: from them, or from us."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Sentiment(StrEnum):
    """How they feel about it."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


class Status(StrEnum):
    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


CHANNELS = {
    Kind.CALL: Channel.PHONE,
    Kind.EMAIL: Channel.EMAIL,
    Kind.MEETING: Channel.IN_PERSON,
    Kind.VISIT: Channel.IN_PERSON,
    Kind.CHAT: Channel.CHAT,
    Kind.SOCIAL: Channel.SOCIAL,
}


class Interaction(Aggregate):
    needs = "customers.edit"

    kind: Kind
    direction: Direction
    status: Status
    sealed_for: UUID
    contact_id: UUID | None = None
    account_id: UUID | None = None
    opportunity_id: UUID | None = None
    contact_ids: tuple[UUID, ...] = ()
    user_ids: tuple[UUID, ...] = ()
    purpose: Purpose | None = None
    subject: Annotated[str, Sealed] | None = None
    body: Annotated[str, Sealed] | None = None
    starts_at: datetime | None = None
    held_at: datetime | None = None
    minutes: int | None = None
    outcome: str | None = None
    sentiment: Sentiment | None = None
    cancelled_because: str | None = None
    follow_up_due: date | None = None
    follow_up_owner_id: UUID | None = None
    follow_up_done_on: date | None = None
    forgotten: bool = False
    forget_reason: str | None = None

    class Logged(Aggregate.Created):
        kind: Kind
        direction: Direction
        sealed_for: UUID
        contact_id: UUID | None
        account_id: UUID | None
        opportunity_id: UUID | None
        contact_ids: tuple[UUID, ...]
        user_ids: tuple[UUID, ...]
        purpose: Purpose | None
        subject: Annotated[str, Sealed] | None
        body: Annotated[str, Sealed] | None
        held_at: datetime
        minutes: int | None
        outcome: str | None
        sentiment: Sentiment | None
        status: Status = Status.HELD

    class Scheduled(Aggregate.Created):
        kind: Kind
        direction: Direction
        sealed_for: UUID
        contact_id: UUID | None
        account_id: UUID | None
        opportunity_id: UUID | None
        contact_ids: tuple[UUID, ...]
        user_ids: tuple[UUID, ...]
        purpose: Purpose | None
        subject: Annotated[str, Sealed] | None
        body: Annotated[str, Sealed] | None
        starts_at: datetime
        minutes: int | None
        status: Status = Status.PLANNED

    class Rescheduled(Aggregate.Event):
        starts_at: datetime
        minutes: int | None

    class Held(Aggregate.Event):
        held_at: datetime
        minutes: int | None
        outcome: str | None
        sentiment: Sentiment | None
        status: Status = Status.HELD

    class Cancelled(Aggregate.Event):
        cancelled_because: str | None
        status: Status = Status.CANCELLED

    class Corrected(Aggregate.Event):
        sealed_for: UUID
        kind: Kind
        direction: Direction
        subject: Annotated[str, Sealed] | None
        body: Annotated[str, Sealed] | None
        minutes: int | None

    class ParticipantsChanged(Aggregate.Event):
        contact_ids: tuple[UUID, ...]
        user_ids: tuple[UUID, ...]

    class OutcomeRecorded(Aggregate.Event):
        outcome: str | None
        sentiment: Sentiment | None

    class FollowUpPlanned(Aggregate.Event):
        follow_up_due: date
        follow_up_owner_id: UUID | None
        follow_up_done_on: None = None

    class FollowUpCompleted(Aggregate.Event):
        follow_up_done_on: date

    class FollowUpCancelled(Aggregate.Event):
        follow_up_due: None = None
        follow_up_owner_id: None = None
        follow_up_done_on: None = None

    class Forgotten(Aggregate.Event):
        forgets = True
        forget_reason: str
        subject: None = None
        body: None = None
        forgotten: bool = True

    @classmethod
    @command
    def log(
        cls,
        kind: Kind,
        direction: Direction,
        now: Moment,
        contact: Annotated[Contact | None, "whom it is about: what is written is forgotten with them"] = None,
        account: Account | None = None,
        opportunity: Opportunity | None = None,
        contacts: Annotated[tuple[Contact, ...], "who else of theirs took part"] = (),
        users: Annotated[tuple[User, ...], "who of us took part"] = (),
        purpose: Annotated[Purpose | None, "for which a consent is needed, if it is for one of these"] = None,
        subject: str | None = None,
        body: Text | None = None,
        minutes: Annotated[int | None, "how long it took"] = None,
        outcome: str | None = None,
        sentiment: Sentiment | None = None,
    ) -> Self:
        """Write down what took place, now or when it is said to have."""
        id = new_id()
        cls._check(kind, direction, contact, account, opportunity, contacts, purpose, minutes)
        return cls._create(
            cls.Logged,
            id=id,
            kind=kind,
            direction=direction,
            sealed_for=contact.id if contact else id,
            contact_id=contact and contact.id,
            account_id=account and account.id,
            opportunity_id=opportunity and opportunity.id,
            contact_ids=_ids(contacts),
            user_ids=_ids(users),
            purpose=purpose,
            subject=subject,
            body=body,
            held_at=now.astimezone(UTC),
            minutes=minutes,
            outcome=outcome,
            sentiment=sentiment,
        )

    @classmethod
    @command
    def schedule(
        cls,
        kind: Kind,
        starts_at: datetime,
        direction: Direction = Direction.OUTBOUND,
        contact: Annotated[Contact | None, "whom it is about: what is written is forgotten with them"] = None,
        account: Account | None = None,
        opportunity: Opportunity | None = None,
        contacts: Annotated[tuple[Contact, ...], "who else of theirs is to take part"] = (),
        users: Annotated[tuple[User, ...], "who of us is to take part"] = (),
        purpose: Annotated[Purpose | None, "for which a consent is needed, if it is for one of these"] = None,
        subject: str | None = None,
        body: Text | None = None,
        minutes: Annotated[int | None, "how long it is to take"] = None,
    ) -> Self:
        """Plan what is to take place."""
        id = new_id()
        cls._check(kind, direction, contact, account, opportunity, contacts, purpose, minutes)
        return cls._create(
            cls.Scheduled,
            id=id,
            kind=kind,
            direction=direction,
            sealed_for=contact.id if contact else id,
            contact_id=contact and contact.id,
            account_id=account and account.id,
            opportunity_id=opportunity and opportunity.id,
            contact_ids=_ids(contacts),
            user_ids=_ids(users),
            purpose=purpose,
            subject=subject,
            body=body,
            starts_at=starts_at,
            minutes=minutes,
        )

    @command
    def reschedule(
        self, starts_at: datetime, minutes: Annotated[int | None, "how long it is to take"] = AS_IT_IS
    ) -> None:
        """Plan it for another time."""
        self._check_minutes(minutes)
        self.trigger_event(self.Rescheduled, starts_at=starts_at, minutes=minutes)

    @command
    def hold(
        self,
        now: Moment,
        contact: Its[Contact | None],
        minutes: Annotated[int | None, "how long it took"] = AS_IT_IS,
        outcome: str | None = None,
        sentiment: Sentiment | None = None,
    ) -> None:
        """It took place."""
        self._check_minutes(minutes)
        self._check_consent(self.kind, self.direction, contact, self.purpose)
        self.trigger_event(
            self.Held, held_at=now.astimezone(UTC), minutes=minutes, outcome=outcome, sentiment=sentiment
        )

    @command
    def cancel(self, reason: str | None = None) -> None:
        """It will not take place."""
        self.trigger_event(self.Cancelled, cancelled_because=reason)

    @command
    def correct(
        self,
        contact: Its[Contact | None],
        *,
        kind: Kind = AS_IT_IS,
        direction: Direction = AS_IT_IS,
        subject: str | None = AS_IT_IS,
        body: Text | None = AS_IT_IS,
        minutes: int | None = AS_IT_IS,
    ) -> None:
        """Correct what was written down; what is left out stays."""
        self.require(contact is None or not contact.forgotten, FORGOTTEN)
        self._check_minutes(minutes)
        self._check_consent(kind, direction, contact, self.purpose)
        self.trigger_event(
            self.Corrected,
            sealed_for=self.sealed_for,
            kind=kind,
            direction=direction,
            subject=subject,
            body=body,
            minutes=minutes,
        )

    @command
    def set_participants(self, contacts: tuple[Contact, ...] = (), users: tuple[User, ...] = ()) -> None:
        """Say who takes part, or took."""
        self.trigger_event(self.ParticipantsChanged, contact_ids=_ids(contacts), user_ids=_ids(users))

    @command
    def record_outcome(self, outcome: str | None = None, sentiment: Sentiment | None = None) -> None:
        """Say what came of it."""
        self.trigger_event(self.OutcomeRecorded, outcome=outcome, sentiment=sentiment)

    @command
    def plan_follow_up(self, due: date, owner: Annotated[User | None, "who is to do it"] = None) -> None:
        """Something is to follow, by this day."""
        self.trigger_event(self.FollowUpPlanned, follow_up_due=due, follow_up_owner_id=owner and owner.id)

    @command
    def complete_follow_up(self, now: Moment) -> None:
        """What was to follow is done."""
        self._check_follow_up()
        self.trigger_event(self.FollowUpCompleted, follow_up_done_on=now.date())

    @command
    def cancel_follow_up(self) -> None:
        """Nothing is to follow after all."""
        self._check_follow_up()
        self.trigger_event(self.FollowUpCancelled)

    @command
    def forget(self, reason: Annotated[str, "it stays, so name nobody"]) -> None:
        """Erase what was said for ever, in the history too. What is about a contact is forgotten with the contact."""
        self.require(self.contact_id is None, "this is about a contact: forget the contact")
        self.trigger_event(self.Forgotten, forget_reason=reason)

    def guard(self, command: str) -> None:
        if command in ("correct", "forget"):
            self.require(not self.forgotten, "what was said was erased")
        if command in ("reschedule", "hold"):
            self.require(self.status is Status.PLANNED, f"this interaction is {self.status} already")
        elif command == "cancel":
            self.require(self.status is Status.PLANNED, f"this interaction is {self.status}, not planned")
        elif command in ("record_outcome", "plan_follow_up"):
            self.require(self.status is not Status.CANCELLED, "this interaction was cancelled")
        super().guard(command)

    @classmethod
    def _check(
        cls,
        kind: Kind,
        direction: Direction,
        contact: Contact | None,
        account: Account | None,
        opportunity: Opportunity | None,
        contacts: tuple[Contact, ...],
        purpose: Purpose | None,
        minutes: int | None,
    ) -> None:
        cls.require(
            any((contact, account, opportunity)), "say what it is about: a contact, an account or an opportunity"
        )
        cls._check_minutes(minutes)
        for each in (contact, *contacts):
            cls._check_consent(kind, direction, each, purpose)

    @classmethod
    def _check_minutes(cls, minutes: int | None) -> None:
        cls.require(minutes is None or minutes >= 0, "nothing takes less than no time", "minutes")

    @classmethod
    def _check_consent(cls, kind: Kind, direction: Direction, contact: Contact | None, purpose: Purpose | None) -> None:
        """What we do for a purpose that wants consent, we do with those who gave it; what comes from them is theirs."""
        if contact and purpose and direction is Direction.OUTBOUND and kind in CHANNELS:
            obstacle = contact.why_not_contact(purpose, CHANNELS[kind])
            cls.require(obstacle is None, obstacle, "purpose")

    def _check_follow_up(self) -> None:
        open_ = self.follow_up_due is not None and self.follow_up_done_on is None
        self.require(open_, "nothing is to follow")


def _ids(those: tuple[Contact, ...] | tuple[User, ...]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(each.id for each in those))
