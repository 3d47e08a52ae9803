"""A change request (变更): what is to be done otherwise than was agreed upon, what it costs, and who decided so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.parameters import AS_IT_IS, Actor, Its, Moment, Text, command
from domain.pointing import one_of
from domain.projects.milestone import Milestone
from domain.projects.project import Project
from domain.projects.requirement import Requirement
from domain.projects.task import Task
from domain.values import Money


class Status(StrEnum):
    RAISED = "raised"
    ASSESSED = "assessed"
    APPROVED = "approved"
    REJECTED = "rejected"
    IMPLEMENTED = "implemented"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Affected:
    """What a change concerns: one of these, by whose id it is known."""

    target_id: UUID
    requirement_id: UUID | None
    task_id: UUID | None
    milestone_id: UUID | None
    note: str | None = None


OPEN: Final = frozenset({Status.RAISED, Status.ASSESSED})
FROM: Final = {
    "approve": {Status.ASSESSED},
    "reject": OPEN,
    "implement": {Status.APPROVED},
    "withdraw": {*OPEN, Status.APPROVED},
}
"""What a change request must be for a command; all others want that it is not decided."""


class ChangeRequest(Aggregate):
    needs = "projects.manage"

    project_id: UUID
    name: str
    what: str
    why: str
    raised_by_id: UUID
    options: str | None = None
    scope_impact: str | None = None
    days: int | None = None
    cost: Money | None = None
    assessed_by_id: UUID | None = None
    decided_by_id: UUID | None = None
    decision: str | None = None
    status: Status = Status.RAISED
    affected: Mapping[UUID, Affected] = field(default_factory=dict)

    class Raised(Aggregate.Created):
        project_id: UUID
        name: str
        what: str
        why: str
        options: str | None
        raised_by_id: UUID

    class Amended(Aggregate.Event):
        name: str
        what: str
        why: str
        options: str | None
        status: Status

    class Assessed(Aggregate.Event):
        scope_impact: str | None
        days: int | None
        cost: Money | None
        assessed_by_id: UUID | None
        status: Status

    class Approved(Aggregate.Event):
        decided_by_id: UUID
        decision: str | None
        status: Status = Status.APPROVED

    class Rejected(Aggregate.Event):
        decided_by_id: UUID
        decision: str
        status: Status = Status.REJECTED

    class Implemented(Aggregate.Event):
        status: Status = Status.IMPLEMENTED

    class Withdrawn(Aggregate.Event):
        decided_by_id: UUID
        decision: str
        status: Status = Status.WITHDRAWN

    class Reopened(Aggregate.Event):
        decided_by_id: UUID | None
        decision: str | None
        status: Status

    class AffectedAdded(Aggregate.Event):
        item_of = "affected"
        target_id: UUID
        requirement_id: UUID | None
        task_id: UUID | None
        milestone_id: UUID | None
        note: str | None

    class AffectedRemoved(Aggregate.Event):
        ends_item_of = "affected"
        target_id: UUID

    @classmethod
    @command(mutation="raiseChangeRequest")
    def raise_change(
        cls,
        project: Project,
        name: str,
        what: Annotated[Text, "what is to be otherwise"],
        why: Annotated[Text, "what is gained, or what happens without it"],
        by: Actor,
        options: Annotated[Text | None, "what else could be done, nothing included"] = None,
    ) -> Self:
        """Ask for something to be done otherwise than was agreed upon."""
        project.check_open()
        return cls._create(
            cls.Raised, project_id=project.id, name=name, what=what, why=why, options=options, raised_by_id=by
        )

    @command
    def amend(
        self,
        *,
        name: str = AS_IT_IS,
        what: Text = AS_IT_IS,
        why: Text = AS_IT_IS,
        options: Text | None = AS_IT_IS,
    ) -> None:
        """Ask for something else; what is left out stays. It is to be assessed again."""
        self.trigger_event(self.Amended, name=name, what=what, why=why, options=options, status=Status.RAISED)

    @command
    def affect(
        self,
        requirement: Requirement | None = None,
        task: Task | None = None,
        milestone: Milestone | None = None,
        note: Annotated[str | None, "what becomes of it"] = None,
    ) -> None:
        """Say what it concerns: one thing of the same project. What is baselined changes by nothing else."""
        wanted = "say one thing that it concerns: a requirement, a task or a milestone"
        ids = one_of(self.project_id, wanted, requirement=requirement, task=task, milestone=milestone)
        self.trigger_event(self.AffectedAdded, note=note, **ids)

    @command
    def unaffect(self, target_id: Annotated[UUID, "of what it concerns, bare"]) -> None:
        """It does not concern this after all."""
        self.require(target_id in self.affected, "it does not concern this", "target_id")
        self.trigger_event(self.AffectedRemoved, target_id=target_id)

    @command
    def assess(
        self,
        scope_impact: Annotated[Text, "what more or less is delivered"],
        days: Annotated[int, "by how many working days all ends later; less than nil: sooner"],
        by: Actor,
        cost: Annotated[Money | None, "what it costs more; less than nil: what it saves"] = None,
    ) -> None:
        """Say what it would do to scope, time and cost (影响评估)."""
        self.trigger_event(
            self.Assessed,
            scope_impact=scope_impact,
            days=days,
            cost=cost,
            assessed_by_id=by,
            status=Status.ASSESSED,
        )

    @command(undone_by="withdraw")
    def approve(self, project: Its[Project], by: Actor, now: Moment, note: Text | None = None) -> Project:
        """It is to be done. Who raised it does not say so.

        A project that was approved gets a new baseline, for this reason: it is measured by that from now on.
        """
        self.require(by != self.raised_by_id, "who raised a change does not approve it: ask somebody else")
        project.check_open()
        self.trigger_event(self.Approved, decided_by_id=by, decision=note)
        if project.approved_on is not None:
            project.rebaseline(f"change: {self.name}", now)
        return project

    @command
    def reject(self, reason: Text, by: Actor) -> None:
        """It is not to be done."""
        self.trigger_event(self.Rejected, decided_by_id=by, decision=reason)

    @command
    def implement(self) -> None:
        """It was done."""
        self.trigger_event(self.Implemented)

    @command
    def withdraw(self, reason: Text, by: Actor) -> None:
        """It is not asked for any more, or not to be done after all."""
        self.trigger_event(self.Withdrawn, decided_by_id=by, decision=reason)

    @command
    def reopen(self) -> None:
        """Decide anew on what was rejected or withdrawn."""
        status = Status.ASSESSED if self.assessed_by_id else Status.RAISED
        self.trigger_event(self.Reopened, decided_by_id=None, decision=None, status=status)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            if command == "reopen":
                fit = self.status in (Status.REJECTED, Status.WITHDRAWN)
            else:
                fit = self.status in FROM.get(command, OPEN)
            unassessed = command == "approve" and self.status is Status.RAISED
            self.require(not unassessed, "say first what it would do to scope, time and cost: assess it")
            self.require(fit, f"this change request is {self.status}")
        super().guard(command)

    def why_not_change(self, requirement: Requirement) -> str | None:
        """Why it does not let a baselined requirement be changed; None if it does."""
        if self.status not in (Status.APPROVED, Status.IMPLEMENTED):
            return f"this change request is {self.status}: only an approved one changes what is baselined"
        if requirement.id not in self.affected:
            return "this change request does not say that it concerns this requirement"
        return None
