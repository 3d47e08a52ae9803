"""A milestone (里程碑): something that is reached by a day, and accepted by those whom it is for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.parameters import AS_IT_IS, Actor, Its, Moment, Sees, Text, command
from domain.projects.project import Project


class Status(StrEnum):
    """Where it stands: reached is what was delivered, accepted what those whom it is for took."""

    PLANNED = "planned"
    REACHED = "reached"
    MISSED = "missed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


TO_REACH: Final = frozenset({Status.PLANNED, Status.MISSED, Status.REJECTED})
OPEN: Final = frozenset(Status) - {Status.ACCEPTED}
ADMITTED: Final[Mapping[str, frozenset[Status]]] = {
    "reschedule": TO_REACH,
    "reach": TO_REACH,
    "miss": frozenset({Status.PLANNED}),
    "accept": frozenset({Status.REACHED}),
    "reject": frozenset({Status.REACHED}),
    "reconsider": frozenset({Status.ACCEPTED, Status.REJECTED}),
    "reopen": frozenset({Status.REACHED, Status.MISSED}),
}
"""In which states a command is admitted; any other is until it is accepted."""


class Milestone(Aggregate):
    needs = "projects.manage"

    project_id: UUID
    name: str
    due_on: date
    phase: str | None = None
    criteria: tuple[str, ...] = ()
    deliverables: tuple[str, ...] = ()
    status: Status = Status.PLANNED
    slips: int = 0
    reschedule_reason: str | None = None
    reached_on: date | None = None
    reached_by_id: UUID | None = None
    evidence: str | None = None
    miss_reason: str | None = None
    accepted_on: date | None = None
    accepted_by_id: UUID | None = None
    rejected_by_id: UUID | None = None
    reject_reason: str | None = None

    class Planned(Aggregate.Created):
        project_id: UUID
        name: str
        due_on: date
        phase: str | None
        criteria: tuple[str, ...]
        deliverables: tuple[str, ...]

    class DetailsChanged(Aggregate.Event):
        name: str
        criteria: tuple[str, ...]
        deliverables: tuple[str, ...]

    class PhaseChanged(Aggregate.Event):
        phase: str | None

    class Rescheduled(Aggregate.Event):
        due_on: date
        slips: int
        reschedule_reason: str | None

    class Reached(Aggregate.Event):
        reached_on: date
        reached_by_id: UUID
        evidence: str | None
        rejected_by_id: None = None
        reject_reason: None = None
        status: Status = Status.REACHED

    class Missed(Aggregate.Event):
        miss_reason: str
        status: Status = Status.MISSED

    class Accepted(Aggregate.Event):
        accepted_on: date
        accepted_by_id: UUID
        status: Status = Status.ACCEPTED

    class Rejected(Aggregate.Event):
        rejected_by_id: UUID
        reject_reason: str
        status: Status = Status.REJECTED

    class Reconsidered(Aggregate.Event):
        accepted_on: None = None
        accepted_by_id: None = None
        rejected_by_id: None = None
        reject_reason: None = None
        status: Status = Status.REACHED

    class Reopened(Aggregate.Event):
        reached_on: None = None
        reached_by_id: None = None
        evidence: None = None
        miss_reason: None = None
        status: Status = Status.PLANNED

    @classmethod
    @command
    def plan(
        cls,
        project: Project,
        name: str,
        due_on: date,
        phase: Annotated[str | None, "its key in the project"] = None,
        criteria: Annotated[tuple[str, ...], "by which it is accepted (验收标准)"] = (),
        deliverables: Annotated[tuple[str, ...], "what is handed over (交付物)"] = (),
    ) -> tuple[Self, Project]:
        """Say what is to be reached, and by when."""
        project.check_open()
        project.check_phase(phase)
        made = cls._create(
            cls.Planned,
            project_id=project.id,
            name=name,
            due_on=due_on,
            phase=phase,
            criteria=criteria,
            deliverables=deliverables,
        )
        project.know(made)
        return made, project

    @command
    def change_details(
        self,
        *,
        name: str = AS_IT_IS,
        criteria: Annotated[tuple[str, ...], "by which it is accepted"] = AS_IT_IS,
        deliverables: Annotated[tuple[str, ...], "what is handed over"] = AS_IT_IS,
    ) -> None:
        """Correct what it is called, by what it is accepted and what is handed over; what is left out stays."""
        self.trigger_event(self.DetailsChanged, name=name, criteria=criteria, deliverables=deliverables)

    @command
    def move_to_phase(
        self, phase: Annotated[str | None, "its key in the project; null for none"], project: Its[Project], sees: Sees
    ) -> None:
        """Let it be one of another phase."""
        project.check_phase(phase, named=sees(project))
        self.trigger_event(self.PhaseChanged, phase=phase)

    @command
    def reschedule(self, due_on: date, reason: Text | None = None) -> None:
        """Plan it for another day. To put it off has a reason, and counts as a slip; what was missed is open again."""
        later = due_on > self.due_on
        self.require(not later or reason is not None, "say why it is put off", "reason")
        if self.status is Status.MISSED:
            self.trigger_event(self.Reopened)
        self.trigger_event(self.Rescheduled, due_on=due_on, slips=self.slips + later, reschedule_reason=reason)

    @command
    def reach(
        self,
        by: Actor,
        now: Moment,
        on: Annotated[date | None, "today unless given"] = None,
        evidence: Annotated[Text | None, "what shows it, such as a document or a record of tests"] = None,
    ) -> None:
        """What it asks for is delivered. Somebody else accepts it."""
        self.trigger_event(self.Reached, reached_on=self.day(on, now), reached_by_id=by, evidence=evidence)

    @command
    def miss(self, reason: Text, now: Moment) -> None:
        """It was not reached by its day."""
        self.require(self.due_on <= now.date(), "its day has not come yet: reschedule it, if it will be later")
        self.trigger_event(self.Missed, miss_reason=reason)

    @command
    def accept(self, by: Actor, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """Take what was delivered (验收)."""
        self.require(by != self.reached_by_id, "whoever delivered it does not accept it: ask somebody else")
        day = self.day(on, now)
        self.require(self.reached_on is None or self.reached_on <= day, "it was reached after this day", "on")
        self.trigger_event(self.Accepted, accepted_on=day, accepted_by_id=by)

    @command
    def reject(self, reason: Text, by: Actor) -> None:
        """What was delivered is not what was asked for. It can be reached again."""
        self.trigger_event(self.Rejected, rejected_by_id=by, reject_reason=reason)

    @command
    def reconsider(self) -> None:
        """Whether it is accepted is to be decided again."""
        self.trigger_event(self.Reconsidered)

    @command
    def reopen(self) -> None:
        """It was neither reached nor missed: it is to be reached still."""
        self.trigger_event(self.Reopened)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            self.require(self.status in ADMITTED.get(command, OPEN), f"this milestone is {self.status}")
        super().guard(command)

    @property
    def is_accepted(self) -> bool:
        """Whether those whom it is for took it."""
        return self.status is Status.ACCEPTED
