"""A small aggregate with items, and its views: for tests of the read side that the real ones must not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.aggregate import Aggregate
from domain.values import Money
from projections.view import View


class Status(StrEnum):
    OPEN = "open"
    WON = "won"


@dataclass(frozen=True)
class Line:
    line_id: UUID
    product: str
    quantity: Decimal


class Sale(Aggregate):
    stage: str
    amount: Money | None = None
    status: Status = Status.OPEN
    closed_on: date | None = None
    lines: Mapping[UUID, Line] = field(default_factory=dict)

    class Opened(Aggregate.Created):
        owner_id: UUID | None
        stage: str
        amount: Money | None = None

    class StageChanged(Aggregate.Event):
        stage: str

    class AmountChanged(Aggregate.Event):
        amount: Money | None

    class Won(Aggregate.Event):
        amount: Money
        closed_on: date
        status: Status = Status.WON

    class LineAdded(Aggregate.Event):
        item_of: ClassVar[str] = "lines"
        line_id: UUID
        product: str
        quantity: Decimal

    class LineChanged(Aggregate.Event):
        item_of: ClassVar[str] = "lines"
        line_id: UUID
        quantity: Decimal

    class LineRemoved(Aggregate.Event):
        ends_item_of: ClassVar[str] = "lines"
        line_id: UUID

    class LinesCleared(Aggregate.Event):
        def apply(self, aggregate: Any) -> None:
            aggregate.lines = {}


class SaleView(View, of=Sale, table="sales", needs="sales.see", owner="owner_id", indexes=("stage", "amount")):
    stage: str
    amount: Money | None = None
    status: Status = Status.OPEN
    closed_on: date | None = None


class SaleLineView(
    View,
    of=Sale,
    table="sale_lines",
    key="line_id",
    within=SaleView,
    ends=(Sale.LineRemoved, Sale.LinesCleared),
    indexes=("product",),
):
    line_id: UUID
    product: str
    quantity: Decimal


VIEWS = (SaleView, SaleLineView)
