"""What is asked of a project, and how far it is met: the requirements for a document, and what they are traced to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from domain.projects.requirement import Kind, Method, Priority, Status
from projections.columns import Of
from projections.projects.business_process import BusinessProcessView
from projections.projects.document import DocumentView
from projections.projects.milestone import MilestoneView
from projections.projects.requirement import RequirementTraceView, RequirementView
from projections.projects.task import TaskView
from projections.report import Report


def in_order(column: str, of: type[StrEnum]) -> str:
    """SQL by which values of an enumeration are sorted as they are declared, and not by the alphabet."""
    return f"array_position(array[{', '.join(repr(each.value) for each in of)}], {column})"


ORDER: Final = f"r.project_id, {in_order('r.kind', Kind)}, {in_order('r.priority', Priority)}, r.code, r.id"
"""Of requirements `r`: as they stand in a document."""
CHOSEN: Final = """
    not r.archived and (:dropped or r.status <> 'dropped') and (:project_id is null or r.project_id = :project_id)
    and (:kind is null or r.kind = :kind) and (:priority is null or r.priority = :priority)"""
"""Of requirements `r`: those that are asked for."""


@dataclass(frozen=True, kw_only=True)
class OfRequirements:
    """A report on some requirements."""

    project_id: Annotated[UUID | None, Of("Project"), "only those of this project"] = None
    kind: Annotated[Kind | None, "only those of this kind"] = None
    priority: Annotated[Priority | None, "only those of this priority"] = None
    dropped: Annotated[bool, "those, too, that are not wanted any more"] = False


@dataclass(frozen=True, kw_only=True)
class RequirementsDocument(OfRequirements, Report, of=(RequirementView, RequirementTraceView), needs="projects.see"):
    """Everything of each requirement, for a document (需求文档): by project and kind, what depends most on it first."""

    sql = f"""
        select r.id as requirement_id, r.project_id, r.code, r.name, r.kind, r.priority, r.status, r.method, r.text,
               r.user_story, r.pain_point, r.scenario, r.acceptance, r.source_id, r.stakeholder_id, r.confirmed_by_id,
               r.owner_id, r.change_id, r.evidence, t.task_ids, t.milestone_ids, t.process_ids, t.document_ids
        from {{requirements}} r
        cross join lateral (
            select coalesce(array_agg(t.task_id order by t.task_id) filter (where t.task_id is not null), '{{}}')
                       as task_ids,
                   coalesce(array_agg(t.milestone_id order by t.milestone_id)
                                filter (where t.milestone_id is not null), '{{}}') as milestone_ids,
                   coalesce(array_agg(t.process_id order by t.process_id) filter (where t.process_id is not null),
                            '{{}}') as process_ids,
                   coalesce(array_agg(t.document_id order by t.document_id) filter (where t.document_id is not null),
                            '{{}}') as document_ids
            from {{requirement_traces}} t where t.id = r.id) t
        where {CHOSEN}
        order by {ORDER}
    """

    @dataclass
    class Row:
        requirement_id: UUID
        project_id: UUID
        code: Annotated[str | None, "by which people know it"]
        name: str
        kind: Kind
        priority: Priority
        status: Status
        method: Annotated[Method, "how it was found out"]
        text: Annotated[str, "what is needed"]
        user_story: Annotated[str | None, "as who, what one wants, and what for"]
        pain_point: Annotated[str | None, "what is a trouble today"]
        scenario: Annotated[str | None, "when and how it is used"]
        acceptance: Annotated[str | None, "by what it is seen that it is met"]
        source_id: Annotated[UUID | None, Of("Contact"), "who of theirs asked for it"]
        stakeholder_id: Annotated[UUID | None, "for whom it matters"]
        confirmed_by_id: Annotated[UUID | None, Of("Contact"), "who of theirs confirmed it"]
        owner_id: Annotated[UUID | None, Of("User"), "who looks after it"]
        change_id: Annotated[UUID | None, Of("ChangeRequest"), "by which approved change it is what it is"]
        evidence: Annotated[str | None, "what shows that it is met"]
        task_ids: Annotated[tuple[UUID, ...], Of("Task"), "the work that it is traced to"]
        milestone_ids: Annotated[tuple[UUID, ...], Of("Milestone"), "the milestones that it is traced to"]
        process_ids: Annotated[tuple[UUID, ...], Of("BusinessProcess"), "the processes that it is traced to"]
        document_ids: Annotated[tuple[UUID, ...], Of("Document"), "the documents that it is traced to"]


@dataclass(frozen=True, kw_only=True)
class Traceability(
    OfRequirements,
    Report,
    of=(RequirementView, RequirementTraceView, TaskView, MilestoneView, BusinessProcessView, DocumentView),
    needs="projects.see",
):
    """Each requirement with each thing that it is traced to, and how far that is (需求跟踪矩阵).

    What is traced to nothing has one row, with nothing in it. Of what you may not see it tells neither name nor state.
    """

    sql = f"""
        select r.id as requirement_id, r.project_id, r.code, r.name, r.priority, r.status,
               t.target_id is not null as traced, t.task_id, t.milestone_id, t.process_id, t.document_id, t.note,
               coalesce(k.name, m.name, p.name, d.name) as target,
               coalesce(k.status, m.status, p.status, d.status) as target_status,
               case when k.id is not null then k.progress
                    when 'accepted' = m.status or 'adopted' = p.status or 'approved' = d.status then 100
                    when coalesce(m.id, p.id, d.id) is not null then 0 end as progress
        from {{requirements}} r
        left join {{requirement_traces}} t on t.id = r.id
        left join {{tasks}} k on k.id = t.task_id
        left join {{milestones}} m on m.id = t.milestone_id
        left join {{business_processes}} p on p.id = t.process_id
        left join {{documents}} d on d.id = t.document_id
        where {CHOSEN} and (not :untraced or t.target_id is null)
        order by {ORDER}, t.target_id
    """

    untraced: Annotated[bool, "only what is traced to nothing"] = False

    @dataclass
    class Row:
        requirement_id: UUID
        project_id: UUID
        code: Annotated[str | None, "by which people know it"]
        name: str
        priority: Priority
        status: Annotated[Status, "of the requirement"]
        traced: Annotated[bool, "whether it is traced to anything"]
        task_id: UUID | None
        milestone_id: UUID | None
        process_id: Annotated[UUID | None, Of("BusinessProcess")]
        document_id: UUID | None
        note: Annotated[str | None, "how the two belong together"]
        target: Annotated[str | None, "what it is traced to, by its name"]
        target_status: Annotated[str | None, "how that stands"]
        progress: Annotated[
            Decimal | None,
            "percent of it that is done: of a task as reported; of what is accepted, adopted or approved all",
        ]
