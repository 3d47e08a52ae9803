"""How long the schema of some 45 aggregates takes to build, and how much memory: what is declared, and copies of it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

COPIES = range(2, 5)
ROOT = Path(__file__).parents[2]
MIB = 1024


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    command = [sys.executable, "-m", "tests.bench.schema"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    _, _, _, once, few_seconds, few_memory, copied, seconds, memory, lines = told.split()
    yield f"schema of {once} aggregates built", f"{few_seconds} s, {few_memory} MiB", "", ""
    against = f"1.5 s, 110 MiB; {lines} lines"
    yield f"schema of {copied} aggregates built", f"{seconds} s, {memory} MiB", against, f"{float(seconds) / 1.5:.2f}"


def main() -> None:
    """Imports, the schema as it is, and that of all copies: seconds, and MiB that the process grew by."""
    from domain.catalogue import AGGREGATES
    from projections.catalogue import REPORTS, VIEWS

    _measured("imports", lambda: __import__("server"))
    _measured(str(len(AGGREGATES)), lambda: _build(AGGREGATES, VIEWS, REPORTS))
    aggregates, views = list(AGGREGATES), list(VIEWS)
    for number in COPIES:
        aggregates += [
            getattr(_copy(a.__module__, number), f"{a.__name__}{number}") for a in AGGREGATES
        ]  # the domain first: views name it
        for name in dict.fromkeys(view.__module__ for view in VIEWS):
            module = _copy(name, number)
            views += [v for v in vars(module).values() if getattr(v, "__module__", "") == module.__name__]
    assert (len(aggregates), len(views)) == (len(AGGREGATES) * (len(COPIES) + 1), len(VIEWS) * (len(COPIES) + 1))
    _measured(str(len(aggregates)), lambda: _build(aggregates, views, REPORTS))
    print(_build(aggregates, views, REPORTS).as_str().count("\n"))


def _build(aggregates: Any, views: Any, reports: Any) -> Any:
    from api.schema import build

    return build(aggregates, views, reports, ZoneInfo("UTC"))[0]


def _measured(what: str, done: Any) -> None:
    before, begun = _memory(), perf_counter()
    kept.append(done())
    print(what, f"{perf_counter() - begun:.2f}", _memory() - before, flush=True)


kept: list[Any] = []


def _memory() -> int:
    """The MiB that this process holds."""
    [resident] = re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(resident) // MIB


def _copy(name: str, number: int) -> ModuleType:
    """A module of the domain or of the views once more, whatever it declares under a name of its own."""
    from domain.catalogue import AGGREGATES

    if known := sys.modules.get(f"{name}{number}"):
        return known
    source = Path(sys.modules[name].__file__ or "").read_text()
    nouns = "|".join(aggregate.__name__ for aggregate in AGGREGATES)
    for needed in re.findall(r"^from ((?:domain|projections)\.\w+\.\w+) import", source, re.M):
        _copy(needed, number)
    source = re.sub(rf"\b({nouns})\b", rf"\g<1>{number}", source)
    source = re.sub(r"\b(\w+)View\b", rf"\g<1>{number}View", source)
    source = re.sub(r"(?<=from )((?:domain|projections)\.\w+\.\w+)(?= import)", rf"\g<1>{number}", source)
    source = re.sub(r'((?:table|mutation)="\w+)"', rf'\g<1>{number}"', source)
    module = ModuleType(f"{name}{number}")
    sys.modules[module.__name__] = module
    exec(compile(source, module.__name__, "exec"), vars(module))
    return module


if __name__ == "__main__":
    main()
