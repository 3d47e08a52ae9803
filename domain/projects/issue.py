"""An issue (问题): what went wrong in a project and is to be settled."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.parameters import AS_IT_IS, Actor, Moment, Text, command
from domain.platform.user import User
from domain.projects.project import Project
from domain.projects.task import Task

if TYPE_CHECKING:
    from domain.projects.risk import Risk


class Severity(StrEnum):
    """How bad it is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Status(StrEnum):
    OPEN = "open"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Issue(Aggregate):
    needs = "projects.work"

    project_id: UUID
    name: str
    severity: Severity
    raised_on: date
    raised_by_id: UUID
    text: str | None = None
    due_on: date | None = None
    risk_id: UUID | None = None
    task_id: UUID | None = None
    escalated_to_id: UUID | None = None
    escalate_reason: str | None = None
    resolution: str | None = None
    resolved_on: date | None = None
    resolved_by_id: UUID | None = None
    closed_on: date | None = None
    reopen_reason: str | None = None
    status: Status = Status.OPEN

    class Raised(Aggregate.Created):
        project_id: UUID
        name: str
        text: str | None
        severity: Severity
        raised_on: date
        raised_by_id: UUID
        owner_id: UUID | None
        due_on: date | None
        risk_id: UUID | None
        task_id: UUID | None

    class Described(Aggregate.Event):
        name: str
        text: str | None
        severity: Severity
        task_id: UUID | None

    class Assigned(Aggregate.Event):
        owner_id: UUID | None
        due_on: date | None

    class Escalated(Aggregate.Event):
        escalated_to_id: UUID
        escalate_reason: str
        status: Status = Status.ESCALATED

    class Resolved(Aggregate.Event):
        resolution: str
        resolved_on: date
        resolved_by_id: UUID
        status: Status = Status.RESOLVED

    class Closed(Aggregate.Event):
        closed_on: date
        status: Status = Status.CLOSED

    class Reopened(Aggregate.Event):
        reopen_reason: str | None
        escalated_to_id: UUID | None
        escalate_reason: str | None
        resolution: str | None
        resolved_on: date | None
        resolved_by_id: UUID | None
        closed_on: date | None
        status: Status

    @classmethod
    @command
    def raise_issue(
        cls,
        project: Project,
        name: str,
        severity: Severity,
        by: Actor,
        now: Moment,
        text: Annotated[Text | None, "what went wrong, and what it does"] = None,
        owner: Annotated[User | None, "who is to settle it"] = None,
        due_on: Annotated[date | None, "by when it is to be settled"] = None,
        risk: Annotated[Risk | None, "the risk that came true"] = None,
        task: Annotated[Task | None, "the work that it holds up"] = None,
        raised_on: Annotated[date | None, "when it came up; today unless given"] = None,
    ) -> Self:
        """Say that something went wrong."""
        project.check_open()
        cls.require(raised_on is None or raised_on <= now.date(), "this day has not come yet", "raised_on")
        cls.require(risk is None or risk.project_id == project.id, "this is of another project", "risk_id")
        cls.require(task is None or task.project_id == project.id, "this is of another project", "task_id")
        return cls._create(
            cls.Raised,
            project_id=project.id,
            name=name,
            text=text,
            severity=severity,
            raised_on=raised_on or now.date(),
            raised_by_id=by,
            owner_id=owner and owner.id,
            due_on=due_on,
            risk_id=risk and risk.id,
            task_id=task and task.id,
        )

    @command
    def describe(
        self,
        *,
        name: str = AS_IT_IS,
        text: Text | None = AS_IT_IS,
        severity: Severity = AS_IT_IS,
    ) -> None:
        """Say better what went wrong and how bad it is; what is left out stays."""
        self.trigger_event(self.Described, name=name, text=text, severity=severity, task_id=self.task_id)

    @command
    def tie_to_task(self, task: Annotated[Task | None, "the work that it holds up; null for none"]) -> None:
        """Say which work it holds up."""
        self.require(task is None or task.project_id == self.project_id, "this is of another project", "task_id")
        self.trigger_event(
            self.Described, name=self.name, text=self.text, severity=self.severity, task_id=task and task.id
        )

    @command
    def assign(
        self,
        owner: Annotated[User, "who is to settle it"],
        due_on: Annotated[date | None, "by when; as it is, unless given"] = AS_IT_IS,
    ) -> None:
        """Give it to somebody to settle."""
        self.trigger_event(self.Assigned, owner_id=owner.id, due_on=due_on)

    @command
    def escalate(self, to: Annotated[User, "who can do more about it"], reason: Text) -> None:
        """It cannot be settled where it is: bring it before somebody else (升级)."""
        self.trigger_event(self.Escalated, escalated_to_id=to.id, escalate_reason=reason)

    @command
    def resolve(
        self,
        resolution: Annotated[Text, "what was done about it"],
        by: Actor,
        now: Moment,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """It is settled; whoever raised it, or another, is to close it."""
        day = self._day_since(on, now)
        self.trigger_event(self.Resolved, resolution=resolution, resolved_on=day, resolved_by_id=by)

    @command
    def reopen(self, reason: Text) -> None:
        """It was not settled after all, or came back."""
        self.trigger_event(
            self.Reopened,
            reopen_reason=reason,
            escalated_to_id=self.escalated_to_id,
            escalate_reason=self.escalate_reason,
            resolution=None,
            resolved_on=None,
            resolved_by_id=None,
            closed_on=None,
            status=Status.ESCALATED if self.escalated_to_id else Status.OPEN,
        )

    @command
    def close(self, by: Actor, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """It is settled indeed. Who resolved it closes it only if they raised it, too."""
        self.require(
            by != self.resolved_by_id or by == self.raised_by_id,
            "who resolved an issue that another raised does not close it: ask whoever raised it",
        )
        day = self._day_since(on, now)
        self.require(self.resolved_on is None or day >= self.resolved_on, "it was resolved later than this", "on")
        self.trigger_event(self.Closed, closed_on=day)

    def guard(self, command: str) -> None:
        settled = self.status in (Status.RESOLVED, Status.CLOSED)
        if command == "close":
            self.require(settled, "say first what was done about it: resolve it")
            self.require(self.status is Status.RESOLVED, f"this issue is {self.status}")
        elif command not in SHARED:
            self.require(settled == (command == "reopen"), f"this issue is {self.status}")
        super().guard(command)

    def _day_since(self, on: date | None, now: Moment) -> date:
        day = self.day(on, now)
        self.require(on is None or on >= self.raised_on, "it was raised later than this", "on")
        return day
