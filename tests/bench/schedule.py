"""How long a plan of 10,000 tasks and 20,000 dependencies takes, beside networkx's longest path through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from random import Random
from statistics import median
from time import process_time
from typing import Any, TypeVar

import networkx

from domain.projects.planning.network import network_of
from domain.projects.planning.passes import forward
from domain.projects.planning.plan import Dependency, DependencyKind, Plan, Task
from domain.projects.planning.schedule import schedule
from domain.projects.planning.what_if import what_if

TASKS, LINKS, ROUNDS, REACH = 10_000, 20_000, 5, 300
T = TypeVar("T")


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    plan = a_plan(Random(8))
    ours, made = timed(lambda: schedule(plan))
    end_alone, early = timed(lambda: forward(plan, network_of(plan), {}))
    theirs, length = timed(lambda: longest(graph_of(plan)))
    graph = graph_of(plan)
    path_alone, _ = timed(lambda: networkx.dag_longest_path(graph))
    slipped, effect = timed(lambda: what_if(plan, {made.critical[0]: 10}))
    assert made.duration == max(early.finish) >> 1 == length and effect.days == 10
    what = f"schedule of {TASKS:,} tasks and {LINKS:,} dependencies"
    yield what, f"{ours:.2f} s", "goal 1 s", f"{ours:.2f}"
    yield what, f"{ours:.2f} s", f"networkx's dag_longest_path alone {path_alone:.2f} s", f"{ours / path_alone:.1f}"
    against = f"networkx, graph and dag_longest_path {theirs:.2f} s"
    yield "its end alone, network and pass forward", f"{end_alone:.2f} s", against, f"{end_alone / theirs:.2f}"
    yield "what a slip moves in it", f"{slipped:.2f} s", "goal 1 s", f"{slipped:.2f}"


def timed(act: Callable[[], T]) -> tuple[float, T]:
    """Seconds of a processor that it takes, for nothing is waited for, and what comes of it."""
    took = []
    for _ in range(ROUNDS):
        begun = process_time()
        made = act()
        took.append(process_time() - begun)
    return median(took), made


def a_plan(chance: Random) -> Plan:
    """Tasks that wait for some of the few hundred before them, by all kinds of dependencies, with lags and leads."""
    pairs = set[tuple[int, int]]()
    while len(pairs) < LINKS:
        other = chance.randrange(1, TASKS)
        pairs.add((chance.randrange(max(0, other - REACH), other), other))
    kinds = [*DependencyKind, DependencyKind.FS, DependencyKind.FS, DependencyKind.FS]
    links = (
        Dependency(f"t{one}", f"t{other}", chance.choice(kinds), chance.randint(-2, 5)) for one, other in sorted(pairs)
    )
    tasks = (Task(id=f"t{n}", duration=chance.randint(0, 20)) for n in range(TASKS))
    return Plan(start=date(2026, 11, 30), tasks=tuple(tasks), dependencies=tuple(links))


def graph_of(plan: Plan) -> Any:
    """The plan as networkx has it: from start to start, by how many working days one lies behind the other."""
    graph = networkx.DiGraph()
    graph.add_weighted_edges_from((task.id, "end", task.duration) for task in plan.tasks)
    days = {task.id: task.duration for task in plan.tasks}
    for link in plan.dependencies:
        behind = link.lag + (days[link.predecessor] if link.kind.from_finish else 0)
        graph.add_edge(
            link.predecessor, link.successor, weight=behind - (days[link.successor] if link.kind.to_finish else 0)
        )
    return graph


def longest(graph: Any) -> int:
    """The days of the longest path, which networkx begins anew where a lead would take it before the beginning."""
    path = networkx.dag_longest_path(graph)
    return sum(graph[one][other]["weight"] for one, other in pairwise(path))
