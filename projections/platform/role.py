"""Roles and what they permit, as people see them."""

from __future__ import annotations

from typing import Annotated

from domain.platform.role import Role
from domain.rights import Scope
from projections.view import View


class RoleView(View, of=Role, table="roles", needs="platform.see", indexes=("name",), search=("name",)):
    """What its holders may see and do."""

    name: str
    description: Annotated[str | None, "whom it is for"] = None
    hidden: Annotated[frozenset[str], "the attributes that it hides, such as Opportunity.amount"] = frozenset()


class RoleGrantView(
    View,
    of=Role,
    table="role_grants",
    key="permission",
    within=RoleView,
    ends=(Role.Withdrawn,),
    indexes=("permission",),
):
    """Something that a role permits."""

    permission: Annotated[str, "such as sales.see; sales.* is all of a context, and * is everything"]
    scope: Annotated[Scope, "upon whose rows"]
