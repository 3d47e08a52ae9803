"""Gates: what a phase of a project is completed by, which are its milestones and its checklist (检查清单)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import Actor, FoundBy, Its, Moment, command
from domain.projects.phases import Key, Phased, ProjectPhaseStatus
from domain.values import new_id

if TYPE_CHECKING:
    from domain.projects.budget import Budget
    from domain.projects.milestone import Milestone


@dataclass(frozen=True)
class Check:
    """Something that is looked at before a phase is completed; without a phase, before the project is."""

    check_id: UUID
    phase: str | None
    text: str
    done: bool = False
    done_on: date | None = None
    done_by_id: UUID | None = None


@dataclass(frozen=True)
class Gate:
    """A milestone of the project: it knows of each, so that what they are all to be can be asked."""

    milestone_id: UUID


class Gated(Phased):
    """A project, as far as it goes by what its phases are completed by."""

    checks: Mapping[UUID, Check] = field(default_factory=dict)
    milestones: Mapping[UUID, Gate] = field(default_factory=dict)

    class CheckAdded(Aggregate.Event):
        item_of = "checks"
        check_id: UUID
        phase: str | None
        text: str

    class CheckTicked(Aggregate.Event):
        item_of = "checks"
        check_id: UUID
        done_on: date
        done_by_id: UUID
        done: bool = True

    class CheckUnticked(Aggregate.Event):
        item_of = "checks"
        check_id: UUID
        done_on: None = None
        done_by_id: None = None
        done: bool = False

    class CheckDropped(Aggregate.Event):
        ends_item_of = "checks"
        check_id: UUID

    class MilestoneAdded(Aggregate.Event):
        item_of = "milestones"
        milestone_id: UUID

    class MilestoneDropped(Aggregate.Event):
        ends_item_of = "milestones"
        milestone_id: UUID

    @command
    def complete_phase(
        self,
        phase: Key,
        milestones: Its[tuple[Milestone, ...]],
        now: Moment,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """A phase is done: its milestones are accepted, and so is all that is on its checklist."""
        found = self.known_phase(phase)
        self.require(found.status is ProjectPhaseStatus.ACTIVE, f"this phase is {found.status}, not active", "phase")
        waiting = [each.name for each in milestones if each.phase == phase and each.usable and not each.is_accepted]
        self.require(not waiting, f"first these milestones are to be accepted: {', '.join(waiting)}", "phase")
        self._check_ticked(phase)
        day = self.day(on, now)
        self.require(found.entered_on is None or found.entered_on <= day, "it was entered after this day", "on")
        self.trigger_event(self.PhaseCompleted, phase=phase, completed_on=day)

    @command
    def drop_phase(
        self,
        phase: Key,
        milestones: Its[tuple[Milestone, ...]],
        budget: Annotated[Budget | None, FoundBy("project_id", "{self.id}")],
    ) -> None:
        """Do without a phase, and its checklist. One that has begun, or has milestones or a budget, stays."""
        planned = self.known_phase(phase).status is ProjectPhaseStatus.PLANNED
        self.require(planned, f"this phase is {self.phases[phase].status} already", "phase")
        held = [each.name for each in milestones if each.phase == phase and each.usable]
        self.require(not held, f"move these milestones first, or archive them: {', '.join(held)}", "phase")
        paid = budget is not None and any(line.phase == phase for line in budget.lines.values())
        self.require(not paid, "the budget has lines for this phase: remove them first", "phase")
        for check in self.checks.values():
            if check.phase == phase:
                self.trigger_event(self.CheckDropped, check_id=check.check_id)
        self.trigger_event(self.PhaseDropped, phase=phase)

    @command
    def add_check(
        self,
        text: Annotated[str, "what is looked at"],
        phase: Annotated[str | None, "the key of the phase that it is to be done in; null for the project"] = None,
    ) -> None:
        """Put something on the checklist (检查清单) of a phase, or of the project."""
        self.check_phase(phase)
        self.trigger_event(self.CheckAdded, check_id=new_id(), phase=phase, text=text)

    @command
    def tick_check(
        self, check_id: UUID, by: Actor, now: Moment, on: Annotated[date | None, "today unless given"] = None
    ) -> None:
        """Something on a checklist is done."""
        self._check_listed(check_id)
        self.require(not self.checks[check_id].done, "this is done already", "check_id")
        self.trigger_event(self.CheckTicked, check_id=check_id, done_on=self.day(on, now), done_by_id=by)

    @command
    def untick_check(self, check_id: UUID) -> None:
        """Something on a checklist is not done after all."""
        self._check_listed(check_id)
        self.require(self.checks[check_id].done, "this is not done", "check_id")
        self.trigger_event(self.CheckUnticked, check_id=check_id)

    @command
    def drop_check(self, check_id: UUID) -> None:
        """Take something off a checklist."""
        self._check_listed(check_id)
        self.trigger_event(self.CheckDropped, check_id=check_id)

    def know(self, milestone: Milestone) -> None:
        """Remember a milestone that was planned."""
        self.trigger_event(self.MilestoneAdded, milestone_id=milestone.id)

    def _check_ticked(self, phase: str | None) -> None:
        """What is on a checklist is done."""
        undone = [check.text for check in self.checks.values() if check.phase == phase and not check.done]
        self.require(not undone, f"first this is to be done: {', '.join(undone)}", phase and "phase")

    def _check_listed(self, check_id: UUID) -> None:
        self.require(check_id in self.checks, "there is nothing like this on a checklist", "check_id")
        phase = self.checks[check_id].phase
        self.check_phase(phase)
