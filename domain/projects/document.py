"""A document (文档): something written in a project, or delivered by it; kept elsewhere, and named by reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.parameters import AS_IT_IS, Actor, Moment, Text, command
from domain.projects.milestone import Milestone
from domain.projects.project import Project


class Kind(StrEnum):
    CHARTER = "charter"
    REQUIREMENTS = "requirements"
    DESIGN = "design"
    PLAN = "plan"
    MINUTES = "minutes"
    TEST_REPORT = "test_report"
    TRAINING_MATERIAL = "training_material"
    CONTRACT = "contract"
    DELIVERABLE = "deliverable"
    OTHER = "other"


class Status(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Version:
    """One version of a document (版本): where it is, what is new in it, and whose it is."""

    number: int
    reference: str
    note: str | None
    by_id: UUID


class Document(Aggregate):
    needs = "projects.work"

    project_id: UUID
    name: str
    kind: Kind
    milestone_id: UUID | None = None
    versions: Mapping[int, Version] = field(default_factory=dict)
    number: int = 1
    status: Status = Status.DRAFT
    submitted_by_id: UUID | None = None
    submitted_on: date | None = None
    decided_by_id: UUID | None = None
    decided_on: date | None = None
    decision_reason: str | None = None

    class Added(Aggregate.Created):
        project_id: UUID
        name: str
        kind: Kind
        milestone_id: UUID | None

    class DetailsChanged(Aggregate.Event):
        name: str
        kind: Kind

    class MilestoneChanged(Aggregate.Event):
        milestone_id: UUID | None

    class VersionAdded(Aggregate.Event):
        item_of = "versions"
        number: int
        reference: str
        note: str | None
        by_id: UUID

    class VersionRemoved(Aggregate.Event):
        ends_item_of = "versions"
        number: int

    class Revised(Aggregate.Event):
        number: int
        submitted_by_id: None = None
        submitted_on: None = None
        decided_by_id: None = None
        decided_on: None = None
        decision_reason: None = None
        status: Status = Status.DRAFT

    class Submitted(Aggregate.Event):
        submitted_by_id: UUID
        submitted_on: date
        decided_by_id: None = None
        decided_on: None = None
        decision_reason: None = None
        status: Status = Status.SUBMITTED

    class Approved(Aggregate.Event):
        submitted_by_id: UUID
        submitted_on: date
        decided_by_id: UUID
        decided_on: date
        decision_reason: str | None
        status: Status = Status.APPROVED

    class Rejected(Aggregate.Event):
        submitted_by_id: UUID
        submitted_on: date
        decided_by_id: UUID
        decided_on: date
        decision_reason: str
        status: Status = Status.REJECTED

    class Withdrawn(Aggregate.Event):
        decided_by_id: UUID
        decided_on: date
        decision_reason: str | None
        status: Status = Status.WITHDRAWN

    @classmethod
    @command
    def add(
        cls,
        project: Project,
        name: str,
        kind: Kind,
        reference: Annotated[Text, "where the first version is: an address, or a path"],
        by: Actor,
        note: Annotated[Text | None, "what there is to know of this version"] = None,
        milestone: Annotated[Milestone | None, "whose deliverable it is"] = None,
    ) -> Self:
        """Name a document, with its first version. It begins as a draft."""
        project.check_open()
        cls._check_milestone(milestone, project.id)
        made = cls._create(
            cls.Added, project_id=project.id, name=name, kind=kind, milestone_id=milestone and milestone.id
        )
        made.trigger_event(cls.VersionAdded, number=1, reference=reference, note=note, by_id=by)
        return made

    @command
    def change_details(self, *, name: str = AS_IT_IS, kind: Kind = AS_IT_IS) -> None:
        """Correct what it is called and of what kind it is; what is left out stays."""
        self.trigger_event(self.DetailsChanged, name=name, kind=kind)

    @command
    def set_milestone(self, milestone: Annotated[Milestone | None, "whose deliverable it is; null for none"]) -> None:
        """Say which milestone it is a deliverable of (交付物)."""
        self._check_milestone(milestone, self.project_id)
        self.trigger_event(self.MilestoneChanged, milestone_id=milestone and milestone.id)

    @command
    def revise(
        self,
        reference: Annotated[Text, "where the new version is: an address, or a path"],
        by: Actor,
        note: Annotated[Text | None, "what is new in it"] = None,
    ) -> None:
        """There is a new version. Whatever was decided of the last one, this one is a draft."""
        number = self.number + 1
        self.trigger_event(self.VersionAdded, number=number, reference=reference, note=note, by_id=by)
        self.trigger_event(self.Revised, number=number)

    @command
    def submit(self, by: Actor, now: Moment) -> None:
        """Ask somebody else to approve the last version."""
        self.trigger_event(self.Submitted, submitted_by_id=by, submitted_on=now.date())

    @command
    def approve(self, by: Actor, now: Moment, reason: Text | None = None) -> None:
        """It is good as it stands. Whoever submitted it does not say so."""
        self.require(by != self.submitted_by_id, "whoever submitted it does not approve it: somebody else does")
        self.trigger_event(self.Approved, **self._decided(by, now, reason))

    @command
    def reject(self, reason: Annotated[Text, "what is to be otherwise"], by: Actor, now: Moment) -> None:
        """It is not good as it stands."""
        self.trigger_event(self.Rejected, **self._decided(by, now, reason))

    @command
    def withdraw(self, by: Actor, now: Moment, reason: Text | None = None) -> None:
        """It does not hold any more, or never will."""
        self.trigger_event(self.Withdrawn, decided_by_id=by, decided_on=now.date(), decision_reason=reason)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            self.require(self.status is not Status.WITHDRAWN, "this document is withdrawn")
        if command in ("approve", "reject"):
            self.require(self.status is Status.SUBMITTED, f"this document is {self.status}: it was not submitted")
        elif command == "submit":
            self.require(self.status in UNDECIDED, f"this document is {self.status} already")
        super().guard(command)

    def _decided(self, by: UUID, now: Moment, reason: str | None) -> dict[str, Any]:
        submitted = {"submitted_by_id": self.submitted_by_id, "submitted_on": self.submitted_on}
        return submitted | {"decided_by_id": by, "decided_on": now.date(), "decision_reason": reason}

    @classmethod
    def _check_milestone(cls, milestone: Milestone | None, project_id: UUID) -> None:
        theirs = milestone is None or milestone.project_id == project_id
        cls.require(theirs, "this is a milestone of another project", "milestone_id")


UNDECIDED = frozenset({Status.DRAFT, Status.REJECTED})
"""As what it may be submitted: what was rejected, too, where the reason does not hold."""
