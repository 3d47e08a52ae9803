"""Costs (成本): what is planned for a project, what was promised to others of it, what was spent, and what is left."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.values import Money


class BudgetCategory(StrEnum):
    """What money is spent on; the reserve is for what nobody foresaw."""

    PEOPLE = "people"
    SOFTWARE = "software"
    HARDWARE = "hardware"
    SERVICES = "services"
    TRAINING = "training"
    RESERVE = "reserve"


@dataclass(frozen=True)
class Line:
    """What is planned for a category, in one phase or for the project as a whole."""

    line_id: UUID
    category: BudgetCategory
    phase: str | None
    planned: Money
    revised_because: str | None = None
    overrun: Money | None = None


@dataclass(frozen=True)
class Commitment:
    """What was promised to somebody, and will be spent."""

    commitment_id: UUID
    category: BudgetCategory
    phase: str | None
    on: date
    amount: Money
    text: str
    account_id: UUID | None
    closed: bool = False
    closed_because: str | None = None


@dataclass(frozen=True)
class Spending:
    """What was spent. It is never deleted: what was wrong is taken back, and counts no more."""

    entry_id: UUID
    category: BudgetCategory
    phase: str | None
    on: date
    amount: Money
    text: str
    against: UUID | None
    taken_back: bool = False
    taken_back_because: str | None = None


def spent(line: Line, spendings: Collection[Spending]) -> Decimal:
    """What was spent on a line."""
    return _sum(each for each in spendings if not each.taken_back and _on(each) == _on(line))


def promised(line: Line, commitments: Collection[Commitment], spendings: Collection[Spending]) -> Decimal:
    """What is still to be spent of what was promised on a line."""
    still = (each for each in commitments if not each.closed and _on(each) == _on(line))
    return sum((open_part(each, spendings) for each in still), Decimal(0))


def open_part(commitment: Commitment, spendings: Collection[Spending]) -> Decimal:
    """What was not yet spent of a commitment; nothing, where more was."""
    on_it = _sum(each for each in spendings if not each.taken_back and each.against == commitment.commitment_id)
    return max(commitment.amount.amount - on_it, Decimal(0))


def overrun(line: Line, spendings: Collection[Spending]) -> Money | None:
    """By how much more was spent on a line than is planned; None where it was not."""
    beyond = spent(line, spendings) - line.planned.amount
    return Money(beyond, line.planned.currency) if beyond > 0 else None


def _on(each: Line | Commitment | Spending) -> tuple[BudgetCategory, str | None]:
    return each.category, each.phase


def _sum(some: Iterable[Spending]) -> Decimal:
    return sum((each.amount.amount for each in some), Decimal(0))
