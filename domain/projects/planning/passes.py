"""The critical path method: a pass forward for what is earliest, and one backward for what is latest.

Time is an instant: how many working days lie before it, counted from the first of the plan. A task of three days that
starts at 0 finishes at 3. The end of a Friday and the beginning of the Monday behind it are the same instant, and only
a milestone makes a difference between them: after a task that ends on Friday it is on Friday, and with one that begins
on Monday on Monday. Therefore both passes count half steps, twice the instant, and one more where it is the beginning
of a day: a milestone takes what it is given, and a task starts with a day and finishes with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final, NamedTuple

from domain.projects.planning.network import Network
from domain.projects.planning.plan import HUNDRED, Plan, Task

NEVER: Final = 1 << 60


class Early(NamedTuple):
    """Of each place, in half steps: when it starts and finishes at the earliest, and what it was held by."""

    start: list[int]
    finish: list[int]
    gate: list[int]
    """Before which nothing under a task starts, as far as that task and those above it say."""


class Late(NamedTuple):
    """Of each place, in half steps: beyond which it must not start or finish, and where others are in its way."""

    start: list[int]
    finish: list[int]
    free_start: list[int]
    """At which start it would move another from where that is earliest."""
    free_finish: list[int]
    """At which finish it would do so."""


def origin(plan: Plan) -> int:
    """The number of the first working day of a plan: its instant nil."""
    return plan.calendar.number(plan.start)


def forward(plan: Plan, network: Network, delayed: Mapping[int, int]) -> Early:
    """What is earliest, if tasks that are `delayed` to a half step start no earlier, or if begun end no earlier."""
    tasks, parent, incoming = plan.tasks, network.parent, network.incoming
    count, first, calendar = len(plan.tasks), origin(plan), plan.calendar
    today = 0 if plan.as_of is None else calendar.number(plan.as_of) - first
    soonest = 2 * max(0, today) + 1
    start, finish, gate = [NEVER] * count, [-NEVER] * count, [soonest] * count
    for node in network.order:
        if node >= count:  # left again: all under it is known
            place, under = node - count, network.children[node - count]
            start[place] = min([start[each] for each in under])
            finish[place] = max([finish[each] for each in under])
            continue
        task, above = tasks[node], parent[node]
        bound = soonest if above is None else gate[above]
        until = -NEVER
        if task.not_earlier_than is not None:
            bound = max(bound, 2 * (calendar.number(task.not_earlier_than) - first) + 1)
        for other, _, from_finish, to_finish, lag, _ in incoming[node]:
            step = (finish[other] if from_finish else start[other]) + 2 * lag
            if to_finish:
                if step > until:
                    until = step
            elif step > bound:
                bound = step
        gate[node] = bound
        if network.children[node]:
            continue
        if task.finished or task.started:
            start[node], finish[node] = _begun(plan, task, first, today, max(until, delayed.get(node, -NEVER)) >> 1)
            continue
        if node in delayed:
            bound = max(bound, delayed[node])
        if task.duration:
            begin = max(bound >> 1, (until >> 1) - task.duration)
            start[node], finish[node] = 2 * begin + 1, 2 * (begin + task.duration)
        else:
            start[node] = finish[node] = max(bound, until)
    return Early(start, finish, gate)


def _begun(plan: Plan, task: Task, first: int, today: int, until: int) -> tuple[int, int]:
    """Start and finish of what has begun: no dependency moves its start, and one may still hold its finish."""
    begin = plan.calendar.number(task.started or task.finished or plan.start) - first
    if task.finished:
        end = plan.calendar.through(task.finished) - first
        return (2 * begin + 1, 2 * end) if task.duration else (2 * end, 2 * end)
    if plan.as_of is None:
        return 2 * begin + 1, 2 * max(begin + task.duration, until)
    return 2 * begin + 1, 2 * max(max(begin, today) + left(task), until)


def left(task: Task) -> int:
    """The working days that are left of a task: as it says, or what its progress leaves of its duration, rounded up."""
    if task.remaining is not None:
        return task.remaining
    return ceil(task.duration * (HUNDRED - task.progress) / HUNDRED)


def backward(plan: Plan, network: Network, early: Early, end: int) -> Late:
    """What is latest, if the plan ends at an instant and deadlines are kept; and how far each is free to go."""
    tasks, parent, first, count = plan.tasks, network.parent, origin(plan), len(plan.tasks)
    late = Late([NEVER] * count, [NEVER] * count, [NEVER] * count, [NEVER] * count)
    opens_late, opens_early = [NEVER] * count, [NEVER] * count  # of what has not begun under a task
    for node in reversed(network.order):
        place = node % count
        task, above, leaf = tasks[place], parent[place], not network.children[place]
        if not leaf and node < count:
            if above is not None:
                opens_late[above] = min(opens_late[above], opens_late[place])
                opens_early[above] = min(opens_early[above], opens_early[place])
            continue
        if leaf and task.finished:
            late.start[place], late.finish[place] = early.start[place], early.finish[place]
            continue
        starts, finishes, free_starts, free_finishes = NEVER, 2 * end + 1, NEVER, NEVER
        if task.deadline is not None:
            finishes = min(finishes, 2 * (plan.calendar.through(task.deadline) - first))
        if above is not None:
            finishes, free_finishes = min(finishes, late.finish[above]), late.free_finish[above]
            if early.start[place] >> 1 == early.start[above] >> 1:  # it is what that one starts with
                starts, free_starts = late.start[above], late.free_start[above]
        for _, other, from_finish, to_finish, lag, _ in network.outgoing[place]:
            target = tasks[other]
            if network.children[other]:
                latest, soonest = opens_late[other], opens_early[other]
            elif target.finished or (target.started and not to_finish):
                continue  # what has happened waits for nobody
            elif to_finish:
                latest, soonest = late.finish[other], early.finish[other] | (target.duration > 0)
            else:
                latest, soonest = late.start[other], early.start[other]
            if from_finish:
                finishes, free_finishes = min(finishes, latest - 2 * lag), min(free_finishes, soonest - 2 * lag)
            else:
                starts, free_starts = min(starts, latest - 2 * lag), min(free_starts, soonest - 2 * lag)
        late.free_start[place], late.free_finish[place] = free_starts, free_finishes
        if not leaf:
            late.start[place], late.finish[place] = starts, finishes
            continue
        if task.started:
            late.start[place], late.finish[place] = early.start[place], finishes | 1
            continue
        if task.duration:
            finish = min(finishes >> 1, (starts - 1 >> 1) + task.duration)
            late.start[place], late.finish[place] = 2 * (finish - task.duration) + 1, 2 * finish + 1
        else:
            late.start[place] = late.finish[place] = min(starts, finishes)
        if above is not None:
            opens_late[above] = min(opens_late[above], late.start[place])
            opens_early[above] = min(opens_early[above], early.start[place])
    return late
