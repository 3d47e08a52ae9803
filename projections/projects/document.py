"""Documents and their versions, as people see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from domain.projects.document import Document, Kind, Status
from projections.columns import Of
from projections.view import View


class DocumentView(
    View,
    of=Document,
    table="documents",
    needs="projects.see",
    owner="owner_id",
    indexes=("project_id", "name", "kind", "milestone_id", "status", "owner_id"),
    search=("name",),
):
    """Something written in a project, or delivered by it (文档); kept elsewhere, and named by reference."""

    project_id: UUID
    name: str
    kind: Kind
    milestone_id: Annotated[UUID | None, "whose deliverable it is (交付物)"] = None
    number: Annotated[int, "of its last version"] = 1
    status: Annotated[Status, "of its last version"] = Status.DRAFT
    submitted_by_id: Annotated[UUID | None, Of("User"), "who asked for it to be approved"] = None
    submitted_on: date | None = None
    decided_by_id: Annotated[UUID | None, Of("User"), "who approved, rejected or withdrew it"] = None
    decided_on: date | None = None
    decision_reason: Annotated[str | None, "why"] = None


class DocumentVersionView(
    View,
    of=Document,
    table="document_versions",
    key="number",
    within=DocumentView,
    ends=(Document.VersionRemoved,),
    indexes=("by_id",),
):
    """One version of a document (版本)."""

    number: int
    reference: Annotated[str, "where it is: an address, or a path"]
    note: Annotated[str | None, "what is new in it"] = None
    by_id: Annotated[UUID, Of("User"), "who added it"]
