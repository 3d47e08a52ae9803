"""A user: one of us, who works with Daybook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self

from domain.aggregate import Aggregate
from domain.parameters import AS_IT_IS, command
from domain.values import Email, Locale, TimeZone


@dataclass(frozen=True)
class Skill:
    """What somebody can do, and how well."""

    skill: str
    level: int


class User(Aggregate):
    needs = "platform.people"
    unique = ("email",)

    name: str
    email: Email | None = None
    locale: Locale | None = None
    time_zone: TimeZone | None = None
    active: bool = True
    skills: Mapping[str, Skill] = field(default_factory=dict)

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
    def deactivate(self) -> None:
        """Let the user in no more; what they did stays theirs."""
        self.require(self.active, "this user is not active")
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

    @property
    def usable(self) -> bool:
        return super().usable and self.active
