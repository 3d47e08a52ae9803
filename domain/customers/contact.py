"""A contact: a person whom we know at an organisation that buys from us, or may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Self, cast
from uuid import UUID

from domain.aggregate import Aggregate
from domain.customers.account import Account
from domain.declaration import personal
from domain.parameters import AS_IT_IS, Moment, Patch, Text, command
from domain.personal import Personal
from domain.values import Email, Locale, Phone

FORGOTTEN = "this person was forgotten"
HOLDING = frozenset({"hold", "release_hold"})
"""What can be done to an archived person, too: they may still be forgotten, and so must be protected from it."""


class Role(StrEnum):
    """What somebody has to say when their organisation decides to buy."""

    DECISION_MAKER = "decision_maker"
    INFLUENCER = "influencer"
    USER = "user"
    CHAMPION = "champion"
    BLOCKER = "blocker"


class Channel(StrEnum):
    """By what somebody is reached."""

    EMAIL = "email"
    PHONE = "phone"
    SMS = "sms"
    CHAT = "chat"
    SOCIAL = "social"
    POST = "post"
    IN_PERSON = "in_person"


class Purpose(StrEnum):
    """What a consent is for. To win, deliver and support an order needs none of these."""

    MARKETING = "marketing"
    SURVEY = "survey"
    PROFILING = "profiling"
    SHARING = "sharing"


class LawfulBasis(StrEnum):
    """Why we may: the bases of article 6 of the GDPR that a company has with customers."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    LEGITIMATE_INTEREST = "legitimate_interest"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who somebody is, and how they are reached."""

    given_name: str | None = None
    family_name: str | None = None
    emails: Annotated[tuple[Email, ...], "the one to write to first"] = ()
    phones: Annotated[tuple[Phone, ...], "the one to call first"] = ()
    birthday: date | None = None


@dataclass(frozen=True)
class AtAccount:
    """Somebody at an organisation, and what they have to say there."""

    account_id: UUID
    role: Role | None


@dataclass(frozen=True)
class Consent:
    """That we may contact somebody for a purpose by a channel, why, since when, and until when if it was withdrawn."""

    consent: str
    purpose: Purpose
    channel: Channel
    basis: LawfulBasis
    evidence: str | None
    given_at: datetime
    withdrawn_at: datetime | None


class Contact(Aggregate):
    needs = "customers.edit"

    person: Personal[Person] | None
    title: str | None = None
    department: str | None = None
    language: Locale | None = None
    preferred_channel: Channel | None = None
    accounts: Mapping[UUID, AtAccount] = field(default_factory=dict)
    consents: Mapping[str, Consent] = field(default_factory=dict)
    archive_reason: Personal[str] | None = None
    hold_reason: str | None = None
    forgotten: bool = False
    forget_reason: str | None = None

    class Added(Aggregate.Created):
        person: Personal[Person] | None
        title: str | None
        department: str | None
        language: Locale | None
        preferred_channel: Channel | None

    class Corrected(Aggregate.Event):
        person: Personal[Person] | None

    class DetailsChanged(Aggregate.Event):
        title: str | None
        department: str | None
        language: Locale | None
        preferred_channel: Channel | None

    class AccountJoined(Aggregate.Event):
        item_of = "accounts"
        account_id: UUID
        role: Role | None

    class AccountRoleChanged(Aggregate.Event):
        item_of = "accounts"
        account_id: UUID
        role: Role | None

    class AccountLeft(Aggregate.Event):
        ends_item_of = "accounts"
        account_id: UUID

    class ConsentGiven(Aggregate.Event):
        item_of = "consents"
        consent: str
        purpose: Purpose
        channel: Channel
        basis: LawfulBasis
        evidence: Personal[str] | None
        given_at: datetime
        withdrawn_at: None = None

    class ConsentWithdrawn(Aggregate.Event):
        item_of = "consents"
        consent: str
        withdrawn_at: datetime

    class Held(Aggregate.Event):
        hold_reason: str

    class HoldReleased(Aggregate.Event):
        hold_reason: None = None

    class Commented(Aggregate.Commented):
        text: Personal[str] | None  # type: ignore[assignment]

    class Archived(Aggregate.Archived):
        archive_reason: Personal[str] | None

    class Forgotten(Aggregate.Event):
        forgets = True
        forget_reason: str
        forgotten: bool = True
        archived: bool = True

        def apply(self, aggregate: Any) -> None:
            super().apply(aggregate)
            for name in personal(cast(Any, type(aggregate))):
                setattr(aggregate, name, None)
            aggregate.consents = {key: replace(each, evidence=None) for key, each in aggregate.consents.items()}

    @classmethod
    @command
    def add(
        cls,
        person: Person,
        title: Annotated[str | None, "what they do, such as head of purchasing"] = None,
        department: str | None = None,
        account: Annotated[Account | None, "where they work"] = None,
        role: Annotated[Role | None, "what they have to say there"] = None,
        language: Annotated[Locale | None, "in which they like to be addressed"] = None,
        preferred_channel: Annotated[Channel | None, "by which they like to be reached"] = None,
    ) -> Self:
        """Start to keep a person."""
        cls._check(person)
        cls.require(account is not None or role is None, "a role is one at an account: say at which", "account_id")
        contact = cls._create(
            cls.Added,
            person=person,
            title=title,
            department=department,
            language=language,
            preferred_channel=preferred_channel,
        )
        if account:
            contact.trigger_event(cls.AccountJoined, account_id=account.id, role=role)
        return contact

    @command
    def correct(self, person: Patch[Person]) -> None:
        """Correct who it is and how they are reached."""
        self._check(person)
        self.trigger_event(self.Corrected, person=person)

    @command
    def change_details(
        self,
        *,
        title: str | None = AS_IT_IS,
        department: str | None = AS_IT_IS,
        language: Locale | None = AS_IT_IS,
        preferred_channel: Channel | None = AS_IT_IS,
    ) -> None:
        """Correct what they do and how they like to be addressed; what is left out stays."""
        self.trigger_event(
            self.DetailsChanged,
            title=title,
            department=department,
            language=language,
            preferred_channel=preferred_channel,
        )

    @command
    def join_account(
        self, account: Account, role: Annotated[Role | None, "what they have to say there"] = None
    ) -> None:
        """They work at an organisation, or speak for it."""
        self.require(account.id not in self.accounts, "this contact is at this account already", "account_id")
        self.trigger_event(self.AccountJoined, account_id=account.id, role=role)

    @command
    def change_role(self, account_id: UUID, role: Role | None) -> None:
        """Say what they have to say at an account; null if that is not known."""
        self._check_at(account_id)
        self.trigger_event(self.AccountRoleChanged, account_id=account_id, role=role)

    @command
    def leave_account(self, account_id: UUID) -> None:
        """They do not work there any more."""
        self._check_at(account_id)
        self.trigger_event(self.AccountLeft, account_id=account_id)

    @command(undone_by="withdraw_consent")
    def give_consent(
        self,
        purpose: Purpose,
        channel: Channel,
        now: Moment,
        basis: LawfulBasis = LawfulBasis.CONSENT,
        evidence: Annotated[Text | None, "by what we can prove it, such as the signed form"] = None,
    ) -> None:
        """They may be contacted for this purpose by this channel, from now on."""
        proven = evidence is not None or basis is not LawfulBasis.CONSENT
        self.require(proven, "say by what we can prove this consent", "evidence")
        self.trigger_event(
            self.ConsentGiven,
            consent=_key(purpose, channel),
            purpose=purpose,
            channel=channel,
            basis=basis,
            evidence=evidence,
            given_at=now.astimezone(UTC),
        )

    @command(undone_by="give_consent")
    def withdraw_consent(self, purpose: Purpose, channel: Channel, now: Moment) -> None:
        """They may not be contacted for this purpose by this channel any more, whatever the basis was."""
        self.require(self.may_contact(purpose, channel), f"there is no consent to {purpose} by {channel}", "channel")
        self.trigger_event(self.ConsentWithdrawn, consent=_key(purpose, channel), withdrawn_at=now.astimezone(UTC))

    @command
    def hold(self, reason: Annotated[str, "such as the number of a lawsuit; it stays, so name nobody"]) -> None:
        """Keep the person whatever a rule proposes: until the hold is released they cannot be forgotten."""
        self.require(self.hold_reason != reason, "this person is held for this reason already", "reason")
        self.trigger_event(self.Held, hold_reason=reason)

    @command
    def release_hold(self) -> None:
        """Nothing speaks any more against forgetting them."""
        self.require(self.hold_reason is not None, "this person is not held")
        self.trigger_event(self.HoldReleased)

    @command
    def forget(self, reason: Annotated[str, "such as a request and its date; it stays, so name nobody"]) -> None:
        """Erase the person for ever, in the history too: whatever is personal reads as null from now on."""
        self.require(self.hold_reason is None, f"this person is held: {self.hold_reason}")
        self.trigger_event(self.Forgotten, forget_reason=reason)

    def guard(self, command: str) -> None:
        self.require(not self.forgotten, FORGOTTEN)
        if command not in HOLDING:
            super().guard(command)

    def may_contact(self, purpose: Purpose, channel: Channel) -> bool:
        """Whether there is a consent that was not withdrawn."""
        given = self.consents.get(_key(purpose, channel))
        return given is not None and given.withdrawn_at is None

    def why_not_contact(self, purpose: Purpose, channel: Channel) -> str | None:
        """Why this person must not be contacted for this; None if there is no reason."""
        if self.forgotten:
            return FORGOTTEN
        if not self.may_contact(purpose, channel):
            return f"there is no consent to {purpose} by {channel}"
        return None

    @classmethod
    def _check(cls, person: Person) -> None:
        known = person.given_name or person.family_name or person.emails or person.phones
        cls.require(bool(known), "say at least a name, an e-mail address or a phone number", "person")

    def _check_at(self, account_id: UUID) -> None:
        self.require(account_id in self.accounts, "this contact is not at this account", "account_id")


def _key(purpose: Purpose, channel: Channel) -> str:
    return f"{purpose}.{channel}"
