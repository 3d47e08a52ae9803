"""A risk (风险): what may go wrong in a project, how likely and how bad that is, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.parameters import AS_IT_IS, Actor, Its, Moment, Text, command
from domain.platform.user import User
from domain.projects.issue import Issue, Severity
from domain.projects.project import Project
from domain.values import Money

SHARE: Final[Mapping[int, Decimal]] = {
    1: Decimal("0.1"),
    2: Decimal("0.3"),
    3: Decimal("0.5"),
    4: Decimal("0.7"),
    5: Decimal("0.9"),
}
"""How likely something is of which the probability is judged from 1 to 5.

The exposure (风险敞口) of a risk is this share of what it would cost, or of the days by which all would end later.
"""


class Level(StrEnum):
    """How much a risk matters, by its score: probability times impact."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


LEVELS: Final[Mapping[Level, int]] = {Level.HIGH: 15, Level.MEDIUM: 5, Level.LOW: 1}
"""The score from which a level begins, the highest first."""


class Category(StrEnum):
    """Of what it speaks."""

    SCOPE = "scope"
    SCHEDULE = "schedule"
    COST = "cost"
    QUALITY = "quality"
    PEOPLE = "people"
    TECHNOLOGY = "technology"
    DATA = "data"
    SUPPLIER = "supplier"
    CUSTOMER = "customer"
    EXTERNAL = "external"


class FoundBy(StrEnum):
    """How it was found."""

    BRAINSTORMING = "brainstorming"
    DELPHI = "delphi"
    CHECKLIST = "checklist"
    INTERVIEW = "interview"
    SWOT = "swot"


class Response(StrEnum):
    """What is done about it (应对策略)."""

    AVOID = "avoid"
    REDUCE = "reduce"
    TRANSFER = "transfer"
    ACCEPT = "accept"


class Status(StrEnum):
    IDENTIFIED = "identified"
    ASSESSED = "assessed"
    PLANNED = "planned"
    OCCURRED = "occurred"
    CLOSED = "closed"


OVER: Final = frozenset({Status.OCCURRED, Status.CLOSED})
"""What threatens no more: it happened, or will not."""


class Risk(Aggregate):
    needs = "projects.work"

    project_id: UUID
    name: str
    category: Category
    found_by: FoundBy | None = None
    cause: str | None = None
    effect: str | None = None
    triggers: tuple[str, ...] = ()
    probability: int | None = None
    impact: int | None = None
    cost: Money | None = None
    days: int | None = None
    response: Response | None = None
    plan: str | None = None
    reviewed_on: date | None = None
    review_note: str | None = None
    review_due: date | None = None
    occurred_on: date | None = None
    issue_id: UUID | None = None
    status: Status = Status.IDENTIFIED
    reason: str | None = None

    class Identified(Aggregate.Created):
        project_id: UUID
        name: str
        category: Category
        found_by: FoundBy | None
        cause: str | None
        effect: str | None
        triggers: tuple[str, ...]
        owner_id: UUID | None

    class Described(Aggregate.Event):
        name: str
        category: Category
        cause: str | None
        effect: str | None
        triggers: tuple[str, ...]

    class Assessed(Aggregate.Event):
        probability: int | None
        impact: int | None
        cost: Money | None
        days: int | None
        status: Status

    class ResponsePlanned(Aggregate.Event):
        response: Response | None
        plan: str | None
        review_due: date | None
        status: Status

    class Reviewed(Aggregate.Event):
        reviewed_on: date | None
        review_note: str | None
        review_due: date | None

    class Occurred(Aggregate.Event):
        occurred_on: date
        issue_id: UUID
        status: Status = Status.OCCURRED

    class Closed(Aggregate.Event):
        reason: str
        status: Status = Status.CLOSED

    class Reopened(Aggregate.Event):
        reason: str | None
        occurred_on: date | None
        issue_id: UUID | None
        status: Status

    @classmethod
    @command
    def identify(
        cls,
        project: Project,
        name: str,
        category: Category,
        found_by: FoundBy | None = None,
        cause: Annotated[Text | None, "what may bring it about"] = None,
        effect: Annotated[Text | None, "what comes of it if it happens"] = None,
        triggers: Annotated[tuple[str, ...], "by what it is seen to come"] = (),
        owner: Annotated[User | None, "who watches it and does what is planned"] = None,
    ) -> Self:
        """Write down what may go wrong."""
        project.check_open()
        return cls._create(
            cls.Identified,
            project_id=project.id,
            name=name,
            category=category,
            found_by=found_by,
            cause=cause,
            effect=effect,
            triggers=tuple(dict.fromkeys(triggers)),
            owner_id=owner and owner.id,
        )

    @command
    def describe(
        self,
        *,
        name: str = AS_IT_IS,
        category: Category = AS_IT_IS,
        cause: Text | None = AS_IT_IS,
        effect: Text | None = AS_IT_IS,
        triggers: tuple[str, ...] = AS_IT_IS,
    ) -> None:
        """Say better what may go wrong; what is left out stays."""
        triggers = tuple(dict.fromkeys(triggers))
        self.trigger_event(self.Described, name=name, category=category, cause=cause, effect=effect, triggers=triggers)

    @command
    def assess(
        self,
        probability: Annotated[int, "from 1, hardly, to 5, almost surely: 10, 30, 50, 70 and 90 percent"],
        impact: Annotated[int, "from 1, hardly felt, to 5, the project fails"],
        cost: Annotated[Money | None, "what it costs if it happens"] = None,
        days: Annotated[int | None, "by how many working days all ends later if it happens"] = None,
    ) -> None:
        """Judge how likely it is, and what it would do (风险评估)."""
        for field, value in (("probability", probability), ("impact", impact)):
            self.require(value in SHARE, f"{field} is judged from 1 to 5", field)
        self.require(cost is None or cost.amount >= 0, "what a risk costs is not negative", "cost")
        self.require(days is None or days >= 0, "a risk makes nothing end sooner", "days")
        status = Status.PLANNED if self.response else Status.ASSESSED
        self.trigger_event(self.Assessed, probability=probability, impact=impact, cost=cost, days=days, status=status)

    @command
    def plan_response(
        self,
        response: Response,
        plan: Annotated[Text | None, "what is done; to accept it needs none"] = None,
        review_due: Annotated[date | None, "when it is to be looked at again"] = None,
    ) -> None:
        """Decide what is done about it."""
        accepted = response is Response.ACCEPT
        self.require(accepted or plan is not None, f"to {response} a risk takes a plan: say what is done", "plan")
        self.trigger_event(
            self.ResponsePlanned, response=response, plan=plan, review_due=review_due, status=Status.PLANNED
        )

    @command
    def review(
        self,
        note: Annotated[Text, "how it stands"],
        now: Moment,
        on: Annotated[date | None, "today unless given"] = None,
        due: Annotated[date | None, "when it is to be looked at again"] = None,
    ) -> None:
        """Look at it again. If it is judged otherwise now, assess it."""
        day = self.day(on, now)
        self.require(due is None or due > day, "it is looked at again later than now", "due")
        self.trigger_event(self.Reviewed, reviewed_on=day, review_note=note, review_due=due)

    @command
    def occur(
        self,
        project: Its[Project],
        by: Actor,
        now: Moment,
        severity: Annotated[Severity, "how bad it is"] = Severity.HIGH,
        text: Annotated[Text | None, "what happened; what was feared, unless given"] = None,
        on: Annotated[date | None, "today unless given"] = None,
        owner: Annotated[User | None, "who is to settle it"] = None,
        due_on: Annotated[date | None, "by when"] = None,
    ) -> Issue:
        """It happened: from now on it is an issue."""
        day, told = self.day(on, now), text or self.effect
        issue = Issue.raise_issue(project, self.name, severity, by, now, told, owner, due_on, self, raised_on=day)
        self.trigger_event(self.Occurred, occurred_on=day, issue_id=issue.id)
        return issue

    @command
    def close(self, reason: Annotated[Text, "why it threatens no more"]) -> None:
        """It will not happen any more, or what came of it is settled."""
        self.trigger_event(self.Closed, reason=reason)

    @command
    def reopen(self, reason: Text) -> None:
        """It may happen after all, or again."""
        assessed = Status.ASSESSED if self.probability else Status.IDENTIFIED
        self.trigger_event(
            self.Reopened,
            reason=reason,
            occurred_on=self.occurred_on,
            issue_id=self.issue_id,
            status=Status.PLANNED if self.response else assessed,
        )

    def guard(self, command: str) -> None:
        if command not in SHARED:
            over = self.status is Status.CLOSED if command == "close" else self.status in OVER
            self.require(over == (command == "reopen"), f"this risk is {self.status}")
            unassessed = command == "plan_response" and self.probability is None
            self.require(not unassessed, "judge first how likely it is and what it would do: assess it")
        super().guard(command)
