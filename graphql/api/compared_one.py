"""One thing at two instants, as one expression: how it stood, what differs in it, and which of its items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import get_named_type

from api.catalogue import type_name
from api.columns import known
from api.conditions import id_of, view_of
from api.differences import changes, columns_told
from api.fields import items_of
from api.ports import ViewType
from api.render import json_of
from api.statement import NOW, Instant, Row, quoted, where

if TYPE_CHECKING:
    from graphql.execution.collect_fields import FieldDetails

    from api.compile import Compiler


def compared_one(compiler: Compiler, type_: Any, details: list[FieldDetails], given: dict[str, Any]) -> str:
    """The JSON of a comparison of one thing; null where there is none that the caller may see."""
    statement = compiler.statement
    view = view_of(given["id"], compiler.views)
    id = statement.bind(id_of(given["id"], view), "uuid")
    before = statement.instant(given["from"], None, NOW, "from")
    after = statement.instant(given.get("to"), None, NOW, "to")
    now = statement.row(view, NOW)

    def part(made: Any, name: str, each: list[FieldDetails]) -> str:
        of: Any = get_named_type(made.type)
        instant = before if name.lower().endswith("before") else after
        match name:
            case "id":
                return f"'{view.of.__name__}_' || {now.alias}.id"
            case "before" | "after":
                return compiler.by_key(view, compiler.schema.type_map[type_name(view)], each, id, instant)
            case "changes":
                rows = statement.row(view, before), statement.row(view, after)
                return changes(compiler, of, each, rows, lambda row: [f"{row.alias}.id = {id}"])
            case "items":
                return _items(compiler, view, of, each, id, (before, after))
            case "events":
                return _between(id, before, after)
        return _standing(compiler, view, id, instant)

    made = json_of(compiler.members(type_, details, part))
    found = [f"{now.alias}.id = {id}", *statement.seen(now)]
    return f"(select {made} from {statement.source(now)}{where(found)})"


def _between(id: str, before: Instant, after: Instant) -> str:
    """Which events lie between two instants, whichever is the earlier: of what, after which position, up to which."""
    head = "(select position from event_head)"
    ends = f"{before.position or head}, {after.position or head}"
    return json_of({"id": id, "after": f"least({ends})", "until": f"greatest({ends})"})


def _standing(compiler: Compiler, view: ViewType, id: str, instant: Instant) -> str:
    """How it stood at an instant."""
    statement = compiler.statement
    row = statement.row(view, instant)
    merged = "merged_into_id" in known(view)
    cases = [f"when {statement.column(row, 'merged_into_id')} is not null then 'MERGED'"] if merged else []
    cases.append(f"when {statement.column(row, 'archived')} then 'ARCHIVED'")
    found = where([f"{row.alias}.id = {id}", *statement.where(row)])
    there = f"select case {' '.join(cases)} else 'THERE' end from {statement.source(row)}{found}"
    if not view.ends:
        return f"coalesce(({there}), 'NOT_YET')"
    place, known_by = statement.places(view), f" and r._from <= {instant.position}" if instant.position else ""
    was = " or ".join(
        f"exists (select from {quoted(table)} r where r.id = {id}{known_by})" for table in (place.live, place.history)
    )
    return f"coalesce(({there}), case when {was} then 'GONE' else 'NOT_YET' end)"


def _items(
    compiler: Compiler,
    view: ViewType,
    type_: Any,
    details: list[FieldDetails],
    id: str,
    instants: tuple[Instant, Instant],
) -> str:
    """The items that are not as they were: of each list of them that the caller may see."""
    arms = [
        _arm(compiler, items, type_, details, id, instants)
        for items in compiler.views.of_kind[view.of.__name__]
        if items.key and compiler.statement.policy.may((items.within or items).needs)
    ]
    if not arms:
        return "'[]'::json"
    return f"(select coalesce(json_agg(i.o order by i.list, i.key), '[]'::json) from ({' union all '.join(arms)}) i)"


def _arm(
    compiler: Compiler,
    view: ViewType,
    type_: Any,
    details: list[FieldDetails],
    id: str,
    instants: tuple[Instant, Instant],
) -> str:
    statement, key = compiler.statement, quoted(view.key or "")
    told = columns_told(compiler, view)

    def side(instant: Instant) -> str:
        row = statement.row(view, instant)
        columns = ", ".join(statement.column(row, name) for name in told)
        met = where([f"{row.alias}.id = {id}", *statement.where(row)])
        return f"select {row.alias}.{key} as k, row({columns}) as held from {statement.source(row)}{met}"

    def keyed(row: Row) -> list[str]:
        return [f"{row.alias}.id = {id}", f"{row.alias}.{key} = coalesce(b.k, a.k)"]

    to = compiler.views.belongs_to(view).get(view.key or "")
    shown = f"'{to.of.__name__}_' || coalesce(b.k, a.k)" if to else "coalesce(b.k, a.k)::text"
    name = items_of(view)
    kind = "case when b.k is null then 'CAME' when a.k is null then 'WENT' else 'CHANGED' end"

    def part(made: Any, name_: str, each: list[FieldDetails]) -> str:
        match name_:
            case "list":
                return f"'{name}'"
            case "key":
                return shown
            case "kind":
                return kind
        rows = statement.row(view, instants[0]), statement.row(view, instants[1])
        return changes(compiler, get_named_type(made.type), each, rows, keyed)

    made = json_of(compiler.members(type_, details, part))
    return (
        f"select '{name}' as list, {shown} as key, {made} as o from ({side(instants[0])}) b"
        f" full join ({side(instants[1])}) a on b.k = a.k"
        " where b.k is null or a.k is null or b.held is distinct from a.held"
    )
