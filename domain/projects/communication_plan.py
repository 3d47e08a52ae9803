"""A communication plan (沟通计划): what is told to whom in a project, how often, by which channel, and by whom."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate, Refused
from domain.parameters import AS_IT_IS, Moment, Text, command
from domain.platform.user import User
from domain.projects.project import Project
from domain.projects.stakeholder import Stakeholder

MOST: Final = 366
"""So many days, weeks or months lie at most between two times."""


class Unit(StrEnum):
    """In what the time between two times is told."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Channel(StrEnum):
    """By what something is told (渠道)."""

    MEETING = "meeting"
    CALL = "call"
    EMAIL = "email"
    CHAT = "chat"
    REPORT = "report"
    PORTAL = "portal"
    POST = "post"


class CommunicationPlan(Aggregate):
    needs = "projects.manage"

    project_id: UUID
    name: str
    audience: str
    every: int
    unit: Unit
    channel: Channel
    first_on: date
    stakeholder_ids: tuple[UUID, ...] = ()
    responsible_id: UUID | None = None
    next_due: date | None = None
    last_on: date | None = None
    times: int = 0
    ended_on: date | None = None
    end_reason: str | None = None

    class Planned(Aggregate.Created):
        project_id: UUID
        name: str
        audience: str
        every: int
        unit: Unit
        channel: Channel
        first_on: date
        stakeholder_ids: tuple[UUID, ...]
        responsible_id: UUID | None
        next_due: date

    class Changed(Aggregate.Event):
        name: str
        audience: str
        every: int
        unit: Unit
        channel: Channel
        first_on: date
        next_due: date | None

    class StakeholdersChanged(Aggregate.Event):
        stakeholder_ids: tuple[UUID, ...]

    class ResponsibleChanged(Aggregate.Event):
        responsible_id: UUID | None

    class CarriedOut(Aggregate.Event):
        last_on: date | None
        times: int
        next_due: date | None

    class Ended(Aggregate.Event):
        ended_on: date
        end_reason: str | None
        next_due: None = None

    class Resumed(Aggregate.Event):
        next_due: date | None
        ended_on: None = None
        end_reason: None = None

    @classmethod
    @command
    def plan(
        cls,
        project: Project,
        name: Annotated[str, "what is told, such as how far we are"],
        audience: Annotated[str, "to whom, such as the steering committee"],
        every: Annotated[int, "so many days, weeks or months from one time to the next"],
        unit: Unit,
        channel: Channel,
        now: Moment,
        stakeholders: Annotated[tuple[Stakeholder, ...], "who of the stakeholders is told"] = (),
        responsible: Annotated[User | None, "who sees to it"] = None,
        first_on: Annotated[date | None, "when it is due first; one interval from today unless given"] = None,
    ) -> Self:
        """Say what is to be told again and again."""
        project.check_open()
        cls._check_every(every)
        cls._check_stakeholders(project.id, stakeholders)
        first = first_on or cls._stepped(now.date(), every, unit, 1)
        return cls._create(
            cls.Planned,
            project_id=project.id,
            name=name,
            audience=audience,
            stakeholder_ids=_ids(stakeholders),
            every=every,
            unit=unit,
            channel=channel,
            responsible_id=responsible and responsible.id,
            first_on=first,
            next_due=first,
        )

    @command
    def change(
        self,
        *,
        name: str = AS_IT_IS,
        audience: str = AS_IT_IS,
        every: Annotated[int, "so many days, weeks or months from one time to the next"] = AS_IT_IS,
        unit: Unit = AS_IT_IS,
        channel: Channel = AS_IT_IS,
        first_on: Annotated[date, "from which day on it is counted"] = AS_IT_IS,
    ) -> None:
        """Plan it otherwise; what is left out stays. When it is due next follows from when it was told last."""
        self._check_every(every)
        self.trigger_event(
            self.Changed,
            name=name,
            audience=audience,
            every=every,
            unit=unit,
            channel=channel,
            first_on=first_on,
            next_due=self._due_after(self.last_on, first_on, every, unit),
        )

    @command
    def set_stakeholders(self, stakeholders: tuple[Stakeholder, ...] = ()) -> None:
        """Say who of the stakeholders is told."""
        self._check_stakeholders(self.project_id, stakeholders)
        self.trigger_event(self.StakeholdersChanged, stakeholder_ids=_ids(stakeholders))

    @command
    def change_responsible(self, responsible: Annotated[User | None, "who sees to it"]) -> None:
        """Have it seen to by somebody else; null for nobody."""
        self.trigger_event(self.ResponsibleChanged, responsible_id=responsible and responsible.id)

    @command(mutation="carryOutCommunicationPlan")
    def carry_out(self, now: Moment, on: Annotated[date | None, "today unless given"] = None) -> None:
        """It was told. What is told early counts for the day that it was due on."""
        day = self.day(on, now)
        self.require(self.last_on is None or day > self.last_on, f"it was told on {self.last_on} already", "on")
        met = max(day, self.next_due or day)
        self.trigger_event(
            self.CarriedOut,
            last_on=day,
            times=self.times + 1,
            next_due=self._due_after(met, self.first_on, self.every, self.unit),
        )

    @command
    def end(self, now: Moment, reason: Text | None = None) -> None:
        """It is to be told no more."""
        self.trigger_event(self.Ended, ended_on=now.date(), end_reason=reason)

    @command
    def resume(self) -> None:
        """It is to be told again."""
        due = self._due_after(self.last_on, self.first_on, self.every, self.unit)
        self.trigger_event(self.Resumed, next_due=due)

    def guard(self, command: str) -> None:
        if command not in SHARED:
            is_over = self.ended_on is not None
            self.require(is_over == (command == "resume"), f"this plan has {'' if is_over else 'not '}ended")
        super().guard(command)

    @classmethod
    def _due_after(cls, day: date | None, first: date, every: int, unit: Unit) -> date:
        """The first day of the rhythm that is later than a day; the first of all where there is none."""
        if day is None or day < first:
            return first
        passed = (day.year - first.year) * 12 + day.month - first.month if unit is Unit.MONTH else (day - first).days
        step = passed // (every * (7 if unit is Unit.WEEK else 1))
        due = cls._stepped(first, every, unit, step)
        return due if due > day else cls._stepped(first, every, unit, step + 1)

    @classmethod
    def _stepped(cls, first: date, every: int, unit: Unit, steps: int) -> date:
        """The day so many steps after the first: in months the same day of the month, or the last that there is."""
        try:
            if unit is not Unit.MONTH:
                return first + timedelta(every * steps * (7 if unit is Unit.WEEK else 1))
            years, month = divmod(first.month - 1 + every * steps, 12)
            return date(first.year + years, month + 1, min(first.day, monthrange(first.year + years, month + 1)[1]))
        except (ValueError, OverflowError):
            raise Refused("this leads beyond the year 9999", "first_on") from None

    @classmethod
    def _check_every(cls, every: int) -> None:
        cls.require(1 <= every <= MOST, f"from one time to the next it is 1 to {MOST}", "every")

    @classmethod
    def _check_stakeholders(cls, project_id: UUID, stakeholders: tuple[Stakeholder, ...]) -> None:
        theirs = all(each.project_id == project_id for each in stakeholders)
        cls.require(theirs, "these are stakeholders of another project", "stakeholder_ids")


def _ids(stakeholders: tuple[Stakeholder, ...]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(each.id for each in stakeholders))
