"""A task (任务分解): a piece of the work of a project."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import Text, command
from domain.platform.user import User
from domain.projects.milestone import Milestone
from domain.projects.project import Project


class Task(Aggregate):
    needs = "projects.work"

    project_id: UUID
    name: str
    description: str | None = None
    phase: str | None = None
    milestone_id: UUID | None = None
    assignee_id: UUID | None = None
    starts_on: date | None = None
    due_on: date | None = None
    duration: int = 1
    effort: Decimal | None = None

    class Planned(Aggregate.Created):
        project_id: UUID
        name: str
        description: str | None
        phase: str | None
        milestone_id: UUID | None
        assignee_id: UUID | None
        starts_on: date | None
        due_on: date | None
        duration: int
        effort: Decimal | None

    @classmethod
    @command
    def plan(
        cls,
        project: Project,
        name: str,
        description: Text | None = None,
        phase: Annotated[str | None, "its key in the project"] = None,
        milestone: Annotated[Milestone | None, "to which it leads"] = None,
        assignee: Annotated[User | None, "who does it"] = None,
        starts_on: Annotated[date | None, "not earlier than this day"] = None,
        due_on: Annotated[date | None, "the day at whose end it should be finished"] = None,
        duration: Annotated[int, "in working days"] = 1,
        effort: Annotated[Decimal | None, "in hours"] = None,
    ) -> Self:
        """Say what is to be done."""
        project.check_open()
        cls.require(duration > 0, "a task takes at least one working day", "duration")
        cls.require(effort is None or effort >= 0, "an effort is nil or more", "effort")
        return cls._create(
            cls.Planned,
            project_id=project.id,
            name=name,
            description=description,
            phase=phase,
            milestone_id=milestone and milestone.id,
            assignee_id=assignee and assignee.id,
            starts_on=starts_on,
            due_on=due_on,
            duration=duration,
            effort=effort,
        )
