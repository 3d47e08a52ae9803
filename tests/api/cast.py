"""Users with roles, made through the API, each with a token."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from infra.event_store import EventStore
from infra.identity import Identity
from tests.api.client import Api, some
from tests.api.company import a_user


@dataclass
class Cast:
    """Makes users who come in with tokens; `api` is the administrator."""

    api: Api
    identity: Identity

    def role(self, grants: Mapping[str, str], hidden: Collection[str] = ()) -> str:
        """A role that permits this, as far as it says (`OWN`, `TEAM`, `ALL`)."""
        role = self.api.given("defineRole", name=some("role"))
        for permission, scope in grants.items():
            self.api.given("grantRolePermission", id=role, permission=permission, scope=scope)
        for attribute in hidden:
            self.api.given("hideRoleAttribute", id=role, attribute=attribute)
        return role

    def user(self, grants: Mapping[str, str] | None = None, hidden: Collection[str] = (), name: str = "Ada") -> Api:
        """Somebody with a role of their own."""
        user = a_user(self.api, name)
        if grants is not None:
            self.api.given("assignUserRole", id=user, roleId=self.role(grants, hidden))
        id = UUID(user.removeprefix("User_"))
        return Api(self.api.http, self.identity.create(id, "tests"), id, self.api.position)

    def team(self, *members: Api) -> str:
        """These are in one team."""
        team = self.api.given("formTeam", name=some("Team"))
        for member in members:
            self.api.given("addTeamMember", id=team, userId=member.me)
        return team


@contextmanager
def casting(api: Api, database_url: str, schema: str) -> Iterator[Cast]:
    """A cast for the company of a schema."""
    with EventStore(database_url, schema) as store, Identity(database_url, store, schema) as identity:
        yield Cast(api, identity)
