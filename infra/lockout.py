"""Lock-out: who shows wrong tokens waits, each time twice as long."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

FREE: Final = 10
"""So many wrong tokens cost nothing: people paste the wrong one."""
FIRST: Final = 1.0
LONGEST: Final = 900.0
"""Seconds to wait after the next one, and at most."""
FORGOTTEN: Final = 3_600.0
"""Seconds without a wrong token after which all is forgotten."""
MOST_KEPT: Final = 10_000
"""So many are remembered of whom there are wrong tokens; who showed none for longest is forgotten first."""


@dataclass
class _Failures:
    count: int
    last: float
    until: float


class LockOut:
    """Counts wrong tokens by key: an address, or the id of the token that somebody guesses at. Used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str) -> float:
        """Seconds for which nothing is looked at that comes from there; 0: go on."""
        with self._lock:
            known = self._known.get(key)
            return max(0.0, known.until - self._clock()) if known else 0.0

    def failed(self, key: str) -> None:
        """A wrong token came from there."""
        with self._lock:
            now, known = self._clock(), self._known.get(key)
            count = known.count + 1 if known and now - known.last < FORGOTTEN else 1
            waits = min(FIRST * 2.0 ** min(count - FREE - 1, 32), LONGEST) if count > FREE else 0.0
            self._known[key] = _Failures(count, now, now + waits)
            self._known.move_to_end(key)
            if len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)


@lru_cache(maxsize=4096)
def neighbourhood(address: str) -> str | None:
    """Whom a client's address stands for: itself; of IPv6 its network of 64 bits, all of which belongs to one.

    None: somebody on this machine, whom nothing would keep out, or everybody behind a proxy that does not say for whom
    it asks, who must not be locked out together.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return None
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64" if isinstance(parsed, IPv6Address) else str(parsed)
