"""Budgets, their lines, what was promised and what was spent, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.budget import Budget
from domain.projects.costs import BudgetCategory
from domain.values import Money
from projections.view import View


class BudgetView(
    View,
    of=Budget,
    table="budgets",
    needs="projects.see",
    indexes=("project_id",),
):
    """What a project may cost (预算)."""

    project_id: UUID
    currency: Annotated[str, "of all its amounts: a code of ISO 4217"]
    hourly_rate: Annotated[Money | None, "what an hour costs that is logged on a task"] = None


class BudgetLineView(
    View,
    of=Budget,
    table="budget_lines",
    key="line_id",
    within=BudgetView,
    ends=(Budget.LineRemoved,),
    indexes=("category", "phase", "overrun"),
):
    """What is planned for a category, in one phase or for the project as a whole."""

    line_id: UUID
    category: BudgetCategory
    phase: Annotated[str | None, "the key of its phase in the project; null for the project as a whole"] = None
    planned: Money
    revised_because: Annotated[str | None, "why it is another amount than before"] = None
    overrun: Annotated[
        Money | None,
        "by how much more was spent than is planned, hours not counted, which `costAgainstPlan` does; null: it was not",
    ] = None


class BudgetCommitmentView(
    View,
    of=Budget,
    table="budget_commitments",
    key="commitment_id",
    within=BudgetView,
    indexes=("category", "phase", "on", "account_id"),
):
    """What was promised to somebody, such as by an order or a contract, and will be spent."""

    commitment_id: UUID
    category: BudgetCategory
    phase: Annotated[str | None, "the key of its phase in the project"] = None
    on: Annotated[date, "when it was promised"]
    amount: Money
    text: Annotated[str, "what for"]
    account_id: Annotated[UUID | None, "to whom"] = None
    closed: Annotated[bool, "whether nothing more will be spent on it"] = False
    closed_because: Annotated[str | None, "why nothing more will be spent on it"] = None


class BudgetSpendingView(
    View,
    of=Budget,
    table="budget_spendings",
    key="entry_id",
    within=BudgetView,
    indexes=("category", "phase", "on", "against"),
):
    """What was spent."""

    entry_id: UUID
    category: BudgetCategory
    phase: Annotated[str | None, "the key of its phase in the project"] = None
    on: Annotated[date, "when it was spent"]
    amount: Money
    text: Annotated[str, "what for"]
    against: Annotated[UUID | None, "the commitment that it is spent on"] = None
    taken_back: Annotated[bool, "whether it was not spent after all, and counts no more"] = False
    taken_back_because: Annotated[str | None, "why it counts no more"] = None
