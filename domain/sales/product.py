"""A product: what we sell, by whom it is known and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import AS_IT_IS, command
from domain.values import Money, Period, new_id


@dataclass(frozen=True)
class Price:
    """What one unit costs, in one currency, for a time."""

    price_id: UUID
    price: Money
    valid: Period


class Product(Aggregate):
    needs = "sales.catalogue"
    unique = ("code",)

    code: str
    name: str
    family: str | None = None
    unit: str = "piece"
    active: bool = True
    prices: Mapping[UUID, Price] = field(default_factory=dict)

    class Listed(Aggregate.Created):
        code: str
        name: str
        family: str | None
        unit: str

    class DetailsChanged(Aggregate.Event):
        name: str
        family: str | None
        unit: str

    class PriceSet(Aggregate.Event):
        item_of = "prices"
        price_id: UUID
        price: Money
        valid: Period

    class PriceWithdrawn(Aggregate.Event):
        ends_item_of = "prices"
        price_id: UUID

    class Discontinued(Aggregate.Event):
        active: bool = False

    class Resumed(Aggregate.Event):
        active: bool = True

    @classmethod
    @command
    def list_product(cls, code: str, name: str, family: str | None = None, unit: str = "piece") -> Self:
        """Begin to sell something, under a code of its own."""
        return cls._create(cls.Listed, code=code.upper(), name=name, family=family, unit=unit)

    @command
    def change_details(self, *, name: str = AS_IT_IS, family: str | None = AS_IT_IS, unit: str = AS_IT_IS) -> None:
        """Correct how it is described; what is left out stays."""
        self.trigger_event(self.DetailsChanged, name=name, family=family, unit=unit)

    @command
    def set_price(self, price: Money, valid: Period) -> None:
        """Say what a unit costs in a currency, from a day on."""
        self.require(price.amount >= 0, "a price is not negative", "price")
        self.trigger_event(self.PriceSet, price_id=new_id(), price=price, valid=valid)

    @command
    def withdraw_price(self, price_id: UUID) -> None:
        """Take a price back that should not have been set."""
        self.require(price_id in self.prices, "there is no such price", "price_id")
        self.trigger_event(self.PriceWithdrawn, price_id=price_id)

    @command
    def discontinue(self) -> None:
        """Sell it no more."""
        self.require(self.active, "it is not sold any more")
        self.trigger_event(self.Discontinued)

    @command
    def resume(self) -> None:
        """Sell it again."""
        self.require(not self.active, "it is sold already")
        self.trigger_event(self.Resumed)

    def price_on(self, day: date, currency: str) -> Money | None:
        """The price of a day: of those that hold, the one that began last."""
        holding = [p for p in self.prices.values() if p.price.currency == currency and day in p.valid]
        return max(holding, key=lambda p: p.valid.since).price if holding else None
