"""What the rows of a list add up to: all of them, or in groups. Sums of money are per currency, never mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import get_named_type

from api.columns import known
from api.errors import bad_input
from api.meaning import Column, Key, Related, Value, meaning
from api.merges import merges, survivors
from api.render import json_of, shown
from api.statement import Row, quoted, where

if TYPE_CHECKING:
    from graphql.execution.collect_fields import FieldDetails

    from api.compile import Compiler

MOST_GROUPS = 1000


class GroupKey(NamedTuple):
    """What rows are grouped by: a column, or the period that its time falls into."""

    column: str
    sql: str
    join: str = ""


class Grouping:
    """A grouped statement in the making. Money is grouped once more, by currency, in a grouping set of its own."""

    def __init__(self, compiler: Compiler, row: Row, keys: list[GroupKey]) -> None:
        self.compiler, self.row, self.keys = compiler, row, keys
        self.measures: dict[str, str] = {}
        self.currencies: dict[str, str] = {}

    def measure(self, sql: str) -> str:
        """A figure of the whole group."""
        name = self.measures.setdefault(sql, f"m{len(self.measures)}")
        return f"(array_agg(g.{name}) filter (where g.level = {{main}}))[1]"

    def money(self, function: str, value: Value, type_: Any, details: list[FieldDetails]) -> str:
        """A figure per currency."""
        amount, currency = (self.compiler.statement.column(self.row, column) for _, column in value.columns)
        name = self.currencies.setdefault(currency, f"c{len(self.currencies)}")
        figure = self.measures.setdefault(f"{function}({amount})", f"m{len(self.measures)}")
        parts = {value.columns[0][0]: f"g.{figure}::text", value.columns[1][0]: f"g.{name}"}
        made = json_of(self.compiler.members(type_, details, lambda field, _, __: parts[meaning(field).name]))
        here = f"g.level = {{{name}}} and g.{name} is not null"
        return f"coalesce(json_agg({made} order by g.{name}) filter (where {here}), '[]'::json)"

    def finished(self, made: str, conditions: list[str], many: bool, relation: str | None = None) -> str:
        """The JSON of all groups, or of the one that has everything in it; out of the view or another relation."""
        statement = self.compiler.statement
        names = [f"k{n}" for n in range(len(self.keys))]
        sets = [names, *([*names, currency] for currency in self.currencies.values())]
        by_set = ", ".join(f"({', '.join(each)})" for each in sets)
        levels = {"main": (1 << len(self.currencies)) - 1}
        for place, currency in enumerate(reversed(self.currencies.values())):
            levels[currency] = levels["main"] & ~(1 << place)
        inner = ", ".join(
            [f"{key.sql} as {name}" for key, name in zip(self.keys, names, strict=True)]
            + [f"{sql} as {name}" for sql, name in self.currencies.items()]
            + [f"{self.row.alias}.*"]
        )
        figures = [f"{sql} as {name}" for sql, name in self.measures.items()]
        level = f"grouping({', '.join(self.currencies.values())})" if self.currencies else "0"
        shown = ", ".join([*names, *self.currencies.values(), f"{level} as level", *figures])
        source = (relation or statement.source(self.row)) + "".join(key.join for key in self.keys)
        grouped = (
            f"select {shown} from (select {inner} from {source}{where(conditions)}) {self.row.alias}"
            f" group by grouping sets ({by_set})"
        )
        for name, value in levels.items():
            made = made.replace(f"{{{name}}}", str(value))
        if not many:
            return f"(select {made} from ({grouped}) g)"
        by = ", ".join(f"g.{name}" for name in names)
        one = f"select {made} as o, {by} from ({grouped}) g group by {by} order by {by} limit {MOST_GROUPS}"
        return f"(select coalesce(json_agg(r.o), '[]'::json) from ({one}) r)"


def aggregate(
    compiler: Compiler,
    type_: Any,
    details: list[FieldDetails],
    given: dict[str, Any],
    row: Row,
    conditions: list[str],
    relation: str | None = None,
) -> str:
    """The figures of all rows of a list, or of those of a relation that is named as the row is."""
    grouping = Grouping(compiler, row, [])
    return grouping.finished(figures(grouping, type_, details), conditions, many=False, relation=relation)


def groups(
    compiler: Compiler, type_: Any, details: list[FieldDetails], given: dict[str, Any], row: Row, conditions: list[str]
) -> str:
    """The figures of the rows of a list by what they have in common."""
    time_zone = given.get("timeZone") or compiler.views.time_zone
    keys = [group_key(compiler, row, key, time_zone) for key in given["by"]]
    if not keys:
        raise bad_input("`by` names at least one field")
    if len({key.column for key in keys}) != len(keys):
        raise bad_input("`by` names a field once")
    grouping = Grouping(compiler, row, keys)
    return grouping.finished(figures(grouping, type_, details), conditions, many=True)


def group_key(compiler: Compiler, row: Row, asked: dict[str, Any], time_zone: str) -> GroupKey:
    name, bucket = asked["field"].value, asked.get("bucket")
    statement, (column, _, _) = compiler.statement, known(row.view)[name]
    sql = statement.column(row, name)
    if bucket is None:
        to = compiler.views.belongs_to(row.view).get(name)
        if to and merges(to) and name != "merged_into_id":
            found = f"{row.alias}_{name}"
            merged = f" left join {survivors(statement, to, row.instant)} {quoted(found)} on {quoted(found)}.id = {sql}"
            return GroupKey(name, f"coalesce({quoted(found)}.survivor, {sql})", merged)
        return GroupKey(name, sql)
    period = statement.bind(bucket.value, "text")
    match column.type:
        case "date":
            return GroupKey(name, f"date_trunc({period}, {sql})::date")
        case "timestamptz":
            return GroupKey(name, f"date_trunc({period}, {sql}, {statement.bind(str(time_zone), 'text')})")
    raise bad_input(f"`bucket` goes with a date or a time, and {name} is neither")


def figures(grouping: Grouping, type_: Any, details: list[FieldDetails]) -> str:
    compiler, statement, row = grouping.compiler, grouping.compiler.statement, grouping.row

    def figure(field: Any, name: str, each: list[FieldDetails]) -> str:
        of: Any = get_named_type(field.type)
        if name == "count":
            return grouping.measure("count(*)")
        if name == "key":
            return json_of(compiler.members(of, each, lambda f, _, e: key(f, e)))
        return json_of(compiler.members(of, each, lambda f, _, e: measured(name, f, e)))

    def measured(function: str, field: Any, each: list[FieldDetails]) -> str:
        means = meaning(field)
        if isinstance(means, Value):
            return grouping.money(function, means, get_named_type(field.type), each)
        figure = grouping.measure(f"{function}({statement.column(row, means.name)})")
        return shown(figure, means.kind)

    def key(field: Any, each: list[FieldDetails]) -> str:
        means = meaning(field)
        place = next((n for n, k in enumerate(grouping.keys) if k.column == _column(means)), None)
        if place is None:
            return "null"
        here = f"g.k{place}"
        match means:
            case Key():
                return f"'{means.view.of.__name__}_' || {here}"
            case Related():
                return compiler.by_key(means.view, get_named_type(field.type), each, here, row.instant, merged=True)
        return shown(here, means.kind)

    return json_of(compiler.members(type_, details, figure))


def _column(means: Key | Related | Column) -> str:
    return means.via if isinstance(means, Related) else means.name
