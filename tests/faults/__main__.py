"""`make faults`: a long run of random kills, `FAULTS` of them, each round on a new folder and checked at its end.

With a second number, which every run prints, the same faults are chosen again: `python -m tests.faults 100 12345`.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.house import House
from tests.faults.random_kills import strike

ROUND = 25
"""Faults between two checks: each goes through the whole history of its folder."""


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"{times} faults, chosen by the number {seed}", flush=True)
    chance, done, acknowledged, began = random.Random(seed), Counter[str](), 0, time.monotonic()
    while (left := times - done.total()) > 0:
        with TemporaryDirectory() as folder:
            house = House(Path(folder) / "data")
            try:
                strike(house, chance, min(left, ROUND), lambda name: done.update([name]))
                acknowledged += house.check()
            except BaseException:
                print(house.serving.log.read_text(), file=sys.stderr)
                raise
            finally:
                house.kill()
        kinds = ", ".join(f"{number} {name}" for name, number in sorted(done.items()))
        minutes = (time.monotonic() - began) / 60
        print(f"{done.total()} faults in {minutes:.1f} min ({kinds}): {acknowledged} commands hold", flush=True)


if __name__ == "__main__":
    main()
