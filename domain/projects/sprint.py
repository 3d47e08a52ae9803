"""A sprint (冲刺): some weeks of a project, with a goal and the tasks that are to be done in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import SHARED, Aggregate, Claim
from domain.parameters import AS_IT_IS, FoundBy, Its, Moment, Text, command
from domain.projects.project import Project
from domain.projects.task import Status as TaskStatus
from domain.projects.task import Task

HELD: Final = "task_id"
ACTIVE: Final = "active_in"


class Status(StrEnum):
    PLANNED = "planned"
    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True)
class Held:
    """A task that a sprint holds."""

    task_id: UUID


class Sprint(Aggregate):
    needs = "projects.manage"

    project_id: UUID
    name: str
    goal: str | None = None
    starts_on: date
    ends_on: date
    tasks: Mapping[UUID, Held] = field(default_factory=dict)
    committed_ids: frozenset[UUID] = frozenset()
    finished_ids: frozenset[UUID] = frozenset()
    started_on: date | None = None
    closed_on: date | None = None
    status: Status = Status.PLANNED

    class Planned(Aggregate.Created):
        project_id: UUID
        name: str
        goal: str | None
        starts_on: date
        ends_on: date

    class DetailsChanged(Aggregate.Event):
        name: str
        goal: str | None

    class Rescheduled(Aggregate.Event):
        starts_on: date
        ends_on: date

    class TaskAdded(Aggregate.Event):
        item_of = "tasks"
        task_id: UUID

    class TaskRemoved(Aggregate.Event):
        ends_item_of = "tasks"
        task_id: UUID

    class Started(Aggregate.Event):
        started_on: date
        committed_ids: frozenset[UUID]
        status: Status = Status.ACTIVE

    class PutBack(Aggregate.Event):
        started_on: None = None
        committed_ids: frozenset[UUID] = frozenset()
        status: Status = Status.PLANNED

    class Closed(Aggregate.Event):
        closed_on: date
        finished_ids: frozenset[UUID]
        status: Status = Status.CLOSED

    class Reopened(Aggregate.Event):
        closed_on: None = None
        finished_ids: frozenset[UUID] = frozenset()
        status: Status = Status.ACTIVE

    @classmethod
    @command
    def plan(cls, project: Project, name: str, starts_on: date, ends_on: date, goal: Text | None = None) -> Self:
        """Say what is to be reached in the next weeks."""
        project.check_open()
        cls._check_days(starts_on, ends_on)
        return cls._create(
            cls.Planned, project_id=project.id, name=name, goal=goal, starts_on=starts_on, ends_on=ends_on
        )

    @command
    def change_details(self, *, name: str = AS_IT_IS, goal: Text | None = AS_IT_IS) -> None:
        """Correct what it is called and what is to be reached; what is left out stays."""
        self.trigger_event(self.DetailsChanged, name=name, goal=goal)

    @command
    def reschedule(self, *, starts_on: date = AS_IT_IS, ends_on: date = AS_IT_IS) -> None:
        """Plan it for other days; what is left out stays."""
        self._check_days(starts_on, ends_on)
        self.trigger_event(self.Rescheduled, starts_on=starts_on, ends_on=ends_on)

    @command
    def add_task(self, task: Task, holder: Annotated[Sprint | None, FoundBy(HELD, "{task.id}")]) -> None:
        """Take a task into it. A task is in one sprint at a time."""
        self.require(task.project_id == self.project_id, "a sprint holds tasks of its own project", "task_id")
        self.require(task.status is not TaskStatus.DONE, "this task is done already", "task_id")
        self.require(task.id not in self.tasks, "this task is in this sprint already", "task_id")
        self.require(holder is None, "this task is in another sprint: take it out of that first", "task_id")
        self.trigger_event(self.TaskAdded, task_id=task.id)

    @command
    def remove_task(self, task_id: UUID) -> None:
        """Take a task out of it."""
        self.require(task_id in self.tasks, "this task is not in this sprint", "task_id")
        self.trigger_event(self.TaskRemoved, task_id=task_id)

    @command
    def start(
        self,
        now: Moment,
        project: Its[Project],
        other: Annotated[Sprint | None, FoundBy(ACTIVE, "{project.id}")],
        on: Annotated[date | None, "today unless given"] = None,
    ) -> None:
        """Begin it with the tasks that it holds. A project has one sprint that runs."""
        project.check_open()
        self.require(other is None, "another sprint of this project runs: close it first")
        self.trigger_event(self.Started, started_on=self.day(on, now), committed_ids=frozenset(self.tasks))

    @command
    def put_back(self) -> None:
        """It had not begun after all."""
        self.trigger_event(self.PutBack)

    @command
    def close(
        self,
        now: Moment,
        tasks: Its[tuple[Task, ...]],
        move_to: Annotated[Sprint | None, "the sprint that takes what is not done"] = None,
        on: Annotated[date | None, "today unless given"] = None,
    ) -> Sprint | None:
        """End it. What is done stays told; what is not may go on in another sprint, or else is in none."""
        day = self.day(on, now)
        self.require(self.started_on is None or day >= self.started_on, f"it was begun on {self.started_on}", "on")
        finished = frozenset(each.id for each in tasks if each.status is TaskStatus.DONE)
        self.trigger_event(self.Closed, closed_on=day, finished_ids=finished)
        if move_to:
            move_to._check_takes_over(self)
            for each in tasks:
                if each.id not in finished and not each.archived:
                    move_to.trigger_event(self.TaskAdded, task_id=each.id)
        return move_to

    @command
    def reopen(self, project: Its[Project], other: Annotated[Sprint | None, FoundBy(ACTIVE, "{project.id}")]) -> None:
        """It was not over after all, with the tasks that it held."""
        project.check_open()
        self.require(other is None, "another sprint of this project runs: close it first")
        self.trigger_event(self.Reopened)

    def claims(self) -> frozenset[Claim]:
        """What it holds no other holds, and no other runs in its project, while it is not over."""
        if self.archived or self.status is Status.CLOSED:
            return super().claims()
        held = {Claim("Sprint", HELD, str(id)) for id in self.tasks}
        runs = {Claim("Sprint", ACTIVE, str(self.project_id))} if self.status is Status.ACTIVE else set()
        return super().claims() | held | runs

    def guard(self, command: str) -> None:
        if command not in SHARED:
            over = self.status is Status.CLOSED
            self.require(over == (command == "reopen"), f"this sprint is {self.status}")
        if command in ("start", "put_back", "close"):
            self.require((self.status is Status.PLANNED) == (command == "start"), f"this sprint is {self.status}")
        super().guard(command)

    def _check_takes_over(self, before: Sprint) -> None:
        self.require(self.id != before.id, "it cannot take over what is its own: name another sprint", "move_to_id")
        self.require(self.project_id == before.project_id, "a sprint holds tasks of its own project", "move_to_id")
        self.require(self.status is not Status.CLOSED, "this sprint is closed", "move_to_id")

    @classmethod
    def _check_days(cls, starts_on: date, ends_on: date) -> None:
        cls.require(starts_on <= ends_on, "it ends before it starts", "ends_on")
