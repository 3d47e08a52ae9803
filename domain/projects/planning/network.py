"""The network of a plan: which task is computed after which, and where they go round in a circle.

A task without others under it is one node. One that has some is two: it is entered before all that is under it, and
left after them; whatever it waits for comes before its entry, and whatever waits for it comes behind its exit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from domain.projects.planning.plan import DependencyKind, Plan
from domain.projects.planning.wrong import Cycle


class Link(NamedTuple):
    """A dependency by places: those of its tasks in the plan, and its own."""

    predecessor: int
    successor: int
    from_finish: bool
    to_finish: bool
    lag: int
    number: int


class Network(NamedTuple):
    """Everything by its place in the plan: parents and children, links into and out of each task, and an order."""

    parent: Sequence[int | None]
    children: Sequence[Sequence[int]]
    incoming: Sequence[Sequence[Link]]
    outgoing: Sequence[Sequence[Link]]
    order: Sequence[int]
    """Each node behind all that it waits for. What is left again has its place plus the number of tasks."""

    def leaves(self, place: int) -> list[int]:
        """The tasks at the ends of the breakdown below one, itself where nothing is under it."""
        found, open_ones = list[int](), [place]
        while open_ones:
            each = open_ones.pop()
            if self.children[each]:
                open_ones += self.children[each]
            else:
                found.append(each)
        return found


def network_of(plan: Plan) -> Network:
    """The network of a plan. Tasks that wait for each other are a Cycle."""
    count = len(plan.tasks)
    places = {task.id: place for place, task in enumerate(plan.tasks)}
    parent = [None if task.parent is None else places[task.parent] for task in plan.tasks]
    children: list[list[int]] = [[] for _ in range(count)]
    incoming: list[list[Link]] = [[] for _ in range(count)]
    outgoing: list[list[Link]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(2 * count)]
    for place, above in enumerate(parent):
        if above is not None:
            children[above].append(place)
    exits = [place + count if children[place] else place for place in range(count)]
    for place, above in enumerate(parent):
        if above is not None:
            after[above].append(place)
            after[exits[place]].append(above + count)
    ends = {kind: (kind.from_finish, kind.to_finish) for kind in DependencyKind}
    for number, each in enumerate(plan.dependencies):
        predecessor, successor = places[each.predecessor], places[each.successor]
        link = Link(predecessor, successor, *ends[each.kind], each.lag, number)
        incoming[successor].append(link)
        outgoing[predecessor].append(link)
        after[exits[predecessor]].append(successor)
    return Network(parent, children, incoming, outgoing, _ordered(plan, after, exits))


def _ordered(plan: Plan, after: list[list[int]], exits: list[int]) -> list[int]:
    """The nodes, each behind those that it comes after (Kahn's algorithm)."""
    waits = [0] * len(after)
    for behind in after:
        for node in behind:
            waits[node] += 1
    nodes = [*range(len(exits)), *(node for node in exits if node >= len(exits))]
    order = [node for node in nodes if not waits[node]]
    for node in order:
        for behind in after[node]:
            waits[behind] -= 1
            if not waits[behind]:
                order.append(behind)
    if len(order) < len(nodes):
        left = {node for node in nodes if waits[node]}
        raise _circle(plan, {node: [each for each in after[node] if each in left] for node in left})
    return order


def _circle(plan: Plan, after: dict[int, list[int]]) -> Cycle:
    """A circle among nodes that wait for each other, or for those that do."""
    count = len(plan.tasks)
    before: dict[int, list[int]] = {node: [] for node in after}
    for node, behind in after.items():
        for each in behind:
            before[each].append(node)

    def name(node: int) -> str:
        return plan.tasks[node % count].id

    node, way = min(after, key=name), dict[int, int]()
    while node not in way:  # each of them waits for another, so that the way back never ends
        way[node] = len(way)
        node = min(before[node], key=name)
    names = [name(each) for each in list(way)[way[node] :][::-1]]
    names = [each for place, each in enumerate(names) if each != names[place - 1]]
    first = names.index(min(names))
    tasks = (*names[first:], *names[:first])
    told = " → ".join((*tasks, tasks[0]))
    return Cycle(tasks, f"these tasks wait for each other: {told}; drop one of the dependencies", "dependencies")
