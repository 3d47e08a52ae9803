"""Status reports, as people see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from domain.projects.status_report import Light, Status, StatusReport
from projections.columns import Of
from projections.view import View


class StatusReportView(
    View,
    of=StatusReport,
    table="status_reports",
    needs="projects.see",
    indexes=("project_id", "since", "until", "status"),
):
    """How a project stands after a period, as it was told (状态报告)."""

    project_id: UUID
    since: Annotated[date, "the first day that it tells of"]
    until: Annotated[date, "the last day that it tells of"]
    as_of: Annotated[datetime, "the moment of its figures: ask for the project as of it, and they are as they were"]
    done: Annotated[str | None, "what was done"] = None
    next_steps: Annotated[str | None, "what is to be done next"] = None
    problems: Annotated[str | None, "what stands in the way"] = None
    scope: Annotated[Light | None, "whether it delivers what was agreed"] = None
    time: Annotated[Light | None, "whether it is on time"] = None
    cost: Annotated[Light | None, "whether it costs what was planned"] = None
    quality: Annotated[Light | None, "whether it is good enough"] = None
    risk: Annotated[Light | None, "whether what may happen is under control"] = None
    status: Status = Status.DRAFT
    published_at: Annotated[datetime | None, "when it was given out"] = None
    published_by_id: Annotated[UUID | None, Of("User"), "who gave it out"] = None
