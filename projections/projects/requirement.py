"""Requirements and what they are traced to, as people see them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from domain.projects.requirement import Kind, Method, Priority, Requirement, Status
from projections.columns import Of
from projections.view import View


class RequirementView(
    View,
    of=Requirement,
    table="requirements",
    needs="projects.see",
    owner="owner_id",
    indexes=(
        "project_id", "code", "name", "kind", "priority", "status", "source_id", "stakeholder_id",
        "confirmed_by_id", "change_id", "owner_id",
    ),
    search=("code", "name", "text"),
):  # fmt: skip
    """What the customer needs of what is delivered (需求)."""

    project_id: UUID
    code: Annotated[str | None, "by which people know it; no two in a project have the same"] = None
    name: str
    text: Annotated[str, "what is needed"]
    kind: Kind
    method: Annotated[Method, "how it was found out"]
    priority: Annotated[Priority, "how much depends on it"] = Priority.SHOULD
    user_story: Annotated[str | None, "as who, what one wants, and what for (用户故事)"] = None
    pain_point: Annotated[str | None, "what is a trouble today (痛点)"] = None
    scenario: Annotated[str | None, "when and how it is used (场景)"] = None
    acceptance: Annotated[str | None, "by what it is seen that it is met (验收标准)"] = None
    source_id: Annotated[UUID | None, Of("Contact"), "who of theirs asked for it"] = None
    stakeholder_id: Annotated[UUID | None, "for whom it matters"] = None
    confirmed_by_id: Annotated[UUID | None, Of("Contact"), "who of theirs confirmed it"] = None
    change_id: Annotated[UUID | None, Of("ChangeRequest"), "by which approved change it is what it is"] = None
    evidence: Annotated[str | None, "what shows that it is met"] = None
    status: Status = Status.ELICITED
    reason: Annotated[str | None, "why it was dropped, or reopened"] = None


class RequirementTraceView(
    View,
    of=Requirement,
    table="requirement_traces",
    key="target_id",
    within=RequirementView,
    ends=(Requirement.Untraced,),
    indexes=("task_id", "milestone_id", "process_id", "document_id"),
):
    """What a requirement is traced to (需求跟踪): one thing by which it is met, or where it comes from."""

    target_id: Annotated[UUID, "the bare id of whichever it is"]
    task_id: UUID | None = None
    milestone_id: UUID | None = None
    process_id: Annotated[UUID | None, Of("BusinessProcess")] = None
    document_id: UUID | None = None
    note: Annotated[str | None, "how the two belong together"] = None
