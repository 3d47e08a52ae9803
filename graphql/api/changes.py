"""Rows as they change: each anew when an event has moved it and the view shows that, and a word when it leaves.

What changes often is told as it is in the end: events that come close upon each other are one change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLResolveInfo

from api.catalogue import snake, type_name
from api.conditions import id_of
from api.declaring import ID, declare, optional
from api.errors import bad_input
from api.fixed import Position
from api.meaning import Derived, field, meaning
from api.pauses import with_pauses
from api.ports import ViewType
from api.types import Types
from domain.values import id_text

CLOSE: Final = 0.05
"""Seconds within which the next event belongs to the same change."""
LATEST: Final = 0.5
"""Seconds after which a change is told though more is on its way."""
PATIENCE: Final = 15
"""So often it is waited for a view that is behind, some two seconds each time. A row that it cannot follow any more is
told as it stands."""
MOST_IDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Changes:
    """What a field yields: changes of the rows of a view."""

    view: ViewType


@dataclass(frozen=True, slots=True)
class Change:
    """A row that changed. It is shown unless it has left."""

    view: ViewType
    id: UUID
    position: int
    shown: bool


@dataclass(slots=True)
class Moved:
    """Between which events a row moved."""

    first: int
    last: int


class OfChange(Derived):
    """A field of a change."""

    @staticmethod
    async def resolve(source: Change, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        match meaning(info.parent_type.fields[info.field_name]):
            case "id":
                return id_text(source.view.of.__name__, source.id)
            case "position":
                return source.position
        return await info.context.reads.row(info, source.view, source.id) if source.shown else None


class Following(Derived):
    """The field that yields changes."""

    @staticmethod
    def resolve(source: Change, info: GraphQLResolveInfo[Any], **given: Any) -> Change:
        return source

    @staticmethod
    async def subscribe(
        source: None,
        info: GraphQLResolveInfo[Any],
        ids: list[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        after: int | None = None,
    ) -> AsyncIterator[Change]:
        view, context = meaning(info.parent_type.fields[info.field_name]).view, info.context
        if ids is not None and len(ids) > MOST_IDS:
            raise bad_input(f"`ids` takes at most {MOST_IDS} at once")
        wanted = None if ids is None else {id_of(each, view) for each in ids}
        await context.reads.among(view, [], filter)  # what is wrong with it is said at once
        start = context.resumed if context.resumed is not None else after
        if start is None:
            start = await context.reads.head()
        moved: dict[UUID, Moved] = {}
        since = 0.0

        def patience() -> float | None:
            return max(min(CLOSE, since + LATEST - monotonic()), 0) if moved else None

        async with aclosing(with_pauses(context.log.after(start), patience)) as batches:
            async for batch in batches:
                for event in batch or ():
                    if event.aggregate == view.of.__name__ and (wanted is None or event.id in wanted):
                        since = since if moved else monotonic()
                        moved.setdefault(event.id, Moved(event.position, 0)).last = event.position
                if moved and (batch is None or monotonic() > since + LATEST):
                    told, moved = moved, {}
                    for change in await _changes(context, view, told, filter):
                        context.position = change.position
                        yield change


async def _changes(
    context: Any, view: ViewType, moved: Mapping[UUID, Moved], filter: Mapping[str, Any] | None
) -> list[Change]:
    """Of the rows that moved, those that are to be seen now and those that were before, in the order of their events.

    All events since the last time are among these: before its first, a row stood as it had stood since then.
    """
    reads, last = context.reads, max(each.last for each in moved.values())
    for _ in range(PATIENCE):
        if await reads.shown(last):
            break
    here = await reads.among(view, moved, filter)
    gone = moved.keys() - here
    if gone:
        gone = await reads.among(view, gone, filter, min(moved[id].first for id in gone) - 1)
    told = sorted(here | gone, key=lambda id: moved[id].last)
    return [Change(view, id, moved[id].last, id in here) for id in told]


def changes(types: Types) -> dict[str, Derived]:
    """For each view the field by which its rows are followed: `accountChanged`."""
    found: dict[str, Derived] = {}
    for view in types.views.named.values():
        name = type_name(view)
        change = declare(
            type(f"{name}Change", (), {}),
            {
                "id": field(ID, "id", f"Which {name}.", OfChange),
                "position": field(Position, "position", "Of the event that moved it last.", OfChange),
                snake(name): field(
                    types.objects[view] | None, "row", "As it is now; null when it has left what is followed.", OfChange
                ),
            },
            description=f"A change of one {name}.",
        )
        asked = [
            optional("ids", list[ID], "Only these, at most 1000."),
            optional("filter", types.lists.filters[view], "Only those of which this holds, or held before the change."),
            optional("after", Position, "The position that what you have is of; from now on, if left out."),
        ]
        doc = f"Each {name} as it changes, when that can be read; several changes in a row are told as one."
        found[f"{snake(name)}_changed"] = field(change, Changes(view), doc, Following, asked)
    return found
