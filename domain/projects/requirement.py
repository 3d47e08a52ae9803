"""A requirement (需求): what the customer needs of what is delivered, and what shows that it is met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate, Claim
from domain.customers.contact import Contact
from domain.parameters import AS_IT_IS, Text, command
from domain.platform.user import User
from domain.pointing import one_of
from domain.projects.business_process import BusinessProcess
from domain.projects.document import Document
from domain.projects.milestone import Milestone
from domain.projects.project import Project
from domain.projects.stakeholder import Stakeholder
from domain.projects.task import Task

if TYPE_CHECKING:
    from domain.projects.change_request import ChangeRequest


class Kind(StrEnum):
    """Of what it speaks."""

    FUNCTIONAL = "functional"
    NON_FUNCTIONAL = "non_functional"
    BUSINESS = "business"
    DATA = "data"
    INTERFACE = "interface"
    USER_INTERFACE = "user_interface"


class Priority(StrEnum):
    """How much depends on it, after MoSCoW. What will not be done this time is kept for a later one."""

    MUST = "must"
    SHOULD = "should"
    COULD = "could"
    WONT = "wont"


class Method(StrEnum):
    """How it was found out."""

    INTERVIEW = "interview"
    QUESTIONNAIRE = "questionnaire"
    WORKSHOP = "workshop"
    OBSERVATION = "observation"
    DOCUMENT = "document"


class Status(StrEnum):
    ELICITED = "elicited"
    REFINED = "refined"
    CONFIRMED = "confirmed"
    BASELINED = "baselined"
    IMPLEMENTED = "implemented"
    VERIFIED = "verified"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Trace:
    """What a requirement leads to: one of these, by whose id it is known."""

    target_id: UUID
    task_id: UUID | None
    milestone_id: UUID | None
    process_id: UUID | None
    document_id: UUID | None
    note: str | None = None


AGREED: Final = frozenset({Status.BASELINED, Status.IMPLEMENTED, Status.VERIFIED})
"""What is agreed upon changes by an approved change request, and by nothing else."""
FROM: Final = {
    "confirm": {Status.ELICITED, Status.REFINED},
    "baseline": {Status.CONFIRMED},
    "implement": {Status.BASELINED},
    "verify": {Status.IMPLEMENTED},
    "reopen": {Status.IMPLEMENTED, Status.VERIFIED, Status.DROPPED},
}
"""What a requirement must be for a command. Others are refused only once it was dropped."""


class Requirement(Aggregate):
    needs = "projects.work"

    project_id: UUID
    name: str
    text: str
    kind: Kind
    method: Method
    code: str | None = None
    priority: Priority = Priority.SHOULD
    user_story: str | None = None
    pain_point: str | None = None
    scenario: str | None = None
    acceptance: str | None = None
    source_id: UUID | None = None
    stakeholder_id: UUID | None = None
    confirmed_by_id: UUID | None = None
    change_id: UUID | None = None
    evidence: str | None = None
    status: Status = Status.ELICITED
    reason: str | None = None
    traces: Mapping[UUID, Trace] = field(default_factory=dict)

    class Elicited(Aggregate.Created):
        project_id: UUID
        code: str | None
        name: str
        text: str
        kind: Kind
        method: Method
        priority: Priority
        user_story: str | None
        pain_point: str | None
        scenario: str | None
        acceptance: str | None
        source_id: UUID | None
        stakeholder_id: UUID | None
        owner_id: UUID | None

    class Refined(Aggregate.Event):
        code: str | None
        name: str
        text: str
        kind: Kind
        priority: Priority
        user_story: str | None
        pain_point: str | None
        scenario: str | None
        acceptance: str | None
        confirmed_by_id: UUID | None
        change_id: UUID | None
        evidence: str | None
        status: Status

    class Confirmed(Aggregate.Event):
        confirmed_by_id: UUID | None
        status: Status = Status.CONFIRMED

    class Baselined(Aggregate.Event):
        status: Status = Status.BASELINED

    class Implemented(Aggregate.Event):
        status: Status = Status.IMPLEMENTED

    class Verified(Aggregate.Event):
        evidence: str
        status: Status = Status.VERIFIED

    class Dropped(Aggregate.Event):
        reason: str
        change_id: UUID | None
        status: Status = Status.DROPPED

    class Reopened(Aggregate.Event):
        reason: str | None
        change_id: UUID | None
        evidence: str | None
        status: Status

    class Traced(Aggregate.Event):
        item_of = "traces"
        target_id: UUID
        task_id: UUID | None
        milestone_id: UUID | None
        process_id: UUID | None
        document_id: UUID | None
        note: str | None

    class Untraced(Aggregate.Event):
        ends_item_of = "traces"
        target_id: UUID

    @classmethod
    @command
    def elicit(
        cls,
        project: Project,
        name: str,
        text: Annotated[Text, "what is needed, in one or a few sentences that can be checked"],
        method: Method,
        kind: Kind = Kind.FUNCTIONAL,
        code: Annotated[
            str | None, "by which people know it, such as REQ-12; no two in a project have the same"
        ] = None,
        priority: Priority = Priority.SHOULD,
        user_story: Annotated[Text | None, "as who, what one wants, and what for (用户故事)"] = None,
        pain_point: Annotated[Text | None, "what is a trouble today (痛点)"] = None,
        scenario: Annotated[Text | None, "when and how it is used (场景)"] = None,
        acceptance: Annotated[Text | None, "by what it is seen that it is met (验收标准)"] = None,
        source: Annotated[Contact | None, "who of theirs asked for it"] = None,
        stakeholder: Annotated[Stakeholder | None, "for whom it matters"] = None,
        owner: Annotated[User | None, "who looks after it"] = None,
    ) -> Self:
        """Write down what somebody needs, and how that was found out."""
        project.check_open()
        known = stakeholder is None or stakeholder.project_id == project.id
        cls.require(known, "this is of another project", "stakeholder_id")
        return cls._create(
            cls.Elicited,
            project_id=project.id,
            code=code,
            name=name,
            text=text,
            kind=kind,
            method=method,
            priority=priority,
            user_story=user_story,
            pain_point=pain_point,
            scenario=scenario,
            acceptance=acceptance,
            source_id=source and source.id,
            stakeholder_id=stakeholder and stakeholder.id,
            owner_id=owner and owner.id,
        )

    @command
    def refine(
        self,
        *,
        code: str | None = AS_IT_IS,
        name: str = AS_IT_IS,
        text: Text = AS_IT_IS,
        kind: Kind = AS_IT_IS,
        priority: Priority = AS_IT_IS,
        user_story: Text | None = AS_IT_IS,
        pain_point: Text | None = AS_IT_IS,
        scenario: Text | None = AS_IT_IS,
        acceptance: Text | None = AS_IT_IS,
        change: Annotated[ChangeRequest | None, "the approved one that says so, once it is baselined"] = None,
    ) -> None:
        """Say it better; what is left out stays. What was confirmed is to be confirmed again.

        What is baselined changes only as an approved change request says, and is to be implemented anew.
        """
        agreed = self.status in AGREED
        self._check_change(change)
        self.trigger_event(
            self.Refined,
            code=code,
            name=name,
            text=text,
            kind=kind,
            priority=priority,
            user_story=user_story,
            pain_point=pain_point,
            scenario=scenario,
            acceptance=acceptance,
            confirmed_by_id=self.confirmed_by_id if agreed else None,
            change_id=change.id if change else self.change_id,
            evidence=None,
            status=Status.BASELINED if agreed else Status.REFINED,
        )

    @command
    def confirm(self, contact: Annotated[Contact | None, "who of theirs says so"] = None) -> None:
        """This is what is needed, and by its acceptance criteria it will be seen whether it is met."""
        self.require(self.acceptance is not None, "say first by what it is seen that it is met", "acceptance")
        self.trigger_event(self.Confirmed, confirmed_by_id=contact and contact.id)

    @command
    def baseline(self) -> None:
        """Agree upon it (需求基线): from now on it changes by an approved change request only."""
        self.trigger_event(self.Baselined)

    @command
    def trace(
        self,
        task: Task | None = None,
        milestone: Milestone | None = None,
        process: BusinessProcess | None = None,
        document: Document | None = None,
        note: Annotated[str | None, "how the two belong together"] = None,
    ) -> None:
        """Say by what it is met, or where it comes from: one thing of the same project (需求跟踪)."""
        wanted = "say one thing that it is traced to: a task, a milestone, a process or a document"
        targets = {"task": task, "milestone": milestone, "process": process, "document": document}
        traced = one_of(self.project_id, wanted, **targets)
        self.trigger_event(self.Traced, note=note, **traced)

    @command
    def untrace(self, target_id: Annotated[UUID, "of what it is traced to, bare"]) -> None:
        """It has nothing to do with this after all."""
        self.require(target_id in self.traces, "it is not traced to this", "target_id")
        self.trigger_event(self.Untraced, target_id=target_id)

    @command
    def implement(self) -> None:
        """It was built; whether it is met is to be verified."""
        self.trigger_event(self.Implemented)

    @command
    def verify(self, evidence: Annotated[Text, "what shows it, such as the run of a test"]) -> None:
        """It is met, by its acceptance criteria."""
        self.trigger_event(self.Verified, evidence=evidence)

    @command
    def drop(
        self,
        reason: Text,
        change: Annotated[ChangeRequest | None, "the approved one that says so, once it is baselined"] = None,
    ) -> None:
        """It is not wanted any more."""
        self._check_change(change)
        self.trigger_event(self.Dropped, reason=reason, change_id=change.id if change else self.change_id)

    @command
    def reopen(self, reason: Text) -> None:
        """It is not met after all, or is wanted again. What was dropped is to be confirmed again."""
        status = Status.REFINED if self.status is Status.DROPPED else Status.BASELINED
        self.trigger_event(self.Reopened, reason=reason, change_id=self.change_id, evidence=None, status=status)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            fit = self.status in FROM[command] if command in FROM else self.status is not Status.DROPPED
            self.require(fit, f"this requirement is {self.status}")
        super().guard(command)

    def claims(self) -> frozenset[Claim]:
        """Its code is its own in the project, however it is written."""
        if self.archived or self.code is None:
            return super().claims()
        return super().claims() | {Claim("Requirement", "code", f"{self.project_id}.{self.code.upper()}")}

    def _check_change(self, change: ChangeRequest | None) -> None:
        if self.status in AGREED:
            unnamed = "this is baselined: name the approved change request that says so"
            change = self.needed(change, unnamed, "change_id")
        if change:
            obstacle = change.why_not_change(self)
            self.require(obstacle is None, obstacle, "change_id")
