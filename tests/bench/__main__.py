"""`make bench`: every benchmark, one after another on one database server, and the table of what they found.

With names, only those: `python -m tests.bench append reads`. A whole run writes the table in docs/performance.md.
"""

from __future__ import annotations

import platform
import re
import sys
from datetime import date
from importlib import import_module
from os import cpu_count
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.embedded import embedded

BENCHMARKS = (
    "append",
    "mapper",
    "cloud_events",
    "verifying",
    "evidence",
    "reads",
    "hostile",
    "rebuild",
    "instants",
    "timelines",
    "visible",
    "streams",
    "growth",
    "importing",
    "starting",
    "schema",
    "schedule",
    "gantt",
)
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def main() -> None:
    names = sys.argv[1:] or BENCHMARKS
    lines = ["| what | measured | against | ratio |", "|---|---|---|---|"]
    print(*lines, sep="\n", flush=True)
    with TemporaryDirectory() as folder, embedded(Path(folder)) as server:
        for name in names:
            for row in import_module(f"tests.bench.{name}").rows(server.superuser_url):
                lines.append(f"| {' | '.join(row)} |")
                print(lines[-1], flush=True)
    if not sys.argv[1:]:
        where = f"Python {platform.python_version()}, {cpu_count()} cores for client, server and PostgreSQL together"
        table = "\n".join([f"Measured on {date.today()}: {where}.", "", *lines])
        marked = re.compile("(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.S)
        PAGE.write_text(marked.sub(f"{table}\n", PAGE.read_text()))


if __name__ == "__main__":
    main()
