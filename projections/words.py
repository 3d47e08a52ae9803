"""What a search looks into: the words of some columns of text, as PostgreSQL indexes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

CONFIGURATION: Final = "'simple'::regconfig"
"""Words as they stand, in any language, in small letters."""


def words(columns: Sequence[str]) -> str:
    """The words of these columns, as SQL. What is neither letter nor digit parts words: `ada@example.com` has three."""
    text = " || ' ' || ".join(f"coalesce({column}, '')" for column in columns)
    return f"to_tsvector({CONFIGURATION}, regexp_replace({text}, '[^[:alnum:]]+', ' ', 'g'))"
