"""Lists: a page of a view's rows, what lies around it, how many there are, and what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import get_named_type

from api.conditions import Conditions, Order, beyond, cursor_of, order_of, sorted_by, turned
from api.errors import bad_input
from api.groups import aggregate, groups
from api.meaning import Many
from api.merges import family, merges
from api.render import json_of, pairs
from api.statement import Instant, Row, where

if TYPE_CHECKING:
    from graphql.execution.collect_fields import FieldDetails

    from api.compile import Compiler

MOST = 1000
PAGE = 50


class Page:
    """Which rows of a list are shown: those at its beginning or its end, or next to a cursor."""

    def __init__(self, given: dict[str, Any], order: Order) -> None:
        first, last = given.get("first"), given.get("last")
        if first is not None and last is not None:
            raise bad_input("a list takes `first` or `last`, not both")
        if given.get("after") and given.get("before"):
            raise bad_input("a list takes `after` or `before`, not both")
        backwards = last is not None or (first is None and bool(given.get("before")))
        if (given.get("after") and backwards) or (given.get("before") and not backwards):
            raise bad_input("`after` goes with `first`, and `before` with `last`")
        self.size: int = (last if backwards else first) or (PAGE if first is None and last is None else 0)
        if not 1 <= self.size <= MOST:
            raise bad_input(f"`{'last' if backwards else 'first'}` is between 1 and {MOST}")
        self.backwards = backwards
        self.cursor: str | None = given.get("before") if backwards else given.get("after")
        self.shown_in = order
        self.read_in = turned(order) if backwards else order


def connection(
    compiler: Compiler,
    means: Many,
    type_: Any,
    details: list[FieldDetails],
    given: dict[str, Any],
    parent: Row | None,
    instant: Instant,
) -> str:
    """The JSON of a list, as one expression: only what was selected of it is computed."""
    statement = compiler.statement
    row = statement.row(means.view, instant)
    filters = Conditions(statement)
    conditions = [*statement.where(row), *filters.of(row, given.get("filter") or {})]
    if means.via:
        assert parent
        of = f"array[{parent.alias}.id]"
        shared = merges(parent.view) and parent.view is not means.view
        ids = family(statement, parent.view, instant, of) if shared else of
        conditions.append(f"{statement.column(row, means.via)} = any({ids})")

    def part(_: Any, name: str, each: list[FieldDetails]) -> str:
        if name == "totalCount":
            return f"(select count(*) from {statement.source(row)}{where(conditions)})"
        of = get_named_type(type_.fields[name].type)
        asked = compiler.arguments(type_.fields[name], each)
        write = aggregate if name == "aggregate" else groups
        return write(compiler, of, each, asked, row, conditions)

    outside = ("totalCount", "aggregate", "groupBy")
    selected = list(compiler.selected(type_, details))
    around = {key: part(None, name, each) for key, name, each in selected if name in outside}
    inside = [(key, name, each) for key, name, each in selected if name not in outside]
    page = rows(compiler, type_, inside, given, row, conditions, around, not means.via)
    return f"(select {page})"


def rows(
    compiler: Compiler,
    type_: Any,
    inside: list[tuple[str, str, list[FieldDetails]]],
    given: dict[str, Any],
    row: Row,
    conditions: list[str],
    around: dict[str, str],
    walked: bool,
) -> str:
    statement, order = compiler.statement, order_of(row.view, given.get("orderBy"))
    page = Page(given, order)
    cursor = cursor_of(statement, row, order)
    past = [beyond(statement, row, page.read_in, page.cursor)] if page.cursor else []
    kept = " filter (where nth <= {})".format(statement.bind(page.size, "bigint"))
    in_order = f"order by nth {'desc' if page.backwards else 'asc'}"
    more = f"count(*) > {statement.bind(page.size, 'bigint')}"
    info = {
        "hasNextPage": "true" if page.backwards and past else "false" if page.backwards else more,
        "hasPreviousPage": more if page.backwards else "true" if past else "false",
        "startCursor": f"(array_agg({cursor} {in_order}){kept})[1]",
        "endCursor": f"(array_agg({cursor} order by nth {'asc' if page.backwards else 'desc'}){kept})[1]",
    }

    def listed(made: str) -> str:
        return f"coalesce(json_agg({made} {in_order}){kept}, '[]'::json)"

    def edge(field: Any, name: str, each: list[FieldDetails]) -> str:
        return cursor if name == "cursor" else compiler.object(get_named_type(field.type), each, row)

    members = {}
    for key, name, each in inside:
        if name == "__typename":
            members[key] = f"'{type_.name}'::text"
            continue
        of: Any = get_named_type(type_.fields[name].type)
        match name:
            case "nodes":
                members[key] = listed(compiler.object(of, each, row))
            case "edges":
                members[key] = listed(json_of(compiler.members(of, each, edge)))
            case "pageInfo":
                members[key] = pairs(compiler.members(of, each, lambda _, name, __: info[name]))
    if compiler.typed:
        members[" is"] = f"'{type_.name}'::text"
    everything = pairs(members | around)
    if not members:
        return everything
    by_id = walked and order[0][0] == "id"
    source = statement.source(row, walked=by_id)
    sort = sorted_by(statement, row, page.read_in)
    limit = statement.bind(page.size + 1, "bigint")
    inner = (
        f"select {row.alias}.*, row_number() over (order by {sort}) as nth"
        f" from {source}{where(conditions + past)} order by {sort} limit {limit}"
    )
    return f"{everything} from ({inner}) {row.alias} having true"
