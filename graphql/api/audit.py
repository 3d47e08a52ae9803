"""The audit log: who did what, of everything that happened, found by who, what, when and by which way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLResolveInfo

from api.conditions import id_of, plain, view_of
from api.connections import Page
from api.declaring import ID, declare, declare_enum, input_field, optional
from api.entries import constant
from api.errors import bad_input, forbidden
from api.events import OccurredRange
from api.fixed import AsOf, Direction, DirectionType
from api.history import PAGING, Events
from api.meaning import Derived, Happened, field
from api.sight import KIND
from api.statement import Statement
from domain.aggregate import Aggregate
from domain.declaration import KINDS, context_of
from domain.rights import AUDIT

MOST_IDS: Final = 1000
TICK: Final = timedelta(microseconds=1)
"""Between two moments that can be told apart."""


class AuditLog(Derived):
    """The field that tells the audit log."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Events:
        reads = info.context.reads
        if not reads.caller.policy.may(AUDIT):
            raise forbidden(f"to ask this you need {AUDIT}", AUDIT)
        asked: Mapping[str, Any] = {name: v for name, v in (given.get("filter") or {}).items() if v is not None}
        after = until = None
        if begin := asked.get("from"):
            after = await reads.position_at(begin - TICK)
        if end := asked.get("to"):
            if begin and end <= begin:
                raise bad_input("`from` is before `to`")
            until = await reads.position_at(end - TICK)
        then = await reads.position(given["asOf"]) if given.get("asOf") is not None else None
        things = [id_of(each, view_of(each, reads.views)) for each in asked.get("of", ())]
        if len(things) > MOST_IDS:
            raise bad_input(f"`of` takes at most {MOST_IDS} at once")
        people = {
            column: id_of(asked[name], reads.views.named["User"])
            for name, column in (("actor", "actor"), ("onBehalfOf", "on_behalf_of"))
            if name in asked
        }

        def narrowed(statement: Statement) -> Iterator[str]:
            bind = statement.bind
            yield from (f"e.position > {bind(each, 'bigint')}" for each in (after,) if each is not None)
            yield from (f"e.position <= {bind(each, 'bigint')}" for each in (until, then) if each is not None)
            yield from (f"e.{column} = {bind(id, 'uuid')}" for column, id in people.items())
            yield from (f"e.{column} = {bind(asked[n], 'uuid')}" for n, column in IDS.items() if n in asked)
            if "of" in asked:
                yield f"e.originator_id = any({bind(things, 'uuid[]')})"
            if "kinds" in asked:
                yield f"e.topic = any({bind([plain(kind) for kind in asked['kinds']], 'text[]')})"
            if "command" in asked:
                yield f"e.command = {bind(asked['command'], 'text')}"
            if "origin" in asked:
                yield f"starts_with(e.origin, {bind(asked['origin'], 'text')})"
            if "aggregate" in asked:
                yield f"{KIND} = {bind(plain(asked['aggregate']), 'text')}"
            if "context" in asked:
                kinds = [name for name, kind in KINDS.items() if context_of(kind) == plain(asked["context"])]
                yield f"{KIND} = any({bind(kinds, 'text[]')})"
            for name, sign in (("from", ">="), ("to", "<")):
                if moment := (asked.get("occurred") or {}).get(name):
                    yield f"e.occurred_at {sign} {bind(moment, 'timestamptz')}"

        oldest_first = given.get("direction") is Direction.ASC
        return Events(reads, info.context.log, lambda s: [*narrowed(s)], Page(given, []), not oldest_first)


IDS: Final = {"correlationId": "correlation_id", "causationId": "causation_id", "commandId": "command_id"}
"""Of the filter, what is compared as it is: with which column."""


def audit_log(aggregates: Iterable[type[Aggregate]], kinds: Any, listed: Any) -> dict[str, Derived]:
    """The field of the root `Query` that tells the audit log."""
    every = list(aggregates)
    aggregate = _enum("AggregateKind", [each.__name__ for each in every], "A kind of thing that has a history.")
    context = _enum("Context", sorted({context_of(each) for each in every}), "A part of the business.")
    narrowing = declare(
        type("AuditFilter", (), {}),
        {
            "actor": input_field(ID | None, "Asked for by this user."),
            "onBehalfOf": input_field(ID | None, "For this user, by somebody else."),
            "command": input_field(str | None, "Of this command, such as `Opportunity.win`."),
            "commandId": input_field(UUID | None, "Of this one request."),
            "kinds": input_field(list[kinds] | None, "One of these happened."),
            "of": input_field(list[ID] | None, "To one of these things, at most 1000."),
            "aggregate": input_field(aggregate | None, "To a thing of this kind."),
            "context": input_field(context | None, "In this part of the business."),
            "from": input_field(datetime | None, "It became known at this moment or later."),
            "to": input_field(datetime | None, "It became known before this moment."),
            "occurred": input_field(OccurredRange | None, "It happened within this time."),
            "correlationId": input_field(UUID | None, "It belongs to this, such as one import."),
            "causationId": input_field(UUID | None, "This brought it about."),
            "origin": input_field(str | None, "The way by which the command came begins with this."),
        },
        "input",
        description="All that are given must hold.",
    )
    asked = [
        *PAGING,
        optional("filter", narrowing, "Only events of which this holds."),
        optional("direction", DirectionType, "Which way by position; descending, the newest first, if left out."),
        optional("as_of", AsOf, "Only what was known then."),
    ]
    doc = f"Everything that happened to what you may see, and who asked for it.\n\nNeeds {AUDIT}."
    return {"audit_log": field(listed, Happened(), doc, AuditLog, asked)}


def _enum(name: str, values: Iterable[str], description: str) -> Any:
    made: Any = Enum(name, {constant(each) if each[0].isupper() else each.upper(): each for each in values})  # type: ignore[misc]
    return declare_enum(made, name, description)
