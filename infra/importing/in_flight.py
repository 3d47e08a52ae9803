"""What was decided and is being recorded: so many at a time, so that one thread keeps the event store busy."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from infra.pipeline import Pending

K = TypeVar("K", bound=Hashable)
W = TypeVar("W")


class InFlight(Generic[K, W]):
    """Pieces of work by keys of their own, oldest first. `settle` gets each of them in their order, to see the end."""

    def __init__(self, most: int, settle: Callable[[W, Pending], None]) -> None:
        self._most, self._settle = most, settle
        self._under_way: dict[K, tuple[W, Pending]] = {}

    def add(self, key: K, work: W, pending: Pending) -> None:
        """One more; waits for the oldest where there are too many."""
        self._under_way[key] = work, pending
        while len(self._under_way) > self._most:
            self._oldest()

    def wait_for(self, key: K) -> None:
        """Until this one is settled, if it is under way, and those before it."""
        while key in self._under_way:
            self._oldest()

    def drain(self) -> None:
        """Until all are settled."""
        while self._under_way:
            self._oldest()

    def _oldest(self) -> None:
        self._settle(*self._under_way.pop(next(iter(self._under_way))))
