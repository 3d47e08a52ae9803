"""What of a project tells how it is doing: its plan and its money, changes, issues and risks, and its buffer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from domain.projects.change_request import Status as ChangeStatus
from domain.projects.issue import Severity
from domain.projects.risk import Response
from domain.projects.risk import Status as RiskStatus
from projections.computed import From
from projections.projects.work import Valued


@dataclass(frozen=True)
class ChangeRow:
    name: str
    status: ChangeStatus


@dataclass(frozen=True)
class IssueRow:
    name: str
    severity: Severity
    due_on: date | None


@dataclass(frozen=True)
class RiskRow:
    name: str
    status: RiskStatus
    probability: int | None
    impact: int | None
    response: Response | None


@dataclass(frozen=True)
class BufferRow:
    days: int | None
    money: Decimal | None
    currency: str | None


OF_PROJECT = "x.project_id = :project_id and not x.archived"


@dataclass(frozen=True)
class Observed(Valued):
    """A project with all that tells how it is doing."""

    buffers: Annotated[
        tuple[BufferRow, ...],
        From(
            "select p.buffer_days as days, p.buffer_money as money, p.buffer_money_currency as currency"
            " from {projects} p where p.id = :project_id"
        ),
    ]
    changes: Annotated[
        tuple[ChangeRow, ...],
        From(f"select x.name, x.status from {{change_requests}} x where {OF_PROJECT} order by x.id"),
    ]
    issues: Annotated[
        tuple[IssueRow, ...],
        From(
            f"select x.name, x.severity, x.due_on from {{issues}} x where {OF_PROJECT}"
            " and x.status in ('open', 'escalated') order by x.id"
        ),
    ]
    risks: Annotated[
        tuple[RiskRow, ...],
        From(
            f"select x.name, x.status, x.probability, x.impact, x.response from {{risks}} x where {OF_PROJECT}"
            " and x.status <> 'closed' order by x.id"
        ),
    ]
