"""A pipeline: the stages that a sale goes through, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from domain.aggregate import Aggregate
from domain.parameters import command

REQUIRABLE: Final = frozenset(
    {"account_id", "amount", "competitors", "expected_close", "lines", "next_step", "owner_id", "source"}
)
"""The attributes of an opportunity that a stage may require."""


class StageKind(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class Stage:
    """One step of a sale. `required` are the attributes of an opportunity that must be filled to enter it."""

    key: str
    name: str
    probability: int
    kind: StageKind = StageKind.OPEN
    rotting_days: int | None = None
    required: tuple[str, ...] = ()
    retired: bool = False


class Pipeline(Aggregate):
    needs = "sales.shape"

    name: str
    stages: Mapping[str, Stage] = field(default_factory=dict)
    order: tuple[str, ...] = ()

    class Defined(Aggregate.Created):
        name: str

    class Renamed(Aggregate.Event):
        name: str

    class StageAdded(Aggregate.Event):
        item_of = "stages"
        key: str
        name: str
        probability: int
        kind: StageKind
        rotting_days: int | None
        required: tuple[str, ...]

    class StageChanged(Aggregate.Event):
        item_of = "stages"
        key: str
        name: str
        probability: int
        rotting_days: int | None
        required: tuple[str, ...]

    class StageRetired(Aggregate.Event):
        item_of = "stages"
        key: str
        retired: bool = True

    class StageResumed(Aggregate.Event):
        item_of = "stages"
        key: str
        retired: bool = False

    class OrderChanged(Aggregate.Event):
        order: tuple[str, ...]

    @classmethod
    @command
    def define(cls, name: str) -> Self:
        """Begin a way of selling; its stages are added one by one."""
        return cls._create(cls.Defined, name=name)

    @command
    def rename(self, name: str) -> None:
        """Give the way of selling another name."""
        self.trigger_event(self.Renamed, name=name)

    @command(undone_by="retire_stage")
    def add_stage(
        self,
        key: Annotated[str, "its name for programs, for ever"],
        name: str,
        probability: Annotated[int, "of winning, in percent"],
        kind: StageKind = StageKind.OPEN,
        rotting_days: Annotated[int | None, "after so many days a sale stands here for too long"] = None,
        required: Annotated[tuple[str, ...], "what must be filled to enter"] = (),
    ) -> None:
        """Add a stage at the end."""
        self.require(key not in self.stages, "there is a stage of this key already", "key")
        self._check(probability, rotting_days, required)
        self.trigger_event(
            self.StageAdded,
            key=key,
            name=name,
            probability=probability,
            kind=kind,
            rotting_days=rotting_days,
            required=required,
        )
        self.trigger_event(self.OrderChanged, order=(*self.order, key))

    @command
    def change_stage(
        self, key: str, name: str, probability: int, rotting_days: int | None = None, required: tuple[str, ...] = ()
    ) -> None:
        """Describe a stage anew. What opportunities recorded under it stays as it is."""
        self._check_known(key)
        self._check(probability, rotting_days, required)
        self.trigger_event(
            self.StageChanged,
            key=key,
            name=name,
            probability=probability,
            rotting_days=rotting_days,
            required=required,
        )

    @command
    def move_stage(self, key: str, before: Annotated[str | None, "null for the end"]) -> None:
        """Put a stage elsewhere in the order."""
        self._check_known(key)
        self.require(before is None or before in self.order, "there is no such stage", "before")
        others = [k for k in self.order if k != key]
        at = others.index(before) if before in others else len(others)
        self.require(before != key, "a stage does not come before itself", "before")
        self.trigger_event(self.OrderChanged, order=(*others[:at], key, *others[at:]))

    @command
    def retire_stage(self, key: str) -> None:
        """Let no sale enter a stage any more. Those that stand there stay."""
        self._check_known(key)
        self.trigger_event(self.StageRetired, key=key)

    @command
    def resume_stage(self, key: str) -> None:
        """Let sales enter a retired stage again."""
        self.require(key in self.stages and self.stages[key].retired, "there is no such retired stage", "key")
        self.trigger_event(self.StageResumed, key=key)

    @property
    def first_stage(self) -> Stage | None:
        """Where a sale begins."""
        in_order = (self.stages[key] for key in self.order)
        return next((stage for stage in in_order if stage.kind is StageKind.OPEN and not stage.retired), None)

    def why_not(self, stage: str, sale: Any) -> str | None:
        """What keeps a sale from entering a stage; None if nothing does."""
        found = self.stages.get(stage)
        if found is None or found.retired:
            return f"this pipeline has no stage {stage}"
        if found.kind is not StageKind.OPEN:
            return "a sale ends by being won or lost"
        missing = [name.removesuffix("_id").replace("_", " ") for name in found.required if not getattr(sale, name)]
        return f"to enter {found.name}, fill {', '.join(missing)}" if missing else None

    def _check_known(self, key: str) -> None:
        self.require(key in self.stages and not self.stages[key].retired, "there is no such stage", "key")

    def _check(self, probability: int, rotting_days: int | None, required: tuple[str, ...]) -> None:
        self.require(0 <= probability <= 100, "a probability is between 0 and 100", "probability")
        self.require(rotting_days is None or rotting_days > 0, "a number of days is at least one", "rotting_days")
        can = f"a stage can require {', '.join(sorted(REQUIRABLE))}"
        self.require(REQUIRABLE.issuperset(required), can, "required")
