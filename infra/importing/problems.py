"""What keeps a file, or one row of it, from being imported."""

from __future__ import annotations


class CannotImport(Exception):
    """The mapping or the file as a whole is of no use. Nothing was recorded; the message says what would be right."""


class BadRow(Exception):
    """One row cannot be imported; the others go on. `column` is the file's, where the reason lies in one."""

    def __init__(self, reason: str, column: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.column = reason, column
