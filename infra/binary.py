"""Values as PostgreSQL takes them in binary form, and columns of them as its arrays.

psycopg's own lists look at every value twice and take four times as long; and the type of theirs depends on the values,
so that one statement is prepared many times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from struct import Struct
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, OperationalError, postgres
from psycopg.abc import DumperKey
from psycopg.adapt import Dumper, PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.types import TypeInfo

NULL: Final = b"\xff\xff\xff\xff"
TRUE: Final = b"\0\0\0\1\1"
FALSE: Final = b"\0\0\0\1\0"
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
_EMPTY: Final = Struct("!iii").pack
_HEAD: Final = Struct("!iiiii").pack
_LENGTH: Final = Struct("!i").pack

Write = Callable[[Any], bytes]
"""From a value that is not null to its bytes, with their length before them."""


@dataclass(frozen=True, slots=True)
class Array:
    """A column of one type, to be sent as `%b` over a connection that knows arrays."""

    oid: int
    content: bytes


def know_arrays(connection: Connection[Any]) -> None:
    """Let a connection send arrays."""
    connection.adapters.register_dumper(Array, _ArrayDumper)


def rows_of(connection: Connection[Any], result: PGresult) -> list[tuple[Any, ...]]:
    """The rows of what came back from libpq in binary form. Raises what psycopg would."""
    if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        error = error_from_result(result, connection.info.encoding)
        raise error if error.sqlstate else OperationalError(str(error))
    read = Transformer(connection)
    read.set_pgresult(result)
    return read.load_rows(0, result.ntuples, tuple)


def array(type: str, write: Write, values: Sequence[Any]) -> Array:
    """Values of a type; None is null."""
    return joined(postgres.types[type], [NULL if value is None else write(value) for value in values])


def joined(type: TypeInfo, written: Sequence[bytes]) -> Array:
    """Values of a type that are written already, some of them `NULL`."""
    if not written:
        return Array(type.array_oid, _EMPTY(0, 0, type.oid))
    head = _HEAD(1, NULL in written, type.oid, len(written), 1)
    return Array(type.array_oid, head + b"".join(written))


def with_length(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


def boolean(value: bool) -> bytes:
    return TRUE if value else FALSE


def instant(value: datetime) -> bytes:
    """A time that has a time zone."""
    return bigint((value - EPOCH) // MICROSECOND)


def text(value: str) -> bytes:
    return with_length(value.encode())


def uuid(value: UUID) -> bytes:
    return b"\0\0\0\x10" + value.bytes


bigint: Final[Write] = partial(Struct("!iq").pack, 8)
smallint: Final[Write] = partial(Struct("!ih").pack, 2)

booleans: Final = partial(array, "bool", boolean)
bytes_: Final = partial(array, "bytea", with_length)
smallints: Final = partial(array, "int2", smallint)
ints: Final = partial(array, "int4", partial(Struct("!ii").pack, 4))
bigints: Final = partial(array, "int8", bigint)
instants: Final = partial(array, "timestamptz", instant)
texts: Final = partial(array, "text", text)
uuids: Final = partial(array, "uuid", uuid)
"""Of a list of values; None is null."""


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
