"""Every event as it is recorded, from any position on."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import GraphQLResolveInfo

from api.changes import changes
from api.conditions import id_of, view_of
from api.declaring import ID, JSON, argument, declare, declare_enum, input_field, optional
from api.fixed import Node, Position
from api.meaning import Derived, field, meaning
from api.sight import Happened, Sight
from api.types import Types
from domain.aggregate import Aggregate
from domain.history import Entry
from domain.values import id_text

OccurredRange: Any = declare(
    type("OccurredRange", (), {}),
    {
        "from": input_field(datetime | None, "Not before this moment."),
        "to": input_field(datetime | None, "Before this moment."),
    },
    "input",
    description="A stretch of business time: when things happened.",
)


def subscription(aggregates: Iterable[type[Aggregate]], types: Types) -> type:
    """The root `Subscription`."""
    names = {
        f"{_constant(aggregate.__name__)}_{_constant(name)}": f"{aggregate.__name__}.{name}"
        for aggregate in aggregates
        for name in aggregate.events()
    }
    notes = {name: f"`{event}`, as events are named elsewhere." for name, event in names.items()}
    kinds: Any = Enum("EventKind", names)  # type: ignore[misc]
    Kind: Any = declare_enum(kinds, "EventKind", "Every kind of event there is.", notes)

    async def node(source: Entry, info: GraphQLResolveInfo[Any]) -> Any:
        await info.context.reads.shown(source.position)
        return await info.context.reads.row(info, types.named[source.aggregate], source.id)

    class OfEvent(Derived):
        """A field of an event: its meaning is the name by which the event has it."""

        @staticmethod
        def resolve(source: Entry, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
            match meaning(info.parent_type.fields[info.field_name]):
                case "kind":
                    return kinds(f"{source.aggregate}.{source.event}")
                case "node_id":
                    return id_text(source.aggregate, source.id)
                case "actor" | "on_behalf_of" as name:
                    user = getattr(source, name)
                    return user and id_text("User", user)
                case "node":
                    return node(source, info)
                case name:
                    return getattr(source, name)

    told = {
        "position": (Position, "Its place in the order of all events. Give it to `after` to go on from here."),
        "kind": (Kind, "What happened."),
        "node_id": (ID, "What it happened to."),
        "version": (int, "The version that this event made of it."),
        "recorded_at": (datetime, "When it became known."),
        "occurred_at": (datetime, "When it happened."),
        "actor": (ID, "Who asked for it."),
        "on_behalf_of": (ID | None, "For whom, where that is somebody else."),
        "command": (str, "What was asked for, such as `Opportunity.win`."),
        "correlation_id": (UUID | None, "What it belongs to."),
        "causation_id": (UUID | None, "What brought it about."),
        "origin": (str | None, "By which way the command came."),
        "receipt": (str, "The hash of this event and of all before it."),
        "data": (JSON, "What the event recorded."),
        "node": (Node | None, "What it happened to, as it is now."),
    }
    Event: Any = declare(
        type("Event", (), {}),
        {name: field(type_, name, text, OfEvent) for name, (type_, text) in told.items()},
        description="Something that happened.",
    )

    class Events(Derived):
        """The field that yields events."""

        @staticmethod
        def resolve(source: Entry, info: GraphQLResolveInfo[Any], **given: Any) -> Entry:
            return source

        @staticmethod
        async def subscribe(
            source: None,
            info: GraphQLResolveInfo[Any],
            after: int,
            kinds: list[Enum] | None = None,
            of: list[str] | None = None,
            occurred: Mapping[str, datetime | None] | None = None,
        ) -> AsyncIterator[Entry]:
            wanted = None if kinds is None else {kind.value for kind in kinds}
            things = None if of is None else {id_of(each, view_of(each, types.views)) for each in of}
            context, ports = info.context, info.context.ports
            async for batch in context.log.after(after if context.resumed is None else context.resumed):
                asked = [
                    event
                    for event in batch
                    if (wanted is None or f"{event.aggregate}.{event.event}" in wanted)
                    and (things is None or event.id in things)
                    and (occurred is None or _within(occurred, event.occurred_at))
                ]
                sight = Sight(context.caller.policy, ports.rows, ports.places, types.views)
                seen = await sight.of(Happened(event.position, event.aggregate, event.id) for event in asked)
                for event in asked:
                    if event.position in seen:
                        context.position = event.position
                        yield replace(event, data=sight.told(f"{event.aggregate}.{event.event}", event.data))

    asked = [
        argument("after", Position, "The last position that you have.", 0),
        optional("kinds", list[Kind], "Only these."),
        optional("of", list[ID], "Only of these things."),
        optional("occurred", OccurredRange, "Only of this time."),
    ]
    doc = "Events from a position on: first those already recorded, then each as it is. None is left out."
    events = field(Event, None, doc, Events, asked)
    followed = {"events": events, **changes(types)}
    return declare(type("Subscription", (), {}), followed, description="What can be followed as it happens.")


def _within(occurred: Mapping[str, datetime | None], moment: datetime) -> bool:
    begin, end = occurred.get("from"), occurred.get("to")
    return (begin is None or begin <= moment) and (end is None or moment < end)


def _constant(name: str) -> str:
    return "".join(f"_{c}" if c.isupper() else c for c in name).lstrip("_").upper()
