"""A business process (业务流程): how work is done today, how it is to be done, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.customers.contact import Contact
from domain.parameters import AS_IT_IS, Moment, Text, command
from domain.projects.project import Project
from domain.values import new_id

MOST_STEPS: Final = 200
"""So many steps a process has at most, both forms together: more are several processes."""


class Form(StrEnum):
    """Of which form of the process a step is: as it is today (现状), or as it is to be (目标)."""

    AS_IS = "as_is"
    TO_BE = "to_be"


class Status(StrEnum):
    DESCRIBED = "described"
    REDESIGNED = "redesigned"
    ADOPTED = "adopted"


@dataclass(frozen=True)
class Step:
    """What is done, by whom, with what; `place` counts from 1 in its form of the process, `minutes` are of work."""

    step_id: UUID
    form: Form
    place: int
    name: str
    role: str | None = None
    system: str | None = None
    minutes: int | None = None


@dataclass(frozen=True)
class Measure:
    """What the process is measured by: before the new form was adopted, and since."""

    measure_id: UUID
    name: str
    unit: str
    target: Decimal | None = None
    before: Decimal | None = None
    before_on: date | None = None
    after: Decimal | None = None
    after_on: date | None = None


class BusinessProcess(Aggregate):
    needs = "projects.work"

    project_id: UUID
    name: str
    as_is: str | None = None
    to_be: str | None = None
    responsible_id: UUID | None = None
    status: Status = Status.DESCRIBED
    adopted_on: date | None = None
    steps: Mapping[UUID, Step] = field(default_factory=dict)
    measures: Mapping[UUID, Measure] = field(default_factory=dict)

    class Described(Aggregate.Created):
        project_id: UUID
        name: str
        as_is: str | None
        responsible_id: UUID | None

    class Corrected(Aggregate.Event):
        name: str
        as_is: str | None

    class ResponsibleChanged(Aggregate.Event):
        responsible_id: UUID | None

    class Redesigned(Aggregate.Event):
        to_be: str | None
        adopted_on: date | None
        status: Status

    class Adopted(Aggregate.Event):
        adopted_on: date
        status: Status = Status.ADOPTED

    class StepAdded(Aggregate.Event):
        item_of = "steps"
        step_id: UUID
        form: Form
        place: int
        name: str
        role: str | None
        system: str | None
        minutes: int | None

    class StepChanged(Aggregate.Event):
        item_of = "steps"
        step_id: UUID
        name: str
        role: str | None
        system: str | None
        minutes: int | None

    class StepMoved(Aggregate.Event):
        item_of = "steps"
        step_id: UUID
        place: int

    class StepRemoved(Aggregate.Event):
        ends_item_of = "steps"
        step_id: UUID

    class MeasureSet(Aggregate.Event):
        item_of = "measures"
        measure_id: UUID
        name: str
        unit: str
        target: Decimal | None

    class MeasuredBefore(Aggregate.Event):
        item_of = "measures"
        measure_id: UUID
        before: Decimal | None
        before_on: date | None

    class MeasuredAfter(Aggregate.Event):
        item_of = "measures"
        measure_id: UUID
        after: Decimal | None
        after_on: date | None

    class MeasureDropped(Aggregate.Event):
        ends_item_of = "measures"
        measure_id: UUID

    @classmethod
    @command
    def describe(
        cls,
        project: Project,
        name: str,
        as_is: Annotated[Text | None, "how it is done today, and what is wrong with that"] = None,
        responsible: Annotated[Contact | None, "who of theirs answers for it"] = None,
    ) -> Self:
        """Write down how something is done today."""
        project.check_open()
        return cls._create(
            cls.Described,
            project_id=project.id,
            name=name,
            as_is=as_is,
            responsible_id=responsible and responsible.id,
        )

    @command
    def correct(self, *, name: str = AS_IT_IS, as_is: Text | None = AS_IT_IS) -> None:
        """Say better how it is done today; what is left out stays."""
        self.trigger_event(self.Corrected, name=name, as_is=as_is)

    @command
    def change_responsible(self, responsible: Contact | None) -> None:
        """Say who of theirs answers for it; null for nobody that is known."""
        self.trigger_event(self.ResponsibleChanged, responsible_id=responsible and responsible.id)

    @command
    def add_step(
        self,
        form: Form,
        name: str,
        role: Annotated[str | None, "who does it"] = None,
        system: Annotated[str | None, "with what"] = None,
        minutes: Annotated[int | None, "of work, each time"] = None,
        before: Annotated[UUID | None, "the step that it comes before; null for the end"] = None,
    ) -> None:
        """Add a step to the process as it is, or as it is to be."""
        self._check_minutes(minutes)
        others = self.in_order(form)
        self.require(before is None or before in others, "there is no such step in this form", "before")
        at = others.index(before) if before else len(others)
        self._put([*others[:at], None, *others[at:]])
        step = Step(new_id(), form, at + 1, name, role, system, minutes)
        self.trigger_event(self.StepAdded, **vars(step))

    @command
    def change_step(
        self,
        step_id: UUID,
        name: str,
        role: str | None = None,
        system: str | None = None,
        minutes: int | None = None,
    ) -> None:
        """Describe a step anew."""
        self._check_step(step_id)
        self._check_minutes(minutes)
        self.trigger_event(self.StepChanged, step_id=step_id, name=name, role=role, system=system, minutes=minutes)

    @command
    def move_step(self, step_id: UUID, before: Annotated[UUID | None, "null for the end"] = None) -> None:
        """Put a step elsewhere in the order of its form."""
        self._check_step(step_id)
        others = [id for id in self.in_order(self.steps[step_id].form) if id != step_id]
        self.require(before != step_id, "a step does not come before itself", "before")
        self.require(before is None or before in others, "there is no such step in this form", "before")
        at = others.index(before) if before else len(others)
        self._put([*others[:at], step_id, *others[at:]])

    @command
    def remove_step(self, step_id: UUID) -> None:
        """Take a step out."""
        self._check_step(step_id)
        others = [id for id in self.in_order(self.steps[step_id].form) if id != step_id]
        self.trigger_event(self.StepRemoved, step_id=step_id)
        self._put(others)

    @command
    def redesign(self, to_be: Annotated[Text, "how it is to be done, and why that is better"]) -> None:
        """Say how it is to be done. What was adopted before is to be adopted anew."""
        self.trigger_event(self.Redesigned, to_be=to_be, adopted_on=None, status=Status.REDESIGNED)

    @command
    def adopt(self, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """From this day on it is done as it was to be."""
        self.trigger_event(self.Adopted, adopted_on=self.day(on, now))

    @command
    def set_measure(
        self,
        name: str,
        unit: Annotated[str, "such as minutes, or errors in a hundred"],
        target: Decimal | None = None,
        measure_id: Annotated[UUID | None, "to say it anew of one that there is"] = None,
    ) -> None:
        """Say what the process is measured by."""
        self.require(measure_id is None or measure_id in self.measures, "there is no such measure", "measure_id")
        self.trigger_event(self.MeasureSet, measure_id=measure_id or new_id(), name=name, unit=unit, target=target)

    @command
    def measure(
        self,
        measure_id: UUID,
        value: Decimal,
        now: Moment,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """Write down what was measured: it counts as before the day on which the new form was adopted, or as after."""
        self.require(measure_id in self.measures, "there is no such measure", "measure_id")
        day = self.day(on, now)
        if self.adopted_on and day >= self.adopted_on:
            self.trigger_event(self.MeasuredAfter, measure_id=measure_id, after=value, after_on=day)
        else:
            self.trigger_event(self.MeasuredBefore, measure_id=measure_id, before=value, before_on=day)

    @command
    def drop_measure(self, measure_id: UUID) -> None:
        """It is not measured by this any more."""
        self.require(measure_id in self.measures, "there is no such measure", "measure_id")
        self.trigger_event(self.MeasureDropped, measure_id=measure_id)

    def guard(self, command: str) -> None:
        if command == "adopt":
            self.require(self.status is not Status.DESCRIBED, "say first how it is to be done: redesign it")
            self.require(self.status is not Status.ADOPTED, "this process is adopted already")
        if command not in SHARED:
            self.require(
                len(self.steps) < MOST_STEPS or command != "add_step", f"a process has at most {MOST_STEPS} steps"
            )
        super().guard(command)

    def in_order(self, form: Form) -> list[UUID]:
        """The steps of one form of the process, the first first."""
        steps = (step for step in self.steps.values() if step.form is form)
        return [step.step_id for step in sorted(steps, key=lambda step: step.place)]

    def _put(self, order: Sequence[UUID | None]) -> None:
        """Each step in its place, the first in 1; None stands for one that is still to come."""
        for place, id in enumerate(order, 1):
            if id is not None and self.steps[id].place != place:
                self.trigger_event(self.StepMoved, step_id=id, place=place)

    def _check_step(self, step_id: UUID) -> None:
        self.require(step_id in self.steps, "there is no such step", "step_id")

    def _check_minutes(self, minutes: int | None) -> None:
        self.require(minutes is None or minutes >= 0, "nothing takes less than no time", "minutes")
