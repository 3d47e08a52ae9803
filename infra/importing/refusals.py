"""The rows that were not imported, as a file that can be mended and imported again by the same mapping."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from infra.importing.problems import BadRow, CannotImport
from infra.importing.table import Row, Rows

ADDED: Final = ("_line", "_column", "_reason")
"""What stands before the columns of the file. A mapping does not read them, so the file can be imported as it is."""


class Refusals:
    """Writes one row for each that is refused: line, column and reason, and then its cells as they were."""

    def __init__(self, path: Path | None, rows: Rows) -> None:
        self._encoding = rows.mapping.encoding
        self._file, self._own = None, tuple(rows.header[: len(ADDED)]) == ADDED
        if path is None:
            return
        if path.exists() and path.samefile(rows.path):
            raise CannotImport(f"{path}: this is the file that is imported: write what is refused to another one")
        try:
            self._file = path.open("w", encoding=self._encoding, errors="surrogateescape", newline="")
        except OSError as wrong:
            raise CannotImport(f"{path}: what is refused cannot be written here: {wrong.strerror}") from None
        self._writer = csv.writer(self._file, delimiter=rows.delimiter)
        self._writer.writerow([*ADDED, *self._without_ours(rows.header)])

    def write(self, row: Row, why: BadRow) -> None:
        if self._file:
            reason = why.reason.encode(self._encoding, "replace").decode(self._encoding)
            self._writer.writerow([row.line, why.column or "", reason, *self._without_ours(row.texts)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file:
            self._file.close()

    def _without_ours(self, texts: Sequence[str]) -> Sequence[str]:
        return texts[len(ADDED) :] if self._own else texts
