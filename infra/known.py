"""Callers who were looked up a moment ago, by what they showed: they are not looked up for each request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 10_000

REMEMBERED: Final = 3.0
"""Seconds for which a caller is not looked up again: so long may a token be used after another process revoked it."""


class Known(Generic[T]):
    """What is known by a token's text, of which only a hash is kept. Used from any thread."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[float, datetime | None, T]] = {}
        self._lock = threading.Lock()

    def get(self, text: str) -> T | None:
        """Whom it stood for a moment ago, if it holds still."""
        with self._lock:
            again, expires_at, known = self._found.get(_hash(text), (0.0, None, None))
        holds = expires_at is None or datetime.now(UTC) < expires_at
        return known if holds and time.monotonic() < again else None

    def put(self, text: str, known: T, expires_at: datetime | None) -> None:
        """Remember it for a moment, which ends when it expires."""
        with self._lock:
            if len(self._found) >= MOST:
                self._found.clear()
            self._found[_hash(text)] = (time.monotonic() + REMEMBERED, expires_at, known)

    def forget(self, meant: Callable[[T], bool]) -> None:
        """Look these up again."""
        with self._lock:
            self._found = {key: found for key, found in self._found.items() if not meant(found[-1])}


def _hash(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()
