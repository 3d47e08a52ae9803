"""A user: one of us, who works with Daybook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import AS_IT_IS, Text, command
from domain.platform.role import Role
from domain.rights import UNGOVERNED, Governed, Theirs
from domain.values import Email, Locale, TimeZone


@dataclass(frozen=True)
class Skill:
    """What somebody can do, and how well."""

    skill: str
    level: int


@dataclass(frozen=True)
class Assigned:
    """A role that somebody has."""

    role_id: UUID


class User(Aggregate):
    needs = "platform.people"
    unique = ("email",)

    name: str
    email: Email | None = None
    locale: Locale | None = None
    time_zone: TimeZone | None = None
    active: bool = True
    skills: Mapping[str, Skill] = field(default_factory=dict)
    roles: Mapping[UUID, Assigned] = field(default_factory=dict)

    class Added(Aggregate.Created):
        name: str
        email: Email | None
        locale: Locale | None
        time_zone: TimeZone | None

    class DetailsChanged(Aggregate.Event):
        name: str
        email: Email | None
        locale: Locale | None
        time_zone: TimeZone | None

    class Deactivated(Aggregate.Event):
        active: bool = False

    class Reactivated(Aggregate.Event):
        active: bool = True

    class SkillSet(Aggregate.Event):
        item_of = "skills"
        skill: str
        level: int

    class SkillRemoved(Aggregate.Event):
        ends_item_of = "skills"
        skill: str

    class RoleAssigned(Aggregate.Event):
        item_of = "roles"
        role_id: UUID

    class RoleWithdrawn(Aggregate.Event):
        ends_item_of = "roles"
        role_id: UUID

    @classmethod
    @command
    def add(
        cls, name: str, email: Email | None = None, locale: Locale | None = None, time_zone: TimeZone | None = None
    ) -> Self:
        """Let somebody work with Daybook."""
        return cls._create(cls.Added, name=name, email=email, locale=locale, time_zone=time_zone)

    @command
    def change_details(
        self,
        *,
        name: str = AS_IT_IS,
        email: Email | None = AS_IT_IS,
        locale: Locale | None = AS_IT_IS,
        time_zone: TimeZone | None = AS_IT_IS,
    ) -> None:
        """Correct who it is and how they like things shown; what is left out stays."""
        self.trigger_event(self.DetailsChanged, name=name, email=email, locale=locale, time_zone=time_zone)

    @command
    def deactivate(self, governed: Governed) -> None:
        """Let the user in no more; what they did stays theirs."""
        self.require(self.active, "this user is not active")
        self.require(governed, UNGOVERNED)
        self.trigger_event(self.Deactivated)

    @command
    def reactivate(self) -> None:
        """Let the user in again."""
        self.require(not self.active, "this user is active already")
        self.trigger_event(self.Reactivated)

    @command
    def set_skill(self, skill: str, level: Annotated[int, "1 (beginner) to 5 (expert)"]) -> None:
        """Say how well the user can do something."""
        self.require(1 <= level <= 5, "a level is between 1 and 5", "level")
        self.trigger_event(self.SkillSet, skill=skill, level=level)

    @command
    def remove_skill(self, skill: str) -> None:
        """Say no more that the user can do something."""
        self.require(skill in self.skills, "this user has no such skill", "skill")
        self.trigger_event(self.SkillRemoved, skill=skill)

    @command(needs="platform.rights")
    def assign_role(self, role: Role, rights: Theirs) -> None:
        """Give the user a role, and so all that it permits. Nobody gives more than they have."""
        role.require_givable(role.scopes, rights, "role_id")
        if role.id not in self.roles:
            self.trigger_event(self.RoleAssigned, role_id=role.id)

    @command(needs="platform.rights")
    def withdraw_role(self, role_id: UUID, governed: Governed) -> None:
        """Take a role from the user."""
        self.require(role_id in self.roles, "this user does not have this role", "role_id")
        self.require(governed, UNGOVERNED, "role_id")
        self.trigger_event(self.RoleWithdrawn, role_id=role_id)

    @command
    def archive(self, governed: Governed, reason: Text | None = None) -> None:  # type: ignore[override]
        """Put the user away, and let them in no more. They leave the lists until they are restored."""
        self.require(governed, UNGOVERNED)
        self.trigger_event(self.Archived, archive_reason=reason)

    @property
    def usable(self) -> bool:
        return super().usable and self.active
