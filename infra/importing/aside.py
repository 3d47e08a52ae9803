"""Rows that wait for others, kept on disk: there may be more of them than memory holds."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Final, Self

from infra.importing.table import Row

IN_MEMORY: Final = 1 << 20
"""Bytes that are kept without a file."""


class Aside:
    """Two heaps: rows are put on the one, and taken from the other after the heaps took turns."""

    def __init__(self) -> None:
        self._files = ExitStack()
        self._put, self._take = self._file(), self._file()
        self._count = self._waiting = 0

    def __len__(self) -> int:
        return self._count

    def put(self, row: Row) -> None:
        pickle.dump((row.line, row.texts, row.cells), self._put)
        self._count += 1

    def turn(self) -> int:
        """Let the rows that were put here be taken; how many there are."""
        self._put, self._take = self._take, self._put
        self._put.seek(0)
        self._put.truncate()
        self._take.seek(0)
        self._waiting, self._count = self._count, 0
        return self._waiting

    def take(self) -> Iterator[Row]:
        """Each row once, in the order in which they were put."""
        for _ in range(self._waiting):
            yield Row(*pickle.load(self._take))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._files.close()

    def _file(self) -> IO[bytes]:
        return self._files.enter_context(SpooledTemporaryFile(IN_MEMORY))
