"""What an event changed: the row of a view that it made, beside the one that it found."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import snake, type_name
from api.columns import known
from api.meaning import Column, Documents, Key, Keys, Value, meaning
from api.ports import ViewType
from api.reads import PATIENCE, Reads
from api.render import json_of, shown, sql_type
from api.statement import PAST, Row, Statement, keys_of, quoted, selected, where
from domain.history import Entry
from projections.columns import once
from projections.view import ALWAYS, folds_by_name, told

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


@dataclass(frozen=True, slots=True)
class Told:
    """A field of a row as the API tells it: its name there, that of its declaration, its columns, what it means."""

    name: str
    declared: str
    columns: tuple[str, ...]
    means: Any
    type_: Any


def fields_of(schema: GraphQLSchema, view: ViewType) -> Iterator[Told]:
    """The fields of a view that events set, as the API names and shows them."""
    of = schema.type_map[type_name(view)]
    assert isinstance(of, GraphQLObjectType)
    for name, each in of.fields.items():
        means = meaning(each)
        match means:
            case Column() | Key() | Keys() | Documents():
                columns: tuple[str, ...] = (means.name,)
            case Value():
                columns = tuple(column for _, column in means.columns)
            case _:
                continue
        declared = known(view)[columns[0]].field.name
        if declared not in ALWAYS and declared != view.key:
            yield Told(name, declared, columns, means, get_named_type(each.type))


def written(statement: Statement, row: Row, means: Any, type_: Any) -> str:
    """The JSON of one whole field of a row, as the caller may see it: just as it is read elsewhere."""
    column = statement.column
    match means:
        case Column():
            return shown(column(row, means.name), means.kind)
        case Key():
            return f"'{means.view.of.__name__}_' || {column(row, means.name)}"
        case Keys():
            ids = f"'{means.view.of.__name__}_' || u.id order by u.id"
            return f"(select coalesce(json_agg({ids}), '[]'::json) from unnest({column(row, means.name)}) u (id))"
        case Value():
            parts = dict(means.columns)
            made = {
                name: shown(column(row, at), known(row.view)[at].kind)
                for name, each in type_.fields.items()
                if (at := parts[meaning(each).name])
            }
            first = column(row, next(iter(parts.values())))
            return f"case when {first} is not null then {json_of(made)} end" if means.nullable else json_of(made)
        case Documents():
            made = {name: _part(meaning(each)) for name, each in type_.fields.items()}
            at = column(row, means.name)
            each = (
                f"jsonb_each({at}) e" if means.keyed else f"jsonb_array_elements({at}) with ordinality e (value, key)"
            )
            return f"(select coalesce(json_agg({json_of(made)} order by e.key), '[]'::json) from {each})"
    raise TypeError(f"no SQL for {means}")


def _part(part: Any) -> str:
    return "e.key" if part.name is None else shown(f"(e.value ->> '{part.name}')::{sql_type(part.kind)}", part.kind)


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
    after, before = Row("a", view, PAST), Row("b", view, PAST)
    live, history = quoted(place.live), quoted(place.history)
    found = " union all ".join(
        f"select {columns} from {table} r where r.id = w.id and r._from = w.position" for table in (live, history)
    )
    same = " and ".join(f"r.{quoted(key)} = a.{quoted(key)}" for key in keys_of(view))
    last = f"select {columns} from {history} r where {same} and r._to = w.position"
    asked = [each for each in fields_of(schema, view) if wanted is None or each.declared in wanted]
    was, became = (
        json_of({each.name: written(statement, row, each.means, each.type_) for each in asked} or {"none": "null"})
        for row in (before, after)
    )
    events = ", ".join(
        (
            statement.bind([entry.position for entry in entries], "bigint[]"),
            statement.bind([entry.id for entry in entries], "uuid[]"),
        )
    )
    pair = (
        f"w.position, {_key(statement, view, after)},"
        f" case when not b._ended then {was} end, case when not a._ended then {became} end"
    )
    return (
        f"(select coalesce(json_agg(json_build_array({pair}) order by w.position), '[]'::json)"
        f" from unnest({events}) w (position, id) cross join lateral ({found}) a"
        f" left join lateral ({last}) b on true{where(statement.where(after))})"
    )


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


def items_of(view: ViewType) -> str:
    """The name of a list of items, where the API shows what has them: `lines`."""
    return camel(view.table.removeprefix(f"{snake(view.of.__name__)}_"))
