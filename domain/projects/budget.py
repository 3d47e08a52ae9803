"""A budget (预算): what a project may cost, by category and phase; what was promised of it, and what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.customers.account import Account
from domain.parameters import Its, Moment, Sees, Text, command
from domain.projects.costs import BudgetCategory, Commitment, Line, Spending, overrun, promised, spent
from domain.projects.project import Project
from domain.values import SMALLEST, Money, new_id


@dataclass(frozen=True)
class PlannedLine:
    """What is planned for a category, in one phase or, without one, for the project as a whole."""

    category: BudgetCategory
    planned: Money
    phase: Annotated[str | None, "its key in the project"] = None


class Budget(Aggregate):
    needs = "projects.manage"
    unique = ("project_id",)

    project_id: UUID
    currency: str
    hourly_rate: Money | None = None
    lines: Mapping[UUID, Line] = field(default_factory=dict)
    commitments: Mapping[UUID, Commitment] = field(default_factory=dict)
    spendings: Mapping[UUID, Spending] = field(default_factory=dict)

    class Planned(Aggregate.Created):
        project_id: UUID
        currency: str
        hourly_rate: Money | None

    class HourlyRateSet(Aggregate.Event):
        hourly_rate: Money | None

    class LineAdded(Aggregate.Event):
        item_of = "lines"
        line_id: UUID
        category: BudgetCategory
        phase: str | None
        planned: Money

    class LineRevised(Aggregate.Event):
        item_of = "lines"
        line_id: UUID
        planned: Money
        revised_because: str | None

    class LineRemoved(Aggregate.Event):
        ends_item_of = "lines"
        line_id: UUID

    class LineOverrun(Aggregate.Event):
        item_of = "lines"
        line_id: UUID
        overrun: Money | None

    class ReserveReleased(Aggregate.Fact):
        from_line: UUID
        to_line: UUID
        amount: Money
        reason: str

    class Committed(Aggregate.Event):
        item_of = "commitments"
        commitment_id: UUID
        category: BudgetCategory
        phase: str | None
        on: date
        amount: Money
        text: str
        account_id: UUID | None

    class CommitmentClosed(Aggregate.Event):
        item_of = "commitments"
        commitment_id: UUID
        closed_because: str
        closed: bool = True

    class CommitmentReopened(Aggregate.Event):
        item_of = "commitments"
        commitment_id: UUID
        closed_because: None = None
        closed: bool = False

    class Spent(Aggregate.Event):
        item_of = "spendings"
        entry_id: UUID
        category: BudgetCategory
        phase: str | None
        on: date
        amount: Money
        text: str
        against: UUID | None

    class SpendingTakenBack(Aggregate.Event):
        item_of = "spendings"
        entry_id: UUID
        taken_back_because: str
        taken_back: bool = True

    class SpendingReinstated(Aggregate.Event):
        item_of = "spendings"
        entry_id: UUID
        taken_back_because: None = None
        taken_back: bool = False

    @classmethod
    @command
    def plan(
        cls,
        project: Project,
        lines: Annotated[tuple[PlannedLine, ...], "at least one: all amounts are in its currency, for ever"],
        hourly_rate: Annotated[Money | None, "what an hour costs that is logged on a task"] = None,
    ) -> Self:
        """Plan what a project may cost. It has one budget."""
        project.check_open()
        cls.require(bool(lines), "a budget begins with a line, which says its currency", "lines")
        currency = lines[0].planned.currency
        cls._check(hourly_rate, currency, "hourly_rate")
        made = cls._create(cls.Planned, project_id=project.id, currency=currency, hourly_rate=hourly_rate)
        for nth, line in enumerate(lines):
            _check_phase(project, line.phase, field=f"lines.{nth}.phase")
            made._add(line, f"lines.{nth}.")
        return made

    @command
    def set_hourly_rate(self, hourly_rate: Money | None) -> None:
        """Say what an hour costs that is logged on a task; null: hours cost nothing here."""
        self._check(hourly_rate, self.currency, "hourly_rate")
        self.trigger_event(self.HourlyRateSet, hourly_rate=hourly_rate)

    @command
    def add_line(
        self,
        category: BudgetCategory,
        planned: Money,
        project: Its[Project],
        sees: Sees,
        phase: Annotated[str | None, "its key in the project; null for the project as a whole"] = None,
    ) -> None:
        """Plan so much for a category, in a phase or in all."""
        _check_phase(project, phase, named=sees(project))
        self._add(PlannedLine(category, planned, phase))

    @command
    def revise(self, line_id: UUID, planned: Money, reason: Text) -> None:
        """Plan another amount, and say why."""
        self._check_known(line_id)
        self._check(planned, self.currency, "planned")
        self._revise(line_id, planned, reason)

    @command
    def remove_line(self, line_id: UUID) -> None:
        """Take out a line on which nothing was committed or spent."""
        self._check_known(line_id)
        used = self._left(line_id) != self.lines[line_id].planned.amount
        self.require(not used, "money was committed or spent on this line: revise it instead", "line_id")
        self.trigger_event(self.LineRemoved, line_id=line_id)

    @command
    def release_reserve(
        self,
        amount: Money,
        line_id: Annotated[UUID, "the line into which it goes"],
        reason: Text,
        reserve_id: Annotated[UUID | None, "the line of the reserve, where there are several"] = None,
    ) -> None:
        """Plan a part of the reserve for something else, and say why; no more than is left of it."""
        self._check_known(line_id)
        self._check(amount, self.currency, "amount", least=SMALLEST)
        reserve, line = self._reserve(reserve_id), self.lines[line_id]
        self.require(line.category is not BudgetCategory.RESERVE, "this is a reserve itself", "line_id")
        left = max(self._left(reserve.line_id), Decimal(0))
        self.require(amount.amount <= left, f"only {left} {self.currency} of the reserve are left", "amount")
        self.trigger_event(
            self.ReserveReleased, from_line=reserve.line_id, to_line=line_id, amount=amount, reason=reason
        )
        self._revise(reserve.line_id, self._money(reserve.planned.amount - amount.amount), reason)
        self._revise(line_id, self._money(line.planned.amount + amount.amount), reason)

    @command(undone_by="close_commitment")
    def commit(
        self,
        category: BudgetCategory,
        amount: Money,
        text: Annotated[str, "what for"],
        now: Moment,
        project: Its[Project],
        sees: Sees,
        phase: Annotated[str | None, "its key in the project; null for the project as a whole"] = None,
        account: Annotated[Account | None, "to whom"] = None,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """Promise to spend so much, such as by an order or a contract."""
        self._check(amount, self.currency, "amount", least=SMALLEST)
        _check_phase(project, phase, named=sees(project))
        self._line_for(category, phase)
        self.trigger_event(
            self.Committed,
            commitment_id=new_id(),
            category=category,
            phase=phase,
            on=self.day(on, now),
            amount=amount,
            text=text,
            account_id=account and account.id,
        )

    @command
    def close_commitment(self, commitment_id: UUID, reason: Text) -> None:
        """Say that nothing more will be spent on it."""
        self._open(commitment_id, "commitment_id")
        self.trigger_event(self.CommitmentClosed, commitment_id=commitment_id, closed_because=reason)

    @command(undone_by="take_spending_back")
    def spend(
        self,
        amount: Money,
        text: Annotated[str, "what for"],
        now: Moment,
        project: Its[Project],
        sees: Sees,
        category: Annotated[BudgetCategory | None, "that of the commitment, where one is named"] = None,
        phase: Annotated[str | None, "that of the commitment, where one is named"] = None,
        against: Annotated[UUID | None, "the commitment that it is spent on"] = None,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """Record what was spent, planned or not: what goes beyond a line is told as its overrun."""
        self._check(amount, self.currency, "amount", least=SMALLEST)
        if against is not None:
            promise = self._open(against, "against")
            of_it = category in (None, promise.category) and phase in (None, promise.phase)
            self.require(of_it, "this was promised for another category or phase", "against")
            category, phase = promise.category, promise.phase
        else:
            _check_phase(project, phase, named=sees(project))
        category = self.needed(category, "say on what it was spent", "category")
        line_id = self._line_for(category, phase)
        self.trigger_event(
            self.Spent,
            entry_id=new_id(),
            category=category,
            phase=phase,
            on=self.day(on, now),
            amount=amount,
            text=text,
            against=against,
        )
        self._tell_overrun(line_id)

    @command
    def take_spending_back(self, entry_id: UUID, reason: Text) -> None:
        """Say that something was not spent after all; it stays in the books, and counts no more."""
        entry = self.needed(self.spendings.get(entry_id), "there is no such spending", "entry_id")
        self.require(not entry.taken_back, "this was taken back already", "entry_id")
        self.trigger_event(self.SpendingTakenBack, entry_id=entry_id, taken_back_because=reason)
        if line_id := self._line(entry.category, entry.phase):
            self._tell_overrun(line_id)

    def _add(self, planned: PlannedLine, field: str = "") -> UUID:
        self._check(planned.planned, self.currency, f"{field}planned")
        known = self._line(planned.category, planned.phase)
        self.require(known is None, "there is a line for this already: revise it", f"{field}category")
        line_id = new_id()
        self.trigger_event(self.LineAdded, line_id=line_id, **vars(planned))
        return line_id

    def _revise(self, line_id: UUID, planned: Money, reason: str) -> None:
        self.trigger_event(self.LineRevised, line_id=line_id, planned=planned, revised_because=reason)
        self._tell_overrun(line_id)

    def _tell_overrun(self, line_id: UUID) -> None:
        line = self.lines[line_id]
        beyond = overrun(line, self.spendings.values())
        if beyond != line.overrun:
            self.trigger_event(self.LineOverrun, line_id=line_id, overrun=beyond)

    def _line(self, category: BudgetCategory, phase: str | None) -> UUID | None:
        return next((id for id, line in self.lines.items() if (line.category, line.phase) == (category, phase)), None)

    def _line_for(self, category: BudgetCategory, phase: str | None) -> UUID:
        """The line for something; what nobody planned gets a line of nothing."""
        return self._line(category, phase) or self._add(PlannedLine(category, self._money(Decimal(0)), phase))

    def _reserve(self, reserve_id: UUID | None) -> Line:
        reserves = {id: line for id, line in self.lines.items() if line.category is BudgetCategory.RESERVE}
        if reserve_id is None:
            self.require(len(reserves) < 2, "there are several reserves: say which", "reserve_id")
            return self.needed(next(iter(reserves.values()), None), "there is no reserve", "reserve_id")
        return self.needed(reserves.get(reserve_id), "this is not the line of a reserve", "reserve_id")

    def _left(self, line_id: UUID) -> Decimal:
        line, spendings = self.lines[line_id], self.spendings.values()
        return line.planned.amount - spent(line, spendings) - promised(line, self.commitments.values(), spendings)

    def _money(self, amount: Decimal) -> Money:
        return Money(amount, self.currency)

    def _check_known(self, line_id: UUID) -> None:
        self.require(line_id in self.lines, "there is no such line", "line_id")

    def _open(self, commitment_id: UUID, field: str) -> Commitment:
        found = self.needed(self.commitments.get(commitment_id), "there is no such commitment", field)
        self.require(not found.closed, "this commitment is closed", field)
        return found

    @classmethod
    def _check(cls, amount: Money | None, currency: str, field: str, least: Decimal = Decimal(0)) -> None:
        if amount is not None:
            cls.require(amount.currency == currency, f"all amounts of this budget are in {currency}", field)
            cls.require(amount.amount >= 0, "an amount is not negative", field)
            cls.require(amount.amount >= least, "an amount is more than nothing", field)


def _check_phase(project: Project, phase: str | None, named: bool = True, field: str = "phase") -> None:
    """Refuse money for a phase that is not there. For a completed one it may be: bills come later."""
    if phase is not None:
        project.known_phase(phase, named, field)
