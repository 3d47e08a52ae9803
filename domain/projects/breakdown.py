"""The place of a task among others (工作分解结构): what it is a part of, what is a part of it, what it waits for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import Following, Sees, command
from domain.projects.planning.plan import LONGEST, DependencyKind
from domain.projects.planning.standing import Standing, why_not

if TYPE_CHECKING:
    from domain.projects.task import Task

BEFORE: Final = ("dependencies", "parent_id", "subtask_ids")
TURNING: Final = ("parent_id", "subtask_ids")
"""Whatever a task waits for: what that depends on, with all that is under it, and what it is under is begun before."""


@dataclass(frozen=True)
class Wait:
    """What a task waits for; `lag` is in working days."""

    predecessor_id: UUID
    kind: DependencyKind
    lag: int


class Placed(Aggregate):
    """A task, as far as it goes by its place among others."""

    project_id: UUID
    name: str
    parent_id: UUID | None = None
    subtask_ids: frozenset[UUID] = frozenset()
    dependencies: Mapping[UUID, Wait] = field(default_factory=dict)

    class DependencySet(Aggregate.Event):
        item_of = "dependencies"
        predecessor_id: UUID
        kind: DependencyKind
        lag: int

    class DependencyRemoved(Aggregate.Event):
        ends_item_of = "dependencies"
        predecessor_id: UUID

    class MovedUnder(Aggregate.Event):
        parent_id: UUID | None

    class SubtasksChanged(Aggregate.Event):
        subtask_ids: frozenset[UUID]

    @command
    def depend_on(
        self,
        predecessor: Task,
        before: Annotated[tuple[Task, ...], Following("predecessor", by=BEFORE, turning=TURNING)],
        sees: Sees,
        kind: Annotated[DependencyKind, "what waits for what"] = DependencyKind.FS,
        lag: Annotated[int, "working days in between; less than nil for a lead"] = 0,
    ) -> None:
        """Let it wait for another task. Said again, it waits otherwise."""
        self.require(
            predecessor.project_id == self.project_id, "a task waits for tasks of its own project", "predecessor_id"
        )
        self.require(abs(lag) <= LONGEST, f"a lag is at most {LONGEST:,} working days either way", "lag")
        self.require(not (kind.to_finish and self.subtask_ids), self._finishes_with_them(), "kind")
        now = self.standing(sees)
        waiting = replace(now, waits_for={**now.waits_for, predecessor.id: kind})
        self._check_standing(waiting, (predecessor, *before), sees, "predecessor_id")
        self.trigger_event(self.DependencySet, predecessor_id=predecessor.id, kind=kind, lag=lag)

    @command
    def undepend(self, predecessor_id: UUID) -> None:
        """Let it wait no more for another task."""
        self.require(predecessor_id in self.dependencies, "it does not wait for this", "predecessor_id")
        self.trigger_event(self.DependencyRemoved, predecessor_id=predecessor_id)

    @command
    def move_under(
        self,
        parent: Annotated[Task | None, "null for none"],
        around: Annotated[tuple[Task, ...], Following("parent", by=BEFORE, turning=TURNING)],
        own: Annotated[tuple[Task, ...], Following("self", by=BEFORE, turning=TURNING)],
        sees: Sees,
    ) -> tuple[Placed, ...]:
        """Make it a part of another task."""
        if parent:
            parent._check_takes(self.project_id)
            moved = replace(self.standing(sees), parent_id=parent.id)
            self._check_standing(moved, (parent, *around, *own), sees, "parent_id")
        was = [each for each in own if each.id == self.parent_id]
        self.trigger_event(self.MovedUnder, parent_id=parent and parent.id)
        for each in was:
            each.trigger_event(self.SubtasksChanged, subtask_ids=each.subtask_ids - {self.id})
        if parent:
            parent._take(self)
        return self, *was, *([parent] if parent else [])

    def standing(self, sees: Sees) -> Standing:
        """Where it stands among others, under its name if that may be told."""
        waits_for = {id: wait.kind for id, wait in self.dependencies.items()}
        return Standing(self.id, self.name if sees(self) else "a task that you may not see", self.parent_id, waits_for)

    def why_not_among(self, reached: Collection[Any]) -> str | None:
        if why_not(each.standing(lambda _: False) for each in (*reached, self)):
            return "tasks would wait for each other, or be under themselves"
        return None

    def _finishes_with_them(self) -> str:
        return "it finishes with the tasks under it: let one of them wait, or use FS or SS"

    def _take(self, part: Placed) -> None:
        self.trigger_event(self.SubtasksChanged, subtask_ids=self.subtask_ids | {part.id})

    def _check_standing(self, changed: Standing, others: Iterable[Task], sees: Sees, field: str) -> None:
        among = {each.id: each.standing(sees) for each in others} | {self.id: changed}
        wrong = why_not(among.values())
        self.require(wrong is None, str(wrong), field)
