"""Another way to the same dates: all links are difference constraints, looked at until none moves anything.

Bellman and Ford's algorithm in its plainest form, on instants; it knows no order, no half steps and no network.
"""

from __future__ import annotations

from domain.projects.planning.plan import Plan, Task

Spans = dict[str, tuple[int, int]]


def below(plan: Plan, id: str) -> list[Task]:
    """The tasks at the ends of the breakdown below one."""
    under = [task for task in plan.tasks if task.parent == id]
    return [leaf for task in under for leaf in below(plan, task.id)] if under else [plan.by_id[id]]


def earliest(plan: Plan) -> Spans:
    """Start and finish of each task, parents included, as early as they can be."""
    first = plan.calendar.number(plan.start)
    leaves = [task for task in plan.tasks if below(plan, task.id) == [task]]
    start = {task.id: 0 for task in leaves}
    moved = True
    while moved:
        moved = False
        spans = spanned(plan, {task.id: (start[task.id], start[task.id] + task.duration) for task in leaves})
        bounds = [
            (leaf, plan.calendar.number(task.not_earlier_than) - first)
            for task in plan.tasks
            if task.not_earlier_than
            for leaf in below(plan, task.id)
        ]
        for link in plan.dependencies:
            instant = spans[link.predecessor][link.kind.from_finish] + link.lag
            for leaf in below(plan, link.successor):
                bounds.append((leaf, instant - leaf.duration if link.kind.to_finish else instant))
        for leaf, bound in bounds:
            if start[leaf.id] < bound:
                start[leaf.id], moved = bound, True
    return spanned(plan, {task.id: (start[task.id], start[task.id] + task.duration) for task in leaves})


def latest(plan: Plan, early: Spans) -> Spans:
    """Start and finish of what has nothing under it, as late as the end of the plan and the deadlines let them be."""
    first = plan.calendar.number(plan.start)
    leaves = [task for task in plan.tasks if below(plan, task.id) == [task]]
    end = max(finish for _, finish in early.values())
    finish = {task.id: end for task in leaves}
    for task in plan.tasks:
        for leaf in below(plan, task.id) if task.deadline else ():
            assert task.deadline
            finish[leaf.id] = min(finish[leaf.id], plan.calendar.through(task.deadline) - first)
    moved = True
    while moved:
        moved = False
        for link in plan.dependencies:
            waits = below(plan, link.successor)
            until = min(finish[leaf.id] - (0 if link.kind.to_finish else leaf.duration) for leaf in waits) - link.lag
            for leaf in below(plan, link.predecessor):
                bound = until if link.kind.from_finish else until + leaf.duration
                with_it = link.kind.from_finish or early[leaf.id][0] == early[link.predecessor][0]
                if with_it and finish[leaf.id] > bound:
                    finish[leaf.id], moved = bound, True
    return {task.id: (finish[task.id] - task.duration, finish[task.id]) for task in leaves}


def spanned(plan: Plan, leaves: Spans) -> Spans:
    """With every parent from the first start below it to the last finish."""
    spans = dict(leaves)
    for task in plan.tasks:
        under = [leaves[leaf.id] for leaf in below(plan, task.id)]
        spans[task.id] = min(start for start, _ in under), max(finish for _, finish in under)
    return spans
