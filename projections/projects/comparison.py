"""A plan at two instants: what was added, dropped, moved, estimated anew, and who decided so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

from domain.projects.planning.schedule import Scheduled, schedule
from domain.projects.task import Task
from domain.values import WrongPart
from projections.columns import Of
from projections.computed import Computed
from projections.projects.change_request import ChangeRequestAffectedView, ChangeRequestView
from projections.projects.charter import ProjectBaselineView
from projections.projects.compared import Compared, EventRow, MilestoneVersion, TaskVersion
from projections.projects.plan import in_words, plan_of
from projections.projects.planned import MilestoneRow, Planned, TaskRow
from projections.projects.schedule import PLAN

LINKING: Final = frozenset(
    name for name, event in Task.events().items() if "dependencies" in (event.item_of, event.ends_item_of)
)
"""The events by which a task comes to wait for others, or waits no more."""


CHANGES: Final = (ChangeRequestView, ChangeRequestAffectedView)


class PlanChange(StrEnum):
    """In what a plan is otherwise."""

    ADDED = "added"
    DROPPED = "dropped"
    MOVED = "moved"
    """Its own days were changed: before which it does not begin, or by which it is due."""
    REESTIMATED = "reestimated"
    """Its duration or its effort."""
    RELINKED = "relinked"
    """What it waits for."""
    REARRANGED = "rearranged"
    """What it is under: a task, a phase, a milestone."""
    SHIFTED = "shifted"
    """It takes place on other days, though nothing of it was changed."""


class Standing(NamedTuple):
    """Something in a plan as it stands at an instant: what was said of it, and when it takes place."""

    row: TaskRow | MilestoneRow
    when: Scheduled
    links: frozenset[tuple[str, str, int]]


@dataclass(frozen=True, kw_only=True)
class BaselineComparison(Computed[Compared], of=(*PLAN, ProjectBaselineView, *CHANGES), needs="projects.see"):
    """A plan at two instants (基线对比): what was added, dropped, moved or estimated anew, what shifted with it, and
    who decided so.

    Unless you say otherwise, the plan as the last baseline took it beside the plan as it is. The decision is the last
    event between the two that changed anything of it; it was agreed on with the first baseline after it.
    """

    project_id: Annotated[UUID, Of("Project")]
    since: Annotated[datetime | None, "the instant before; that of the last baseline, if left out"] = None
    until: Annotated[datetime | None, "the instant after; the one that is asked of, if left out"] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.since and self.until and self.until < self.since:
            raise WrongPart("this lies before `since`", "until")

    @dataclass
    class Row:
        changes: Annotated[tuple[PlanChange, ...], "in what it is otherwise"]
        task_id: UUID | None
        milestone_id: UUID | None
        name: Annotated[str, "what it is called after, or was before it was dropped"]
        phase: Annotated[str | None, "the key of its phase"]
        start_before: Annotated[date | None, "when it was to start"]
        start_after: Annotated[date | None, "when it is to start"]
        finish_before: Annotated[date | None, "when it was to be finished"]
        finish_after: Annotated[date | None, "when it is to be finished"]
        days: Annotated[int | None, "by how many working days it is finished later; less than nil: earlier"]
        due_before: Annotated[date | None, "its deadline before"]
        due_after: Annotated[date | None, "its deadline after"]
        duration_before: Annotated[int | None, "in working days"]
        duration_after: Annotated[int | None, "in working days"]
        effort_before: Annotated[Decimal | None, "in hours"]
        effort_after: Annotated[Decimal | None, "in hours"]
        decided_by_id: Annotated[UUID | None, Of("User"), "who changed it last; null for what only shifted"]
        decided_at: Annotated[datetime | None, "when that was recorded"]
        command: Annotated[str | None, "what was asked for then, such as `Task.reschedule`"]
        baseline: Annotated[int | None, "the number of the baseline with which it was agreed on; null: not yet"]
        reason: Annotated[str | None, "the reason of that baseline"]
        change_request_id: Annotated[UUID | None, "the last change request that concerns it and was approved"]

    def compute(self, found: Compared) -> Iterator[Row]:
        if not found.projects:
            return
        [span] = found.spans
        before = standing(found.at(span.since, span.since_on))
        after = standing(found.at(span.until, span.until_on))
        [*_, project] = found.projects
        deciding, requests = decisions(found), {each.target: each.id for each in found.requests}
        through = project.calendar.through
        for id in sorted({*before, *after}, key=lambda id: _place(after.get(id) or before[id])):
            was, now = before.get(id), after.get(id)
            changes = tuple(_changes(was, now))
            if not changes:
                continue
            some = now or was
            assert some
            decided = deciding.get(id) if changes != (PlanChange.SHIFTED,) else None
            agreed = next((b for b in found.baselines if decided and decided.at <= b.at <= span.until), None)
            is_task = isinstance(some.row, TaskRow)
            yield self.Row(
                changes=changes,
                task_id=UUID(id) if is_task else None,
                milestone_id=None if is_task else UUID(id),
                name=some.row.name,
                phase=some.row.phase,
                start_before=was and was.when.start,
                start_after=now and now.when.start,
                finish_before=was and was.when.finish,
                finish_after=now and now.when.finish,
                days=was and now and through(now.when.finish) - through(was.when.finish),
                due_before=was and was.row.due_on,
                due_after=now and now.row.due_on,
                duration_before=_of_task(was, "duration"),
                duration_after=_of_task(now, "duration"),
                effort_before=_of_task(was, "effort"),
                effort_after=_of_task(now, "effort"),
                decided_by_id=decided.actor_id if decided else None,
                decided_at=decided.at if decided else None,
                command=decided.command if decided else None,
                baseline=agreed.number if agreed else None,
                reason=agreed.reason if agreed else None,
                change_request_id=requests.get(id),
            )


def standing(found: Planned | None) -> dict[str, Standing]:
    """All tasks and milestones of a plan, by id."""
    plan = plan_of(found) if found else None
    if found is None or plan is None:
        return {}
    with in_words(found):
        times = schedule(plan).tasks
    links: dict[str, set[tuple[str, str, int]]] = {}
    for link in found.dependencies:
        links.setdefault(link.id, set()).add((link.predecessor_id, link.kind.value, link.lag))
    return {row.id: Standing(row, times[row.id], frozenset(links.get(row.id, ()))) for row in found.all}


def decisions(found: Compared) -> dict[str, EventRow]:
    """Of each task and milestone, the last event that changed what is planned of it."""
    made: dict[str, EventRow] = {}
    events = {(event.id, event.version): event for event in (*found.task_events, *found.milestone_events)}
    versions: dict[str, list[TaskVersion | MilestoneVersion]] = {}
    for task in found.tasks:
        versions.setdefault(task.id, []).append(task)
    for milestone in found.milestones:
        versions.setdefault(milestone.id, []).append(milestone)
    for id, held in versions.items():
        for earlier, later in pairwise((None, *held)):
            event = events.get((id, later.version)) if later else None
            if event and later and (earlier is None or _said(earlier) != _said(later)):
                made[id] = event
    for event in found.task_events:
        known = made.get(event.id)
        if event.event in LINKING and (known is None or known.version < event.version):
            made[event.id] = event
    return made


def _said(row: TaskVersion | MilestoneVersion) -> tuple[object, ...]:
    """What is planned of it."""
    if isinstance(row, TaskVersion):
        days = row.starts_on, row.due_on, row.duration, row.effort
        return (*days, row.phase, row.parent_id, row.milestone_id, row.archived)
    return row.due_on, row.phase, row.archived


def _changes(was: Standing | None, now: Standing | None) -> Iterator[PlanChange]:
    if was is None or now is None:
        yield PlanChange.ADDED if was is None else PlanChange.DROPPED
        return
    found = list(_changed(was, now))
    if not found and (was.when.start, was.when.finish) != (now.when.start, now.when.finish):
        found.append(PlanChange.SHIFTED)
    yield from found


def _changed(was: Standing, now: Standing) -> Iterator[PlanChange]:
    old, new = was.row, now.row
    if isinstance(old, TaskRow) and isinstance(new, TaskRow):
        if (old.starts_on, old.due_on) != (new.starts_on, new.due_on):
            yield PlanChange.MOVED
        if (old.duration, old.effort) != (new.duration, new.effort):
            yield PlanChange.REESTIMATED
        if was.links != now.links:
            yield PlanChange.RELINKED
        if (old.phase, old.parent_id, old.milestone_id) != (new.phase, new.parent_id, new.milestone_id):
            yield PlanChange.REARRANGED
        return
    if old.due_on != new.due_on:
        yield PlanChange.MOVED
    if old.phase != new.phase:
        yield PlanChange.REARRANGED


def _place(of: Standing) -> tuple[date, date, str]:
    return of.when.start, of.when.finish, of.row.id


def _of_task(of: Standing | None, name: str) -> Any:
    return getattr(of.row, name) if of and isinstance(of.row, TaskRow) else None
