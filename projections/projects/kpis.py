"""How far projects are with what they are to bring about (关键绩效指标)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from projections.columns import Of
from projections.projects.objectives import ProjectMeasurementView, ProjectObjectiveView
from projections.projects.project import ProjectView
from projections.report import Report


@dataclass(frozen=True, kw_only=True)
class Kpis(Report, of=(ProjectView, ProjectObjectiveView, ProjectMeasurementView), needs="projects.see"):
    """Each objective with its last measurement, against how it was before the project and how it is to be."""

    sql = """
        select o.id as project_id, o.objective_id, o.text, o.phase, o.metric, o.unit, o.baseline, o.target,
               m.value, m.measured_on, coalesce(m.measurements, 0) as measurements,
               case when m.value is not null and o.target is not null and o.baseline is not null
                    then trim_scale(round((m.value - o.baseline) * 100 / (o.target - o.baseline), 2)) end as progress,
               case when m.value is not null and o.target is not null and o.baseline is not null
                    then sign(o.target - o.baseline) * (m.value - o.target) >= 0 end as met
        from {project_objectives} o join {projects} p on p.id = o.id
        left join lateral (
            select v.value, v."on" as measured_on, count(*) over () as measurements
            from {project_measurements} v where v.id = o.id and v.objective_id = o.objective_id
            order by v."on" desc, v.measurement_id desc limit 1) m on true
        where not p.archived and (:project_id is null or o.id = :project_id)
        order by o.id, o.phase nulls first, o.text, o.objective_id
    """

    project_id: Annotated[UUID | None, Of("Project"), "only what is of this project"] = None

    @dataclass
    class Row:
        project_id: UUID
        objective_id: Annotated[UUID, "its id in the project"]
        text: Annotated[str, "what is to be brought about"]
        phase: Annotated[str | None, "the key of the phase whose objective it is; null for the project's"]
        metric: Annotated[str | None, "what is measured"]
        unit: Annotated[str | None, "in what it is measured"]
        baseline: Annotated[Decimal | None, "how it was before the project"]
        target: Annotated[Decimal | None, "how it is to be"]
        value: Annotated[Decimal | None, "how it was when it was measured last; null where it never was"]
        measured_on: Annotated[date | None, "when it was measured last"]
        measurements: Annotated[int, "how often it was measured"]
        progress: Annotated[Decimal | None, "percent of the way from baseline to target; more than 100 is beyond it"]
        met: Annotated[bool | None, "whether the target is met; null where nobody can tell"]
