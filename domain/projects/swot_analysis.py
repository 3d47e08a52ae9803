"""A SWOT analysis (SWOT 分析): what is strong and weak in a project, what it can gain, and what threatens it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.parameters import Its, Text, command
from domain.platform.user import User
from domain.projects.project import Project
from domain.projects.risk import Category, FoundBy, Risk
from domain.values import new_id

NAME: Final = 100
"""Characters that a name made of a text has at most."""


class Kind(StrEnum):
    """In which of the four lists it stands."""

    STRENGTH = "strength"
    WEAKNESS = "weakness"
    OPPORTUNITY = "opportunity"
    THREAT = "threat"


@dataclass(frozen=True)
class Item:
    """What stands in one of the lists, and what became of it."""

    item_id: UUID
    kind: Kind
    text: str
    risk_id: UUID | None = None
    objective_id: UUID | None = None


class SwotAnalysis(Aggregate):
    needs = "projects.work"

    project_id: UUID
    name: str
    items: Mapping[UUID, Item] = field(default_factory=dict)
    conclusion: str | None = None
    concluded: bool = False

    class Begun(Aggregate.Created):
        project_id: UUID
        name: str

    class ItemAdded(Aggregate.Event):
        item_of = "items"
        item_id: UUID
        kind: Kind
        text: str

    class ItemChanged(Aggregate.Event):
        item_of = "items"
        item_id: UUID
        kind: Kind
        text: str

    class ItemDropped(Aggregate.Event):
        ends_item_of = "items"
        item_id: UUID

    class RiskMade(Aggregate.Event):
        item_of = "items"
        item_id: UUID
        risk_id: UUID | None

    class ObjectiveMade(Aggregate.Event):
        item_of = "items"
        item_id: UUID
        objective_id: UUID | None

    class Concluded(Aggregate.Event):
        conclusion: str
        concluded: bool = True

    class Reopened(Aggregate.Event):
        conclusion: str | None
        concluded: bool = False

    @classmethod
    @command
    def begin(cls, project: Project, name: str) -> Self:
        """Begin to collect what is strong and weak, what can be gained, and what threatens."""
        project.check_open()
        return cls._create(cls.Begun, project_id=project.id, name=name)

    @command
    def add_item(self, kind: Kind, text: Text) -> None:
        """Put something on one of the lists."""
        self.trigger_event(self.ItemAdded, item_id=new_id(), kind=kind, text=text)

    @command
    def change_item(self, item_id: UUID, kind: Kind, text: Text) -> None:
        """Say it better, or put it on another list. What was made of it stays."""
        self._check_known(item_id)
        self.trigger_event(self.ItemChanged, item_id=item_id, kind=kind, text=text)

    @command
    def drop_item(self, item_id: UUID) -> None:
        """Take something off its list. What was made of it stays."""
        self._check_known(item_id)
        self.trigger_event(self.ItemDropped, item_id=item_id)

    @command
    def make_risk(
        self,
        item_id: UUID,
        project: Its[Project],
        category: Category,
        name: Annotated[str | None, "how the risk is called; as the item begins, unless given"] = None,
        owner: Annotated[User | None, "who watches it"] = None,
    ) -> Risk:
        """Watch it as a risk of the project from now on; its text is the cause."""
        self._check_known(item_id)
        item = self.items[item_id]
        self.require(item.risk_id is None, "a risk was made of this already", "item_id")
        risk = Risk.identify(project, name or called(item.text), category, FoundBy.SWOT, item.text, owner=owner)
        self.trigger_event(self.RiskMade, item_id=item_id, risk_id=risk.id)
        return risk

    @command(needs="projects.manage")
    def make_objective(
        self,
        item_id: UUID,
        project: Its[Project],
        metric: Annotated[str | None, "what is measured of it"] = None,
        unit: Annotated[str | None, "in what it is measured"] = None,
        baseline: Annotated[Decimal | None, "how it is today"] = None,
        target: Annotated[Decimal | None, "how it is to be"] = None,
    ) -> Project:
        """Make it an objective of the project; its text is what is to be brought about."""
        self._check_known(item_id)
        item, known = self.items[item_id], frozenset(project.objectives)
        self.require(item.objective_id is None, "an objective was made of this already", "item_id")
        project.set_objective(item.text, metric=metric, unit=unit, baseline=baseline, target=target)
        [made] = project.objectives.keys() - known
        self.trigger_event(self.ObjectiveMade, item_id=item_id, objective_id=made)
        return project

    @command
    def conclude(self, conclusion: Annotated[Text, "what follows from it"]) -> None:
        """Say what follows; the lists stay as they are."""
        self.trigger_event(self.Concluded, conclusion=conclusion)

    @command
    def reopen(self) -> None:
        """Go on with the lists."""
        self.trigger_event(self.Reopened, conclusion=self.conclusion)

    def guard(self, command: str) -> None:
        if command == "reopen":
            self.require(self.concluded, "this analysis is not concluded")
        elif command not in SHARED and command not in ("make_risk", "make_objective"):
            self.require(not self.concluded, "this analysis is concluded: reopen it")
        super().guard(command)

    def _check_known(self, item_id: UUID) -> None:
        self.require(item_id in self.items, "there is no such item", "item_id")


def called(text: str) -> str:
    """What something is called that has a text and no name: its first line, as far as a name is long."""
    line = text.partition("\n")[0]
    return line if len(line) <= NAME else f"{line[: NAME - 1]}…"
