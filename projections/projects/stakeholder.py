"""Stakeholders, as people see them, and the grid of their power and interest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from domain.projects.stakeholder import Attitude, Sealed, Stakeholder, Status
from domain.values import WrongPart
from projections.columns import Of
from projections.report import Report
from projections.view import View


class StakeholderView(
    View,
    of=Stakeholder,
    table="stakeholders",
    needs="projects.see",
    indexes=(
        "project_id",
        "contact_id",
        "account_id",
        "user_id",
        "sealed_for",
        "interest",
        "influence",
        "attitude",
        "status",
    ),
):
    """Somebody, or an organisation, whom a project touches (相关方). What is written of a contact is null once they
    were forgotten.
    """

    project_id: UUID
    sealed_for: Annotated[UUID, "with whom its text is forgotten: the contact; without one, only itself"]
    contact_id: Annotated[UUID | None, "who it is, if one of theirs"] = None
    account_id: Annotated[UUID | None, "who it is, if an organisation"] = None
    user_id: Annotated[UUID | None, "who it is, if one of us"] = None
    interest: Annotated[int | None, "how much they care: 1 (little) to 5 (much); null until it is assessed"] = None
    influence: Annotated[int | None, "how much they decide: 1 (little) to 5 (much); null until it is assessed"] = None
    attitude: Annotated[Attitude | None, "how they stand to the project"] = None
    expectation: Annotated[str | None, Sealed, "what they hope for, or fear"] = None
    involvement: Annotated[str | None, Sealed, "how they are to be involved"] = None
    status: Status = Status.ACTIVE
    drop_reason: Annotated[str | None, "why they matter no more"] = None
    forgotten: Annotated[bool, "whether its own text was erased"] = False
    forget_reason: Annotated[str | None, "why its own text was erased"] = None


class Quadrant(StrEnum):
    """What to do with a stakeholder, by influence and interest: both high, influence alone, interest alone, neither."""

    MANAGE_CLOSELY = "manage_closely"
    KEEP_SATISFIED = "keep_satisfied"
    KEEP_INFORMED = "keep_informed"
    MONITOR = "monitor"


@dataclass(frozen=True, kw_only=True)
class StakeholderGrid(Report, of=(StakeholderView,), needs="projects.see"):
    """The stakeholders of a project by influence and interest (权力利益方格), the mightiest first.

    Those who were not assessed yet stand at the end, in no field of the grid.
    """

    sql = """
        select project_id, id as stakeholder_id, influence, interest, attitude,
               case when influence >= :high_from and interest >= :high_from then 'manage_closely'
                    when influence >= :high_from and interest is not null then 'keep_satisfied'
                    when interest >= :high_from and influence is not null then 'keep_informed'
                    when influence + interest is not null then 'monitor' end as quadrant
        from {stakeholders} s
        where status = 'active' and not archived and (:project_id is null or project_id = :project_id)
        order by project_id, influence desc nulls last, interest desc nulls last, id
    """

    project_id: Annotated[UUID | None, Of("Project"), "only those of this project"] = None
    high_from: Annotated[int, "from which degree on, 2 to 5, influence and interest are high"] = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.high_from <= 5:
            raise WrongPart("what is high begins between 2 and 5", "high_from")

    @dataclass
    class Row:
        project_id: UUID
        stakeholder_id: UUID
        influence: Annotated[int | None, "how much they decide: 1 (little) to 5 (much)"]
        interest: Annotated[int | None, "how much they care: 1 (little) to 5 (much)"]
        attitude: Annotated[Attitude | None, "how they stand to the project"]
        quadrant: Annotated[Quadrant | None, "their field of the grid; null until they are assessed"]
