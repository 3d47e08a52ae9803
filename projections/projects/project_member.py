"""Project members and what they answer for, as people see them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.projects.project_member import ProjectMember, Raci, Role
from projections.view import View


class ProjectMemberView(
    View,
    of=ProjectMember,
    table="project_members",
    needs="projects.see",
    indexes=("project_id", "user_id", "contact_id", "role", "since", "until"),
):
    """Somebody in the team of a project (团队), in a role: a user, or a contact of the customer."""

    project_id: UUID
    role: Role
    allocation: Annotated[Decimal, "in percent of their working time"]
    since: Annotated[date, "their first day"]
    user_id: Annotated[UUID | None, "who it is, if one of us"] = None
    contact_id: Annotated[UUID | None, "who it is, if one of theirs"] = None
    until: Annotated[date | None, "their last day, planned or past; null for as long as the project lasts"] = None
    left: Annotated[bool, "whether they belong to the team no more"] = False
    leave_reason: Annotated[str | None, "why they left"] = None


class ProjectMemberResponsibilityView(
    View,
    of=ProjectMember,
    table="project_member_responsibilities",
    key="deliverable",
    within=ProjectMemberView,
    ends=(ProjectMember.ResponsibilityDropped,),
    indexes=("responsibility",),
):
    """What a member has to do with one deliverable (责任分配)."""

    deliverable: str
    responsibility: Raci
