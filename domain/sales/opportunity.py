"""An opportunity: an account may buy something from us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.customers.account import Account
from domain.parameters import AS_IT_IS, Its, Moment, Text, command
from domain.sales.pipeline import Pipeline
from domain.sales.product import Product
from domain.values import Money, new_id


class Status(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class Line:
    """So much of one product, at a price; `discount` is in percent of it."""

    line_id: UUID
    product_id: UUID
    quantity: Decimal
    price: Money
    discount: Decimal = Decimal(0)


class Opportunity(Aggregate):
    needs = "sales.sell"

    name: str
    pipeline_id: UUID
    stage: str
    probability: int
    account_id: UUID | None = None
    amount: Money | None = None
    expected_close: date | None = None
    source: str | None = None
    next_step: str | None = None
    competitors: tuple[str, ...] = ()
    lines: Mapping[UUID, Line] = field(default_factory=dict)
    status: Status = Status.OPEN
    closed_on: date | None = None
    lost_reason: str | None = None

    class Opened(Aggregate.Created):
        name: str
        pipeline_id: UUID
        stage: str
        probability: int
        account_id: UUID | None
        amount: Money | None
        expected_close: date | None
        source: str | None

    class DetailsChanged(Aggregate.Event):
        name: str
        source: str | None

    class AccountChanged(Aggregate.Event):
        account_id: UUID | None

    class StageChanged(Aggregate.Event):
        stage: str
        probability: int

    class ProbabilityChanged(Aggregate.Event):
        probability: int

    class AmountChanged(Aggregate.Event):
        amount: Money | None

    class Rescheduled(Aggregate.Event):
        expected_close: date | None

    class NextStepSet(Aggregate.Event):
        next_step: str | None

    class CompetitorsChanged(Aggregate.Event):
        competitors: tuple[str, ...]

    class LineAdded(Aggregate.Event):
        item_of = "lines"
        line_id: UUID
        product_id: UUID
        quantity: Decimal
        price: Money
        discount: Decimal

    class LineChanged(Aggregate.Event):
        item_of = "lines"
        line_id: UUID
        quantity: Decimal
        price: Money
        discount: Decimal

    class LineRemoved(Aggregate.Event):
        ends_item_of = "lines"
        line_id: UUID

    class Won(Aggregate.Event):
        amount: Money
        closed_on: date
        status: Status = Status.WON

    class Lost(Aggregate.Event):
        lost_reason: str
        competitors: tuple[str, ...]
        closed_on: date
        status: Status = Status.LOST

    class Reopened(Aggregate.Event):
        closed_on: None = None
        lost_reason: None = None
        status: Status = Status.OPEN

    @classmethod
    @command
    def open(
        cls,
        pipeline: Pipeline,
        name: str,
        account: Account | None = None,
        amount: Money | None = None,
        expected_close: date | None = None,
        source: Annotated[str | None, "how we came to know of it"] = None,
    ) -> Self:
        """Start to work on a possible sale."""
        first = cls.needed(pipeline.first_stage, "this pipeline has no stage to begin with", "pipeline_id")
        cls._check_price(amount, "amount")
        return cls._create(
            cls.Opened,
            name=name,
            pipeline_id=pipeline.id,
            stage=first.key,
            probability=first.probability,
            account_id=account and account.id,
            amount=amount,
            expected_close=expected_close,
            source=source,
        )

    @command
    def change_details(self, *, name: str = AS_IT_IS, source: str | None = AS_IT_IS) -> None:
        """Correct what it is called and how we came to know of it; what is left out stays."""
        self.trigger_event(self.DetailsChanged, name=name, source=source)

    @command
    def change_account(self, account: Account | None) -> None:
        """Say who may buy; null for nobody that is known."""
        self.trigger_event(self.AccountChanged, account_id=account and account.id)

    @command
    def move_to_stage(self, stage: Annotated[str, "its key"], pipeline: Its[Pipeline]) -> None:
        """Move the sale along its pipeline."""
        obstacle = pipeline.why_not(stage, self)
        self.require(obstacle is None, obstacle, "stage")
        self.trigger_event(self.StageChanged, stage=stage, probability=pipeline.stages[stage].probability)

    @command
    def change_probability(self, probability: Annotated[int, "in percent"]) -> None:
        """Judge the chance otherwise than the stage does, until the next stage."""
        self.require(0 <= probability <= 100, "a probability is between 0 and 100", "probability")
        self.trigger_event(self.ProbabilityChanged, probability=probability)

    @command
    def change_amount(self, amount: Money | None) -> None:
        """Correct what the sale may bring in."""
        self._check_price(amount, "amount")
        self.trigger_event(self.AmountChanged, amount=amount)

    @command
    def reschedule(self, expected_close: date | None) -> None:
        """Expect the decision on another day."""
        self.trigger_event(self.Rescheduled, expected_close=expected_close)

    @command
    def set_next_step(self, next_step: Text | None) -> None:
        """Say what is to be done next."""
        self.trigger_event(self.NextStepSet, next_step=next_step)

    @command
    def set_competitors(self, competitors: tuple[str, ...]) -> None:
        """Say who else offers it."""
        self.trigger_event(self.CompetitorsChanged, competitors=tuple(dict.fromkeys(competitors)))

    @command
    def add_line(self, product: Product, quantity: Decimal, price: Money, discount: Decimal = Decimal(0)) -> None:
        """Add so much of a product."""
        self._check_line(quantity, price, discount)
        line = Line(new_id(), product.id, quantity, price, discount)
        self.trigger_event(self.LineAdded, **vars(line))

    @command
    def change_line(self, line_id: UUID, quantity: Decimal, price: Money, discount: Decimal = Decimal(0)) -> None:
        """Correct a line."""
        self._check_known(line_id)
        self._check_line(quantity, price, discount, line_id)
        self.trigger_event(self.LineChanged, line_id=line_id, quantity=quantity, price=price, discount=discount)

    @command
    def remove_line(self, line_id: UUID) -> None:
        """Take a line out."""
        self._check_known(line_id)
        self.trigger_event(self.LineRemoved, line_id=line_id)

    @command
    def win(self, amount: Money, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """The account bought."""
        self._check_price(amount, "amount")
        self.trigger_event(self.Won, amount=amount, closed_on=self.day(on, now))

    @command
    def lose(
        self,
        reason: Text,
        now: Moment,
        competitor: Annotated[str | None, "who won it"] = None,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """The account will not buy."""
        competitors = tuple(dict.fromkeys((*self.competitors, *filter(None, [competitor]))))
        self.trigger_event(self.Lost, lost_reason=reason, competitors=competitors, closed_on=self.day(on, now))

    @command
    def reopen(self) -> None:
        """It was not over after all."""
        self.trigger_event(self.Reopened)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            is_open = self.status is Status.OPEN
            self.require(is_open != (command == "reopen"), f"this opportunity is {self.status}")
        super().guard(command)

    def _check_known(self, line_id: UUID) -> None:
        self.require(line_id in self.lines, "there is no such line", "line_id")

    @classmethod
    def _check_price(cls, price: Money | None, field: str) -> None:
        cls.require(price is None or price.amount >= 0, "an amount is not negative", field)

    def _check_line(self, quantity: Decimal, price: Money, discount: Decimal, line_id: UUID | None = None) -> None:
        self.require(quantity > 0, "a quantity is more than nothing", "quantity")
        self.require(0 <= discount <= 100, "a discount is between 0 and 100 percent", "discount")
        self._check_price(price, "price")
        currencies = {line.price.currency for id, line in self.lines.items() if id != line_id}
        self.require(currencies <= {price.currency}, "all lines are in one currency", "price")
