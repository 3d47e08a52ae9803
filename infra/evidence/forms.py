"""The forms of a file of evidence: lines of JSON, CSV, and Parquet. Each is written and read back without a loss."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO, Final

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType, ValidationError, json
from msgspec.structs import astuple

from infra.evidence import parquet
from infra.evidence.rows import TIMES, Row, Unreadable, microseconds, names, written
from infra.exporting import FORMULA, CannotExport, Format

Write = Callable[[Sequence[Row]], object]
LONGEST_CELL: Final = 2**31 - 1
NUMBERS: Final = (0, 2, 4)
"""The columns of a row that are numbers."""
NULLABLE: Final = range(11, 15)
SPECIAL: Final = re.compile(r'["\r\n]')
"""What CSV holds only in quotes, as it does a comma."""

Hex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Form:
    """How rows are written, where events are left out or not, and read; raises Unreadable where one is none."""

    write: Callable[[BinaryIO, bool], AbstractContextManager[Write]]
    read: Callable[[BinaryIO], Iterator[Row]]


class _Line(Struct, forbid_unknown_fields=True, kw_only=True):
    """An event in a line of JSON. The state is the JSON that was recorded, byte for byte."""

    position: int
    originator_id: str
    originator_version: int
    topic: str
    schema_version: int
    recorded_at: str
    occurred_at: str
    command_id: str
    request_digest: Hex
    command: str
    actor: str
    on_behalf_of: str | None
    correlation_id: str | None
    causation_id: str | None
    origin: str | None
    hash: Hex
    previous_hash: Hex | UnsetType = UNSET
    state: Raw


_encode: Final = json.Encoder().encode
_line: Final = json.Decoder(_Line).decode
_json: Final = json.Decoder(Raw).decode


@contextmanager
def _write_ndjson(out: BinaryIO, previous: bool) -> Iterator[Write]:
    columns = names(previous)

    def write(rows: Sequence[Row]) -> None:
        lines = bytearray()
        for row in rows:
            lines += _encode(dict(zip(columns, (*_cells(row, previous), Raw(_one_line(row))), strict=True)))
            lines += b"\n"
        out.write(lines)

    yield write


def _read_ndjson(file: BinaryIO) -> Iterator[Row]:
    for text in file:
        if not text.endswith(b"\n"):
            raise Unreadable("the last line is not whole")
        try:
            line = _line(text)
        except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(f"this line is no event: {error}") from None
        previous = None if line.previous_hash is UNSET else bytes.fromhex(line.previous_hash)
        yield Row(_timed([*astuple(line)[:15]]), bytes(line.state), bytes.fromhex(line.hash), previous)


@contextmanager
def _write_csv(out: BinaryIO, previous: bool) -> Iterator[Write]:
    def lines(rows: Iterable[Sequence[Any]], states: Iterable[str]) -> bytes:
        text = _Lines()
        add = csv.writer(text).writerow
        for row, state in zip(rows, states, strict=True):
            plain = ",".join(["" if cell is None else str(cell) for cell in row])
            if plain.count(",") < len(row) and not SPECIAL.search(plain):
                text.append(f"{plain},{state}")  # csv takes three times as long
                continue
            add(row)
            text[-1] = f"{text[-1][:-2]},{state}"
        return "".join(text).encode()

    out.write(lines([names(previous)[:-1]], ["state\r\n"]))
    yield lambda rows: out.write(
        lines((_harmless(_cells(row, previous)) for row in rows), (_quoted(_one_line(row)) for row in rows))
    )


class _Lines(list[str]):
    """What is written, each line by itself."""

    write = list.append


def _quoted(state: bytes) -> str:
    """The last cell of a line of CSV, and its end."""
    return '"' + state.decode().replace('"', '""') + '"\r\n'


def _read_csv(file: BinaryIO) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    text = io.TextIOWrapper(file, encoding="utf-8", errors="strict", newline="")
    try:
        rows = csv.reader(text, strict=True)
        first = tuple(next(rows, ()))
        if first not in (names(False), names(True)):
            raise Unreadable("the first line does not name the columns")
        for cells in rows:
            if len(cells) != len(first):
                raise Unreadable(f"this row has {len(cells)} cells, not {len(first)}")
            yield _of_cells(cells)
    except (csv.Error, UnicodeDecodeError) as error:
        raise Unreadable(f"this row is no event: {error}") from None
    finally:
        text.detach()


def _of_cells(cells: list[str]) -> Row:
    """A row of CSV. A cell that is empty is null."""
    told: list[Any] = [*cells[:15]]
    try:
        for at in NUMBERS:
            if not (told[at].isascii() and told[at].isdecimal() and told[at] == str(int(told[at]))):
                raise Unreadable(f"{told[at]!r} is no number")
            told[at] = int(told[at])
        for at in NULLABLE:
            told[at] = told[at] or None
        if (origin := told[14]) is not None:
            told[14] = origin.removeprefix("'")
        hash, *previous = (bytes.fromhex(cell) for cell in cells[15:-1])
    except ValueError as error:
        raise Unreadable(f"this row is no event: {error}") from None
    return Row(_timed(told), cells[-1].encode(), hash, *previous)


def _harmless(cells: list[Any]) -> list[Any]:
    """The cells as CSV holds them. No spreadsheet takes the origin for a formula, and it can be told what it was."""
    origin = cells[14]
    if origin is not None and (not origin or origin.startswith("'") or FORMULA.match(origin)):
        cells[14] = f"'{origin}"
    return cells


def _cells(row: Row, previous: bool) -> list[Any]:
    """What stands before the state, in plain values."""
    cells = [*row.told, row.hash.hex()]
    for at in TIMES:
        cells[at] = written(cells[at])
    if previous:
        cells.append(row.previous.hex() if row.previous else None)
    return cells


def _timed(told: list[Any]) -> tuple[Any, ...]:
    for at in TIMES:
        told[at] = microseconds(told[at])
    return tuple(told)


def _one_line(row: Row) -> bytes:
    """The state, which is JSON in one line: nothing else is ever recorded. Raises CannotExport."""
    state = row.state
    try:
        if not state.isascii():
            state.decode()
        _json(state)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        state = b"\n"
    if b"\n" in state or b"\r" in state or state != state.strip():
        raise CannotExport(f"the state of the event at position {row.position} is none that Daybook records: it is no "
                           "JSON in one line. See `daybook verify history` and `daybook dead show`")  # fmt: skip
    return state


@contextmanager
def _write_parquet(out: BinaryIO, previous: bool) -> Iterator[Write]:
    with parquet.written(out, previous) as write:
        yield lambda rows: write(rows, [_one_line(row).decode() for row in rows])


FORMS: Final = {
    Format.NDJSON: Form(_write_ndjson, _read_ndjson),
    Format.CSV: Form(_write_csv, _read_csv),
    Format.PARQUET: Form(_write_parquet, parquet.read),
}
