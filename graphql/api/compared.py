"""A list at two instants, as one expression: what came into it, what went out of it, what changed, what it adds up to.

Both instants are read as any list is, so that filter, row scope and masks hold for each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import get_named_type

from api.columns import known
from api.comparing import PARTS
from api.conditions import Order, beyond, cursor_of, sorted_by
from api.connections import Listing, Page
from api.differences import changes, columns_told, found_by
from api.groups import aggregate
from api.meaning import Value, meaning
from api.render import json_of, pairs, shown
from api.statement import Instant, Row, keys_of, quoted, where

if TYPE_CHECKING:
    from graphql.execution.collect_fields import FieldDetails

    from api.compile import Compiler


def compared(
    compiler: Compiler, type_: Any, details: list[FieldDetails], given: dict[str, Any], listing: Listing
) -> str:
    """The JSON of a list at two instants."""
    made = Compared(compiler, given, listing)
    selected = list(compiler.selected(type_, details))
    members = {key: made.part(type_, name, each) for key, name, each in selected}
    if compiler.typed:
        members[" is"] = f"'{type_.name}'::text"
    paged = any(name in ("nodes", "pageInfo") for _, name, _ in selected)
    page = f" from ({made.rows()}) {made.row.alias} having true" if paged else ""
    return f"(with {made.name} as materialized ({made.both()}) select {pairs(members)}{page})"


class Compared:
    """A comparison in the making."""

    def __init__(self, compiler: Compiler, given: dict[str, Any], listing: Listing) -> None:
        self.compiler, self.statement, self.view = compiler, compiler.statement, listing.row.view
        within = listing.row.instant
        self.instants = (
            self.statement.instant(given["from"], None, within, "from"),
            self.statement.instant(given.get("to"), None, within, "to"),
        )
        self.sides = tuple(listing.at(instant) for instant in self.instants)
        self.row = self._row()
        self.name = f"d{self.row.alias}"
        self.keys = keys_of(self.view)
        self.order: Order = [(key, "asc") for key in self.keys]
        self.page = Page({"first": given.get("first"), "after": given.get("after")}, self.order)
        self.kinds = None if given.get("kinds") is None else [kind.value for kind in given["kinds"]]
        self.told = columns_told(self.compiler, self.view)
        kept = (name for name in self.told if not known(self.view)[name].column.type.endswith(("[]", "jsonb")))
        self.kept = {name: n for n, name in enumerate(("version", "created_at", "updated_at", *kept))}
        if self.view.key:
            del self.kept["version"], self.kept["created_at"], self.kept["updated_at"]

    def both(self) -> str:
        """Every row that is in the list at one of the two instants: how it differs, and what it adds to figures."""
        keys = ", ".join(f"coalesce(b.{quoted(key)}, a.{quoted(key)}) as {quoted(key)}" for key in self.keys)
        before, after = (f"({', '.join(f'{side}.{quoted(name)}' for name in self.told)})" for side in "ba")
        differ = f" when row{before} is distinct from row{after} then 'CHANGED'" if self.told else ""
        kept = "".join(f", {side}.{quoted(name)} as {side}{n}" for name, n in self.kept.items() for side in "ba")
        same = " and ".join(f"b.{quoted(key)} = a.{quoted(key)}" for key in self.keys)
        sides = (self._side(side) for side in self.sides)
        return (
            f"select {keys}, b.id is not null as was, a.id is not null as stays,"
            f" case when b.id is null then 'CAME' when a.id is null then 'WENT'{differ} else 'SAME' end as kind{kept}"
            f" from ({next(sides)}) b full join ({next(sides)}) a on {same}"
        )

    def _side(self, listing: Listing) -> str:
        names = dict.fromkeys((*self.keys, *self.kept, *self.told))
        columns = ", ".join(f"{self.statement.column(listing.row, name)} as {quoted(name)}" for name in names)
        return f"select {columns} from {listing.source()}{where(listing.everything)}"

    def _row(self, instant: Instant | None = None) -> Row:
        return self.statement.row(self.view, instant or self.instants[1])

    def part(self, type_: Any, name: str, each: list[FieldDetails]) -> str:
        """The SQL of one field of the comparison."""
        if name == "__typename":
            return f"'{type_.name}'::text"
        of: Any = get_named_type(type_.fields[name].type)
        match name:
            case "nodes":
                made = json_of(self.compiler.members(of, each, self._difference))
                return f"coalesce(json_agg({made} order by nth){self._kept_rows}, '[]'::json)"
            case "pageInfo":
                return pairs(self.compiler.members(of, each, lambda _, name, __: self._info(name)))
        return pairs(self.compiler.members(of, each, lambda f, inner, e: self._moved(PARTS[name], f, inner, e)))

    def rows(self) -> str:
        """The rows of the page, and one more where there is one, each with its place."""
        statement, row, bind = self.statement, self.row, self.statement.bind
        met = ["kind <> 'SAME'"]
        if self.kinds is not None:
            met.append(f"kind = any({bind(self.kinds, 'text[]')})")
        if self.page.cursor:
            met.append(beyond(statement, row, self.order, self.page.cursor))
        sort = sorted_by(statement, row, self.order)
        place = f"row_number() over (order by {sort}) as nth"
        limit = bind(self.page.size + 1, "bigint")
        return f"select {row.alias}.*, {place} from {self.name} {row.alias}{where(met)} order by {sort} limit {limit}"

    @property
    def _kept_rows(self) -> str:
        return f" filter (where nth <= {self.statement.bind(self.page.size, 'bigint')})"

    def _info(self, name: str) -> str:
        match name:
            case "hasNextPage":
                return f"count(*) > {self.statement.bind(self.page.size, 'bigint')}"
            case "hasPreviousPage":
                return "true" if self.page.cursor else "false"
        way = "asc" if name == "startCursor" else "desc"
        cursor = cursor_of(self.statement, self.row, self.order)
        return f"(array_agg({cursor} order by nth {way}){self._kept_rows})[1]"

    def _difference(self, made: Any, name: str, each: list[FieldDetails]) -> str:
        """One field of a row that differs."""
        of: Any = get_named_type(made.type)
        same = found_by(self.view, self.row.alias)
        match name:
            case "kind":
                return f"{self.row.alias}.kind"
            case "changes":
                before, after = (self._row(instant) for instant in self.instants)
                return changes(self.compiler, of, each, (before, after), same)
        row = self._row(self.instants[name == "after"])
        found = where([*same(row), *self.statement.where(row)])
        return f"(select {self.compiler.object(of, each, row)} from {self.statement.source(row)}{found})"

    def _moved(self, which: str, made: Any, name: str, each: list[FieldDetails]) -> str:
        """One figure of those that came, went, changed, or of all."""
        of: Any = get_named_type(made.type)
        match name:
            case "count":
                return f"(select count(*) from {self.name} where {which})"
            case "difference":
                return json_of(self.compiler.members(of, each, lambda f, _, e: self._grown(which, f, e)))
        side, there = ("a", "stays") if name == "after" else ("b", "was")
        row = self._row()
        columns = ", ".join(f"{side}{n} as {quoted(name)}" for name, n in self.kept.items())
        source = f"(select {columns or 'id'} from {self.name} where {which} and {there}) {row.alias}"
        return aggregate(self.compiler, of, each, {}, row, [], source)

    def _grown(self, which: str, made: Any, each: list[FieldDetails]) -> str:
        """A sum after, less the sum before; of money per currency."""
        means = meaning(made)

        def both(*names: str) -> str:
            amount, *rest = (self.kept.get(name) for name in names)
            if amount is None or None in rest:
                return "select null::numeric as v, null::text as c where false"
            currency = f"{{0}}{rest[0]}" if rest else "null::text"
            one = f"select {{1}}{{0}}{amount} as v, {currency} as c from {self.name} where {which}"
            return f"{one.format('a', '')} union all {one.format('b', '-')}"

        if isinstance(means, Value):
            parts = {means.columns[0][0]: "q.v::text", means.columns[1][0]: "q.c"}
            of: Any = get_named_type(made.type)
            money = json_of(self.compiler.members(of, each, lambda f, _, __: parts[meaning(f).name]))
            per = (
                f"select c, sum(v) as v from ({both(*(c for _, c in means.columns))}) u where c is not null group by c"
            )
            return f"(select coalesce(json_agg({money} order by q.c), '[]'::json) from ({per}) q)"
        return f"(select {shown('sum(v)', means.kind)} from ({both(means.name)}) u)"
