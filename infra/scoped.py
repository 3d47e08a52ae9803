"""What the scopes of a token leave of what its user may see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.rights import Scope
from domain.scopes import covers
from projections.masks import masked
from projections.view import View


class Policy(Protocol):
    """What somebody may see."""

    def may(self, permission: str) -> bool: ...

    def reach(self, permission: str) -> Scope | None: ...

    def sees(self, view: type[View]) -> Collection[UUID] | None: ...

    def hides(self, view: type[View], column: str) -> bool: ...


@dataclass(frozen=True)
class Scoped:
    """A policy as far as the scopes reach; what they do not reach is not seen, whoever asks."""

    policy: Policy
    scopes: frozenset[str]

    def may(self, permission: str) -> bool:
        return covers(self.scopes, permission) and self.policy.may(permission)

    def reach(self, permission: str) -> Scope | None:
        return self.policy.reach(permission) if covers(self.scopes, permission) else None

    def sees(self, view: type[View]) -> Collection[UUID] | None:
        return self.policy.sees(view) if covers(self.scopes, view.needs) else ()

    def hides(self, view: type[View], column: str) -> bool:
        personal = f"{view.needs.partition('.')[0]}.personal"
        reached = covers(self.scopes, view.needs) and (column not in masked(view) or covers(self.scopes, personal))
        return not reached or self.policy.hides(view, column)
