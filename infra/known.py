"""Callers who were looked up a moment ago, by what they showed: they are not looked up for each request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 10_000


class Known(Generic[T]):
    """What is known by a token's text, of which only a hash is kept. Used from any thread."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def get(self, text: str) -> T | None:
        """Whom it stood for a moment ago."""
        with self._lock:
            until, known = self._found.get(_hash(text), (0.0, None))
        return known if time.monotonic() < until else None

    def put(self, text: str, known: T, seconds: float) -> None:
        """Remember it for so long."""
        with self._lock:
            if len(self._found) >= MOST:
                self._found.clear()
            self._found[_hash(text)] = (time.monotonic() + seconds, known)

    def forget(self, meant: Callable[[T], bool]) -> None:
        """Look these up again."""
        with self._lock:
            self._found = {key: (until, each) for key, (until, each) in self._found.items() if not meant(each)}


def _hash(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()
