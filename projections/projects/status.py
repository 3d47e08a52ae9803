"""How a project is doing: a light for scope, time, cost, quality and risk each, and the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple

from domain.projects.change_request import Status as ChangeStatus
from domain.projects.issue import Severity
from domain.projects.milestone import Status as MilestoneStatus
from domain.projects.planning.earned_value import EarningRule, Measures, earned_value, rounded
from domain.projects.planning.plan import HUNDRED
from domain.projects.planning.schedule import schedule
from domain.projects.risk import OVER
from domain.projects.risk import Status as RiskStatus
from domain.traffic_light import TrafficLight
from domain.values import WrongPart
from projections.computed import Computed, Uncomputable
from projections.projects.change_request import ChangeRequestView
from projections.projects.issue import IssueView
from projections.projects.observed import Observed
from projections.projects.plan import in_words, plan_of
from projections.projects.planned import TaskRow
from projections.projects.risk import RiskView
from projections.projects.schedule import OfProject
from projections.projects.work import VALUED, works_of


class ProjectAspect(StrEnum):
    """What is looked at; the worst of all is the light of the project as a whole."""

    OVERALL = "overall"
    SCOPE = "scope"
    TIME = "time"
    COST = "cost"
    QUALITY = "quality"
    RISK = "risk"


class Finding(NamedTuple):
    """Something that is as planned, or is not."""

    aspect: ProjectAspect
    light: TrafficLight
    reason: str


@dataclass(frozen=True, kw_only=True)
class ProjectStatus(
    OfProject, Computed[Observed], of=(*VALUED, ChangeRequestView, IssueView, RiskView), needs="projects.see"
):
    """How a project is doing (项目状态): a light with reasons for scope, time, cost, quality and risk, and first the
    worst of all. Null: nothing tells about it.

    Scope: what was added, dropped, or is to be decided. Time: its end beside the baseline, milestones, SPI. Cost: CPI.
    Quality: issues. Risk: how likely and how bad. A buffer (缓冲) decides in place of SPI, or CPI.
    """

    baseline: Annotated[int | None, "the number of the baseline that it is held against; the last, if left out"] = None
    growth_amber: Annotated[Decimal, "percent of the work of the baseline that was added or dropped"] = Decimal(5)
    growth_red: Annotated[Decimal, "percent of it"] = Decimal(15)
    behind_amber: Annotated[int, "working days by which it ends later than by the baseline"] = 1
    behind_red: Annotated[int, "working days"] = 10
    index_amber: Annotated[Decimal, "below this SPI and CPI are amber"] = Decimal("0.95")
    index_red: Annotated[Decimal, "below this they are red"] = Decimal("0.85")
    buffer_amber: Annotated[
        Decimal, "percent of its buffer that the slip uses up of the days, or EAC less BAC of the money: a third"
    ] = Decimal("33.3")
    buffer_red: Annotated[Decimal, "percent of it: two thirds"] = Decimal("66.6")
    score_amber: Annotated[int, "probability times impact of a risk, from 1 to 25"] = 8
    score_red: Annotated[int, "the same"] = 15

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("growth", "behind", "buffer", "score"):
            if getattr(self, f"{name}_red") < getattr(self, f"{name}_amber"):
                raise WrongPart("red is no sooner than amber", f"{name}_red")
        if self.index_red > self.index_amber:
            raise WrongPart("red is no sooner than amber", "index_red")

    @dataclass
    class Row:
        aspect: ProjectAspect
        light: TrafficLight | None
        reasons: Annotated[tuple[str, ...], "what makes it so; of the whole, that of each that is not green"]

    def compute(self, found: Observed) -> Iterator[Row]:
        if not found.projects:
            return
        measured = measured_by(found)
        findings = [*self._scope(found), *self._time(found, measured), *self._cost(found, measured)]
        findings += [*self._quality(found), *self._risk(found)]
        rows = []
        for aspect in list(ProjectAspect)[1:]:
            among = [each for each in findings if each.aspect is aspect]
            light = worst(each.light for each in among)
            rows.append(self.Row(aspect, light, tuple(each.reason for each in among if each.light is light)))
        light = worst(row.light for row in rows if row.light)
        bad = (row for row in rows if row.light in (TrafficLight.AMBER, TrafficLight.RED))
        yield self.Row(ProjectAspect.OVERALL, light, tuple(reason for row in bad for reason in row.reasons))
        yield from rows

    def _scope(self, found: Observed) -> Iterator[Finding]:
        open_ones = [each for each in found.changes if each.status in (ChangeStatus.RAISED, ChangeStatus.ASSESSED)]
        if open_ones:
            yield Finding(ProjectAspect.SCOPE, TrafficLight.AMBER, f"changes to be decided: {_names(open_ones)}")
        if agreed := found.then:
            growth = growth_of(agreed.tasks, found.tasks)
            light = _light(growth >= self.growth_amber, growth >= self.growth_red)
            told = f"{growth.normalize():f} % of the agreed work was added, dropped or estimated otherwise"
            yield Finding(ProjectAspect.SCOPE, light, told)

    def _time(self, found: Observed, measured: Measures | None) -> Iterator[Finding]:
        day, buffer, light, days = found.projects[0].day, found.buffers[0].days, None, None
        try:
            days = behind(found)
        except Uncomputable as why:
            yield Finding(ProjectAspect.TIME, TrafficLight.RED, f"the plan cannot be computed: {why}")
        else:
            if days is not None:
                told = f"{abs(days)} working days {'later' if days > 0 else 'sooner'} than" if days else "as"
                used = ""
                if buffer:
                    light, share = self._of_buffer(Decimal(days), Decimal(buffer))
                    used = f": {share} % of its buffer of {buffer}" if days > 0 else ""
                yield Finding(
                    ProjectAspect.TIME,
                    light or _light(days >= self.behind_amber, days >= self.behind_red),
                    f"it ends {told} by the baseline{used}",
                )
        waited = (MilestoneStatus.PLANNED, MilestoneStatus.MISSED, MilestoneStatus.REJECTED)
        if late := [each for each in found.milestones if each.status in waited and each.due_on < day]:
            yield Finding(ProjectAspect.TIME, TrafficLight.AMBER, f"milestones overdue: {_names(late)}")
        if measured:
            yield from self._index(ProjectAspect.TIME, "SPI", measured.spi, light)

    def _cost(self, found: Observed, measured: Measures | None) -> Iterator[Finding]:
        if not measured:
            return
        buffer, currency, light = found.buffers[0], measured.currency, None
        if buffer.money and buffer.currency == currency and (eac := measured.eac()) is not None:
            over = max(eac, measured.ac) - measured.bac
            light, share = self._of_buffer(over, buffer.money)
            told = f"{_plain(over)} {currency} more than planned: {share} % of its buffer of {_plain(buffer.money)}"
            yield Finding(ProjectAspect.COST, light, f"it will cost {told if over > 0 else 'no more than planned'}")
        yield from self._index(ProjectAspect.COST, "CPI", measured.cpi, light)
        if measured.ac > measured.bac:
            told = f"{rounded(measured.ac)} {currency} were paid, and {rounded(measured.bac)} planned"
            yield Finding(ProjectAspect.COST, light or TrafficLight.RED, told)

    def _of_buffer(self, over: Decimal, buffer: Decimal) -> tuple[TrafficLight, int]:
        """The light of what is more than planned, and what of the buffer it uses up, in percent."""
        share = max(over, Decimal(0)) * HUNDRED / buffer
        return _light(share >= self.buffer_amber, share >= self.buffer_red), round(share)

    def _index(
        self, aspect: ProjectAspect, name: str, index: Decimal | None, light: TrafficLight | None
    ) -> Iterator[Finding]:
        """An index; told beside the light of a buffer, where that decides."""
        if index is not None:
            light = light or _light(index < self.index_amber, index < self.index_red)
            yield Finding(aspect, light, f"{name} is {index:.2f}")

    def _quality(self, found: Observed) -> Iterator[Finding]:
        day, quality = found.projects[0].day, ProjectAspect.QUALITY
        if critical := [each for each in found.issues if each.severity is Severity.CRITICAL]:
            yield Finding(quality, TrafficLight.RED, f"critical issues: {_names(critical)}")
        if grave := [each for each in found.issues if each.severity is Severity.HIGH]:
            yield Finding(quality, TrafficLight.AMBER, f"grave issues: {_names(grave)}")
        if late := [each for each in found.issues if each.due_on and each.due_on < day]:
            yield Finding(quality, TrafficLight.AMBER, f"issues overdue: {_names(late)}")
        if rejected := [each for each in found.milestones if each.status is MilestoneStatus.REJECTED]:
            yield Finding(quality, TrafficLight.AMBER, f"milestones rejected: {_names(rejected)}")
        yield Finding(quality, TrafficLight.GREEN, f"open issues: {len(found.issues)}")

    def _risk(self, found: Observed) -> Iterator[Finding]:
        for each in found.risks:
            score = (each.probability or 0) * (each.impact or 0)
            if each.status not in OVER and score >= self.score_amber:
                answered = "" if each.response else ", and nothing is planned against it"
                light = _light(True, score >= self.score_red)
                yield Finding(ProjectAspect.RISK, light, f"{each.name} ({score} of 25){answered}")
        if unknown := [each for each in found.risks if each.status is RiskStatus.IDENTIFIED]:
            yield Finding(ProjectAspect.RISK, TrafficLight.AMBER, f"risks that nobody assessed: {_names(unknown)}")
        if found.risks:
            open_ones = sum(each.status not in OVER for each in found.risks)
            yield Finding(ProjectAspect.RISK, TrafficLight.GREEN, f"open risks: {open_ones}")


def behind(found: Observed) -> int | None:
    """By how many working days a project ends later than by its baseline; None where there is none.

    Raises Uncomputable, with or without one.
    """
    ends, calendar = [], found.projects[0].calendar
    for plan in (plan_of(found), plan_of(found.then) if found.then else None):
        with in_words(found):
            ends += [calendar.through(schedule(plan).finish)] if plan else []
    return ends[0] - ends[1] if len(ends) == 2 else None


def measured_by(found: Observed) -> Measures | None:
    """The earned value of a project as a whole; None without a budget, and where it cannot be computed."""
    project = found.projects[0]
    try:
        works = list(works_of(found, EarningRule.PERCENT)) if found.budgets else []
    except Uncomputable:
        return None
    return earned_value(works, project.day, project.calendar).total if works else None


def growth_of(agreed: Iterable[TaskRow], now: Iterable[TaskRow]) -> Decimal:
    """How much of the agreed work was added, dropped or estimated otherwise: percent of it, by effort or duration."""
    old, new = _leaves(agreed), _leaves(now)
    by_effort = all(task.effort is not None for task in (*old.values(), *new.values()))

    def weight(task: TaskRow | None) -> Decimal:
        return Decimal(0) if task is None else (task.effort or Decimal(0)) if by_effort else Decimal(task.duration)

    whole = sum(map(weight, old.values()), Decimal(0))
    moved = sum((abs(weight(new.get(id)) - weight(old.get(id))) for id in {*old, *new}), Decimal(0))
    return (moved * HUNDRED / whole if whole else HUNDRED if moved else Decimal(0)).quantize(Decimal("0.1"))


def worst(lights: Iterable[TrafficLight]) -> TrafficLight | None:
    """The worst of some lights; None of none."""
    return max(lights, key=list(TrafficLight).index, default=None)


def _leaves(tasks: Iterable[TaskRow]) -> dict[str, TaskRow]:
    known = {task.id: task for task in tasks}
    parents = {task.parent_id for task in known.values()}
    return {id: task for id, task in known.items() if id not in parents}


def _light(amber: bool, red: bool) -> TrafficLight:
    return TrafficLight.RED if red else TrafficLight.AMBER if amber else TrafficLight.GREEN


def _plain(amount: Decimal) -> str:
    """An amount as it is told in a sentence: to two digits after the point, if that many."""
    return f"{round(amount, 2).normalize():f}"


def _names(of: Iterable[object]) -> str:
    return ", ".join(getattr(each, "name", "") for each in of)
