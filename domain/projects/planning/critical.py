"""What makes a plan as long as it is: which dependencies drive a task, and which tasks hold up the critical ones."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from domain.projects.planning.network import Link, Network
from domain.projects.planning.passes import Early
from domain.projects.planning.plan import Dependency, Plan


def drivers(plan: Plan, network: Network, early: Early, place: int) -> tuple[Dependency, ...]:
    """The dependencies that a task, or what it is under, waits for the longest; none if that is a date."""
    found = _driving(plan, network, early, place)
    if len(found) < 2:  # most: a comparison of dependencies costs more than all else here
        return tuple([plan.dependencies[link.number] for link in found])
    return tuple(sorted([plan.dependencies[link.number] for link in found]))


def holders(plan: Plan, network: Network, early: Early, critical: Collection[int]) -> dict[int, list[int]]:
    """Of each critical task, those that hold it up. What has happened holds up nobody: nothing can be done about it."""
    tasks = plan.tasks

    @cache
    def ends(place: int, from_finish: bool) -> list[int]:
        """With which tasks below one its finish, or its start, takes place."""
        steps = early.finish if from_finish else early.start
        return [
            each
            for each in network.leaves(place)
            if steps[each] == steps[place] and not (tasks[each].finished or (tasks[each].started and not from_finish))
        ]

    held = {}
    for place in critical:
        links = _driving(plan, network, early, place)
        found = {each for link in links for each in ends(link.predecessor, link.from_finish)}
        held[place] = sorted(found, key=lambda each: tasks[each].id)
    return held


def _driving(plan: Plan, network: Network, early: Early, place: int) -> list[Link]:
    task, leaf = plan.tasks[place], not network.children[place]
    if leaf and task.finished:
        return []
    start, finish = early.start[place] >> 1, early.finish[place] >> 1
    begun = leaf and task.started is not None
    found = [
        link
        for link in network.incoming[place]
        if (link.to_finish or not begun) and _instant(early, link) == (finish if link.to_finish else start)
    ]
    above = network.parent[place]
    while above is not None and not begun and early.gate[above] >> 1 == start:
        found += [link for link in network.incoming[above] if _instant(early, link) == start]
        above = network.parent[above]
    return found


def _instant(early: Early, link: Link) -> int:
    """The instant before which a link lets nothing happen."""
    steps = early.finish if link.from_finish else early.start
    return (steps[link.predecessor] >> 1) + link.lag
