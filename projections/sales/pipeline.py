"""Pipelines and their stages, as people see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from domain.sales.pipeline import Pipeline, StageKind
from projections.view import Changes, View


class PipelineView(View, of=Pipeline, table="pipelines", needs="sales.see"):
    """The stages that a sale goes through, in their order."""

    name: str
    order: Annotated[tuple[str, ...], "the keys of its stages"] = ()


class PipelineStageView(View, of=Pipeline, table="pipeline_stages", key="key", within=PipelineView):
    """One step of a sale."""

    key: Annotated[str, "its name for programs"]
    name: str
    probability: Annotated[int, "of winning, in percent"]
    kind: StageKind
    rotting_days: Annotated[int | None, "after so many days a sale stands here for too long"] = None
    required: Annotated[tuple[str, ...], "what must be filled to enter"] = ()
    retired: Annotated[bool, "whether no sale may enter it any more"] = False
    place: Annotated[int | None, "in the order of the stages, from 1"] = None

    @classmethod
    def each(cls, event: Any) -> Iterator[tuple[str, Changes]]:
        if isinstance(event, Pipeline.OrderChanged):
            for place, key in enumerate(event.order, 1):
                yield key, {"place": place}
        else:
            yield from super().each(event)
