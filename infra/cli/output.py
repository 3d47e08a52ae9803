"""How the command line speaks: results on the standard output, everything else on the standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="For machines: JSON on the standard output.")]
Advance = Callable[[int, int | None], None]
"""How far a long work is: so many done, of so many (None: nobody knows)."""


class Failed(Exception):
    """What was asked cannot be done: says why, in words for whoever asked."""


def say(text: str) -> None:
    """A remark on the standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)


def tell(result: Any, as_json: bool, text: Callable[[Any], Any]) -> None:
    """The result of a command: as JSON, or as `text` makes it readable."""
    if as_json:
        sys.stdout.write(json.dumps(result, indent=2, default=str, ensure_ascii=False) + "\n")
    elif (shown := text(result)) is not None:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 1_000)
        console.print(shown, markup=False, soft_wrap=isinstance(shown, str))


def table(titles: list[str], rows: list[list[Any]]) -> Table:
    """Rows under titles, for people."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        made.add_column(title, overflow="fold")
    for row in rows:
        made.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return made


@contextmanager
def progress(title: str) -> Iterator[Advance]:
    """A bar for a long work, where somebody sees it: `advance(done, total)`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
