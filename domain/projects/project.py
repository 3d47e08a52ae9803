"""A project (项目): work that is delivered for a customer, from a proposal to its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.customers.account import Account
from domain.parameters import AS_IT_IS, Actor, Moment, Text, command
from domain.platform.user import User
from domain.projects.charter import Chartered
from domain.projects.gates import Gated
from domain.projects.objectives import Aimed
from domain.projects.phases import ProjectPhaseStatus
from domain.projects.planning.calendar import Calendar
from domain.sales.opportunity import Opportunity
from domain.sales.opportunity import Status as Sale

if TYPE_CHECKING:
    from domain.projects.milestone import Milestone
    from domain.projects.project_template import ProjectTemplate
    from domain.projects.task import Task


class Status(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Method(StrEnum):
    """How the work is cut: into phases that follow each other, or into rounds that are alike."""

    PHASED = "phased"
    ITERATIVE = "iterative"


OVER: Final = frozenset({Status.COMPLETED, Status.CANCELLED})
UNDERWAY: Final = frozenset(Status) - OVER
ADMITTED: Final[Mapping[str, frozenset[Status]]] = {
    "approve": frozenset({Status.PROPOSED}),
    "withdraw_approval": frozenset({Status.APPROVED}),
    "start": frozenset({Status.APPROVED}),
    "hold": frozenset({Status.ACTIVE}),
    "resume": frozenset({Status.ON_HOLD}),
    "rebaseline": frozenset({Status.APPROVED, Status.ACTIVE, Status.ON_HOLD}),
    "complete": frozenset({Status.ACTIVE}),
    "reopen": OVER,
    **dict.fromkeys(("enter_phase", "complete_phase", "reopen_phase"), frozenset({Status.ACTIVE})),
    **dict.fromkeys(("measure_kpi", "drop_measurement"), UNDERWAY | {Status.COMPLETED}),
}
"""In which states a command is admitted; any other is while the project is not over."""


class Project(Gated, Aimed, Chartered):
    needs = "projects.manage"

    name: str
    goal: str | None = None
    account_id: UUID | None = None
    opportunity_id: UUID | None = None
    manager_id: UUID | None = None
    sponsor_id: UUID | None = None
    template_id: UUID | None = None
    method: Method = Method.PHASED
    starts_on: date | None = None
    ends_on: date | None = None
    approved_on: date | None = None
    approved_by_id: UUID | None = None
    started_on: date | None = None
    completed_on: date | None = None
    status: Status = Status.PROPOSED
    hold_reason: str | None = None
    cancel_reason: str | None = None

    class Proposed(Aggregate.Created):
        name: str
        goal: str | None
        account_id: UUID | None
        opportunity_id: UUID | None
        manager_id: UUID | None
        sponsor_id: UUID | None
        template_id: UUID | None
        method: Method
        starts_on: date | None
        ends_on: date | None

    class DetailsChanged(Aggregate.Event):
        name: str
        goal: str | None
        method: Method

    class AccountChanged(Aggregate.Event):
        account_id: UUID | None

    class ManagerChanged(Aggregate.Event):
        manager_id: UUID | None

    class SponsorChanged(Aggregate.Event):
        sponsor_id: UUID | None

    class Rescheduled(Aggregate.Event):
        starts_on: date | None
        ends_on: date | None

    class Approved(Aggregate.Event):
        approved_on: date
        approved_by_id: UUID
        status: Status = Status.APPROVED

    class ApprovalWithdrawn(Aggregate.Event):
        approved_on: None = None
        approved_by_id: None = None
        status: Status = Status.PROPOSED

    class Started(Aggregate.Event):
        started_on: date
        status: Status = Status.ACTIVE

    class StartWithdrawn(Aggregate.Event):
        started_on: None = None
        status: Status = Status.APPROVED

    class Held(Aggregate.Event):
        hold_reason: str
        status: Status = Status.ON_HOLD

    class Resumed(Aggregate.Event):
        hold_reason: None = None
        status: Status = Status.ACTIVE

    class Completed(Aggregate.Event):
        completed_on: date
        status: Status = Status.COMPLETED

    class Cancelled(Aggregate.Event):
        cancel_reason: str
        status: Status = Status.CANCELLED

    class Reopened(Aggregate.Event):
        status: Status
        completed_on: None = None
        cancel_reason: None = None

    @classmethod
    @command
    def propose(
        cls,
        name: str,
        by: Actor,
        goal: Annotated[Text | None, "what it is for"] = None,
        account: Account | None = None,
        opportunity: Annotated[Opportunity | None, "the sale that it came from: one that was won"] = None,
        manager: Annotated[User | None, "whoever proposes it, unless given"] = None,
        sponsor: User | None = None,
        template: Annotated[ProjectTemplate | None, "by which it is laid out, with all dates from the start on"] = None,
        method: Method = Method.PHASED,
        starts_on: date | None = None,
        ends_on: Annotated[date | None, "when all that is laid out is done, unless given"] = None,
        calendar: Annotated[Calendar, "on which days work is done"] = Calendar(),
    ) -> tuple[Self | Milestone | Task, ...]:
        """Suggest a project, from a template or empty. One that comes from a sale is for whoever bought."""
        cls.check_days(starts_on, ends_on)
        won = opportunity is None or opportunity.status is Sale.WON
        cls.require(won, "a project comes from a sale that was won: win it first", "opportunity_id")
        account_id = account.id if account else opportunity and opportunity.account_id
        made = cls._create(
            cls.Proposed,
            name=name,
            goal=goal,
            account_id=account_id,
            opportunity_id=opportunity and opportunity.id,
            manager_id=manager.id if manager else by,
            sponsor_id=sponsor and sponsor.id,
            template_id=template and template.id,
            method=method,
            starts_on=starts_on,
            ends_on=ends_on,
        )
        if calendar != made.calendar:
            made.set_calendar(calendar)
        return made, *(template.lay_out(made) if template else ())

    @command
    def change_details(self, *, name: str = AS_IT_IS, goal: Text | None = AS_IT_IS, method: Method = AS_IT_IS) -> None:
        """Correct what it is called, what it is for, and how the work is cut; what is left out stays."""
        self.trigger_event(self.DetailsChanged, name=name, goal=goal, method=method)

    @command
    def change_account(self, account: Account | None) -> None:
        """Say for whom it is done; null for nobody that is known."""
        self.trigger_event(self.AccountChanged, account_id=account and account.id)

    @command
    def change_manager(self, manager: User | None) -> None:
        """Say who leads it; null for nobody yet."""
        self.trigger_event(self.ManagerChanged, manager_id=manager and manager.id)

    @command
    def change_sponsor(self, sponsor: User | None) -> None:
        """Say who wants it and pays for it; null for nobody yet."""
        self.trigger_event(self.SponsorChanged, sponsor_id=sponsor and sponsor.id)

    @command
    def reschedule(self, *, starts_on: date | None = AS_IT_IS, ends_on: date | None = AS_IT_IS) -> None:
        """Plan it for other days; what is left out stays. Its phases, milestones and tasks have days of their own."""
        self.check_days(starts_on, ends_on)
        self.trigger_event(self.Rescheduled, starts_on=starts_on, ends_on=ends_on)

    @command
    def approve(self, by: Actor, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """Let it begin. The plan as it stands is its first baseline (基线)."""
        self.require(self.charter is not None, "it is approved by its charter: set that first")
        self.require(bool(self.scope.included), "say what belongs to its scope before it is approved")
        day = self.day(on, now)
        self.trigger_event(self.Approved, approved_on=day, approved_by_id=by)
        self.take_baseline("approved", day)

    @command
    def withdraw_approval(self) -> None:
        """It is to be thought over again."""
        self.trigger_event(self.ApprovalWithdrawn)

    @command
    def start(self, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """Work begins."""
        self.trigger_event(self.Started, started_on=self.day(on, now))

    @command
    def hold(self, reason: Text) -> None:
        """Let the work rest."""
        self.trigger_event(self.Held, hold_reason=reason)

    @command
    def resume(self) -> None:
        """Go on with the work."""
        self.trigger_event(self.Resumed)

    @command
    def complete(self, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """It is done: its phases are completed, and so is its own checklist."""
        undone = [p.name for p in self.phases.values() if p.status is not ProjectPhaseStatus.COMPLETED]
        self.require(not undone, f"first these phases are to be completed, or dropped: {', '.join(undone)}")
        self._check_ticked(None)
        day = self.day(on, now)
        self.require(self.started_on is None or self.started_on <= day, "it was started after this day", "on")
        self.trigger_event(self.Completed, completed_on=day)

    @command
    def cancel(self, reason: Text) -> None:
        """Give it up."""
        self.trigger_event(self.Cancelled, cancel_reason=reason)

    @command
    def reopen(self) -> None:
        """It was not over after all: it goes on from where it was."""
        begun = Status.ACTIVE if self.started_on else Status.APPROVED if self.approved_on else Status.PROPOSED
        self.trigger_event(self.Reopened, status=Status.ON_HOLD if self.hold_reason else begun)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            self.require(self.status in ADMITTED.get(command, UNDERWAY), f"this project is {self._is}")
        super().guard(command)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be done in it."""
        return self.status in OVER

    def check_open(self) -> None:
        """Refuse what would be added to a project that is over."""
        self.require(not self.is_over, f"this project is {self._is}", "project_id")

    @property
    def _is(self) -> str:
        return self.status.replace("_", " ")
