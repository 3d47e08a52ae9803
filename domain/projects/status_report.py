"""A status report (状态报告): how a project stands after a period, as it was told, for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.parameters import AS_IT_IS, Actor, Moment, Text, command
from domain.projects.project import Project
from domain.traffic_light import TrafficLight


class Status(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"


@dataclass(frozen=True)
class Light:
    """How one side of a project stands. What is not green has a reason."""

    colour: TrafficLight
    reason: Annotated[str | None, "why it is not green"] = None


SIDES: Final = ("scope", "time", "cost", "quality", "risk")


class StatusReport(Aggregate):
    needs = "projects.manage"

    project_id: UUID
    since: date
    until: date
    as_of: datetime
    done: str | None = None
    next_steps: str | None = None
    problems: str | None = None
    scope: Light | None = None
    time: Light | None = None
    cost: Light | None = None
    quality: Light | None = None
    risk: Light | None = None
    status: Status = Status.DRAFT
    published_at: datetime | None = None
    published_by_id: UUID | None = None

    class Drafted(Aggregate.Created):
        project_id: UUID
        since: date
        until: date
        as_of: datetime
        done: str | None
        next_steps: str | None
        problems: str | None

    class TextChanged(Aggregate.Event):
        since: date
        until: date
        done: str | None
        next_steps: str | None
        problems: str | None

    class LightsSet(Aggregate.Event):
        as_of: datetime
        scope: Light | None
        time: Light | None
        cost: Light | None
        quality: Light | None
        risk: Light | None

    class Published(Aggregate.Event):
        published_at: datetime
        published_by_id: UUID
        status: Status = Status.PUBLISHED

    @classmethod
    @command
    def draft(
        cls,
        project: Project,
        since: Annotated[date, "the first day that it tells of"],
        until: Annotated[date, "the last one"],
        now: Moment,
        done: Annotated[Text | None, "what was done"] = None,
        next_steps: Annotated[Text | None, "what is to be done next"] = None,
        problems: Annotated[Text | None, "what stands in the way"] = None,
    ) -> Self:
        """Begin to write how a project stands. Its figures are those of this moment until lights are set."""
        cls._check_period(since, until)
        return cls._create(
            cls.Drafted,
            project_id=project.id,
            since=since,
            until=until,
            as_of=now.astimezone(UTC),
            done=done,
            next_steps=next_steps,
            problems=problems,
        )

    @command
    def change(
        self,
        *,
        since: date = AS_IT_IS,
        until: date = AS_IT_IS,
        done: Text | None = AS_IT_IS,
        next_steps: Text | None = AS_IT_IS,
        problems: Text | None = AS_IT_IS,
    ) -> None:
        """Write it otherwise; what is left out stays."""
        self._check_period(since, until)
        self.trigger_event(
            self.TextChanged, since=since, until=until, done=done, next_steps=next_steps, problems=problems
        )

    @command
    def set_lights(
        self,
        scope: Light,
        time: Light,
        cost: Light,
        quality: Light,
        risk: Light,
        now: Moment,
        as_of: Annotated[datetime | None, "the moment at which it stood so; now unless given"] = None,
    ) -> None:
        """Say how each side of the project stands, as of a moment: as `projectStatus` tells, or as you judge it.

        Whatever else is asked of the project as of that moment answers the same for ever: so its figures are frozen.
        """
        lights = {"scope": scope, "time": time, "cost": cost, "quality": quality, "risk": risk}
        for side, light in lights.items():
            self.require(
                light.colour is TrafficLight.GREEN or light.reason is not None,
                "say why it is not green",
                f"{side}.reason",
            )
        self.require(as_of is None or as_of <= now, "this moment has not come yet", "as_of")
        self.trigger_event(self.LightsSet, as_of=as_of or now.astimezone(UTC), **lights)

    @command
    def publish(self, by: Actor, now: Moment) -> None:
        """Give it out. It does not change any more."""
        dark = [side for side in SIDES if getattr(self, side) is None]
        self.require(not dark, f"say first how it stands with {', '.join(dark)}")
        self.require(self.done is not None or self.next_steps is not None, "say what was done, or what is next", "done")
        self.trigger_event(self.Published, published_at=now.astimezone(UTC), published_by_id=by)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            self.require(self.status is Status.DRAFT, "this report is published: write another")
        super().guard(command)

    @classmethod
    def _check_period(cls, since: date, until: date) -> None:
        cls.require(since <= until, "a period ends after it begins", "until")
