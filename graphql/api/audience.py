"""Who could see a thing, and by which rule: `whoCouldSee` of the root, told of any moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from graphql import GraphQLResolveInfo

from api.catalogue import Views
from api.commands import OfPayload
from api.conditions import id_of, view_of
from api.declaring import ID, argument, declare, optional
from api.errors import forbidden
from api.fixed import AsOf, Position
from api.held import hidden_of
from api.meaning import Audience, Derived, field
from api.ports import Member, ViewType
from api.reads import Reads
from api.statement import Statement, quoted, where
from api.types import Types
from domain.rights import AUDIT, AccessReason, Scope
from domain.values import id_text


class WhoCouldSee(Derived):
    """The field that tells it."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        reads: Reads = info.context.reads
        if not reads.caller.policy.may(AUDIT):
            raise forbidden(f"to see who could see something you need {AUDIT}", AUDIT)
        view = view_of(given["id"], reads.views)
        only = given.get("userId")
        user_id = None if only is None else id_of(only, reads.views.named["User"])
        found = await standing(reads, view, id_of(given["id"], view), given.get("asOf"))
        if found is None:
            return None
        position, owner = found
        known = await info.context.ports.audience(view, owner, position if given.get("asOf") else None)
        return {
            "position": position,
            "ownerId": owner and id_text("User", owner),
            "users": told(view, reads.views, (each for each in known if user_id in (None, each.user_id))),
        }


async def standing(
    reads: Reads, view: ViewType, id: UUID, as_of: dict[str, Any] | None
) -> tuple[int, UUID | None] | None:
    """The position of a moment, and whose a thing was then; None where it was not there, or the caller may not know.

    Whose it is decides who sees it: from whom that is hidden, it is hidden who saw it.
    """
    policy = reads.caller.policy
    statement = Statement(policy, reads.places, reads.views)
    instant = statement.instant(as_of, None)
    row = statement.row(view, instant)
    if view.owner and policy.hides(view, view.owner):
        raise forbidden("whose it is is hidden from you, and so is who could see it", view.needs)
    seen = [f"{row.alias}.id = {statement.bind(id, 'uuid')}", *statement.where(row)]
    owner = f"{row.alias}.{quoted(view.owner)}" if view.owner else "null::uuid"
    position = instant.position or "(select position from event_head)"
    made = f"(select json_build_array({position}, {owner}) from {statement.source(row)}{where(seen)})"
    found = orjson.loads(await reads.answer(made, statement))
    return found and (found[0], found[1] and UUID(found[1]))


def told(view: ViewType, views: Views, known: Any) -> list[dict[str, Any]]:
    """Those who see it, as the API tells them."""
    return [_told(each, views.of_kind[view.of.__name__]) for each in known]


def _told(each: Member, shown: Sequence[ViewType]) -> dict[str, Any]:
    rules = (
        {
            "roleId": id_text("Role", rule.role_id),
            "role": rule.role,
            "permission": rule.permission,
            "scope": rule.scope.name,
            "reason": rule.reason.name,
        }
        for rule in each.rules
    )
    return {
        "userId": id_text("User", each.user_id),
        "name": each.name,
        "rules": list(rules),
        "hidden": sorted(name for view in shown for name in hidden_of(each.rights, view)),
    }


def who_could_see(types: Types) -> Derived:
    """The field `whoCouldSee` of the root `Query`."""
    enum = types.values.enum
    rule: Any = declare(
        type("AudienceRule", (), {}),
        {
            "role_id": field(ID, None, "The role that permitted it.", OfPayload),
            "role": field(str, None, "What the role was called.", OfPayload),
            "permission": field(str, None, "As the role granted it: `sales.see`, or what covers it.", OfPayload),
            "scope": field(enum(Scope, None), None, "Upon whose rows the role granted it.", OfPayload),
            "reason": field(enum(AccessReason, None), None, "Why that held for this one.", OfPayload),
        },
        description="A rule by which somebody could see a thing.",
    )
    member: Any = declare(
        type("AudienceMember", (), {}),
        {
            "user_id": field(ID, None, "Who could see it.", OfPayload),
            "name": field(str, None, "What they were called.", OfPayload),
            "rules": field(list[rule], None, "What let them see it: each of these alone would have.", OfPayload),
            "hidden": field(list[str], None, "What of it was null for them: `Opportunity.amount`.", OfPayload),
        },
        description="Somebody who could see a thing.",
    )
    audience: Any = declare(
        type("Audience", (), {}),
        {
            "position": field(Position, None, "The moment that is told of: the last event that was known.", OfPayload),
            "owner_id": field(ID | None, None, "Who was responsible for it; null: nobody.", OfPayload),
            "users": field(list[member], None, "Who could see it, in order of their names.", OfPayload),
        },
        description="Who could see a thing at some moment.",
    )
    arguments = [
        argument("id", ID, "What could be seen."),
        optional("user_id", ID, "Only whether this user could."),
        optional("as_of", AsOf, "When; now, if left out."),
    ]
    doc = (
        f"Who could see a thing at some moment, and by which rule.\n\nNeeds {AUDIT}, and that you may see it yourself."
    )
    return field(audience | None, Audience(), doc, WhoCouldSee, arguments)
