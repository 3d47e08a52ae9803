"""What an event changed: the row of a view that it made, beside the one that it found."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from graphql import GraphQLSchema

from api.columns import known
from api.fields import Told, fields_of, items_of, written
from api.meaning import Column, Key
from api.ports import ViewType
from api.reads import PATIENCE, Reads
from api.render import json_of
from api.statement import PAST, Row, Statement, keys_of, quoted, selected, where
from domain.history import Entry
from projections.columns import once
from projections.view import folds_by_name, told

PAUSE: Final = 0.02
"""Seconds between two looks at a view that has not come as far as an event."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that an event changed: of the thing itself, or of that item of a list of it. Values are JSON."""

    column: str
    """The name of the field as it was declared."""
    field: str
    items: str | None
    key: Any
    before: Any
    after: Any
    hidden: bool = False


async def changes_of(reads: Reads, schema: GraphQLSchema, entries: Collection[Entry]) -> dict[int, list[Change]]:
    """What each of some events changed, by position: one statement for all of them.

    Those are left out whose views have not come as far, even after a while, or cannot follow.
    """
    waited = 0.0
    while True:
        statement = Statement(reads.caller.policy, reads.places, reads.views)
        concerned = {view: among for view, among in _concerned(reads, entries) if among}
        parts = {view.table: _pairs(statement, schema, view, among) for view, among in concerned.items()}
        parts["behind"] = _behind(statement, concerned)
        found = orjson.loads(await reads.answer(json_of(parts), statement))
        late = {position for position, parked in found["behind"] if not parked}
        if not late or waited > PATIENCE:
            break
        await asyncio.sleep(PAUSE)
        waited += PAUSE
    told_by = {entry.position: entry for entry in entries}
    untold = {position for position, _ in found["behind"]}
    changed: dict[int, list[Change]] = {position: [] for position in told_by if position not in untold}
    for view in concerned:
        shown_as = list(fields_of(schema, view))
        for position, key, before, after in found[view.table]:
            if position in changed:
                named = _named(view, told_by[position].event)
                changed[position] += _differences(statement, view, shown_as, named, key, before, after)
    return changed


def _concerned(reads: Reads, entries: Iterable[Entry]) -> Iterator[tuple[ViewType, list[Entry]]]:
    """The views that the caller may see of what events happened to, each with those that may have changed a row."""
    for kind, views in reads.views.of_kind.items():
        mine = [entry for entry in entries if entry.aggregate == kind]
        for view in views:
            if mine and reads.caller.policy.may((view.within or view).needs):
                yield view, [entry for entry in mine if _named(view, entry.event) != ()]


@once
def _named(view: ViewType, event_name: str) -> tuple[str, ...] | None:
    """The fields of a view that an event of this name sets; None where it may be any of them."""
    event = view.of.events().get(event_name)
    if event is None:
        return ()
    if not folds_by_name(view) or event in view.ends:
        return None
    return told(view, event)


def _pairs(statement: Statement, schema: GraphQLSchema, view: ViewType, entries: list[Entry]) -> str:
    """Of these events the rows that they made, each beside the one before it, as JSON.

    Each is found by its key and by where it begins or ends: the length of a history does not matter.
    """
    named = [_named(view, entry.event) for entry in entries]
    wanted = None if None in named else {name for names in named for name in names or ()}
    place, ended = statement.places(view), "r._ended" if view.ends else "false"
    columns = f"{selected(view)}, r._from, {ended} as _ended"
    after, before = statement.row(view, PAST), statement.row(view, PAST)
    a, b = after.alias, before.alias
    live, history = quoted(place.live), quoted(place.history)
    found = " union all ".join(
        f"select {columns} from {table} r where r.id = w.id and r._from = w.position" for table in (live, history)
    )
    same = " and ".join(f"r.{quoted(key)} = {a}.{quoted(key)}" for key in keys_of(view))
    last = f"select {columns} from {history} r where {same} and r._to = w.position"
    asked = [each for each in fields_of(schema, view) if wanted is None or each.declared in wanted]
    was, became = (_row(statement, row, asked) for row in (before, after))
    events = ", ".join(
        (
            statement.bind([entry.position for entry in entries], "bigint[]"),
            statement.bind([entry.id for entry in entries], "uuid[]"),
        )
    )
    pair = (
        f"w.position, {_key(statement, view, after)},"
        f" case when not {b}._ended then {was} end, case when not {a}._ended then {became} end"
    )
    return (
        f"(select coalesce(json_agg(json_build_array({pair}) order by w.position), '[]'::json)"
        f" from unnest({events}) w (position, id) cross join lateral ({found}) {a}"
        f" left join lateral ({last}) {b} on true{where(statement.where(after))})"
    )


def _row(statement: Statement, row: Row, fields: Iterable[Told]) -> str:
    """The JSON of these fields of a row; it says, too, of whom it tells something personal."""
    told = {each.name: written(statement, row, each.means, each.type_) for each in fields}
    return json_of(statement.personal.shown(row.alias, row.view) | (told or {"none": "null"}))


def _key(statement: Statement, view: ViewType, row: Row) -> str:
    """The key of an item, as the API tells it."""
    if not view.key:
        return "null"
    to = statement.views.belongs_to(view).get(view.key)
    column = known(view)[view.key]
    return written(statement, row, Key(view.key, to) if to else Column(view.key, column.kind), None)


def _behind(statement: Statement, concerned: Mapping[ViewType, list[Entry]]) -> str:
    """The positions of those events that a view which they concern has not seen, each with whether it never will."""
    if not concerned:
        return "'[]'::json"
    parts = []
    for view, entries in concerned.items():
        positions, name = ([entry.position for entry in entries], statement.places(view).live)
        asked, table = statement.bind(positions, "bigint[]"), statement.bind(name, "text")
        parked = (
            f"exists (select from dead_letters d where d.name = {table}"
            " and d.originator_id = e.originator_id and d.position <= e.position)"
        )
        parts.append(
            f"select e.position, {parked} as parked from events e join checkpoints c on c.lane = e.lane"
            f" where e.position = any({asked}) and c.name = {table} and (c.position < e.position or {parked})"
        )
    late = " union all ".join(parts)
    return f"(select coalesce(json_agg(json_build_array(l.position, l.parked)), '[]'::json) from ({late}) l)"


def _differences(
    statement: Statement,
    view: ViewType,
    fields: Iterable[Told],
    named: Collection[str] | None,
    key: Any,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> Iterator[Change]:
    """What is other in the row after an event than in the one before it, of what the event sets."""
    items = items_of(view) if view.key else None
    for each in fields:
        if named is not None and each.declared not in named:
            continue
        if all(statement.policy.hides(view, column) for column in each.columns):
            if named is not None:
                yield Change(each.declared, each.name, items, key, None, None, hidden=True)
            continue
        was, became = (None if row is None else row[each.name] for row in (before, after))
        if was != became and ((before and after) or _is_something(was) or _is_something(became)):
            yield Change(each.declared, each.name, items, key, was, became)


def _is_something(value: Any) -> bool:
    """Whether a value is worth telling where it is the only one: an empty list is none that somebody began with."""
    return value is not None and value != [] and value != {}
