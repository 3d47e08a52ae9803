"""Columns as PostgreSQL's arrays, in binary form. psycopg's own lists look at every value twice and take four times as
long; and the type of theirs depends on the values, so that one statement is prepared many times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from struct import Struct
from typing import Any, Final

from psycopg import Connection, postgres
from psycopg.abc import DumperKey
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

NULL: Final = b"\xff\xff\xff\xff"
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
_EMPTY: Final = Struct("!iii").pack
_HEAD: Final = Struct("!iiiii").pack
_LENGTH: Final = Struct("!i").pack


@dataclass(frozen=True, slots=True)
class Array:
    """A column of one type, to be sent as `%b` over a connection that knows arrays."""

    oid: int
    content: bytes


def know_arrays(connection: Connection[Any]) -> None:
    """Let a connection send arrays."""
    connection.adapters.register_dumper(Array, _ArrayDumper)


def array(type: str, with_length: Callable[[Any], bytes], values: Sequence[Any]) -> Array:
    """Values of a type, each written with its length before it; None is null."""
    info = postgres.types[type]
    if not values:
        return Array(info.array_oid, _EMPTY(0, 0, info.oid))
    nulls = values.count(None)
    if nulls == len(values):
        content = NULL * nulls
    elif nulls:
        content = b"".join([NULL if value is None else with_length(value) for value in values])
    else:
        content = b"".join(map(with_length, values))
    return Array(info.array_oid, _HEAD(1, nulls > 0, info.oid, len(values), 1) + content)


def _bytes(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


booleans: Final = partial(array, "bool", lambda value: b"\0\0\0\1\1" if value else b"\0\0\0\1\0")
bytes_: Final = partial(array, "bytea", _bytes)
ints: Final = partial(array, "int4", partial(Struct("!ii").pack, 4))
bigints: Final = partial(array, "int8", partial(Struct("!iq").pack, 8))
instants: Final = partial(array, "timestamptz", lambda v: Struct("!iq").pack(8, (v - EPOCH) // MICROSECOND))
texts: Final = partial(array, "text", lambda value: _bytes(value.encode()))
uuids: Final = partial(array, "uuid", lambda value: b"\0\0\0\x10" + value.bytes)
"""Of a list of values; None is null. Instants must have a time zone."""


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def get_key(self, obj: Array, format: PyFormat) -> DumperKey:
        return (self.cls, obj.oid)  # type: ignore[return-value]

    def upgrade(self, obj: Array, format: PyFormat) -> Dumper:
        dumper = _ArrayDumper(self.cls)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Array) -> bytes:
        return obj.content
