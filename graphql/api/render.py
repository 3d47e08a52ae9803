"""How rows and values become JSON in SQL."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, get_origin

from projections.columns import LISTS, is_enum, item_of, plain_type


def json_of(members: dict[str, str]) -> str:
    """One JSON object. Reading a row is a fourth faster, but PostgreSQL cuts column names at 63 bytes."""
    if members and max(map(len, members)) < 64:
        columns = ", ".join(f'{sql} as "{key}"' for key, sql in members.items())
        return f"(select row_to_json(o) from (select {columns}) o)"
    return pairs(members)


def pairs(members: dict[str, str]) -> str:
    """A JSON object over aggregated values, which have no row to be read from."""
    made = ", ".join(f"'{key}': {sql}" for key, sql in members.items())
    return f"JSON_OBJECT({made})"


def shown(column: str, kind: Any) -> str:
    """A column as JSON shows it: an enum by its name, an exact number as text, a length of time in seconds; a list of
    these as each is.
    """
    if get_origin(kind) in LISTS and (each := shown("e", item_of(column, kind))) != "e":
        inner = f"array(select {each} from unnest({column}) with ordinality u (e, nth) order by nth)"
        return f"case when {column} is not null then {inner} end"
    if is_enum(kind):
        if all(member.name == member.value.upper() for member in kind):
            return f"upper({column})"
        names = " ".join(f"when '{member.value}' then '{member.name}'" for member in kind)
        return f"case {column} {names} end"
    if kind is timedelta:
        return f"extract(epoch from {column})::float8"
    return f"{column}::text" if kind is Decimal else column


def sql_type(kind: Any) -> str:
    """The type in SQL of a part of a document."""
    return plain_type(kind) or "jsonb"
