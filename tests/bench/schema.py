"""How long the schema of all aggregates takes to build, and how much memory, beside what that of some 45 may."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from zoneinfo import ZoneInfo

ROOT: Final = Path(__file__).parents[2]
MIB: Final = 1024
SECONDS: Final = 1.5
MEMORY: Final = 110


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    command = [sys.executable, "-m", "tests.bench.schema"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    number, seconds, memory, lines = told.split()
    against = f"{SECONDS} s, {MEMORY} MiB; {lines} lines"
    yield (
        f"schema of {number} aggregates built",
        f"{seconds} s, {memory} MiB",
        against,
        f"{float(seconds) / SECONDS:.2f}",
    )


def main() -> None:
    """How many aggregates there are, the seconds of their schema, the MiB that the process grew by, and its lines."""
    __import__("server")
    from api.schema import build
    from domain.catalogue import AGGREGATES
    from projections.catalogue import REPORTS, VIEWS

    before, begun = _memory(), perf_counter()
    made: Any = build(AGGREGATES, VIEWS, REPORTS, ZoneInfo("UTC"))[0]
    print(len(AGGREGATES), f"{perf_counter() - begun:.2f}", _memory() - before, made.as_str().count("\n"))


def _memory() -> int:
    """The MiB that this process holds."""
    [resident] = re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(resident) // MIB


if __name__ == "__main__":
    main()
