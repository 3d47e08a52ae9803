"""Budgets: how much each caller may ask of one server, as buckets of points that fill again by themselves."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_KEPT: Final = 10_000
"""So many buckets are kept. Who has not asked for longest is forgotten first: that bucket is full again the soonest."""


@dataclass
class _Bucket:
    points: float
    since: float


class Budgets:
    """A bucket for each key, of `burst` points, into which `rate` points flow a second. Used from any thread.

    What costs more than a whole bucket is let through when the bucket is full, and leaves a debt: a caller gets no more
    on the whole than the rate, and nothing is refused for ever. A rate of 0 is no limit at all.
    """

    def __init__(self, rate: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, cost: int) -> float | None:
        """Seconds to wait before so much may be asked; None: go on, it is paid for."""
        if not self._rate:
            return None
        with self._lock:
            bucket, now = self._bucket(key), self._clock()
            bucket.points = min(self._burst, bucket.points + (now - bucket.since) * self._rate)
            bucket.since = now
            lacking = min(cost, self._burst) - bucket.points
            if lacking > 0:
                return lacking / self._rate
            bucket.points -= cost
            return None

    def _bucket(self, key: str) -> _Bucket:
        if key not in self._buckets:
            self._buckets[key] = _Bucket(self._burst, self._clock())
            if len(self._buckets) > MOST_KEPT:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return self._buckets[key]
