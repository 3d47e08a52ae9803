"""Lists of events: which of them a caller may be told, a page at a time, how many there are, and of whom and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import orjson
from graphql import GraphQLResolveInfo

from api.conditions import id_of, view_of
from api.connections import Page
from api.declaring import ID, argument, declare, optional
from api.entries import Batch, Referred, Told, kind_of
from api.errors import bad_input, not_in_replay
from api.fixed import Around, AsOf, PageInfo
from api.meaning import Derived, Happened, field
from api.ports import EventLog
from api.reads import Reads
from api.sight import Sight, seen_by
from api.statement import NOW, Statement
from api.types import Types
from domain.values import TimeZone, id_text

Narrowed = Callable[[Statement], list[str]]
"""Writes the conditions, upon an event `e`, that make a list. What they are compared with is bound to the statement."""

MOST_GROUPS: Final = 1000

PAGING: Final = (
    optional("first", int, "So many from the beginning, or after `after`: 1 to 1000. Else 50."),
    optional("after", str, "The cursor that the page begins after: the position of an event."),
    optional("last", int, "So many from the end, or before `before`: 1 to 1000."),
    optional("before", str, "The cursor that the page ends before."),
)


@dataclass
class Events:
    """A list of those events of which some conditions hold and that the caller may be told, and a page of it."""

    reads: Reads
    log: EventLog
    narrowed: Narrowed
    page: Page
    newest_first: bool = False
    order: str = "e.position"
    """What gives the events in their order by an index that the conditions go by."""
    _told: list[Told] | None = None

    def conditions(self, statement: Statement) -> list[str]:
        """What holds of every event of the list."""
        return [*self.narrowed(statement), seen_by(statement)]

    async def told(self) -> list[Told]:
        """The events of the page, and one more where there is one, in the order in which they are read."""
        if self._told is None:
            downwards = self.newest_first != self.page.backwards
            statement = Statement(self.reads.caller.policy, self.reads.places, self.reads.views)
            conditions = self.conditions(statement)
            if self.page.cursor:
                place = statement.bind(position_in(self.page.cursor), "bigint")
                conditions.append(f"e.position {'<' if downwards else '>'} {place}")
            way, limit = "desc" if downwards else "asc", statement.bind(self.page.size + 1, "bigint")
            rest = f"where {' and '.join(conditions)} order by {self.order} {way} limit {limit}"
            found = Batch(await self.log.entries(rest, statement.parameters), self.reads)
            sight = Sight(self.reads.caller.policy, self.reads.rows, self.reads.places, self.reads.views)
            self._told = found.told(sight)
        return self._told

    async def shown(self) -> list[Told]:
        """The events of the page, in the order of the list."""
        told = (await self.told())[: self.page.size]
        return told[::-1] if self.page.backwards else told

    async def around(self) -> Around:
        """What lies around the page."""
        more, beside = len(await self.told()) > self.page.size, self.page.cursor is not None
        cursors = [cursor_of(told) for told in await self.shown()]
        return Around(
            hasNextPage=beside if self.page.backwards else more,
            hasPreviousPage=more if self.page.backwards else beside,
            startCursor=cursors[0] if cursors else None,
            endCursor=cursors[-1] if cursors else None,
        )

    async def count(self) -> int:
        """How many events the list has."""
        statement = Statement(self.reads.caller.policy, self.reads.places, self.reads.views)
        return int(await self.reads.answer(f"(select count(*) {self._source(statement)})", statement))

    async def by_day(self, zone: str) -> list[dict[str, Any]]:
        """How many became known on each day of a time zone, the last days if there are too many."""
        day = lambda statement: f"(e.recorded_at at time zone {statement.bind(zone, 'text')})::date"  # noqa: E731
        return [{"day": day, "count": count} for day, count in reversed(await self._grouped(day, "1 desc"))]

    async def by(self, column: str) -> list[tuple[Any, int]]:
        """How many there are of each value of a column, the most first."""
        return await self._grouped(lambda _: f"e.{column}", "2 desc, 1")

    async def _grouped(self, by: Callable[[Statement], str], order: str) -> list[tuple[Any, int]]:
        statement = Statement(self.reads.caller.policy, self.reads.places, self.reads.views)
        made = f"select {by(statement)}, count(*) {self._source(statement)} group by 1 order by {order}"
        listed = f"select json_agg(json_build_array(g.by, g.count)) from ({made} limit {MOST_GROUPS}) g (by, count)"
        return [tuple(pair) for pair in orjson.loads(await self.reads.answer(f"({listed})", statement)) or ()]

    def _source(self, statement: Statement) -> str:
        return f"from events e where {' and '.join(self.conditions(statement))}"


def position_in(cursor: str) -> int:
    """The position that a cursor is."""
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise bad_input("this cursor does not belong to a list of events: there it is a position")
    return int(cursor)


def cursor_of(told: Told) -> str:
    return str(told.entry.position)


class OfList(Derived):
    """A field of a list of events."""

    @staticmethod
    async def resolve(source: Events, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        match info.field_name:
            case "nodes":
                return await source.shown()
            case "edges":
                return [{"node": told, "cursor": cursor_of(told)} for told in await source.shown()]
            case "pageInfo":
                return await source.around()
            case "totalCount":
                return await source.count()
            case "byDay":
                return await source.by_day(given.get("timeZone") or source.reads.views.time_zone)
            case "byCommand":
                return [{"command": command, "count": count} for command, count in await source.by("command")]
            case "byKind":
                return [{"kind": kind_of(topic), "count": count} for topic, count in await source.by("topic")]
        found = [(UUID(id), count) for id, count in await source.by("actor")]
        rows, every = Referred(source.reads), [("User", id) for id, _ in found]
        return [{"actor": id_text("User", id), "count": n, "user": (rows, id, every)} for id, n in found]


class Actor(Derived):
    """A user as a row, in a list of them."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        rows, id, every = source["user"]
        return await rows.row(info, "User", id, every)


class OfPart(Derived):
    """A field of a part of a list of events: by its own name."""

    @staticmethod
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        return source[info.field_name]


def event_list(types: Types, kinds: Any, event: Any) -> Any:
    """The type of a list of events."""
    edge = declare(
        type("EventEdge", (), {}),
        {
            "node": field(event, None, "The event.", OfPart),
            "cursor": field(str, None, "Its place in every list of events: its position.", OfPart),
        },
        description="One event and its place in a list.",
    )
    days, actors, commands, sorts = _groups(types, kinds)
    zone = optional("time_zone", TimeZone, "Whose days are meant; the company's, if left out.")
    return declare(
        type("EventConnection", (), {}),
        {
            "edges": field(list[edge], None, "The events of this page, each with its cursor.", OfList),  # type: ignore[valid-type]
            "nodes": field(list[event], None, "The events of this page.", OfList),
            "page_info": field(PageInfo, None, "What lies around this page.", OfList),
            "total_count": field(int, None, "How many there are in all: ask only when you show it.", OfList),
            "by_day": field(
                list[days],  # type: ignore[valid-type]
                None, "How many of all became known on each day, the last 1000 days.", OfList, [zone],
            ),
            "by_actor": field(list[actors], None, "How many of all each asked for, the most first.", OfList),  # type: ignore[valid-type]
            "by_command": field(list[commands], None, "How many of all came of each command, the most first.", OfList),  # type: ignore[valid-type]
            "by_kind": field(list[sorts], None, "How many of all are of each kind, the most first.", OfList),  # type: ignore[valid-type]
        },
        description="A list of events that you may be told, a page of it at a time.",
    )  # fmt: skip


def _groups(types: Types, kinds: Any) -> list[Any]:
    """The types of groups of events: of a day, of who asked for them, of a command, of a kind."""
    count: Derived = field(int, None, "How many events.", OfPart)
    actor: dict[str, Derived] = {"actor": field(ID, None, "Who asked for them.", OfPart), "count": count}
    if user := types.named.get("User"):
        actor["actor_user"] = field(types.objects[user] | None, None, "Who asked for them, if you may see them.", Actor)
    command = field(str, None, "What was asked for, such as `Opportunity.win`.", OfPart)
    made: dict[str, tuple[dict[str, Derived], str]] = {
        "EventsOfDay": ({"day": field(date, None, "The day.", OfPart), "count": count}, "A day, and what it brought."),
        "EventsOfActor": (actor, "Somebody, and what they brought about."),
        "EventsOfCommand": ({"command": command, "count": count}, "A command, and what came of it."),
        "EventsOfKind": (
            {"kind": field(kinds, None, "What happened.", OfPart), "count": count}, "What happened, and how often.",
        ),
    }  # fmt: skip
    return [declare(type(name, (), {}), members, description=what) for name, (members, what) in made.items()]


class History(Derived):
    """The field that tells what happened to one thing."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Events:
        reads = info.context.reads
        view = view_of(given["id"], reads.views)
        id = id_of(given["id"], view)
        Statement(reads.caller.policy, reads.places, reads.views).row(view, NOW)  # or it is forbidden
        until = await reads.position(given["asOf"]) if given.get("asOf") is not None else None
        return _of_one(info, id, None, until, given)


class Between(Derived):
    """The field that tells what happened to one thing between the two instants at which it is compared."""

    @staticmethod
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Events:
        if info.context.replay is not None:
            raise not_in_replay("`events` are not read from views: leave out the header Daybook-Replay")
        found = source[info.path.key]
        return _of_one(info, UUID(found["id"]), found["after"], found["until"], given)


def _of_one(
    info: GraphQLResolveInfo[Any], id: UUID, after: int | None, until: int | None, given: dict[str, Any]
) -> Events:
    """The events of one thing, after a position and until another, each where there is one."""
    kinds = given.get("kinds")

    def narrowed(statement: Statement) -> list[str]:
        conditions = [f"e.originator_id = {statement.bind(id, 'uuid')}"]
        if kinds is not None:
            conditions.append(f"e.topic = any({statement.bind([kind.value for kind in kinds], 'text[]')})")
        if after is not None:
            conditions.append(f"e.position > {statement.bind(after, 'bigint')}")
        if until is not None:
            conditions.append(f"e.position <= {statement.bind(until, 'bigint')}")
        return conditions

    return Events(info.context.reads, info.context.log, narrowed, Page(given, []), order="e.originator_version")


def histories(kinds: Any, listed: Any) -> dict[str, Derived]:
    """The field of the root `Query` that tells the history of one thing."""
    asked = [
        argument("id", ID, "What it happened to."),
        *PAGING,
        optional("kinds", list[kinds], "Only these."),
        optional("as_of", AsOf, "Only what was known then."),
    ]
    doc = "Everything that happened to one thing, from its beginning on, and what each event changed."
    return {"history": field(listed, Happened(), doc, History, asked)}


def between(kinds: Any, listed: Any) -> Between:
    """The field of a comparison of one thing that tells its events."""
    doc = (
        "What happened to it after the earlier of the two instants, up to the later: who decided what differs, and why."
    )
    return field(listed, Happened(), doc, Between, [*PAGING, optional("kinds", list[kinds], "Only these.")])
