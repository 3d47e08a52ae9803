"""What makes a plan as long as it is: which dependencies drive a task, and which tasks hold up the critical ones.

Many tasks may wait for one reason, that of a task which they are under: it is found once, and told of each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import TypeVar

from domain.projects.planning.network import Link, Network
from domain.projects.planning.passes import Early
from domain.projects.planning.plan import Dependency, Plan

T = TypeVar("T", str, Dependency)


def drivers(plan: Plan, network: Network, early: Early) -> Callable[[int], tuple[Dependency, ...]]:
    """The dependencies that a task, or what it is under, waits for the longest; none if that is a date."""
    return _told(plan, network, early, lambda link: [plan.dependencies[link.number]])


def holders(plan: Plan, network: Network, early: Early, critical: Collection[int]) -> dict[str, tuple[str, ...]]:
    """Of each critical task, those that hold it up. What has happened holds up nobody: nothing can be done about it."""
    tasks = plan.tasks

    @cache
    def ends(place: int, from_finish: bool) -> list[str]:
        """With which tasks below one its finish, or its start, takes place."""
        steps = early.finish if from_finish else early.start
        return [
            tasks[each].id
            for each in network.leaves(place)
            if steps[each] == steps[place] and not (tasks[each].finished or (tasks[each].started and not from_finish))
        ]

    held = _told(plan, network, early, lambda link: ends(link.predecessor, link.from_finish))
    return {tasks[place].id: held(place) for place in critical}


def _told(
    plan: Plan, network: Network, early: Early, what: Callable[[Link], Iterable[T]]
) -> Callable[[int], tuple[T, ...]]:
    """What is to be told of the links that drive a task, in order and once."""

    def of(links: list[Link], besides: tuple[T, ...]) -> tuple[T, ...]:
        if not links:
            return besides
        found = set(besides)
        for link in links:
            found.update(what(link))
        return tuple(sorted(found)) if len(found) > 1 else tuple(found)

    @cache
    def at_gate(place: int) -> tuple[T, ...]:
        """Of what holds back all that is under a task."""
        gate = early.gate[place] >> 1
        links = [link for link in network.incoming[place] if _instant(early, link) == gate]
        return of(links, above(place, gate))

    def above(place: int, start: int) -> tuple[T, ...]:
        parent = network.parent[place]
        return at_gate(parent) if parent is not None and early.gate[parent] >> 1 == start else ()

    def driving(place: int) -> tuple[T, ...]:
        task, start, finish = plan.tasks[place], early.start[place] >> 1, early.finish[place] >> 1
        if network.children[place]:
            return at_gate(place) if early.gate[place] >> 1 == start else ()
        if task.finished:
            return ()
        links = [
            link
            for link in network.incoming[place]
            if (link.to_finish or not task.started) and _instant(early, link) == (finish if link.to_finish else start)
        ]
        return of(links, () if task.started else above(place, start))

    return driving


def _instant(early: Early, link: Link) -> int:
    """The instant before which a link lets nothing happen."""
    steps = early.finish if link.from_finish else early.start
    return (steps[link.predecessor] >> 1) + link.lag
