"""Lists: a page of a view's rows, what lies around it, how many there are, and what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import get_named_type

from api.conditions import Conditions, Order, beyond, cursor_of, order_of, sorted_by, turned
from api.errors import bad_input
from api.groups import aggregate, groups
from api.meaning import Many
from api.merges import absorbed, merges
from api.past import first_of_past
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
    listing = Listing(compiler, means, given, parent, instant)
    selected = list(compiler.selected(type_, details))
    members = {key: listing.part(type_, name, each) for key, name, each in selected}
    if compiler.typed:
        members[" is"] = f"'{type_.name}'::text"
    paged = any(name in ("nodes", "edges", "pageInfo") for _, name, _ in selected)
    return f"(select {pairs(members)}{f' from ({listing.rows()}) {listing.row.alias} having true' if paged else ''})"


class Listing:
    """A list in the making: which rows are in it, and in which order they are shown."""

    def __init__(
        self, compiler: Compiler, means: Many, given: dict[str, Any], parent: Row | None, instant: Instant
    ) -> None:
        statement = compiler.statement
        self.compiler, self.statement = compiler, statement
        self.means, self.given, self.parent = means, given, parent
        self.row = statement.row(means.view, instant)
        self.conditions = [*statement.where(self.row), *Conditions(statement).of(self.row, given.get("filter") or {})]
        self.via = statement.column(self.row, means.via) if means.via else ""
        self.order = order_of(means.view, given.get("orderBy"))
        self.page = Page(given, self.order)
        self.of, self.shared = "", False
        if parent:
            self.of = f"{parent.alias}.id"
            self.shared = merges(parent.view) and means.via not in ("id", "merged_into_id")
            if self.shared:
                self.of = absorbed(statement, parent.view, instant, self.of)

    def at(self, instant: Instant) -> Listing:
        """The same list, whichever page of it, at another instant."""
        return Listing(self.compiler, self.means, {"filter": self.given.get("filter")}, self.parent, instant)

    @property
    def everything(self) -> list[str]:
        """What holds of every row of the list, on whichever page."""
        if not self.via:
            return self.conditions
        return [f"{self.via} = {f'any({self.of})' if self.shared else self.of}", *self.conditions]

    def part(self, type_: Any, name: str, each: list[FieldDetails]) -> str:
        """The SQL of one field of the list."""
        if name == "__typename":
            return f"'{type_.name}'::text"
        of: Any = get_named_type(type_.fields[name].type)
        match name:
            case "nodes":
                return self._listed(self.compiler.object(of, each, self.row))
            case "edges":
                return self._listed(json_of(self.compiler.members(of, each, self._edge)))
            case "pageInfo":
                return pairs(self.compiler.members(of, each, lambda _, name, __: self._info(name)))
            case "totalCount":
                return f"(select count(*) from {self.source()}{where(self.everything)})"
        asked = self.compiler.arguments(type_.fields[name], each)
        if name == "compare":
            return self.compiler.compared(of, each, asked, self)
        write = aggregate if name == "aggregate" else groups
        return write(self.compiler, of, each, asked, self.row, self.everything)

    def rows(self) -> str:
        """The rows of the page, and one more where there is one, each with its place."""
        statement, row, page = self.statement, self.row, self.page
        past = [beyond(statement, row, page.read_in, page.cursor)] if page.cursor else []
        sort, limit = sorted_by(statement, row, page.read_in), statement.bind(page.size + 1, "bigint")
        conditions = [*self.everything, *past]
        if row.instant.position and not row.instant.occurred and not self.via:
            by_id = self.order[0][0] == "id"
            source, conditions = first_of_past(statement, row, by_id, conditions, sort, page.size + 1), []
        else:
            source = self.source()
        if self.shared:
            # one id at a time, so that each finds its first rows by an index; there are few, and almost always one
            mine = [f"{self.via} = f.id", *self.conditions, *past]
            one = f"select * from {source}{where(mine)} order by {sort} limit {limit}"
            each = f"unnest({self.of}) f (id) cross join lateral ({one}) {row.alias}"
            source = f"(select {row.alias}.* from {each}) {row.alias}"
            conditions = []
        place = f"row_number() over (order by {sort}) as nth"
        return f"select {row.alias}.*, {place} from {source}{where(conditions)} order by {sort} limit {limit}"

    def source(self) -> str:
        """A list below each of many rows reads the past of its view once for all of them."""
        return self.statement.source(self.row, shared=bool(self.via) and not self.row.instant.now)

    def _listed(self, made: str) -> str:
        return f"coalesce(json_agg({made} {self._in_order()}){self._kept}, '[]'::json)"

    def _edge(self, field: Any, name: str, each: list[FieldDetails]) -> str:
        return self._cursor if name == "cursor" else self.compiler.object(get_named_type(field.type), each, self.row)

    def _info(self, name: str) -> str:
        page, beside = self.page, "true" if self.page.cursor else "false"
        match name:
            case "hasNextPage" | "hasPreviousPage":
                onwards = (name == "hasPreviousPage") == page.backwards
                return f"count(*) > {self.statement.bind(page.size, 'bigint')}" if onwards else beside
        return f"(array_agg({self._cursor} {self._in_order(first=name == 'startCursor')}){self._kept})[1]"

    @property
    def _cursor(self) -> str:
        return cursor_of(self.statement, self.row, self.order)

    @property
    def _kept(self) -> str:
        return f" filter (where nth <= {self.statement.bind(self.page.size, 'bigint')})"

    def _in_order(self, first: bool = True) -> str:
        return f"order by nth {'asc' if first != self.page.backwards else 'desc'}"
