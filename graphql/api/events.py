"""Every event as it is recorded, from any position on."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from api.conditions import id_of, view_of
from api.declaring import declare
from api.fixed import Node, Position
from api.meaning import Derived, field
from api.types import Types
from domain.aggregate import Aggregate
from domain.history import Entry
from domain.values import id_text


@strawberry.input(description="A stretch of business time: when things happened.")
class OccurredRange:
    from_: datetime | None = strawberry.field(name="from", default=None, description="Not before this moment.")
    to: datetime | None = strawberry.field(default=None, description="Before this moment.")

    def holds(self, moment: datetime) -> bool:
        return (self.from_ is None or self.from_ <= moment) and (self.to is None or moment < self.to)


def subscription(aggregates: Iterable[type[Aggregate]], types: Types) -> type:
    """The root `Subscription`."""
    names = {
        f"{_constant(aggregate.__name__)}_{_constant(name)}": f"{aggregate.__name__}.{name}"
        for aggregate in aggregates
        for name in aggregate.events()
    }
    kinds_of: Any = Enum("EventKind", names)  # type: ignore[misc]
    Kind: Any = strawberry.enum(kinds_of, description="Every kind of event there is.")

    class OfEvent(Derived):
        """A field of an event."""

        async def get_result(self, source: Entry, info: Any, args: Any, kwargs: Any) -> Any:
            match self.python_name:
                case "kind":
                    return Kind(f"{source.aggregate}.{source.event}")
                case "node_id":
                    return id_text(source.aggregate, source.id)
                case "actor" | "on_behalf_of" as name:
                    user = getattr(source, name)
                    return user and id_text("User", user)
                case "node":
                    await info.context.reads.shown(source.position)
                    return await info.context.reads.row(info._raw_info, types.named[source.aggregate], source.id)
            return getattr(source, self.python_name)

    def told(type_: Any, description: str) -> Derived:
        return field(type_, None, description, of=OfEvent)

    Event: Any = declare(
        type("Event", (), {}),
        {
            "position": told(Position, "Its place in the order of all events. Give it to `after` to go on from here."),
            "kind": told(Kind, "What happened."),
            "node_id": told(strawberry.ID, "What it happened to."),
            "version": told(int, "The version that this event made of it."),
            "recorded_at": told(datetime, "When it became known."),
            "occurred_at": told(datetime, "When it happened."),
            "actor": told(strawberry.ID, "Who asked for it."),
            "on_behalf_of": told(strawberry.ID | None, "For whom, where that is somebody else."),
            "command": told(str, "What was asked for, such as `Opportunity.win`."),
            "correlation_id": told(UUID | None, "What it belongs to."),
            "causation_id": told(UUID | None, "What brought it about."),
            "origin": told(str | None, "By which way the command came."),
            "receipt": told(str, "The hash of this event and of all before it."),
            "data": told(JSON, "What the event recorded."),
            "node": told(Node | None, "What it happened to, as it is now."),
        },
        description="Something that happened.",
    )

    @strawberry.type(description="What can be followed as it happens.")
    class Subscription:
        @strawberry.subscription(  # type: ignore[untyped-decorator]
            description="Events from a position on: first those already recorded, then each as it is. None is left out."
        )
        async def events(
            self,
            info: strawberry.Info,
            after: Annotated[Position, strawberry.argument(description="The last position that you have.")] = Position(
                0
            ),
            kinds: Annotated[list[Kind] | None, strawberry.argument(description="Only these.")] = None,
            of: Annotated[list[strawberry.ID] | None, strawberry.argument(description="Only of these things.")] = None,
            occurred: Annotated[OccurredRange | None, strawberry.argument(description="Only of this time.")] = None,
        ) -> AsyncIterator[Event]:
            wanted = None if kinds is None else {kind.value for kind in kinds}
            things = None if of is None else {id_of(each, view_of(each, types.views)) for each in of}
            may = info.context.caller.policy.may
            async for batch in info.context.log.after(after):
                for event in batch:
                    shown = (
                        (wanted is None or f"{event.aggregate}.{event.event}" in wanted)
                        and (things is None or event.id in things)
                        and (not occurred or occurred.holds(event.occurred_at))
                    )
                    view = types.named.get(event.aggregate)
                    if shown and view and may(view.needs):
                        yield event

    return Subscription


def _constant(name: str) -> str:
    return "".join(f"_{c}" if c.isupper() else c for c in name).lstrip("_").upper()
