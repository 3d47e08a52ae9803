"""Who has access to a thing, and by which rule: told of everybody as they were at a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from domain.platform.user import User
from domain.rights import AccessReason, Scope, covering
from infra.rights import People, UserRights
from projections.view import View


@dataclass(frozen=True)
class Rule:
    """What lets somebody see a thing: a role that they have permits it, as far as to this one."""

    role_id: UUID
    role: str
    permission: str
    """As the role grants it: `sales.see`, or what covers it, such as `*.see`."""
    scope: Scope
    reason: AccessReason


@dataclass(frozen=True)
class Member:
    """Somebody who sees a thing."""

    user_id: UUID
    name: str
    rules: tuple[Rule, ...]
    rights: UserRights
    """All that they may see, and what is hidden from them."""


def audience(people: People, view: type[View], owner: UUID | None) -> Iterator[Member]:
    """Everybody who sees a row of a view that is this owner's (None: nobody's), in order of their names."""
    users = (each for each in people.known.values() if isinstance(each, User) and each.usable)
    for user in sorted(users, key=lambda user: (user.name, user.id)):
        rights = people.rights(user.id)
        if rules := tuple(_rules(people, rights, user, view, owner)):
            yield Member(user.id, user.name, rules, rights)


def _rules(people: People, rights: UserRights, user: User, view: type[View], owner: UUID | None) -> Iterator[Rule]:
    holder = view.within or view
    for role in people.roles(user):
        for permission in covering(holder.needs):
            if permission in role.scopes:
                scope = role.scopes[permission]
                if reason := _reason(rights, scope, holder, owner):
                    yield Rule(role.id, role.name, permission, scope, reason)


def _reason(rights: UserRights, scope: Scope, holder: type[View], owner: UUID | None) -> AccessReason | None:
    """Why a permission of a scope holds for a row; None where it does not."""
    if holder.owner is None:
        return AccessReason.SHARED
    if scope is Scope.ALL:
        return AccessReason.ALL
    if owner == rights.user_id:
        return AccessReason.OWNER
    return AccessReason.TEAM if scope is Scope.TEAM and owner in rights.team else None
