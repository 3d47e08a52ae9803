"""What of the history a caller may be told: what happened to what they see, without what is hidden from them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from api.catalogue import Views
from api.ports import NotReady, Places, Policy, Rows, ViewType
from api.statement import NOW, Statement, quoted, where
from domain.declaration import content_of
from projections.view import shape
from projections.view import told as fields_of

PAUSE: Final = 0.02
"""Seconds between two looks at a view that has not come as far as an event."""

Hidden = Mapping[str, frozenset[str] | None]
"""Of an event the fields that are hidden; of a value, those of its parts, or None where it is hidden as a whole."""


class Happened(NamedTuple):
    """An event, as far as it decides who may be told of it."""

    position: int
    kind: str
    id: UUID


def seen_by(statement: Statement) -> str:
    """What holds of those events `e` that a caller may be told, in SQL: of what happened to what they see now."""
    whole, owned = [], []
    for kind, view in statement.views.named.items():
        if statement.policy.may(view.needs):
            row = statement.row(view, NOW)
            if mine := statement.seen_then(row):
                there = where([f"{row.alias}.id = e.originator_id", *mine])
                owned.append(f"({KIND} = '{kind}' and exists (select from {statement.source(row)}{there}))")
            else:
                whole.append(kind)
    whole_kinds = statement.bind(whole, "text[]")
    return f"({' or '.join([f'{KIND} = any({whole_kinds})', *owned])})"


KIND: Final = "split_part(e.topic, '.', 1)"
"""The kind of thing that an event happened to."""


class Sight:
    """What a caller may be told, by the rights of the moment. Made anew for each batch of events."""

    def __init__(self, policy: Policy, rows: Rows, places: Places, views: Views) -> None:
        self.policy, self.rows, self.places, self.views = policy, rows, places, views
        self._hidden: dict[str, Hidden] = {}

    async def of(self, events: Iterable[Happened]) -> set[int]:
        """The positions of those that may be told.

        Whose a thing is stands in its view. So that no event is left out, it waits until the view has come as far.
        """
        seen, restricted = set[int](), dict[str, list[Happened]]()
        for event in events:
            view = self.views.named.get(event.kind)
            if view is None or not self.policy.may(view.needs):
                continue
            owners = self.policy.sees(view)
            if owners is None or (owners and view.owner is None):
                seen.add(event.position)
            elif owners:
                restricted.setdefault(event.kind, []).append(event)
        for kind, among in restricted.items():
            mine = await self._mine(self.views.named[kind], {event.id: event.position for event in among})
            seen |= {event.position for event in among if event.id in mine}
        return seen

    def told(self, topic: str, data: Any) -> Any:
        """What an event says, as this caller may be told it: what is hidden is null."""
        hidden = self._hidden_in(topic)
        if not hidden:
            return data
        event = self._event(topic)
        known = content_of(event) if event else ()
        return {name: _without(value, name, hidden) if name in known else None for name, value in data.items()}

    def text(self, topic: str, state: bytes) -> bytes:
        """The same of the JSON of an event."""
        if not self._hidden_in(topic):
            return state
        try:
            return orjson.dumps(self.told(topic, orjson.loads(state)))
        except orjson.JSONDecodeError:
            return b"{}"

    def _event(self, topic: str) -> Any:
        kind, _, event = topic.partition(".")
        return self.views.named[kind].of.events().get(event)

    def _hidden_in(self, topic: str) -> Hidden:
        """What is hidden of a kind of event; under no name, what is hidden of its things and not told by it.

        What is told by a name that is known no more may be anything: it is not told to whom anything is hidden.
        """
        if topic not in self._hidden:
            hidden: dict[str, frozenset[str] | None] = {}
            event = self._event(topic)
            for view in self.views.of_kind[topic.partition(".")[0]]:
                for f in shape(view):
                    if columns := {c.name for c in f.columns if self.policy.hides(view, c.name)}:
                        name = f.name if event and f.name in fields_of(view, event) else ""
                        parts = (p.name for p in f.inside if columns.issuperset(c.name for c in p.columns))
                        hidden[name] = None if len(columns) == len(f.columns) else frozenset(parts)
            self._hidden[topic] = hidden
        return self._hidden[topic]

    async def _mine(self, view: ViewType, until: Mapping[UUID, int]) -> set[UUID]:
        """Those of these things that the caller sees, each as it stands once its view has come to a position."""
        waiting, mine = dict(until), set[UUID]()
        while True:
            owners = sorted(self.policy.sees(view) or ())
            try:
                live = self.places(view).live
            except NotReady:
                await asyncio.sleep(PAUSE)
                continue
            sql = OWNED.format(live=quoted(live), owner=quoted(view.owner or ""))
            seen, shown = await self.rows.one(sql, [[*waiting], [*waiting.values()], owners, live])
            mine |= {*seen} & {*shown}
            waiting = {id: position for id, position in waiting.items() if id not in {*shown}}
            if not waiting:
                return mine
            await asyncio.sleep(PAUSE)


OWNED: Final = """
    select coalesce(array_agg(w.id) filter (where exists (
               select from {live} r where r.id = w.id and r.{owner} = any($3::uuid[]))), '{{}}'),
           coalesce(array_agg(w.id) filter (where c.position >= w.position or exists (
               select from dead_letters d where d.name = $4 and d.originator_id = w.id)), '{{}}')
    from unnest($1::uuid[], $2::bigint[]) w (id, position)
    join events e on e.position = w.position left join checkpoints c on c.name = $4 and c.lane = e.lane"""
"""Of things, those of these owners, and those whose view has come to a position or cannot follow them."""


def _without(value: Any, name: str, hidden: Hidden) -> Any:
    if name not in hidden:
        return value
    parts = hidden[name]
    if parts is None or not isinstance(value, dict):
        return None
    return {part: None if part in parts else each for part, each in value.items()}
