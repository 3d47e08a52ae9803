"""Phases (阶段): the parts of a project that follow each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated

from domain.aggregate import Aggregate
from domain.parameters import Moment, Text, command

Key = Annotated[str, "its key in the project"]


class ProjectPhaseStatus(StrEnum):
    PLANNED = "planned"
    ACTIVE = "active"
    COMPLETED = "completed"


@dataclass(frozen=True)
class Phase:
    """A part of a project; `place` is its place among them, in rising order."""

    phase: str
    name: str
    place: int
    objective: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    status: ProjectPhaseStatus = ProjectPhaseStatus.PLANNED
    entered_on: date | None = None
    completed_on: date | None = None


class Phased(Aggregate):
    """A project, as far as its phases go."""

    phases: Mapping[str, Phase] = field(default_factory=dict)

    class PhaseAdded(Aggregate.Event):
        item_of = "phases"
        phase: str
        name: str
        place: int
        objective: str | None
        starts_on: date | None
        ends_on: date | None

    class PhaseChanged(Aggregate.Event):
        item_of = "phases"
        phase: str
        name: str
        objective: str | None
        starts_on: date | None
        ends_on: date | None

    class PhaseMoved(Aggregate.Event):
        item_of = "phases"
        phase: str
        place: int

    class PhaseEntered(Aggregate.Event):
        item_of = "phases"
        phase: str
        entered_on: date
        status: ProjectPhaseStatus = ProjectPhaseStatus.ACTIVE

    class PhaseLeft(Aggregate.Event):
        item_of = "phases"
        phase: str
        entered_on: None = None
        status: ProjectPhaseStatus = ProjectPhaseStatus.PLANNED

    class PhaseCompleted(Aggregate.Event):
        item_of = "phases"
        phase: str
        completed_on: date
        status: ProjectPhaseStatus = ProjectPhaseStatus.COMPLETED

    class PhaseReopened(Aggregate.Event):
        item_of = "phases"
        phase: str
        completed_on: None = None
        status: ProjectPhaseStatus = ProjectPhaseStatus.ACTIVE

    class PhaseDropped(Aggregate.Event):
        ends_item_of = "phases"
        phase: str

    @command
    def add_phase(
        self,
        phase: Annotated[str, "its key in the project: its name for programs, for ever"],
        name: str,
        objective: Annotated[Text | None, "what it is to bring about"] = None,
        starts_on: date | None = None,
        ends_on: date | None = None,
    ) -> None:
        """Add a phase at the end."""
        self.require(phase not in self.phases, "there is a phase of this key already", "phase")
        self.check_days(starts_on, ends_on)
        place = max((each.place for each in self.phases.values()), default=0) + 1
        self.trigger_event(
            self.PhaseAdded,
            phase=phase,
            name=name,
            place=place,
            objective=objective,
            starts_on=starts_on,
            ends_on=ends_on,
        )

    @command
    def change_phase(
        self,
        phase: Key,
        name: str,
        objective: Annotated[Text | None, "what it is to bring about"] = None,
        starts_on: date | None = None,
        ends_on: date | None = None,
    ) -> None:
        """Describe a phase anew."""
        self.check_phase(phase)
        self.check_days(starts_on, ends_on)
        self.trigger_event(
            self.PhaseChanged, phase=phase, name=name, objective=objective, starts_on=starts_on, ends_on=ends_on
        )

    @command
    def move_phase(self, phase: Key, before: Annotated[str | None, "the key of another; null for the end"]) -> None:
        """Put a phase elsewhere in the order."""
        self.known_phase(phase)
        self.require(before is None or before in self.phases, "there is no such phase", "before")
        self.require(before != phase, "a phase does not come before itself", "before")
        others = [key for key in self.in_order if key != phase]
        at = others.index(before) if before else len(others)
        for place, key in enumerate((*others[:at], phase, *others[at:]), 1):
            if self.phases[key].place != place:
                self.trigger_event(self.PhaseMoved, phase=key, place=place)

    @command
    def enter_phase(self, phase: Key, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """Begin to work on a phase."""
        planned = self.known_phase(phase).status is ProjectPhaseStatus.PLANNED
        self.require(planned, f"this phase is {self.phases[phase].status} already", "phase")
        self.trigger_event(self.PhaseEntered, phase=phase, entered_on=self.day(on, now))

    @command
    def reopen_phase(self, phase: Key) -> None:
        """A phase was not done after all."""
        completed = self.known_phase(phase).status is ProjectPhaseStatus.COMPLETED
        self.require(completed, "this phase is not completed", "phase")
        self.trigger_event(self.PhaseReopened, phase=phase)

    @property
    def in_order(self) -> tuple[str, ...]:
        """The keys of its phases, in their order."""
        return tuple(sorted(self.phases, key=lambda key: self.phases[key].place))

    def check_phase(self, phase: str | None, named: bool = True) -> None:
        """Refuse what would be added to a phase that is not there, or completed."""
        if phase is not None:
            completed = self.known_phase(phase, named).status is ProjectPhaseStatus.COMPLETED
            self.require(not completed, "this phase is completed: reopen it first", "phase")

    def known_phase(self, phase: str, named: bool = True, field: str = "phase") -> Phase:
        """The phase of a key; refused where there is none. The refusal says which there are, if they may be `named`."""
        there = f": there are {', '.join(self.in_order)}" if self.phases else ": it has none yet"
        return self.needed(self.phases.get(phase), f"this project has no such phase{there if named else ''}", field)

    @classmethod
    def check_days(cls, starts_on: date | None, ends_on: date | None) -> None:
        """Refuse what would end before it starts."""
        cls.require(not (starts_on and ends_on and ends_on < starts_on), "it ends before it starts", "ends_on")
