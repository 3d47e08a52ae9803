"""The effect of a slip: what of a plan moves, and how far, if some of its tasks take place later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from domain.projects.planning.network import network_of
from domain.projects.planning.passes import forward
from domain.projects.planning.plan import LONGEST, Plan
from domain.projects.planning.schedule import Schedule, Scheduled, scheduled
from domain.projects.planning.wrong import WrongPlan


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A task that takes place later than before: from when, to when, and its finish by how many working days."""

    id: str
    milestone: bool
    start_from: date
    start_to: date
    finish_from: date
    finish_to: date
    days: int
    slack: int
    """The working days that it may slip besides; less than nil where it now misses a deadline, its own or another's."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a slip does to a plan."""

    moved: tuple[Moved, ...]
    """Whatever moves, the tasks that slip included, in the order in which it will start."""
    finish_from: date
    finish_to: date
    days: int
    """By how many working days the end of the plan moves."""

    @property
    def milestones(self) -> tuple[Moved, ...]:
        """The milestones that move."""
        return tuple(each for each in self.moved if each.milestone)


def what_if(plan: Plan, delays: Mapping[str, int]) -> Effect:
    """What happens if tasks start so many working days later than they would; of what has begun, finish so much later.

    Where others are under a task, all of them slip.
    """
    before, after = slipped(plan, delays)
    pairs = [(now, after.tasks[id]) for id, now in before.tasks.items()]
    moved = [_moved(now, then) for now, then in pairs if (now.start, now.early) != (then.start, then.early)]
    return Effect(
        moved=tuple(sorted(moved, key=lambda each: (each.start_to, each.finish_to, each.id))),
        finish_from=before.finish,
        finish_to=after.finish,
        days=after.duration - before.duration,
    )


def slipped(plan: Plan, delays: Mapping[str, int]) -> tuple[Schedule, Schedule]:
    """The schedule of a plan, and what it becomes if tasks slip."""
    network = network_of(plan)
    before = scheduled(plan, network, {})
    if not delays:
        return before, before
    early, places, delayed = forward(plan, network, {}), {t.id: n for n, t in enumerate(plan.tasks)}, dict[int, int]()
    for id, days in sorted(delays.items()):
        if id not in places:
            raise WrongPlan(f"{id} is to slip, but is not in the plan: name a task of it", "delays")
        if not 0 <= days <= LONGEST:
            raise WrongPlan(f"{id}: a delay is from 0 to {LONGEST} working days, and not {days}", "delays")
        if before.tasks[id].finished:
            raise WrongPlan(f"{id} is finished, and cannot slip: name what is left to do", "delays")
        for place in network.leaves(places[id]):
            step = early.finish[place] if plan.tasks[place].started else early.start[place]
            delayed[place] = max(delayed.get(place, step), step + 2 * days)
    return before, scheduled(plan, network, delayed)


def _moved(now: Scheduled, then: Scheduled) -> Moved:
    return Moved(
        id=now.id,
        milestone=now.milestone,
        start_from=now.start,
        start_to=then.start,
        finish_from=now.finish,
        finish_to=then.finish,
        days=then.early.finish - now.early.finish,
        slack=then.total_slack,
    )
