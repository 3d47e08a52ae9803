"""Contacts, where they work and what they consent to, as people see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from domain.customers.contact import Channel, Contact, LawfulBasis, Person, Purpose, Role
from domain.personal import Personal
from domain.values import Locale
from projections.view import View


class ContactView(
    View,
    of=Contact,
    table="contacts",
    needs="customers.see",
    owner="owner_id",
    indexes=("family_name", "given_name", "owner_id", "title", "hold_reason"),
    search=("given_name", "family_name", "title", "department"),
    flat=("person",),
):
    """A person whom we know at an organisation that buys from us, or may. What is personal is null once forgotten."""

    person: Personal[Person] | None = None
    title: Annotated[str | None, "what they do"] = None
    department: str | None = None
    language: Annotated[Locale | None, "in which they like to be addressed"] = None
    preferred_channel: Annotated[Channel | None, "by which they like to be reached"] = None
    archive_reason: Annotated[Personal[str] | None, "why it was put away"] = None
    hold_reason: Annotated[str | None, "why the person cannot be forgotten; null if nothing holds them"] = None
    forgotten: Annotated[bool, "whether the person was erased"] = False
    forget_reason: Annotated[str | None, "why the person was erased"] = None


class ContactAccountView(
    View,
    of=Contact,
    table="contact_accounts",
    key="account_id",
    within=ContactView,
    ends=(Contact.AccountLeft,),
    indexes=("account_id", "role"),
):
    """Somebody at an organisation."""

    account_id: UUID
    role: Annotated[Role | None, "what they have to say there"] = None


class ContactConsentView(View, of=Contact, table="contact_consents", key="consent", within=ContactView):
    """That somebody may be contacted for a purpose by a channel, or might until it was withdrawn."""

    consent: Annotated[str, "purpose and channel"]
    purpose: Purpose
    channel: Channel
    basis: Annotated[LawfulBasis, "why we may"]
    evidence: Annotated[Personal[str] | None, "by what we can prove it"] = None
    given_at: datetime
    withdrawn_at: Annotated[datetime | None, "since when we may not any more"] = None
