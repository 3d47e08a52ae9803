"""An account: an organisation that buys from us, or may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import Following, Its, Patch, command
from domain.values import Address, Money, Phone, Website, completed, undone, undone_each

ABOVE = ("parent_id", "merged_into_id")


class Lifecycle(StrEnum):
    PROSPECT = "prospect"
    CUSTOMER = "customer"
    LOYAL = "loyal"
    AT_RISK = "at_risk"
    LAPSED = "lapsed"


@dataclass(frozen=True, kw_only=True)
class Details:
    """What is known of an organisation."""

    kind: Annotated[str | None, "such as company, authority or school"] = None
    industry: str | None = None
    website: Website | None = None
    phones: tuple[Phone, ...] = ()
    region: str | None = None
    employees: int | None = None
    revenue: Annotated[Money | None, "what it turns over in a year"] = None
    source: Annotated[str | None, "how we came to know it"] = None


@dataclass(frozen=True)
class Before:
    """What an account knew before it took in another."""

    details: Details
    addresses: Mapping[str, Address]
    custom_fields: Mapping[str, str | int | bool]
    tags: frozenset[str]


class Account(Aggregate):
    needs = "customers.edit"

    name: str
    details: Details = Details()
    addresses: Mapping[str, Address] = field(default_factory=dict)
    parent_id: UUID | None = None
    lifecycle: Lifecycle = Lifecycle.PROSPECT
    merged_into_id: UUID | None = None
    absorbed: Mapping[UUID, Before] = field(default_factory=dict)

    class Registered(Aggregate.Created):
        name: str
        details: Details

    class Renamed(Aggregate.Event):
        name: str

    class DetailsChanged(Aggregate.Event):
        details: Details

    class AddressesChanged(Aggregate.Event):
        addresses: Mapping[str, Address]

    class ParentChanged(Aggregate.Event):
        parent_id: UUID | None

    class LifecycleChanged(Aggregate.Event):
        lifecycle: Lifecycle

    class MergedInto(Aggregate.Event):
        merged_into_id: UUID

    class Unmerged(Aggregate.Event):
        merged_into_id: None = None

    class Absorbed(Aggregate.Event):
        details: Details
        addresses: Mapping[str, Address]
        custom_fields: Mapping[str, str | int | bool]
        tags: frozenset[str]
        absorbed: Mapping[UUID, Before]

    class Released(Absorbed):
        pass

    @classmethod
    @command
    def register(cls, name: str, details: Details = Details()) -> Self:
        """Start to keep an account."""
        cls._check(details)
        return cls._create(cls.Registered, name=name, details=details)

    @command
    def rename(self, name: str) -> None:
        """Correct the name."""
        self.trigger_event(self.Renamed, name=name)

    @command
    def change_details(self, details: Patch[Details]) -> None:
        """Correct what is known of the organisation."""
        self._check(details)
        self.trigger_event(self.DetailsChanged, details=details)

    @command
    def change_address(self, use: Annotated[str, "such as billing or delivery"], address: Address | None) -> None:
        """Set the address for one use; null removes it."""
        addresses = {**self.addresses, use: address}
        self.trigger_event(self.AddressesChanged, addresses={u: a for u, a in addresses.items() if a})

    @command
    def set_parent(
        self, parent: Account | None, above: Annotated[tuple[Account, ...], Following("parent", by=ABOVE)]
    ) -> None:
        """Say which organisation it belongs to; null for none."""
        belongs_to_itself = self.id in {account.id for account in (parent, *above) if account}
        self.require(not belongs_to_itself, "an account cannot belong to one that belongs to it", "parent_id")
        self.trigger_event(self.ParentChanged, parent_id=parent and parent.id)

    @command
    def change_lifecycle(self, lifecycle: Lifecycle) -> None:
        """Move the account along its life as a customer."""
        self.trigger_event(self.LifecycleChanged, lifecycle=lifecycle)

    @command(undone_by="unmerge")
    def merge_into(
        self, survivor: Account, above: Annotated[tuple[Account, ...], Following("survivor", by=ABOVE)]
    ) -> Account:
        """It is the same organisation as another: that one goes on, and takes over what it lacks."""
        self.require(survivor.id != self.id, "an account cannot be merged into itself", "survivor_id")
        self.require(self not in above, "an account cannot be merged into one that belongs to it", "survivor_id")
        self.trigger_event(self.MergedInto, merged_into_id=survivor.id)
        survivor._absorb(self)
        return survivor

    @command(undone_by="merge_into")
    def unmerge(self, merged_into: Its[Account]) -> Account:
        """They were two after all: give both back as they stood. What was changed since the merge stays."""
        self.require(merged_into.merged_into_id is None, "the account it went into was merged too: unmerge that first")
        self.trigger_event(self.Unmerged)
        merged_into._release(self)
        return merged_into

    def guard(self, command: str) -> None:
        merged = self.merged_into_id is not None
        self.require(merged == (command == "unmerge"), "this account was merged" if merged else "it is not merged")
        super().guard(command)

    @property
    def usable(self) -> bool:
        return super().usable and self.merged_into_id is None

    @classmethod
    def _check(cls, details: Details) -> None:
        cls.require(
            details.employees is None or details.employees >= 0, "nobody has less than none", "details.employees"
        )

    def _absorb(self, other: Account) -> None:
        before = Before(self.details, self.addresses, self.custom_fields, self.tags)
        self.trigger_event(self.Absorbed, **vars(_both(before, other)), absorbed={**self.absorbed, other.id: before})

    def _release(self, other: Account) -> None:
        before = self.absorbed[other.id]
        after = _both(before, other)
        self.trigger_event(
            self.Released,
            details=undone(self.details, before.details, after.details),
            addresses=undone_each(self.addresses, before.addresses, after.addresses),
            custom_fields=undone_each(self.custom_fields, before.custom_fields, after.custom_fields),
            tags=self.tags - (after.tags - before.tags),
            absorbed={id: kept for id, kept in self.absorbed.items() if id != other.id},
        )


def _both(one: Before, other: Account) -> Before:
    """What is known of two that are one; where both know something, the first is right."""
    return Before(
        completed(one.details, other.details),
        {**other.addresses, **one.addresses},
        {**other.custom_fields, **one.custom_fields},
        one.tags | other.tags,
    )
