"""Who has what to do with each deliverable of a project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from domain.projects.project_member import Raci, Role
from projections.columns import Of
from projections.projects.project_member import ProjectMemberResponsibilityView, ProjectMemberView
from projections.report import Report


@dataclass(frozen=True, kw_only=True)
class ResponsibilityMatrix(Report, of=(ProjectMemberView, ProjectMemberResponsibilityView), needs="projects.see"):
    """The responsibility assignment matrix (责任分配矩阵, RACI): each deliverable with each who has to do with it.

    Deliverables are alike however they are capitalised. Those who left, or were put away, are not in it.
    """

    sql = """
        select m.project_id, min(r.deliverable) over alike as deliverable, m.id as project_member_id, m.role,
               m.user_id, m.contact_id, r.responsibility,
               bool_or(r.responsibility = 'accountable') over alike as has_accountable,
               bool_or(r.responsibility in ('responsible', 'accountable')) over alike as has_responsible
        from {project_members} m join {project_member_responsibilities} r on r.id = m.id
        where not m.left and not m.archived and (:project_id is null or m.project_id = :project_id)
        window alike as (partition by m.project_id, lower(r.deliverable))
        order by m.project_id, lower(r.deliverable),
                 array_position(array['accountable', 'responsible', 'consulted', 'informed'], r.responsibility), m.id
    """

    project_id: Annotated[UUID | None, Of("Project"), "only in this project"] = None

    @dataclass
    class Row:
        project_id: UUID
        deliverable: str
        project_member_id: UUID
        role: Role
        user_id: Annotated[UUID | None, "who it is, if one of us"]
        contact_id: Annotated[UUID | None, "who it is, if one of theirs"]
        responsibility: Raci
        has_accountable: Annotated[bool, "whether somebody answers for the deliverable"]
        has_responsible: Annotated[bool, "whether somebody does it; who answers for it may be the one"]
