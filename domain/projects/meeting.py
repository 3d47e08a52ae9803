"""A meeting (会议): people of a project come together, and what they say, decide and want done is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate
from domain.customers.contact import Contact
from domain.parameters import AS_IT_IS, Its, Moment, Text, command
from domain.platform.user import User
from domain.projects.project import Project
from domain.projects.task import Task
from domain.values import new_id


class Kind(StrEnum):
    """What a meeting is for: to begin, to say how it stands, to steer, to look at what was done, to work together."""

    KICK_OFF = "kick_off"
    STATUS = "status"
    STEERING = "steering"
    REVIEW = "review"
    WORKSHOP = "workshop"


class Status(StrEnum):
    SCHEDULED = "scheduled"
    HELD = "held"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Decision:
    """What was decided (决议)."""

    decision_id: UUID
    text: str


@dataclass(frozen=True)
class Action:
    """What somebody is to do, and the task that it became (行动项)."""

    action_id: UUID
    text: str
    task_id: UUID


class Meeting(Aggregate):
    needs = "projects.work"

    project_id: UUID
    kind: Kind
    name: str
    starts_at: datetime
    ends_at: datetime | None = None
    place: str | None = None
    agenda: tuple[str, ...] = ()
    user_ids: tuple[UUID, ...] = ()
    contact_ids: tuple[UUID, ...] = ()
    present_user_ids: tuple[UUID, ...] = ()
    present_contact_ids: tuple[UUID, ...] = ()
    minutes: str | None = None
    decisions: Mapping[UUID, Decision] = field(default_factory=dict)
    actions: Mapping[UUID, Action] = field(default_factory=dict)
    status: Status = Status.SCHEDULED
    held_at: datetime | None = None
    cancel_reason: str | None = None

    class Scheduled(Aggregate.Created):
        project_id: UUID
        kind: Kind
        name: str
        starts_at: datetime
        ends_at: datetime | None
        place: str | None
        agenda: tuple[str, ...]
        user_ids: tuple[UUID, ...]
        contact_ids: tuple[UUID, ...]

    class Rescheduled(Aggregate.Event):
        starts_at: datetime
        ends_at: datetime | None
        place: str | None

    class AgendaSet(Aggregate.Event):
        agenda: tuple[str, ...]

    class AttendeesChanged(Aggregate.Event):
        user_ids: tuple[UUID, ...]
        contact_ids: tuple[UUID, ...]

    class Held(Aggregate.Event):
        held_at: datetime
        present_user_ids: tuple[UUID, ...]
        present_contact_ids: tuple[UUID, ...]
        status: Status = Status.HELD

    class MinutesRecorded(Aggregate.Event):
        minutes: str | None

    class DecisionMade(Aggregate.Event):
        item_of = "decisions"
        decision_id: UUID
        text: str

    class DecisionWithdrawn(Aggregate.Event):
        ends_item_of = "decisions"
        decision_id: UUID

    class ActionAdded(Aggregate.Event):
        item_of = "actions"
        action_id: UUID
        text: str
        task_id: UUID

    class ActionDropped(Aggregate.Event):
        ends_item_of = "actions"
        action_id: UUID

    class Cancelled(Aggregate.Event):
        cancel_reason: str | None
        status: Status = Status.CANCELLED

    class Reopened(Aggregate.Event):
        held_at: None = None
        present_user_ids: tuple[UUID, ...] = ()
        present_contact_ids: tuple[UUID, ...] = ()
        cancel_reason: None = None
        status: Status = Status.SCHEDULED

    @classmethod
    @command
    def schedule(
        cls,
        project: Project,
        kind: Kind,
        name: Annotated[str, "what it is about"],
        starts_at: datetime,
        ends_at: datetime | None = None,
        place: Annotated[Text | None, "a room, or the address of a call"] = None,
        agenda: Annotated[tuple[str, ...], "its points, in their order"] = (),
        users: Annotated[tuple[User, ...], "who of us is asked to come"] = (),
        contacts: Annotated[tuple[Contact, ...], "who of theirs is asked to come"] = (),
    ) -> Self:
        """Ask people to come together."""
        project.check_open()
        cls._check_times(starts_at, ends_at)
        return cls._create(
            cls.Scheduled,
            project_id=project.id,
            kind=kind,
            name=name,
            starts_at=starts_at,
            ends_at=ends_at,
            place=place,
            agenda=agenda,
            user_ids=_ids(users),
            contact_ids=_ids(contacts),
        )

    @command
    def reschedule(
        self,
        *,
        starts_at: datetime = AS_IT_IS,
        ends_at: datetime | None = AS_IT_IS,
        place: Annotated[Text | None, "a room, or the address of a call"] = AS_IT_IS,
    ) -> None:
        """Have it at another time, or in another place; what is left out stays."""
        self._check_times(starts_at, ends_at)
        self.trigger_event(self.Rescheduled, starts_at=starts_at, ends_at=ends_at, place=place)

    @command
    def set_agenda(self, agenda: Annotated[tuple[str, ...], "its points, in their order"]) -> None:
        """Say what is talked about, in this order."""
        self.trigger_event(self.AgendaSet, agenda=agenda)

    @command
    def set_attendees(self, users: tuple[User, ...] = (), contacts: tuple[Contact, ...] = ()) -> None:
        """Say who is asked to come."""
        self.trigger_event(self.AttendeesChanged, user_ids=_ids(users), contact_ids=_ids(contacts))

    @command
    def hold(
        self,
        now: Moment,
        users: Annotated[tuple[User, ...], "who of us came"] = (),
        contacts: Annotated[tuple[Contact, ...], "who of theirs came"] = (),
    ) -> None:
        """It took place, now or when it is said to have. Those who were asked came, unless it is said who did."""
        came = (_ids(users), _ids(contacts)) if users or contacts else (self.user_ids, self.contact_ids)
        self.trigger_event(
            self.Held, held_at=now.astimezone(UTC), present_user_ids=came[0], present_contact_ids=came[1]
        )

    @command
    def record_minutes(self, minutes: Annotated[Text | None, "of the matter: they stay, whoever is forgotten"]) -> None:
        """Write down what was said (纪要), or correct it."""
        self.trigger_event(self.MinutesRecorded, minutes=minutes)

    @command(mutation="decideInMeeting")
    def decide(self, text: Annotated[Text, "of the matter: it stays, whoever is forgotten"]) -> None:
        """Write down what was decided."""
        self.trigger_event(self.DecisionMade, decision_id=new_id(), text=text)

    @command
    def withdraw_decision(self, decision_id: UUID) -> None:
        """It was not decided after all."""
        self.require(decision_id in self.decisions, "there is no such decision", "decision_id")
        self.trigger_event(self.DecisionWithdrawn, decision_id=decision_id)

    @command
    def add_action(
        self,
        text: Annotated[str, "what is to be done: the name of the task"],
        project: Its[Project],
        assignee: Annotated[User | None, "who does it"] = None,
        due: Annotated[date | None, "by when"] = None,
    ) -> tuple[Self, Task]:
        """Somebody is to do something: it becomes a task of the project."""
        made = Task.plan(project=project, name=text, assignee=assignee, due_on=due, above=())
        task = made[0] if isinstance(made, tuple) else made
        self.trigger_event(self.ActionAdded, action_id=new_id(), text=text, task_id=task.id)
        return self, task

    @command
    def drop_action(self, action_id: UUID) -> None:
        """It is no action of this meeting. The task that it became stays."""
        self.require(action_id in self.actions, "there is no such action", "action_id")
        self.trigger_event(self.ActionDropped, action_id=action_id)

    @command
    def cancel(self, reason: Annotated[Text | None, "it stays, so name nobody"] = None) -> None:
        """It will not take place."""
        self.trigger_event(self.Cancelled, cancel_reason=reason)

    @command
    def reopen(self) -> None:
        """It was not cancelled, or not held, after all."""
        kept = self.minutes or self.decisions or self.actions
        self.require(not kept, "it was held: there are minutes, decisions or actions of it")
        self.trigger_event(self.Reopened)

    def guard(self, command: str) -> None:
        if command == "reopen":
            self.require(self.status is not Status.SCHEDULED, "this meeting is scheduled still")
        elif command in BEFORE:
            self.require(self.status is Status.SCHEDULED, f"this meeting is {self.status} already")
        elif command not in SHARED:
            self.require(self.status is Status.HELD, f"this meeting is {self.status}: it was not held")
        super().guard(command)

    @classmethod
    def _check_times(cls, starts_at: datetime, ends_at: datetime | None) -> None:
        cls.require(ends_at is None or ends_at >= starts_at, "a meeting does not end before it begins", "ends_at")


BEFORE = frozenset({"reschedule", "set_agenda", "set_attendees", "hold", "cancel"})
"""What can be done to a meeting until it takes place; all else, once it has."""


def _ids(those: tuple[User, ...] | tuple[Contact, ...]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(each.id for each in those))
