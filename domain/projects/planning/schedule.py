"""A schedule: when each task of a plan takes place, by how much it may slip, and what makes the plan so long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from domain.projects.planning.critical import drivers, holders
from domain.projects.planning.network import Network, network_of
from domain.projects.planning.passes import Early, Late, backward, forward, origin
from domain.projects.planning.plan import HUNDRED, Dependency, Plan
from domain.projects.planning.wrong import WrongPlan

PERCENT: Final = Decimal("0.01")


class Span(NamedTuple):
    """From one instant to another: working days that lie before each, counted from the first of the plan."""

    start: int
    finish: int


class Scheduled(NamedTuple):
    """When a task takes place. Finishes are the last days of work; what has begun has the dates that were told."""

    id: str
    start: date
    finish: date
    late_start: date
    late_finish: date
    early: Span
    late: Span
    total_slack: int
    """Working days by which it may slip without moving the end of the plan or missing a deadline; less than nil where
    a deadline is missed. Of what has others under it, the least of theirs."""
    free_slack: int
    """Working days by which it may slip without moving any other task."""
    critical: bool
    """Whether it is unfinished and has no slack."""
    milestone: bool
    finished: bool
    progress: Decimal
    """Percent; of what has others under it, theirs, weighed by effort or duration."""
    drivers: tuple[Dependency, ...]
    """What it waits for the longest: those dependencies without any of which it could not be earlier for the others."""

    @property
    def duration(self) -> int:
        """Working days from its start to its finish."""
        return self.early.finish - self.early.start

    @property
    def driven_by(self) -> Dependency | None:
        """The first of its drivers; None for what waits for the plan, a date or what is above it alone."""
        return self.drivers[0] if self.drivers else None


@dataclass(frozen=True)
class Schedule:
    """All of a plan. It is the same whatever the order in which the plan tells its tasks and dependencies."""

    start: date
    finish: date
    duration: int
    """Working days from the start of the plan to its end."""
    tasks: Mapping[str, Scheduled]
    critical: tuple[str, ...]
    """What is critical, from the first on; what has others under it is left out."""
    ends: tuple[str, ...]
    """The critical tasks with which the plan ends."""
    holders: Mapping[str, tuple[str, ...]]
    """Of each critical task, those critical ones that hold it up; none for those with which a critical path begins."""

    def critical_paths(self, at_most: int = 10) -> Iterator[tuple[str, ...]]:
        """Ways through the plan on which each task holds up the next, and the last of them the end of the plan.

        There may be very many: so many are told at most.
        """
        open_ones: list[_Way] = [(end, None) for end in reversed(self.ends)]
        while open_ones and at_most > 0:
            way = open_ones.pop()
            if earlier := self.holders[way[0]]:
                open_ones += [(each, way) for each in reversed(earlier)]
            else:
                yield tuple(_told(way))
                at_most -= 1


_Way = tuple[str, "_Way | None"]
"""A task, and the way from it on to the end of the plan."""


def _told(way: _Way | None) -> Iterator[str]:
    while way is not None:
        task, way = way
        yield task


def schedule(plan: Plan) -> Schedule:
    """Computes when everything takes place. Tasks that wait for each other are a Cycle."""
    return scheduled(plan, network_of(plan), {})


def scheduled(plan: Plan, network: Network, delayed: Mapping[int, int]) -> Schedule:
    """The schedule of a plan whose network is known, where some tasks do not take place before an instant."""
    if not plan.tasks:
        raise WrongPlan("a plan has at least one task: add one", "tasks")
    early = forward(plan, network, delayed)
    end = max(early.finish) >> 1
    late = backward(plan, network, early, end)
    dates, driving = _Dates(plan), drivers(plan, network, early)
    weights = _weights(plan, network)
    done = [Decimal(0)] * len(plan.tasks)
    found: dict[int, Scheduled] = {}
    with localcontext(prec=100):  # sums are exact, and so do not depend on the order of the tasks
        for node in network.order:
            place = node % len(plan.tasks)
            if under := network.children[place]:
                if node != place:
                    weights[place] = sum([weights[each] for each in under], Decimal(0))
                    done[place] = sum([done[each] for each in under], Decimal(0))
                    among = [found[each] for each in under]
                    percent = done[place] / weights[place] if weights[place] else _mean(among)
                    found[place] = _summary(plan, place, early, late, among, percent, driving(place))
            else:
                found[place] = _leaf(plan, place, early, late, dates, driving(place))
                done[place] = found[place].progress * weights[place]
    leaves = [place for place in found if not network.children[place]]
    critical = [place for place in leaves if found[place].critical]
    critical.sort(key=lambda place: (early.start[place], early.finish[place], plan.tasks[place].id))
    held = holders(plan, network, early, critical)
    ids = [task.id for task in plan.tasks]
    holding = {each for others in {id(one): one for one in held.values()}.values() for each in others}
    last = [place for place in critical if early.finish[place] >> 1 == end and ids[place] not in holding]
    return Schedule(
        min(found[place].start for place in leaves),
        max(found[place].finish for place in leaves),
        end,
        {name: found[place] for place, name in enumerate(ids)},
        tuple(ids[place] for place in critical),
        tuple(ids[place] for place in last),
        held,
    )


class _Dates(dict[int, date]):
    """The dates of instants, each looked up once: that of the working day which begins at it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.calendar, self.first = plan.calendar, origin(plan)

    def __missing__(self, instant: int) -> date:
        self[instant] = self.calendar.day(self.first + instant)
        return self[instant]


def _leaf(
    plan: Plan, place: int, early: Early, late: Late, dates: _Dates, driving: tuple[Dependency, ...]
) -> Scheduled:
    """What has nothing under it."""
    task = plan.tasks[place]
    span = Span(early.start[place] >> 1, early.finish[place] >> 1)
    slack = (late.finish[place] - early.finish[place]) >> 1
    free = (late.free_finish[place] - early.finish[place]) >> 1
    if not task.started:
        free = min(free, (late.free_start[place] - early.start[place]) >> 1)
    latest = Span(span.start if task.started else span.start + slack, span.finish + slack)
    if task.duration:
        start = task.started or dates[span.start]
        finish = task.finished or max(start, dates[span.finish - 1])
        late_start = task.started or dates[latest.start]
        late_finish = task.finished or max(late_start, dates[latest.finish - 1])
    else:
        opening = early.finish[place] % 2
        start = finish = task.finished or dates[span.start if opening else span.start - 1]
        with_it = opening and slack <= 0
        late_start = late_finish = task.finished or dates[latest.finish if with_it else latest.finish - 1]
    return Scheduled(
        id=task.id,
        start=start,
        finish=finish,
        late_start=late_start,
        late_finish=late_finish,
        early=span,
        late=latest,
        total_slack=slack,
        free_slack=0 if task.finished else max(0, min(free, slack)),
        critical=not task.finished and slack <= 0,
        milestone=not task.duration,
        finished=bool(task.finished),
        progress=HUNDRED if task.finished else task.progress,
        drivers=driving,
    )


def _summary(
    plan: Plan,
    place: int,
    early: Early,
    late: Late,
    under: list[Scheduled],
    percent: Decimal,
    driving: tuple[Dependency, ...],
) -> Scheduled:
    """What has others under it: it spans them."""
    span = Span(early.start[place] >> 1, early.finish[place] >> 1)
    slack = min((each.total_slack for each in under if not each.finished), default=0)
    free = min((late.free_start[place] - early.start[place]) >> 1, (late.free_finish[place] - early.finish[place]) >> 1)
    finished = all(each.finished for each in under)
    return Scheduled(
        id=plan.tasks[place].id,
        start=min(each.start for each in under),
        finish=max(each.finish for each in under),
        late_start=min(each.late_start for each in under),
        late_finish=max(each.late_finish for each in under),
        early=span,
        late=Span(min(each.late.start for each in under), max(each.late.finish for each in under)),
        total_slack=slack,
        free_slack=0 if finished else max(0, min(free, slack)),
        critical=any(each.critical for each in under),
        milestone=False,
        finished=finished,
        progress=percent.quantize(PERCENT),
        drivers=driving,
    )


def _mean(under: list[Scheduled]) -> Decimal:
    """The progress of what weighs nothing, such as milestones alone: each counts as much as the next."""
    return sum([each.progress for each in under], Decimal(0)) / len(under)


def _weights(plan: Plan, network: Network) -> list[Decimal]:
    """What the progress of each task weighs: its effort, if all that take time have one, else its duration."""
    leaves = [task for place, task in enumerate(plan.tasks) if not network.children[place] and task.duration]
    if all(task.effort is not None for task in leaves):
        return [task.effort or Decimal(0) for task in plan.tasks]
    return [Decimal(task.duration) for task in plan.tasks]
