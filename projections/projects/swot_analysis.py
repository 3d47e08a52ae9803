"""SWOT analyses and what stands in their lists, as people see them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from domain.projects.swot_analysis import Kind, SwotAnalysis
from projections.view import View


class SwotAnalysisView(
    View,
    of=SwotAnalysis,
    table="swot_analyses",
    needs="projects.see",
    indexes=("project_id", "name", "concluded"),
    search=("name",),
):
    """What is strong and weak in a project, what it can gain, and what threatens it (SWOT 分析)."""

    project_id: UUID
    name: str
    conclusion: Annotated[str | None, "what follows from it"] = None
    concluded: Annotated[bool, "whether the lists are done"] = False


class SwotAnalysisItemView(
    View,
    of=SwotAnalysis,
    table="swot_analysis_items",
    key="item_id",
    within=SwotAnalysisView,
    ends=(SwotAnalysis.ItemDropped,),
    indexes=("kind", "risk_id"),
):
    """What stands in one of the four lists, and what became of it."""

    item_id: UUID
    kind: Annotated[Kind, "in which list it stands"]
    text: str
    risk_id: Annotated[UUID | None, "the risk that was made of it"] = None
    objective_id: Annotated[UUID | None, "the key of the objective of the project that was made of it"] = None
