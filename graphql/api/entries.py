"""An event as the API shows it: what happened, who asked for it and why, and which change it made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLResolveInfo

from api.declaring import ID, JSON, declare, declare_enum
from api.errors import behind
from api.fixed import Node, Position
from api.meaning import Derived, Few, field, meaning
from api.reads import Reads
from api.sight import Sight
from api.types import Types
from api.versions import Change, changes_of
from domain.aggregate import Aggregate
from domain.history import Entry
from domain.values import id_text

WHY: Final = ("reason", "_reason", "_because")
"""How those fields of events end by name that say why."""


class Batch:
    """Events that are told together: what is looked up for one of them is looked up for all at once."""

    def __init__(self, entries: Iterable[Entry], reads: Reads) -> None:
        self.entries, self.reads = list(entries), reads
        self._changes: asyncio.Future[dict[int, list[Change]]] | None = None
        self._rows = Referred(reads)

    def told(self, sight: Sight) -> list[Told]:
        """Each of them, without what is hidden from the caller."""
        return [Told(replace(e, data=sight.told(topic_of(e), e.data)), self) for e in self.entries]

    async def changes(self, info: GraphQLResolveInfo[Any], position: int) -> list[Change]:
        """What the event at a position changed; an error while its view is behind, and where it cannot follow."""
        if self._changes is None:
            self._changes = asyncio.ensure_future(changes_of(self.reads, info.schema, self.entries))
        found = await self._changes
        if position not in found:
            raise behind("what this event did is not yet to be seen, or its view cannot follow it")
        return found[position]

    async def row(self, info: GraphQLResolveInfo[Any], entry: Entry) -> Any:
        """The row of what an event names in a field, as it is now: those of all events are one statement."""
        kind, id = _named(entry, info.field_name)
        if id is None:
            return None
        if info.field_name == "node":
            await self.reads.shown(max(entry.position for entry in self.entries))
        return await self._rows.row(info, kind, id, (_named(each, info.field_name) for each in self.entries))


class Referred:
    """The rows that several things point to: those of one field are read by one statement."""

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self._found: dict[Any, asyncio.Future[dict[str, Any]]] = {}

    async def row(
        self, info: GraphQLResolveInfo[Any], kind: str, id: UUID, every: Iterable[tuple[str, UUID | None]]
    ) -> Any:
        """The row of an id, one of every id that the field holds; None where the caller may not see it."""
        key = (info.field_name, *(node.loc and node.loc.start for node in info.field_nodes))
        if key not in self._found:
            wanted: dict[str, set[UUID]] = {}
            for of, each in every:
                if each:
                    wanted.setdefault(of, set()).add(each)
            self._found[key] = asyncio.ensure_future(self.reads.several(info, wanted))
        return (await self._found[key]).get(id_text(kind, id))


@dataclass(frozen=True, slots=True)
class Told:
    """An event as one caller may be told it, among others."""

    entry: Entry
    among: Batch


def topic_of(entry: Entry) -> str:
    """The name of an event, as it is recorded: `Account.Registered`."""
    return f"{entry.aggregate}.{entry.event}"


def _named(entry: Entry, field_name: str) -> tuple[str, UUID | None]:
    """What a field of an event points to: its kind, and its id."""
    match field_name:
        case "actorUser":
            return "User", entry.actor
        case "onBehalfOfUser":
            return "User", entry.on_behalf_of
    return entry.aggregate, entry.id


class OfEvent(Derived):
    """A field of an event: its meaning is the name by which the event has it."""

    @staticmethod
    def resolve(source: Told, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        entry = source.entry
        match meaning(info.parent_type.fields[info.field_name]):
            case "kind":
                return kind_of(topic_of(entry))
            case "node_id":
                return id_text(entry.aggregate, entry.id)
            case "actor" | "on_behalf_of" as name:
                user = getattr(entry, name)
                return user and id_text("User", user)
            case "row":
                return source.among.row(info, entry)
            case "reason":
                return _reason(source, info)
            case Few():
                return source.among.changes(info, entry.position)
            case name:
                return getattr(entry, name)


async def _reason(told: Told, info: GraphQLResolveInfo[Any]) -> str | None:
    """Why, where the event says so. What is sealed is read where it was opened: in its view."""
    names = [name for name in told.entry.data if name.endswith(WHY)]
    for name in names:
        if told.entry.data[name] is not None:
            return str(told.entry.data[name])
    if not names:
        return None
    changed = await told.among.changes(info, told.entry.position)
    return next((each.after for each in changed if each.column in names and each.after), None)


class OfChange(Derived):
    """A field of a change: an attribute of it."""

    @staticmethod
    def resolve(source: Change, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        return getattr(source, info.field_name)


ChangeType: Any = declare(
    type("FieldChange", (), {}),
    {
        "field": field(str, None, "Which field, by its name in this API, such as `stage`.", OfChange),
        "items": field(
            str | None, None, "The list that has the item, such as `lines`; null for what is of no item.", OfChange
        ),
        "key": field(JSON | None, None, "Which item of that list, by its key.", OfChange),
        "before": field(
            JSON | None, None, "What it was, as it is read elsewhere; null where there was none.", OfChange
        ),
        "after": field(JSON | None, None, "What it became; null where it was emptied, or the item ended.", OfChange),
        "hidden": field(bool, None, "Whether it is kept from you: then neither is told.", OfChange),
    },
    description="One field that an event changed, or, where it is hidden from you, set.",
)


def kinds_of(aggregates: Iterable[type[Aggregate]]) -> Any:
    """The enum of every kind of event there is; its values are their names, such as `Account.Registered`."""
    names = dict(_names(aggregates))
    kinds: Any = Enum("EventKind", names)  # type: ignore[misc]
    notes = {name: f"`{event}`, as events are named elsewhere." for name, event in names.items()}
    return declare_enum(kinds, "EventKind", "Every kind of event there is.", notes)


def _names(aggregates: Iterable[type[Aggregate]]) -> Iterator[tuple[str, str]]:
    for aggregate in aggregates:
        for name in aggregate.events():
            yield kind_of(f"{aggregate.__name__}.{name}"), f"{aggregate.__name__}.{name}"


@cache
def kind_of(topic: str) -> str:
    """The name of a kind of event in the API: `ACCOUNT_REGISTERED` for `Account.Registered`."""
    return "_".join(map(constant, topic.split(".")))


def constant(name: str) -> str:
    return "".join(f"_{c}" if c.isupper() else c for c in name).lstrip("_").upper()


def event_type(types: Types, kinds: Any) -> Any:
    """The type of an event."""
    told = {
        "position": (
            Position, "position", "Its place in the order of all events. Give it to `after` to go on from here.",
        ),
        "kind": (kinds, "kind", "What happened."),
        "node_id": (ID, "node_id", "What it happened to."),
        "version": (int, "version", "The version that this event made of it."),
        "recorded_at": (datetime, "recorded_at", "When it became known."),
        "occurred_at": (datetime, "occurred_at", "When it happened."),
        "actor": (ID, "actor", "Who asked for it."),
        "on_behalf_of": (ID | None, "on_behalf_of", "For whom, where that is somebody else."),
        "command": (str, "command", "What was asked for, such as `Opportunity.win`."),
        "command_id": (UUID, "command_id", "That one request, which may have brought about several events."),
        "reason": (str | None, "reason", "Why, where whoever asked had to say it or did."),
        "correlation_id": (UUID | None, "correlation_id", "What it belongs to."),
        "causation_id": (UUID | None, "causation_id", "What brought it about."),
        "origin": (str | None, "origin", "By which way the command came."),
        "receipt": (str, "receipt", "The hash of this event and of all before it."),
        "schema_version": (int, "schema_version", "The version of the form in which `data` was recorded."),
        "data": (JSON, "data", "What the event recorded."),
        "changes": (
            list[ChangeType] | None, Few(), "What it changed of what is seen elsewhere, field by field.",
        ),
        "node": (Node | None, "row", "What it happened to, as it is now."),
    }  # fmt: skip
    if user := types.named.get("User"):
        told["actor_user"] = types.objects[user] | None, "row", "Who asked for it, if you may see them."
        told["on_behalf_of_user"] = types.objects[user] | None, "row", "For whom, if you may see them."
    members = {name: field(type_, means, text, OfEvent) for name, (type_, means, text) in told.items()}
    return declare(type("Event", (), {}), members, description="Something that happened.")
