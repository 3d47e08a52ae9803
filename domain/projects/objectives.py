"""Objectives (目标): what a project is to bring about, and how far it is, by what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import Moment, Text, command
from domain.projects.phases import Phased
from domain.values import new_id

Metric = Annotated[str | None, "what is measured: its KPI (关键绩效指标)"]
Unit = Annotated[str | None, "in what it is measured, such as percent or hours"]
Baseline = Annotated[Decimal | None, "how it was before the project"]
Target = Annotated[Decimal | None, "how it is to be"]
Source = Annotated[str | None, "the report that it is read from; null for by hand"]
Of = Annotated[str | None, "the key of the phase whose objective it is; null for the project's"]


@dataclass(frozen=True)
class Objective:
    """Something to be brought about, and how it is told that it was."""

    objective_id: UUID
    text: str
    phase: str | None = None
    metric: str | None = None
    unit: str | None = None
    baseline: Decimal | None = None
    target: Decimal | None = None
    source: str | None = None


@dataclass(frozen=True)
class Measurement:
    """How far an objective was on a day."""

    measurement_id: UUID
    objective_id: UUID
    on: date
    value: Decimal
    note: str | None = None


class Aimed(Phased):
    """A project, as far as its objectives go."""

    objectives: Mapping[UUID, Objective] = field(default_factory=dict)
    measurements: Mapping[UUID, Measurement] = field(default_factory=dict)

    class ObjectiveSet(Aggregate.Event):
        item_of = "objectives"
        objective_id: UUID
        text: str
        phase: str | None
        metric: str | None
        unit: str | None
        baseline: Decimal | None
        target: Decimal | None
        source: str | None

    class ObjectiveDropped(Aggregate.Event):
        ends_item_of = "objectives"
        objective_id: UUID

    class KpiMeasured(Aggregate.Event):
        item_of = "measurements"
        measurement_id: UUID
        objective_id: UUID
        on: date
        value: Decimal
        note: str | None

    class MeasurementDropped(Aggregate.Event):
        ends_item_of = "measurements"
        measurement_id: UUID

    @command
    def set_objective(
        self,
        text: Annotated[Text, "what is to be brought about"],
        phase: Of = None,
        metric: Metric = None,
        unit: Unit = None,
        baseline: Baseline = None,
        target: Target = None,
        source: Source = None,
    ) -> None:
        """Say what is to be brought about, and how it is told that it was."""
        self._set(Objective(new_id(), text, phase, metric, unit, baseline, target, source))

    @command
    def change_objective(
        self,
        objective_id: UUID,
        text: Annotated[Text, "what is to be brought about"],
        phase: Of = None,
        metric: Metric = None,
        unit: Unit = None,
        baseline: Baseline = None,
        target: Target = None,
        source: Source = None,
    ) -> None:
        """Say anew what is to be brought about. What was measured stays."""
        self._check_objective(objective_id)
        self._set(Objective(objective_id, text, phase, metric, unit, baseline, target, source))

    @command
    def drop_objective(self, objective_id: UUID) -> None:
        """Aim at something no more. What was measured of it goes with it."""
        self._check_objective(objective_id)
        for each in self.measurements.values():
            if each.objective_id == objective_id:
                self.trigger_event(self.MeasurementDropped, measurement_id=each.measurement_id)
        self.trigger_event(self.ObjectiveDropped, objective_id=objective_id)

    @command
    def measure_kpi(
        self,
        objective_id: UUID,
        value: Decimal,
        now: Moment,
        on: Annotated[date | None, "today unless given"] = None,
        note: Text | None = None,
    ) -> None:
        """Say how far an objective is, as it was measured."""
        self._check_objective(objective_id)
        metric = self.objectives[objective_id].metric
        self.require(metric is not None, "say first what is measured of this objective", "objective_id")
        measured = Measurement(new_id(), objective_id, self.day(on, now), value, note)
        self.trigger_event(self.KpiMeasured, **vars(measured))

    @command
    def drop_measurement(self, measurement_id: UUID) -> None:
        """Take out what was measured wrongly."""
        self.require(measurement_id in self.measurements, "there is no such measurement", "measurement_id")
        self.trigger_event(self.MeasurementDropped, measurement_id=measurement_id)

    def _check_objective(self, objective_id: UUID) -> None:
        self.require(objective_id in self.objectives, "there is no such objective", "objective_id")

    def _set(self, objective: Objective) -> None:
        if objective.phase is not None:
            self.known_phase(objective.phase)
        measured = objective.metric is not None
        self.require(measured or objective.target is None, "say what is measured to see whether it is met", "metric")
        differ = objective.target is None or objective.target != objective.baseline
        self.require(differ, "a target is another value than the one before the project", "target")
        self.trigger_event(self.ObjectiveSet, **vars(objective))
