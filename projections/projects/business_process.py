"""Business processes with their steps and measures, as people see them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.projects.business_process import BusinessProcess, Form, Status
from projections.columns import Of
from projections.view import View


class BusinessProcessView(
    View,
    of=BusinessProcess,
    table="business_processes",
    needs="projects.see",
    indexes=("project_id", "name", "status", "responsible_id"),
    search=("name",),
):
    """How work is done today, and how it is to be done (业务流程)."""

    project_id: UUID
    name: str
    as_is: Annotated[str | None, "how it is done today (现状)"] = None
    to_be: Annotated[str | None, "how it is to be done (目标)"] = None
    responsible_id: Annotated[UUID | None, Of("Contact"), "who of theirs answers for it"] = None
    status: Status = Status.DESCRIBED
    adopted_on: Annotated[date | None, "since when it is done as it was to be"] = None


class BusinessProcessStepView(
    View,
    of=BusinessProcess,
    table="business_process_steps",
    key="step_id",
    within=BusinessProcessView,
    ends=(BusinessProcess.StepRemoved,),
    indexes=("form", "place"),
):
    """What is done in one form of a process: as it is, or as it is to be."""

    step_id: UUID
    form: Form
    place: Annotated[int, "in its form of the process, from 1"]
    name: str
    role: Annotated[str | None, "who does it"] = None
    system: Annotated[str | None, "with what"] = None
    minutes: Annotated[int | None, "of work, each time"] = None


class BusinessProcessMeasureView(
    View,
    of=BusinessProcess,
    table="business_process_measures",
    key="measure_id",
    within=BusinessProcessView,
    ends=(BusinessProcess.MeasureDropped,),
    indexes=("name",),
):
    """What a process is measured by, before its new form was adopted and since."""

    measure_id: UUID
    name: str
    unit: str
    target: Decimal | None = None
    before: Annotated[Decimal | None, "what was measured last before the new form was adopted"] = None
    before_on: date | None = None
    after: Annotated[Decimal | None, "what was measured last since it was"] = None
    after_on: date | None = None
