"""`make faults`: a long run of random kills, `FAULTS` of them, each round on a new folder and checked at its end.

With a second number, which every run prints, the same faults are chosen again: `python -m tests.faults 100 12345`.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.disk import NoDisk, a_disk
from tests.faults.house import House
from tests.faults.random_kills import strike

ROUND = 50
"""Faults between two checks: each goes through the whole history of its folder."""


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended first
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"{times} faults, chosen by the number {seed}", flush=True)
    chance, done, acknowledged, began = random.Random(seed), Counter[str](), 0, time.monotonic()
    while (left := times - done.total()) > 0:
        with a_house(on_disk=chance.random() < 0.5) as house:
            try:
                strike(house, chance, min(left, ROUND), lambda name: done.update([name]))
                acknowledged += house.check()
            except BaseException:
                print(house.serving.log.read_text(), file=sys.stderr)
                raise
        kinds = ", ".join(f"{number} {name}" for name, number in sorted(done.items()))
        minutes = (time.monotonic() - began) / 60
        print(f"{done.total()} faults in {minutes:.1f} min ({kinds}): {acknowledged} commands hold", flush=True)


@contextmanager
def a_house(on_disk: bool) -> Iterator[House]:
    """A new one; every other one is on a disk that can be full, where this machine can make one."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        place, disk = Path(folder), None
        if on_disk:
            with suppress(NoDisk):
                disk = stack.enter_context(a_disk(place / "disk", megabytes=4_000))
        house = House((disk.place if disk else place) / "data", notes=place, disk=disk)
        stack.callback(house.kill)
        yield house


if __name__ == "__main__":
    main()
