"""Writing evidence: events of the history into a file, as they were recorded, with the manifest beside it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection
from psycopg.sql import SQL, Composable

from infra.evidence.forms import FORMS
from infra.evidence.manifest import Manifest, beside, encoded, sign
from infra.evidence.rows import COLUMNS, SCHEMA_VERSION, TIMES, TOPIC, Row, written
from infra.exporting import CannotExport, Format, Progress
from infra.verify import BEGINNING, HASH, TOLD

AT_ONCE: Final = 10_000
"""So many positions are read at once; while these are written, as many more are read."""
LEVEL: Final = 1
"""Of compression: more would take longer than everything else."""
HEAD: Final = "select position from event_head"
ROWS: Final = SQL("select {}, state, hash{} from events e where position between %s and %s{} order by position")
STATE, HASHED, BEFORE = (len(COLUMNS) + at for at in range(3))
"""Where state and hash stand in such a row, and the hash of the event before."""
PREVIOUS: Final = SQL(", (select hash from events where position = e.position - 1)")


@dataclass
class _Counted:
    """What was written so far."""

    kinds: Counter[tuple[str, int]] = field(default_factory=Counter)
    first: int | None = None
    """When the first of them was recorded, in microseconds since 1970, and the last."""
    last: int | None = None

    def add(self, rows: list[Row]) -> None:
        self.kinds.update((row.told[TOPIC], row.told[SCHEMA_VERSION]) for row in rows)
        if rows:
            self.first = rows[0].told[TIMES[0]] if self.first is None else self.first
            self.last = rows[-1].told[TIMES[0]]


class _Digested(io.RawIOBase):
    """What is written goes to another file, and is counted and digested."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self.digest, self.bytes = out, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        written = memoryview(data).nbytes
        self.bytes += written
        self._out.write(data)
        return written

    def tell(self) -> int:
        return self.bytes


def export_events(
    connection: Connection[Any],
    out: Path,
    format: Format,
    first: int = 1,
    last: int | None = None,
    only: Sequence[str] | None = None,
    progress: Progress = lambda done, all: None,
    key: Ed25519PrivateKey | None = None,
) -> Manifest:
    """Write the events of these positions, the last of the history if it is left out, and what the file must hold.

    Only rows that never change are read, up to a position that is fixed at the beginning: others may append meanwhile.
    With `only`, events of these kinds, of aggregates or of events. With `key`, the manifest is signed.
    The file is whole or not there; the manifest comes last. A name that ends with `.gz` is compressed. What is there
    already is never written over. Raises CannotExport.
    """
    if out.suffix == ".gz" and format is Format.PARQUET:
        raise CannotExport("Parquet is compressed by itself: choose a name without .gz")
    for name in (out, beside(out)):
        if name.exists():
            raise CannotExport(f"{name} exists already: choose another name, or remove it")
    first, last = positions(connection, first, last)
    counted = _Counted()
    try:
        with _becoming(out) as file:
            digested = _Digested(file)
            with _compressed(digested, out) as body, FORMS[format].write(body, only is not None) as write:
                for rows in _batches(connection, first, last, only, progress):
                    counted.add(rows)
                    write(rows)
        manifest = Manifest(
            what="daybook events",
            format=1,
            chain=1,
            file=out.name,
            form=format,
            bytes=digested.bytes,
            sha256=digested.digest.hexdigest(),
            first=first,
            last=last,
            events=counted.kinds.total(),
            only=None if only is None else sorted(only),
            hash_before=hash_at(connection, first - 1).hex(),
            hash=hash_at(connection, last).hex(),
            recorded_from=None if counted.first is None else written(counted.first),
            recorded_to=None if counted.last is None else written(counted.last),
            kinds=_by_version(counted.kinds),
            personal="sealed",
            made_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            made_by=f"daybook {version('daybook')}",
        )
        if key:
            manifest = sign(manifest, key)
        with _becoming(beside(out)) as file:
            file.write(encoded(manifest))
    except OSError as error:
        raise CannotExport(f"{out} cannot be written: {error.strerror}") from None
    return manifest


def stream_events(
    connection: Connection[Any],
    out: BinaryIO,
    format: Format,
    first: int = 1,
    last: int | None = None,
    only: Sequence[str] | None = None,
    progress: Progress = lambda done, all: None,
) -> int:
    """The same into a pipe, without a manifest. How many events. Raises CannotExport, BrokenPipeError."""
    first, last = positions(connection, first, last)
    counted = _Counted()
    with FORMS[format].write(out, only is not None) as write:
        for rows in _batches(connection, first, last, only, progress):
            counted.add(rows)
            write(rows)
    out.flush()
    return counted.kinds.total()


def hash_at(connection: Connection[Any], position: int) -> bytes:
    """Of the event at a position; at 0 what every history begins with. Raises CannotExport."""
    if position == 0:
        return BEGINNING
    if found := connection.execute(HASH, [position]).fetchone():
        return bytes(found[0])
    raise CannotExport(f"there is no event at position {position}: see `daybook verify history`")


def positions(connection: Connection[Any], first: int, last: int | None) -> tuple[int, int]:
    """The positions that are meant: without `last`, up to where the history ends now. Raises CannotExport."""
    ((head,),) = connection.execute(HEAD).fetchall()
    last = head if last is None else last
    if last > head:
        raise CannotExport(f"the history ends with position {head}: there is none {last}")
    if first > last:
        raise CannotExport(f"there is nothing from position {first} to {last}: the history ends with {head}")
    return first, last


def _batches(
    connection: Connection[Any], first: int, last: int, only: Sequence[str] | None, progress: Progress
) -> Iterator[list[Row]]:
    """The events, in portions. Each portion is a statement of its own, so that no old rows are kept for it; the next
    one is read meanwhile.
    """
    where: Composable = SQL("")
    if only is not None:
        where = SQL(" and (topic = any({only}) or split_part(topic, '.', 1) = any({only}))").format(only=list(only))
    statement = ROWS.format(SQL(TOLD), SQL("") if only is None else PREVIOUS, where)
    ends = [(begin, min(begin + AT_ONCE - 1, last)) for begin in range(first, last + 1, AT_ONCE)]

    def read(portion: tuple[int, int]) -> list[tuple[Any, ...]]:
        return connection.execute(statement, portion, binary=True).fetchall()

    with ThreadPoolExecutor(1, "export") as reading:
        coming = reading.submit(read, ends[0])
        for (_, end), following in zip_longest(ends, ends[1:]):
            found = coming.result()
            if following:
                coming = reading.submit(read, following)
            if only is None:
                yield [Row(row[:STATE], row[STATE], row[HASHED]) for row in found]
            else:
                yield [Row(row[:STATE], row[STATE], row[HASHED], row[BEFORE] or BEGINNING) for row in found]
            progress(end - first + 1, last - first + 1)


def _by_version(kinds: Counter[tuple[str, int]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (topic, schema_version), times in sorted(kinds.items()):
        found.setdefault(topic, {})[str(schema_version)] = times
    return found


@contextmanager
def _becoming(file: Path) -> Iterator[BinaryIO]:
    """A file that has its name once it is whole and on the disk."""
    part = file.with_name(file.name + ".part")
    try:
        with part.open("wb") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _compressed(digested: _Digested, out: Path) -> Iterator[BinaryIO]:
    if out.suffix != ".gz":
        yield cast(BinaryIO, digested)
        return
    with gzip.GzipFile("", "wb", LEVEL, cast(BinaryIO, digested), mtime=0) as zipped:
        yield cast(BinaryIO, zipped)
