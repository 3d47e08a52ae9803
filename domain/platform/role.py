"""A role: what its holders may see and do, upon whose rows, and what is hidden from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

from domain.aggregate import Aggregate
from domain.parameters import AS_IT_IS, Text, command
from domain.rights import (
    EVERYTHING,
    UNGOVERNED,
    Governed,
    Rights,
    Scope,
    Theirs,
    covering,
    reach,
    seen_by,
    why_no_mask,
    why_no_permission,
)

UPON: Final = {Scope.OWN: "", Scope.TEAM: " for the rows of a team", Scope.ALL: " for all rows"}


@dataclass(frozen=True)
class Grant:
    """Something that is permitted, and upon whose rows."""

    permission: str
    scope: Scope


class Role(Aggregate):
    needs = "platform.rights"
    unique = ("name",)

    name: str
    description: str | None = None
    grants: Mapping[str, Grant] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    class Defined(Aggregate.Created):
        name: str
        description: str | None

    class DetailsChanged(Aggregate.Event):
        name: str
        description: str | None

    class Granted(Aggregate.Event):
        item_of = "grants"
        permission: str
        scope: Scope

    class Withdrawn(Aggregate.Event):
        ends_item_of = "grants"
        permission: str

    class MasksChanged(Aggregate.Event):
        hidden: frozenset[str]

    @classmethod
    @command
    def define(cls, name: str, description: Annotated[Text | None, "whom it is for"] = None) -> Self:
        """Begin a role, under a name of its own; what it permits is granted one by one."""
        return cls._create(cls.Defined, name=name, description=description)

    @command
    def change_details(self, *, name: str = AS_IT_IS, description: Text | None = AS_IT_IS) -> None:
        """Give the role another name, or say otherwise whom it is for; what is left out stays."""
        self.trigger_event(self.DetailsChanged, name=name, description=description)

    @command
    def grant_permission(
        self,
        permission: Annotated[str, "such as sales.see; sales.* is all of a context, and * is everything"],
        rights: Theirs,
        governed: Governed,
        scope: Annotated[Scope, "upon whose rows"] = Scope.ALL,
    ) -> None:
        """Permit something to whoever has the role, or change upon whose rows. Nobody gives more than they have."""
        problem = why_no_permission(permission)
        self.require(problem is None, problem, "permission")
        narrowed = permission == EVERYTHING and scope is not Scope.ALL
        self.require(governed or not narrowed or not self.governs, UNGOVERNED, "scope")
        self.require_givable({permission: scope}, rights)
        if self.grants.get(permission) != Grant(permission, scope):
            self.trigger_event(self.Granted, permission=permission, scope=scope)

    @command
    def withdraw_permission(self, permission: str, governed: Governed) -> None:
        """Permit something no longer."""
        self.require(permission in self.grants, "this role does not permit it by this name", "permission")
        self.require(governed or permission != EVERYTHING or not self.governs, UNGOVERNED, "permission")
        self.trigger_event(self.Withdrawn, permission=permission)

    @command
    def hide_attribute(
        self, attribute: Annotated[str, "such as Opportunity.amount, or Account.details.revenue"]
    ) -> None:
        """Hide an attribute from whoever sees things by this role alone."""
        problem = why_no_mask(attribute)
        self.require(problem is None, problem, "attribute")
        if attribute not in self.hidden:
            self.trigger_event(self.MasksChanged, hidden=self.hidden | {attribute})

    @command
    def show_attribute(self, attribute: str, rights: Theirs) -> None:
        """Hide an attribute no longer. Nobody shows to others what is hidden from them."""
        self.require(attribute in self.hidden, "this role does not hide it", "attribute")
        self._require_shown(attribute, rights)
        self.trigger_event(self.MasksChanged, hidden=self.hidden - {attribute})

    @command
    def archive(self, governed: Governed, reason: Text | None = None) -> None:  # type: ignore[override]
        """Put the role away: from then on it permits nothing to those who have it, until it is restored."""
        self.require(governed or not self.governs, UNGOVERNED)
        self.trigger_event(self.Archived, archive_reason=reason)

    @command
    def restore(self, rights: Theirs) -> None:  # type: ignore[override]
        """Take the role back out of the archive: it permits again what it did to those who have it."""
        self.require(self.archived, "it is not archived")
        self.require_givable(self.scopes, rights)
        self.trigger_event(self.Restored)

    @property
    def scopes(self) -> dict[str, Scope]:
        """What is permitted, and how far."""
        return {grant.permission: grant.scope for grant in self.grants.values()}

    @property
    def governs(self) -> bool:
        """Whether it lets do everything."""
        return reach(self.scopes, EVERYTHING) is Scope.ALL

    def require_givable(self, grants: Mapping[str, Scope], rights: Rights, field: str | None = None) -> None:
        """Refuse to give what whoever asks does not have, or to show what is hidden from them."""
        for permission, scope in grants.items():
            held = rights.reach(permission)
            lacking = f"you cannot give what you do not have: {permission}{UPON[scope]}"
            self.require(held is not None and scope.rank <= held.rank, lacking, field or "permission")
        for attribute in sorted(set(rights.hidden) - self.hidden):
            if not grants.keys().isdisjoint(covering(seen_by(attribute))):
                self._require_shown(attribute, rights, field or "permission")

    def _require_shown(self, attribute: str, rights: Rights, field: str = "attribute") -> None:
        hidden = attribute in rights.hidden and rights.reach(EVERYTHING) is not Scope.ALL
        self.require(not hidden, f"you cannot show what is hidden from you: {attribute}", field)
