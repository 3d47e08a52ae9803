"""Rows of a table as parameters: a column of each, in binary form, of the type that it has in the table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from functools import partial
from struct import Struct
from typing import Any, Final

from psycopg import adapters, postgres
from psycopg.pq import Format

from infra.binary import Array, array, bigints, booleans, instants, texts, uuids

FIRST_DAY: Final = date(2000, 1, 1).toordinal()
_LENGTH: Final = Struct("!i").pack
_DAY: Final = Struct("!ii").pack


def _by_psycopg(type_: str) -> Callable[[Sequence[Any]], Array]:
    """What is hard to write is written by psycopg, value for value."""
    write = adapters.get_dumper_by_oid(postgres.types[type_].oid, Format.BINARY)(object).dump

    def with_length(value: Any) -> bytes:
        written = bytes(write(value) or b"")
        return _LENGTH(len(written)) + written

    return partial(array, type_, with_length)


WRITTEN: Final[dict[str, Callable[[Sequence[Any]], Array]]] = {
    "uuid": uuids,
    "text": texts,
    "boolean": booleans,
    "smallint": partial(array, "int2", partial(Struct("!ih").pack, 2)),
    "bigint": bigints,
    "double precision": partial(array, "float8", partial(Struct("!id").pack, 8)),
    "numeric": _by_psycopg("numeric"),
    "date": partial(array, "date", lambda day: _DAY(4, day.toordinal() - FIRST_DAY)),
    "timestamptz": instants,
    "interval": _by_psycopg("interval"),
    "jsonb": texts,
}


def columns_of(rows: Collection[Sequence[Any]], types: Sequence[str]) -> list[Array]:
    """The columns of some rows, as `unnest` takes them: lists and documents as text, see `Column.carried`.

    What holds nothing but nulls is empty, for `unnest` fills it up.
    """
    columns = []
    for type_, values in zip(types, zip(*rows, strict=True), strict=True):
        if values.count(None) == len(values):
            columns.append(WRITTEN["text" if type_.endswith("[]") else type_](()))
        elif type_.endswith("[]"):
            columns.append(texts([value if value is None else literal(value) for value in values]))
        else:
            columns.append(WRITTEN[type_](values))
    return columns


def literal(values: Iterable[Any]) -> str:
    """A list as PostgreSQL reads it."""
    return "{" + ",".join('"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values) + "}"
