"""Reports that are computed, in three steps: what they need is gathered by one statement, Python makes rows of it, and
the statement that answers the operation finds these rows as a relation, as it does those of any other report.

Both statements are made before either is asked, and are remembered together: the rows are a parameter of the second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from msgspec import Raw, json
from strawberry.utils.str_converters import to_camel_case as camel

from api.errors import NotComputable, Unfit
from api.render import json_of
from api.statement import Instant, Statement
from domain.values import WrongPart
from projections.computed import Computed, Uncomputable, as_records, gathered, record_columns

THREADS: Final = ThreadPoolExecutor(2, "computing")
"""Beside the loop that answers all others. More of them would be no quicker: Python runs one at a time."""
Compile = Callable[[Statement, Computed[Any], Instant], str]


class Wanted(NamedTuple):
    """A report to be computed, of what was gathered under a name, and which parameter its rows are."""

    report: Computed[Any]
    name: str
    place: int


@dataclass
class Gathering:
    """What the reports of one operation need; those that need the same share it."""

    statement: Statement
    wanted: list[Wanted] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)
    names: dict[Any, str] = field(default_factory=dict)
    sql: str = ""

    def finish(self) -> None:
        """The statement is made; nothing more can be asked for."""
        self.sql = self.statement.finished(json_of(self.members))


def relation(statement: Statement, report: Computed[Any], given: Mapping[str, Any], compiled: Compile) -> str:
    """The rows of a report, for the statement that answers."""
    gathering = statement.gathering = statement.gathering or Gathering(statement.beside())
    instant = gathering.statement.instant(given.get("asOf"), given.get("occurred"))
    needed = tuple(getattr(report, f.name) for f in fields(report) if f":{f.name}" in report.sql)
    key = report.sql, report.unfit, needed, instant
    if key not in gathering.names:
        gathering.names[key] = name = f"g{len(gathering.names)}"
        gathering.members[name] = f"(select row_to_json(g) from ({compiled(gathering.statement, report, instant)}) g)"
    rows = statement.bind(None, "json")
    gathering.wanted.append(Wanted(report, gathering.names[key], len(statement.parameters) - 1))
    return f"select * from json_to_recordset({rows}) r ({record_columns(type(report))})"


async def complete(statement: Statement, ask: Callable[[str, Statement], Awaitable[str]]) -> None:
    """Puts the rows of computed reports into their places. Raises Unfit, and NotComputable."""
    if gathering := statement.gathering:
        text = await ask(gathering.sql, gathering.statement)
        loop = asyncio.get_running_loop()
        for wanted, rows in zip(
            gathering.wanted, await loop.run_in_executor(THREADS, _rows, gathering, text), strict=True
        ):
            statement.parameters[wanted.place] = rows


def _rows(gathering: Gathering, text: str) -> list[str]:
    """The rows of each report, as JSON."""
    parts, found = json.decode(text, type=dict[str, Raw]), dict[Any, Any]()
    made = []
    for report, name, _ in gathering.wanted:
        if name not in found:
            found[name] = gathered(type(report), parts[name])
        try:
            made.append(as_records(type(report), report.compute(found[name])))
        except WrongPart as wrong:
            raise Unfit(".".join(map(camel, wrong.part.split("."))), str(wrong)) from None
        except Uncomputable as why:
            raise NotComputable(str(why)) from None
    return made
