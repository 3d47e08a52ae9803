"""What a server remembers of aggregates, so that it need not make them of their events for every command."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from time import monotonic
from uuid import UUID

from domain.aggregate import Aggregate
from domain.declaration import personal
from infra.keys import LASTS


class Memory:
    """Aggregates as they were last seen. The version of each is checked when what was decided by it is recorded.

    What is personal is remembered for some seconds only, as keys are, for others may forget the person meanwhile: it is
    gone with the next command after that.
    """

    def __init__(self, most: int, lasts: float = LASTS) -> None:
        self._most, self._lasts = most, lasts
        self._lock = Lock()
        self._known: OrderedDict[UUID, Aggregate] = OrderedDict()
        self._until: OrderedDict[UUID, float] = OrderedDict()

    def get(self, id: UUID) -> Aggregate | None:
        with self._lock:
            self._end()
            if id in self._known:
                self._known.move_to_end(id)
            return self._known.get(id)

    def put(self, aggregate: Aggregate) -> None:
        """Keep it, in place of what was not asked for longest. From now on it must not be changed."""
        with self._lock:
            self._end()
            self._known[aggregate.id] = aggregate
            self._known.move_to_end(aggregate.id)
            if personal(type(aggregate)):
                self._until[aggregate.id] = monotonic() + self._lasts
                self._until.move_to_end(aggregate.id)
            if len(self._known) > self._most:
                id, _ = self._known.popitem(last=False)
                self._until.pop(id, None)

    def forget(self, ids: Iterable[UUID]) -> None:
        with self._lock:
            for id in ids:
                self._known.pop(id, None)
                self._until.pop(id, None)

    def _end(self) -> None:
        """Remember no more what is personal and was seen too long ago: the first in order."""
        now = monotonic()
        while self._until and next(iter(self._until.values())) < now:
            id, _ = self._until.popitem(last=False)
            self._known.pop(id, None)
