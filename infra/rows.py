"""Rows as PostgreSQL takes them: a value is its bytes with their length before them, in a parameter as in a COPY.

A value is written once, when an event sets it, and then copied from version to version.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from struct import Struct
from typing import Any, Final

from psycopg import Connection, Cursor, adapters, postgres
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.sql import SQL, Identifier

from infra.binary import NULL, Array, Write, array, bigint, boolean, instant, joined, smallint, text, uuid, with_length
from projections.columns import Column

Row = tuple[bytes, ...]

FIRST_DAY: Final = date(2000, 1, 1).toordinal()
_DAY: Final = Struct("!ii").pack
_DOUBLE: Final = Struct("!id").pack
_BEGINNING, _END = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", b"\xff\xff"


def _by_psycopg(type_: str) -> Write:
    """What is hard to write is written by psycopg."""
    write = adapters.get_dumper_by_oid(postgres.types[type_].oid, Format.BINARY)(object).dump
    return lambda value: with_length(bytes(write(value) or b""))


WRITTEN: Final[dict[str, Write]] = {
    "uuid": uuid,
    "text": text,
    "boolean": boolean,
    "smallint": smallint,
    "bigint": bigint,
    "double precision": lambda value: _DOUBLE(8, value),
    "numeric": _by_psycopg("numeric"),
    "date": lambda day: _DAY(4, day.toordinal() - FIRST_DAY),
    "timestamptz": instant,
    "interval": _by_psycopg("interval"),
    "jsonb": lambda value: with_length(b"\x01" + value.encode()),
}


def copied(column: Column) -> Write:
    """How a value of a column is written for a COPY."""
    if not column.type.endswith("[]"):
        return WRITTEN[column.type]
    item = column.type.removesuffix("[]")
    write = WRITTEN[item]
    return lambda values: with_length(array(item, write, values).content)


def carried(column: Column) -> Write:
    """How it is written for a parameter, in an array of its own: see `Column.carried`."""
    return literal if column.type.endswith("[]") else WRITTEN[column.type]


def literal(values: Iterable[Any]) -> bytes:
    """A list as PostgreSQL reads it from text."""
    return text("{" + ",".join('"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values) + "}")


def columns_of(rows: Collection[Row], columns: Sequence[Column]) -> list[Array]:
    """The columns of some rows, as `unnest` takes them. What holds nothing but nulls is empty, for it is filled up."""
    found = []
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        nothing = values.count(NULL) == len(values)
        found.append(joined(postgres.types[column.carried], () if nothing else values))
    return found


@contextmanager
def copying(
    connection: Connection[Any], table: str, columns: Sequence[Column]
) -> Iterator[Callable[[Iterable[Row]], None]]:
    """Takes rows for a table, some at a time: PostgreSQL writes them while the next ones are made."""
    statement = SQL("copy {} from stdin (format binary)").format(Identifier(table))
    head = Struct("!h").pack(len(columns))
    with connection.cursor() as cursor, cursor.copy(statement) as to:
        to.write(_BEGINNING)
        yield lambda rows: to.write(b"".join([head + b"".join(row) for row in rows]))
        to.write(_END)


class _AsItCame(Loader):
    """The bytes of a value, as they are written."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return with_length(bytes(data))


def remembering(connection: Connection[Any], columns: Iterable[Column]) -> Cursor[Any]:
    """A cursor that gives the values of these columns, asked for in binary form, as they are written."""
    cursor = connection.cursor(binary=True)
    for type_ in {column.carried for column in columns}:
        cursor.adapters.register_loader(postgres.types[type_].oid, _AsItCame)
    return cursor


def row_of(values: Iterable[bytes | None]) -> Row:
    return tuple([NULL if value is None else value for value in values])
