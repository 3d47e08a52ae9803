"""Every event as it is recorded, from any position on."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from graphql import GraphQLResolveInfo

from api.changes import changes
from api.conditions import id_of, view_of
from api.declaring import ID, argument, declare, input_field, optional
from api.entries import Batch, Told, topic_of
from api.fixed import Position
from api.meaning import Derived, field
from api.sight import Happened, Sight
from api.types import Types

OccurredRange: Any = declare(
    type("OccurredRange", (), {}),
    {
        "from": input_field(datetime | None, "Not before this moment."),
        "to": input_field(datetime | None, "Before this moment."),
    },
    "input",
    description="A stretch of business time: when things happened.",
)


def subscription(event: Any, kinds: Any, types: Types) -> type:
    """The root `Subscription`."""

    class Events(Derived):
        """The field that yields events."""

        @staticmethod
        def resolve(source: Told, info: GraphQLResolveInfo[Any], **given: Any) -> Told:
            return source

        @staticmethod
        async def subscribe(
            source: None,
            info: GraphQLResolveInfo[Any],
            after: int,
            kinds: list[Enum] | None = None,
            of: list[str] | None = None,
            occurred: Mapping[str, datetime | None] | None = None,
        ) -> AsyncIterator[Told]:
            wanted = None if kinds is None else {kind.value for kind in kinds}
            things = None if of is None else {id_of(each, view_of(each, types.views)) for each in of}
            context, ports = info.context, info.context.ports
            async for batch in context.log.after(after if context.resumed is None else context.resumed):
                asked = [
                    event
                    for event in batch
                    if (wanted is None or topic_of(event) in wanted)
                    and (things is None or event.id in things)
                    and (occurred is None or _within(occurred, event.occurred_at))
                ]
                sight = Sight(context.caller.policy, ports.rows, ports.places, types.views)
                seen = await sight.of(Happened(event.position, event.aggregate, event.id) for event in asked)
                for event in asked:
                    if event.position in seen:
                        context.position = event.position
                        [told] = Batch([event], context.reads).told(sight)
                        yield told

    asked = [
        argument("after", Position, "The last position that you have.", 0),
        optional("kinds", list[kinds], "Only these."),
        optional("of", list[ID], "Only of these things."),
        optional("occurred", OccurredRange, "Only of this time."),
    ]
    doc = "Events from a position on: first those already recorded, then each as it is. None is left out."
    followed = {"events": field(event, None, doc, Events, asked), **changes(types)}
    return declare(type("Subscription", (), {}), followed, description="What can be followed as it happens.")


def _within(occurred: Mapping[str, datetime | None], moment: datetime) -> bool:
    begin, end = occurred.get("from"), occurred.get("to")
    return (begin is None or begin <= moment) and (end is None or moment < end)
