"""Earned value: what work was planned, done and paid for by a day, all of it in money (PMI, Practice Standard for EVM).

Amounts are exact; where they are divided, they are rounded to the smallest part of money that we keep, half to even.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from enum import StrEnum
from itertools import pairwise
from typing import Final

from domain.projects.planning.calendar import Calendar
from domain.projects.planning.plan import HUNDRED, why_no_percent
from domain.projects.planning.wrong import WrongPlan
from domain.values import SMALLEST, Money

NIL: Final = Decimal(0)
DIGITS: Final = 120
"""More than a product of all values has, so that only the last step rounds."""


class EarningRule(StrEnum):
    """How work earns its budget. What is planned is planned by the same rule."""

    PERCENT = "percent"
    """In proportion to its progress; it is planned evenly over its working days."""
    ZERO_HUNDRED = "0/100"
    """When it is finished."""
    FIFTY_FIFTY = "50/50"
    """Half when it begins, half when it is finished."""

    def earned(self, share: Decimal) -> Decimal:
        """The share of the budget that a share of progress earns."""
        match self:
            case EarningRule.PERCENT:
                return share
            case EarningRule.ZERO_HUNDRED:
                return Decimal(share >= 1)
            case EarningRule.FIFTY_FIFTY:
                return (Decimal(share > 0) + Decimal(share >= 1)) / 2


class CostForecast(StrEnum):
    """What the rest of the work is expected to cost."""

    AT_CPI = "at_cpi"
    """As much more than planned as the work so far: EAC = BAC / CPI."""
    AT_BUDGET = "at_budget"
    """As planned: EAC = AC + (BAC - EV)."""
    AT_CPI_AND_SPI = "at_cpi_and_spi"
    """As the work so far, and what is late has to be caught up: EAC = AC + (BAC - EV) / (CPI x SPI)."""


@dataclass(frozen=True)
class Reported:
    """How far a piece of work is by the end of a day, in percent."""

    on: date
    percent: Decimal

    def __post_init__(self) -> None:
        if why := why_no_percent(self.percent):
            raise WrongPlan(why, "percent")


@dataclass(frozen=True)
class Cost:
    """What was paid on a day; less than nil for what came back."""

    on: date
    amount: Money


@dataclass(frozen=True, kw_only=True)
class Work:
    """A piece of work with a budget, as it was planned, and what has become of it."""

    id: str
    budget: Money
    """Nil for what costs money and earns nothing, such as what belongs to no task."""
    start: date
    finish: date
    """The last day of work."""
    group: str | None = None
    """What it is summed up by, such as its phase."""
    rule: EarningRule = EarningRule.PERCENT
    progress: tuple[Reported, ...] = ()
    """Of two reports on one day the later in the list holds."""
    costs: tuple[Cost, ...] = ()

    def __post_init__(self) -> None:
        if self.budget.amount < 0:
            raise WrongPlan(f"{self.id}: a budget is nil or more, and not {self.budget.amount}", "budget")
        if self.finish < self.start:
            raise WrongPlan(f"{self.id} cannot finish before it starts, on {self.start}", "finish")
        for cost in self.costs:
            if cost.amount.currency != self.budget.currency:
                told = f"{self.id} has a budget in {self.budget.currency} and costs in {cost.amount.currency}"
                raise WrongPlan(f"{told}: convert one of them first", "costs")

    def planned(self, day: date, calendar: Calendar) -> Decimal:
        """The planned value by the end of a day."""
        if day < self.start:
            return NIL
        if day >= self.finish:
            return self.budget.amount
        days = calendar.through(self.finish) - calendar.number(self.start)
        done = calendar.through(day) - calendar.number(self.start)
        if self.rule is EarningRule.FIFTY_FIFTY:
            return _share(self.budget.amount, 1, 2)
        if self.rule is EarningRule.ZERO_HUNDRED or not days:
            return NIL
        return _share(self.budget.amount, done, days)

    def earned(self, day: date) -> Decimal:
        """The earned value by the end of a day."""
        reports = sorted((each for each in self.progress if each.on <= day), key=lambda each: each.on)
        percent = reports[-1].percent if reports else NIL
        return _share(self.budget.amount, self.rule.earned(percent / HUNDRED), 1)

    def paid(self, day: date) -> Decimal:
        """The actual cost by the end of a day."""
        return sum((cost.amount.amount for cost in self.costs if cost.on <= day), NIL)


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The four values of which all others are made, in one currency. None where there is nothing to divide by."""

    currency: str
    bac: Decimal
    """Budget at completion."""
    pv: Decimal
    """Planned value: the budget of what should have been done."""
    ev: Decimal
    """Earned value: the budget of what was done."""
    ac: Decimal
    """Actual cost of what was done."""

    @property
    def cv(self) -> Decimal:
        """Cost variance: less than nil where the work cost more than planned."""
        return _less(self.ev, self.ac)

    @property
    def sv(self) -> Decimal:
        """Schedule variance: less than nil where less was done than planned."""
        return _less(self.ev, self.pv)

    @property
    def cpi(self) -> Decimal | None:
        """Cost performance index: the work that a unit of money bought, 1 being as planned."""
        return _ratio(self.ev, self.ac)

    @property
    def spi(self) -> Decimal | None:
        """Schedule performance index: the work that was done for each unit that was planned."""
        return _ratio(self.ev, self.pv)

    @property
    def complete(self) -> Decimal | None:
        """The share of the budget that was earned."""
        return _ratio(self.ev, self.bac)

    def eac(self, forecast: CostForecast = CostForecast.AT_CPI) -> Decimal | None:
        """Estimate at completion: what all of the work will have cost."""
        with localcontext(prec=DIGITS):
            left = self.bac - self.ev
            match forecast:
                case CostForecast.AT_CPI:
                    return _ratio(self.bac * self.ac, self.ev) if self.ac else None
                case CostForecast.AT_BUDGET:
                    return self.ac + left
                case CostForecast.AT_CPI_AND_SPI:
                    over, under = left * self.ac * self.pv, self.ev * self.ev
                    return rounded(self.ac + over / under) if under and self.ac and self.pv else None

    def etc(self, forecast: CostForecast = CostForecast.AT_CPI) -> Decimal | None:
        """Estimate to complete: what the rest of the work will cost."""
        eac = self.eac(forecast)
        return None if eac is None else _less(eac, self.ac)

    def vac(self, forecast: CostForecast = CostForecast.AT_CPI) -> Decimal | None:
        """Variance at completion: less than nil where the budget will not do."""
        eac = self.eac(forecast)
        return None if eac is None else _less(self.bac, eac)

    def tcpi(self, total: Decimal | None = None) -> Decimal | None:
        """To-complete performance index: how well money must be used from now on, if all is to cost so much in the end.

        None where nothing of that is left to spend. Without a total it is the budget.
        """
        left = _less(self.bac if total is None else total, self.ac)
        return _ratio(_less(self.bac, self.ev), left) if left > 0 else None


@dataclass(frozen=True)
class EarnedValue:
    """How a project stood at the end of a day: in all, and by group. What is of no group is under None."""

    day: date
    total: Measures
    groups: Mapping[str | None, Measures]


def earned_value(works: Iterable[Work], day: date, calendar: Calendar) -> EarnedValue:
    """What had been planned, earned and paid by the end of a day. Two currencies never add up."""
    all_works = sorted(works, key=lambda work: work.id)
    if not all_works:
        raise WrongPlan("there is nothing with a budget: give a task one", "budget")
    for one, other in pairwise(all_works):
        if one.id == other.id:
            raise WrongPlan(f"{one.id} is there twice: each piece of work has an id of its own", "id")
        if one.budget.currency != other.budget.currency:
            told = f"{one.id} has a budget in {one.budget.currency}, and {other.id} in {other.budget.currency}"
            raise WrongPlan(f"{told}: convert one of them first", "budget")
    grouped: dict[str | None, list[Work]] = {}
    for work in all_works:
        grouped.setdefault(work.group, []).append(work)
    measured = {group: _measured(members, day, calendar) for group, members in grouped.items()}
    return EarnedValue(day, _measured(all_works, day, calendar), measured)


def _measured(works: list[Work], day: date, calendar: Calendar) -> Measures:
    with localcontext(prec=DIGITS):
        return Measures(
            currency=works[0].budget.currency,
            bac=sum((work.budget.amount for work in works), NIL),
            pv=sum((work.planned(day, calendar) for work in works), NIL),
            ev=sum((work.earned(day) for work in works), NIL),
            ac=sum((work.paid(day) for work in works), NIL),
        )


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    with localcontext(prec=DIGITS):
        return rounded(part / whole) if whole else None


def _share(amount: Decimal, part: Decimal | int, whole: int) -> Decimal:
    with localcontext(prec=DIGITS):
        return rounded(amount * part / whole)


def _less(whole: Decimal, part: Decimal) -> Decimal:
    with localcontext(prec=DIGITS):
        return whole - part


def rounded(number: Decimal) -> Decimal:
    """The number with as many digits after the point as it needs, and as we keep."""
    with localcontext(prec=DIGITS):
        short = number.quantize(SMALLEST, ROUND_HALF_EVEN).normalize()
        return short.quantize(Decimal(1)) if short == short.to_integral_value() else short
