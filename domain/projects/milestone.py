"""A milestone (里程碑): something that is reached by a day, and accepted by those whom it is for."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import command
from domain.projects.project import Project


class Milestone(Aggregate):
    needs = "projects.manage"

    project_id: UUID
    name: str
    due_on: date
    phase: str | None = None

    class Planned(Aggregate.Created):
        project_id: UUID
        name: str
        due_on: date
        phase: str | None

    @classmethod
    @command
    def plan(
        cls, project: Project, name: str, due_on: date, phase: Annotated[str | None, "its key in the project"] = None
    ) -> Self:
        """Say what is to be reached, and by when."""
        project.check_open()
        return cls._create(cls.Planned, project_id=project.id, name=name, due_on=due_on, phase=phase)
