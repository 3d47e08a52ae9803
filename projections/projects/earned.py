"""Earned value (挣值): what of a project was planned, done and paid for by a day, in money, by phase and in all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from domain.projects.planning.earned_value import CostForecast, EarningRule, Measures, earned_value, rounded
from domain.values import Money
from projections.computed import Computed
from projections.projects.plan import in_words
from projections.projects.schedule import OfProject
from projections.projects.work import VALUED, Valued, works_of


@dataclass(frozen=True, kw_only=True)
class EarnedValue(
    OfProject,
    Computed[Valued],
    of=VALUED,
    needs="projects.see",
):
    """How a project stands by a day, in money (挣值): what was planned, earned and paid, by phase and in all.

    The budget of a phase is spread over its tasks by effort, or duration; that of the whole over all tasks, the reserve
    over none. Paid is what was spent, and hours logged at the hourly rate. Without a budget there are no rows.
    """

    baseline: Annotated[int | None, "the number of the baseline that is planned by; the last, if left out"] = None
    rule: Annotated[EarningRule, "how a task earns its budget"] = EarningRule.PERCENT
    forecast: Annotated[CostForecast, "what the rest is expected to cost"] = CostForecast.AT_CPI

    @dataclass
    class Row:
        total: Annotated[bool, "whether it is of the project as a whole"]
        phase: Annotated[str | None, "the key of the phase; null for the whole, and for what is in none"]
        name: Annotated[str | None, "what the phase is called"]
        bac: Annotated[Money, "budget at completion (完工预算)"]
        pv: Annotated[Money, "planned value (计划价值): the budget of what should have been done by the day"]
        ev: Annotated[Money, "earned value (挣值): the budget of what was done"]
        ac: Annotated[Money, "actual cost (实际成本) of what was done"]
        cv: Annotated[Money, "cost variance, EV - AC; less than nil: it cost more than planned"]
        sv: Annotated[Money, "schedule variance, EV - PV; less than nil: less was done than planned"]
        cpi: Annotated[Decimal | None, "cost performance index, EV / AC; less than one is over budget"]
        spi: Annotated[Decimal | None, "schedule performance index, EV / PV; less than one is late"]
        complete: Annotated[Decimal | None, "the share of the budget that was earned, from 0 to 1"]
        eac: Annotated[Money | None, "estimate at completion (完工估算): what all will have cost"]
        etc: Annotated[Money | None, "estimate to complete: what the rest will cost"]
        vac: Annotated[Money | None, "variance at completion, BAC - EAC; less than nil: the budget will not do"]
        tcpi: Annotated[Decimal | None, "to-complete performance index: how well the rest must go to keep the budget"]

    def compute(self, found: Valued) -> Iterator[Row]:
        works = list(works_of(found, self.rule)) if found.projects and found.budgets else []
        if not works:
            return
        with in_words(found):
            made = earned_value(works, found.projects[0].day, found.projects[0].calendar)
        names = {each.phase: each.name for each in found.phases}
        order = {phase: place for place, phase in enumerate(names)}
        for phase in sorted(made.groups, key=lambda phase: (phase is None, order.get(phase or "", len(order)), phase)):
            yield self._row(False, phase, names.get(phase or "", phase), made.groups[phase])
        yield self._row(True, None, None, made.total)

    def _row(self, total: bool, phase: str | None, name: str | None, of: Measures) -> Row:
        def money(amount: Decimal) -> Money:
            return Money(rounded(amount), of.currency)

        eac, etc, vac = of.eac(self.forecast), of.etc(self.forecast), of.vac(self.forecast)
        return self.Row(
            total=total,
            phase=phase,
            name=name,
            bac=money(of.bac),
            pv=money(of.pv),
            ev=money(of.ev),
            ac=money(of.ac),
            cv=money(of.cv),
            sv=money(of.sv),
            cpi=of.cpi,
            spi=of.spi,
            complete=of.complete,
            eac=None if eac is None else money(eac),
            etc=None if etc is None else money(etc),
            vac=None if vac is None else money(vac),
            tcpi=of.tcpi(),
        )
