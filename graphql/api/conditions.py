"""What a client may ask of columns: filters, orders, and the place in a list where a page begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

import msgspec
from graphql import GraphQLError
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import Views, snake, steps
from api.columns import Known, by_camel, known
from api.errors import bad_input
from api.merges import family, merges, pointing_to
from api.ports import ViewType
from api.statement import Row, Statement, check_texts, where
from projections.columns import PLAIN, is_enum

MOST_CONDITIONS = 200
MOST_VALUES = 1000
COMPARE = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
LEFT_OUT = ("archived", "merged_into_id")
"""Rows that have one of these set stand in no list, unless its filter names the column."""

Order = list[tuple[str, str]]


class Conditions:
    """The conditions of one filter, over one relation and those that it steps to."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.count = 0
        self.references: set[str] = set()  # the rows that are met by a reference, which may name what was merged

    def of(self, row: Row, wanted: dict[str, Any]) -> list[str]:
        """Of the rows of a list: those that are put away are left out unless the filter names them."""
        mentioned = set(_mentioned(wanted))
        columns = by_camel(row.view)
        left_out = [c for name, c in columns.items() if c in LEFT_OUT and name not in mentioned]
        shown = [
            f"{self.statement.column(row, c)} is null" if c.endswith("_id") else f"not {self.statement.column(row, c)}"
            for c in left_out
        ]
        return [*shown, *self._all(row, wanted)]

    def _all(self, row: Row, wanted: dict[str, Any]) -> list[str]:
        return [
            f"({made})" for name, value in wanted.items() if value is not None for made in self._one(row, name, value)
        ]

    def _one(self, row: Row, name: str, value: Any) -> Iterator[str]:
        self.count += len(value) if isinstance(value, list) else 1
        if self.count > MOST_CONDITIONS:
            raise bad_input(f"a filter has at most {MOST_CONDITIONS} conditions")
        if name in ("and", "or"):
            every = [" and ".join(self._all(row, each)) or "true" for each in value]
            yield f" {name} ".join(f"({each})" for each in every) or str(name == "and").lower()
        elif name == "not":
            yield f"({' and '.join(self._all(row, value)) or 'true'}) is not true"
        elif name == "customFields":
            for each in value:
                yield from self._custom(row, each)
        elif row.view.key and name == camel(f"{snake(row.view.of.__name__)}_id"):
            yield from self._column(row, "id", value)
        elif name in by_camel(row.view):
            yield from self._column(row, by_camel(row.view)[name], value)
        else:
            yield self._step(row, name, value)

    def _step(self, row: Row, name: str, value: dict[str, Any]) -> str:
        """A condition upon the one row that a column of this one points to."""
        statement = self.statement
        via, view = next(step for step in steps(statement.views, row.view) if camel(step[0]) == name)[1:]
        to = statement.row(view, row.instant)
        if merges(view) and via != "id":
            self.references.add(to.alias)
            there = pointing_to(statement, to, [*statement.where(to), *self._all(to, value)])
            return f"{statement.column(row, via)} in {there}"
        conditions = [f"{to.alias}.id = {statement.column(row, via)}", *statement.where(to), *self._all(to, value)]
        return f"exists (select from {statement.source(to)}{where(conditions)})"

    def _column(self, row: Row, name: str, wanted: dict[str, Any]) -> Iterator[str]:
        bind, type_ = self.statement.bind, known(row.view)[name].column.type
        left = self.statement.column(row, name)
        views = self.statement.views
        points_to = views.parent(row.view) if name == "id" else views.belongs_to(row.view).get(name)
        for operator, value in wanted.items():
            _check_length(value)
            if operator == "isNull":
                yield f"({left} is null) = {bind(value, 'boolean')}"
            elif value is None:
                yield "null"
            elif operator in ("has", "hasAny"):
                values = [plain(v) for v in (value if operator == "hasAny" else [value])]
                yield f"{left} && {bind(values, type_)}"
            elif operator in ("contains", "startsWith"):
                pattern = _like(value) if operator == "startsWith" else f"%{_like(value)}"
                yield f"{left} ilike {bind(f'{pattern}%', 'text')}"
            elif points_to:
                ids = [id_of(v, points_to) for v in (value if operator == "in" else [value])]
                yield f"{left} = any({self._family(row, points_to, name, bind(ids, 'uuid[]'))})"
            elif operator == "in":
                yield f"{left} = any({bind([plain(v) for v in value], f'{type_}[]')})"
            else:
                yield f"{left} {COMPARE[operator]} {bind(plain(value), type_)}"

    def _family(self, row: Row, to: ViewType, name: str, ids: str) -> str:
        """Those ids, and those of what was merged into them or what they were merged into."""
        by_reference = name != "id" or row.alias in self.references
        return family(self.statement, to, row.instant, ids) if by_reference and merges(to) else ids

    def _custom(self, row: Row, wanted: dict[str, Any]) -> Iterator[str]:
        """A condition upon a field that the company defined for itself. What is of another type is no match."""
        bind, given = self.statement.bind, {operator: v for operator, v in wanted.items() if operator != "key"}
        if any(value is None for operator, value in given.items() if operator != "eq"):
            yield "null"
            return
        at = f"({self.statement.column(row, 'custom_fields')} -> {bind(wanted['key'], 'text')})"
        text = f"({at} #>> '{{}}')"
        for operator, value in given.items():
            _check_length(value)
            if operator == "isNull":
                yield f"({at} is null) = {bind(value, 'boolean')}"
            elif operator in ("eq", "in"):
                values = value if operator == "in" else [value]
                numbers, others = [str(v) for v in values if _is_number(v)], [_json(v) for v in values]
                found = [f"{at} = any({bind(others, 'text[]')}::jsonb[])"]
                if numbers:
                    kept = f"{text}::numeric = any({bind(numbers, 'numeric[]')})"
                    found.append(f"case when {_like_number(text)} then {kept} end")
                yield f"({' or '.join(found)})"
            elif _is_number(value):
                wanted_of = bind(str(value), "numeric")
                yield f"case when {_like_number(text)} then {text}::numeric {COMPARE[operator]} {wanted_of} end"
            else:
                is_text = f"jsonb_typeof({at}) = 'string'"
                yield f"case when {is_text} then {text} {COMPARE[operator]} {bind(str(value), 'text')} end"


def _check_length(value: Any) -> None:
    if isinstance(value, list) and len(value) > MOST_VALUES:
        raise bad_input(f"a condition takes at most {MOST_VALUES} values")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _like_number(text: str) -> str:
    """Whether what is kept is a number: those with a point are kept as text, so that they stay exact."""
    return f"{text} ~ '^-?[0-9]+([.][0-9]+)?$'"


def _mentioned(wanted: dict[str, Any]) -> Iterator[str]:
    for name, value in wanted.items():
        if name in ("and", "or"):
            for each in value or ():
                yield from _mentioned(each)
        elif name == "not":
            yield from _mentioned(value or {})
        else:
            yield name


def view_of(text: str, views: Views) -> ViewType:
    """The view of the kind that an id names."""
    if view := views.named.get(text.rpartition("_")[0]):
        return view
    raise bad_input(f"{text!r} is not an id: one looks like Account_0190f3c2-…")


def id_of(text: str, view: ViewType) -> UUID:
    """The id in `Account_0190…`, of the kind that the view is of."""
    kind, _, key = text.rpartition("_")
    if kind != view.of.__name__:
        raise bad_input(f"{text!r} is no id of one of {view.of.__name__}: such an id begins with {view.of.__name__}_")
    try:
        return UUID(key)
    except ValueError:
        raise bad_input(f"{text!r} is not an id") from None


def plain(value: Any) -> Any:
    return value.value if is_enum(type(value)) else value


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _json(value: Any) -> str:
    check_texts(value)
    return msgspec.json.encode(value).decode()


def cursor_of(statement: Statement, row: Row, order: Order) -> str:
    """The place of a row in a list: the values that it is ordered by, as text, so that none loses a digit."""
    places = ", ".join(f"{statement.column(row, name)}::text" for name, _ in order)
    return f"translate(encode(convert_to(to_json(array[{places}])::text, 'UTF8'), 'base64'), e'\\n', '')"


def beyond(statement: Statement, row: Row, order: Order, cursor: str) -> str:
    """Those after the cursor, in this order. Nulls are the largest, as PostgreSQL sorts them."""
    values = _place(row, order, cursor)
    bound = []
    for (name, way), value in zip(order, values, strict=True):
        known_as = known(row.view)[name].column
        place = None if value is None else statement.bind(value, known_as.type)
        bound.append((statement.column(row, name), way, place, known_as.nullable))
    if len({way for _, way in order}) == 1 and not any(nullable for *_, nullable in bound):
        sign = ">" if order[0][1] == "asc" else "<"
        return f"({', '.join(c for c, *_ in bound)}) {sign} ({', '.join(str(p) for _, _, p, _ in bound)})"
    made = "false"
    for column, way, place, nullable in reversed(bound):
        if place is None:
            past, same = ("false" if way == "asc" else f"{column} is not null"), f"{column} is null"
        else:
            more = f" or {column} is null" if nullable else ""
            past, same = (
                (f"({column} > {place}{more})" if way == "asc" else f"{column} < {place}"),
                f"{column} = {place}",
            )
        made = f"({past} or ({same} and {made}))"
    return made


def _place(row: Row, order: Order, cursor: str) -> list[Any]:
    """The values in a cursor, each known to be of its column's type before PostgreSQL meets it."""
    try:
        texts = msgspec.json.decode(base64.b64decode(cursor, validate=True), type=list[str | None])
        return [_value(known(row.view)[name], text) for (name, _), text in zip(order, texts, strict=True)]
    except (ValueError, ArithmeticError, RecursionError, binascii.Error, msgspec.DecodeError) as error:
        raise _foreign_cursor() from error


def _value(of: Known, text: str | None) -> Any:
    if text is None and of.column.nullable:
        return None
    if text is None or "\0" in text:
        raise ValueError(text)
    return text if is_enum(of.kind) else READ.get(of.kind, str)(text)


def _foreign_cursor() -> GraphQLError:
    return bad_input("this cursor does not belong to this list in this order")


def _boolean(text: str) -> bool:
    return text == "true" if text in ("true", "false") else _fail(text)


def _fail(text: str) -> NoReturn:
    raise ValueError(text)


def _whole(text: str) -> int:
    number = int(text)
    return number if -(2**63) <= number < 2**63 else _fail(text)


def _number(text: str) -> Decimal:
    number = Decimal(text)
    return number if number.is_finite() and abs(number.adjusted()) < 1000 else _fail(text)


READ: dict[Any, Callable[[str], Any]] = {
    UUID: UUID,
    bool: _boolean,
    int: _whole,
    Decimal: _number,
    float: float,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
}
assert {*READ, str, timedelta} == set(PLAIN), "a cursor reads every kind of column"


def order_of(view: ViewType, asked: list[dict[str, Any]] | None) -> Order:
    """What a list is ordered by: as asked, and then by what tells its rows apart."""
    order = [(o["field"].value, o["direction"].value if o.get("direction") else "asc") for o in asked or ()]
    names = [name for name, _ in order]
    if len(set(names)) != len(names):
        raise bad_input("a list is ordered by a field once")
    way = order[-1][1] if order else "asc"
    keys = ("id", view.key) if view.key else ("id",)
    return order + [(key, way) for key in keys if key not in names]


def sorted_by(statement: Statement, row: Row, order: Order) -> str:
    return ", ".join(f"{statement.column(row, name)} {way}" for name, way in order)


def turned(order: Order) -> Order:
    return [(name, "desc" if way == "asc" else "asc") for name, way in order]
