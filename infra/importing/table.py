"""A CSV file as a stream of rows: what is wrong with one row is said of that row, and the next one is read."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from infra.importing.mapping import RowMapping, meant
from infra.importing.problems import BadRow, CannotImport

LONGEST: Final = 131_072
"""The most characters in one row: what Python's reader takes in one cell. A row that is longer is refused."""
DELIMITERS: Final = (",", ";", "\t", "|")
PIECE: Final = 65_536
UNDECODED: Final = re.compile("[\udc80-\udcff]")
"""What Python makes of bytes that are not of the encoding (`surrogateescape`)."""


@dataclass(frozen=True)
class Row:
    """One row: the line on which it begins, its texts, the same by the names of their columns, and what is wrong."""

    line: int
    texts: Sequence[str]
    cells: Mapping[str, str]
    wrong: BadRow | None = None


class Rows:
    """The rows of a file, once through. `read` and `size` are bytes, for whoever shows progress."""

    def __init__(self, path: Path, mapping: RowMapping) -> None:
        self.path, self.mapping = path, mapping
        try:
            self._raw = path.open("rb")
        except OSError as wrong:
            raise CannotImport(f"{path}: the file cannot be read: {wrong.strerror}") from None
        try:
            self.size = path.stat().st_size
            self._text = TextIOWrapper(self._raw, mapping.encoding, errors="surrogateescape", newline="")
            self._lines = Lines(self._text, path, mapping.encoding)
            self.delimiter, self.header = self._begin()
        except BaseException:
            self._raw.close()
            raise

    @property
    def read(self) -> int:
        return min(self._raw.tell(), self.size)

    @property
    def unused(self) -> list[str]:
        """Columns of the file that the mapping says nothing about."""
        return [name for name in self.header if name and name not in self.mapping.headers]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._text.close()

    def __iter__(self) -> Iterator[Row]:
        reader = self._lines.records(self.delimiter)
        for line, cells in reader:
            if isinstance(cells, BadRow):
                yield Row(line, (), {}, cells)
            elif cells:
                yield self._row(line, cells)

    def _row(self, line: int, cells: list[str]) -> Row:
        named = {name: cell for name, cell in zip(self.header, cells, strict=False) if name}
        last = self._lines.number
        where = f" (it goes from line {line} to {last})" if last > line else ""
        if len(cells) != len(self.header):
            reason = f"there are {len(cells)} cells in this row, but {len(self.header)} in the first{where}"
            return Row(line, cells, named, BadRow(reason))
        for name, cell in named.items():
            if wrong := what_is_wrong(cell, self.mapping.encoding):
                return Row(line, cells, named, BadRow(wrong, name))
        return Row(line, cells, named)

    def _begin(self) -> tuple[str, list[str]]:
        """The delimiter and the names of the columns. The file's first row must have all that the mapping reads."""
        first = self._lines.first()
        if not first:
            raise CannotImport(f"{self.path}: this file is empty")
        if "\0" in first:
            message = 'there are NULs in the first line: if it is UTF-16, write encoding = "utf-16" under [file]'
            raise CannotImport(f"{self.path}: {message}")
        if wrong := what_is_wrong(first, self.mapping.encoding):
            raise CannotImport(f"{self.path}, line 1: {wrong}")
        given = self.mapping.delimiter
        tried = {each: split(first, each) for each in ([given] if given else DELIMITERS)}
        lacking = {each: self.mapping.headers - set(header or ()) for each, header in tried.items()}
        best = min(tried, key=lambda each: len(lacking[each]))
        header = tried[best]
        if header is None:
            raise CannotImport(f"{self.path}, line 1: a quotation mark is opened and not closed")
        if lacking[best]:
            raise CannotImport(f"{self.path}, line 1: {self._lacks(lacking[best], header, best)}")
        if doubled := sorted({name for name in header if name and header.count(name) > 1}):
            raise CannotImport(f"{self.path}, line 1: there are two columns {_quoted(doubled)}")
        return best, header

    def _lacks(self, lacking: frozenset[str], header: list[str], delimiter: str) -> str:
        wanted = f"the mapping reads the column {_quoted(lacking)}"
        if len(header) == 1 and self.mapping.delimiter:
            return f"{wanted}, but {delimiter!r} does not separate any here: see `delimiter` under [file]"
        return f"{wanted}, but there is no such{meant(min(lacking), filter(None, header))}"


class Lines:
    """The lines of a file for Python's CSV reader, which is stopped where a row is longer than can be meant."""

    def __init__(self, text: TextIOWrapper, path: Path, encoding: str) -> None:
        self._text, self._path, self._encoding = text, path, encoding
        self.number = 0
        """Of the line that was read last, beginning with 1."""
        self._length = 0
        self._open = False

    def first(self) -> str:
        """The first line, whatever is in it."""
        try:
            line = self._line()
        except _Unreadable as wrong:
            raise CannotImport(f"{self._path}, line 1: {wrong}") from None
        if len(line) > LONGEST:
            raise CannotImport(f"{self._path}, line 1: this line is longer than {LONGEST:,} characters")
        return line

    def records(self, delimiter: str) -> Iterator[tuple[int, list[str] | BadRow]]:
        """Every row with the line on which it begins."""
        reader = csv.reader(iter(self._next, ""), delimiter=delimiter, strict=True)
        while True:
            begin, self._length, self._open = self.number + 1, 0, False
            try:
                yield begin, next(reader)
            except StopIteration:
                return
            except _TooLong:
                yield begin, self._skip(begin)
            except _Unreadable as wrong:
                yield begin, BadRow(f"{wrong}; nothing behind line {begin} was read")
                return
            except csv.Error as wrong:
                yield begin, BadRow(_in_plain_words(str(wrong)))

    def _next(self) -> str:
        line = self._line()
        self._length += len(line)
        self._open ^= line.count('"') % 2 == 1
        if self._length > LONGEST:
            raise _TooLong
        return line

    def _skip(self, begin: int) -> BadRow:
        """Go on behind a row that is too long: where its quotation marks are closed again."""
        while self._open:
            line = self._text.readline(PIECE)
            if not line:
                after = f"nothing behind line {begin} was read"
                return BadRow(f"a quotation mark is opened and closed nowhere: {after}")
            self.number += line.endswith(("\n", "\r"))
            self._open ^= line.count('"') % 2 == 1
        return BadRow(f"this row is longer than {LONGEST:,} characters")

    def _line(self) -> str:
        """The next line; of one that is too long, the beginning, with its quotation marks counted."""
        try:
            line = self._text.readline(LONGEST + 1)
            piece = line
            while piece and not piece.endswith(("\n", "\r")) and len(line) > LONGEST:
                piece = self._text.readline(PIECE)
                self._open ^= piece.count('"') % 2 == 1
        except UnicodeError as wrong:
            self.number += 1
            raise _Unreadable(f"this is not {self._encoding} ({wrong}): see `encoding` under [file]") from None
        self.number += 1
        return line


class _TooLong(Exception):
    """More than a row can be."""


class _Unreadable(Exception):
    """No more can be read of this file."""


def split(line: str, delimiter: str) -> list[str] | None:
    """The names in a first line; None: it does not end where it should."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return None


def what_is_wrong(cell: str, encoding: str) -> str | None:
    """Why a text cannot be kept."""
    if "\0" in cell:
        return "there is a NUL in this cell"
    if cell.isascii() or not (found := UNDECODED.search(cell)):
        return None
    name = encoding.removesuffix("-sig")
    at = len(cell[: found.start()].encode(name, "surrogateescape")) + 1
    byte = f"byte {at} of it is 0x{ord(found[0]) - 0xDC00:02X}, which is not {name.upper()}"
    return f'{byte}: name the encoding in the mapping, such as encoding = "cp1252" under [file]'


def _quoted(names: Iterator[str] | list[str] | frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _in_plain_words(wrong: str) -> str:
    if "expected after" in wrong:
        return "there is text behind a closing quotation mark: a quotation mark inside a cell is written twice"
    if "unexpected end" in wrong:
        return "a quotation mark is opened and not closed before the end of the file"
    return f"this row cannot be read: {wrong}"
