"""The timeline of something: what happened to it and to all that belongs to it, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from graphql import GraphQLResolveInfo

from api.belonging import Belonging, has_things
from api.conditions import id_of, view_of
from api.connections import Page
from api.declaring import ID, argument, optional
from api.errors import bad_input
from api.events import OccurredRange
from api.fixed import AsOf
from api.history import PAGING, Events
from api.meaning import Derived, Happened, field
from api.statement import NOW, Statement


class Timeline(Derived):
    """The field that tells all about one thing."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Events:
        reads = info.context.reads
        view = view_of(given["of"], reads.views)
        id = id_of(given["of"], view)
        Statement(reads.caller.policy, reads.places, reads.views).row(view, NOW)  # or it is forbidden
        if not has_things(view):
            kind = view.of.__name__
            raise bad_input(f"nothing belongs to a thing of the kind {kind}: ask for its `history`")
        until = await reads.position(given["asOf"]) if given.get("asOf") is not None else None

        def narrowed(statement: Statement) -> list[str]:
            at = None if until is None else statement.bind(until, "bigint")
            of = Belonging(statement, view, statement.bind(id, "uuid"), at, given["below"])
            met = ["x.position <= b.until", *([f"x.position <= {at}"] if at else []), *_asked(statement, given)]
            found = (
                f"with recursive {of.with_()} select x.position from ({of.all()}) b cross join lateral"
                " (select e.position, e.topic, e.recorded_at, e.occurred_at from events e"
                f" where e.originator_id = b.id offset 0) x where {' and '.join(met)}"
            )
            return [f"e.position = any(array({found}))"]

        return Events(reads, info.context.log, narrowed, Page(given, []), newest_first=True)


def _asked(statement: Statement, given: Mapping[str, Any]) -> list[str]:
    """What a caller asks of the events, besides what they happened to."""
    met, bind = list[str](), statement.bind
    if given.get("kinds") is not None:
        met.append(f"x.topic = any({bind([kind.value for kind in given['kinds']], 'text[]')})")
    occurred = given.get("occurred") or {}
    for clock, since, until in (
        ("recorded_at", given.get("from"), given.get("to")),
        ("occurred_at", occurred.get("from"), occurred.get("to")),
    ):
        if since is not None:
            met.append(f"x.{clock} >= {bind(since, 'timestamptz')}")
        if until is not None:
            met.append(f"x.{clock} < {bind(until, 'timestamptz')}")
    return met


def timelines(kinds: Any, listed: Any) -> dict[str, Derived]:
    """The field of the root `Query` that tells all about one thing."""
    asked = [
        argument("of", ID, "What it is about, such as an account, a contact or an opportunity."),
        *PAGING,
        optional("kinds", list[kinds], "Only these."),
        optional("from", datetime, "Only what was recorded then or later."),
        optional("to", datetime, "Only what was recorded before this moment."),
        optional("occurred", OccurredRange, "Only what happened in this time."),
        optional("as_of", AsOf, "Only what was known then, of what belonged to it then."),
        argument("below", bool, "Whether what lies below it counts too, such as an account's subsidiaries.", False),
    ]
    doc = (
        "Everything that happened to one thing and to all that belongs to it, the newest first: to an account, its"
        " contacts and opportunities, the interactions with either; what was merged into it; what belonged to it once,"
        " until it left. It is in the order in which it became known, which never changes; `occurred` narrows it by"
        " when it happened."
    )
    return {"timeline": field(listed, Happened(), doc, Timeline, asked)}
