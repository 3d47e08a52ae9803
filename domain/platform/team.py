"""A team: users who work together, under somebody who leads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import command
from domain.platform.user import User


@dataclass(frozen=True)
class Member:
    """Somebody in a team, and what they do there."""

    user_id: UUID
    role: str | None


class Team(Aggregate):
    needs = "platform.people"
    unique = ("name",)

    name: str
    lead_id: UUID | None = None
    members: Mapping[UUID, Member] = field(default_factory=dict)

    class Formed(Aggregate.Created):
        name: str
        lead_id: UUID | None

    class Renamed(Aggregate.Event):
        name: str

    class LeadChanged(Aggregate.Event):
        lead_id: UUID | None

    class MemberAdded(Aggregate.Event):
        item_of = "members"
        user_id: UUID
        role: str | None

    class MemberRoleChanged(Aggregate.Event):
        item_of = "members"
        user_id: UUID
        role: str | None

    class MemberRemoved(Aggregate.Event):
        ends_item_of = "members"
        user_id: UUID

    @classmethod
    @command
    def form(cls, name: str, lead: User | None = None) -> Self:
        """Begin a team, under a name of its own; its members are added one by one."""
        return cls._create(cls.Formed, name=name, lead_id=lead and lead.id)

    @command
    def rename(self, name: str) -> None:
        """Give the team another name."""
        self.trigger_event(self.Renamed, name=name)

    @command
    def change_lead(self, lead: User | None) -> None:
        """Say who leads the team; null for nobody."""
        self.trigger_event(self.LeadChanged, lead_id=lead and lead.id)

    @command
    def add_member(self, user: User, role: Annotated[str | None, "what they do in the team"] = None) -> None:
        """Take somebody into the team."""
        self.require(user.id not in self.members, "this user is in the team already", "user_id")
        self.trigger_event(self.MemberAdded, user_id=user.id, role=role)

    @command
    def change_member_role(self, user_id: UUID, role: str | None) -> None:
        """Say what somebody does in the team."""
        self._check_known(user_id)
        self.trigger_event(self.MemberRoleChanged, user_id=user_id, role=role)

    @command
    def remove_member(self, user_id: UUID) -> None:
        """Let somebody leave the team."""
        self._check_known(user_id)
        self.trigger_event(self.MemberRemoved, user_id=user_id)

    def _check_known(self, user_id: UUID) -> None:
        self.require(user_id in self.members, "this user is not in the team", "user_id")
