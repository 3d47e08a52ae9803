"""Tags of answers (ETag): a client that has an answer already learns that it still holds, without its being made again.

An answer follows from its statement, which holds the document, the variables and the rights of its caller, and from
the tables that it reads. Their rows change by events of their own kinds and by nothing else. So a tag names the
statement, the tables themselves and the position up to which all of them had come; and it holds as long as the same
statement is asked of the same tables and no event of those kinds was recorded since. There is none for what depends on
the clock or is computed, nor while an aggregate waits that a table cannot follow: that may be tried again without an
event.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, NamedTuple

from api.ports import Rows
from api.statement import Statement

FEW: Final = 2000
"""So many events are looked through. When more came since, the answer is made anew."""

TABLES: Final = "(select coalesce(sum(to_regclass(quote_ident(n))::oid::bigint), 0) from unnest({names}) n)"
HEAD: Final = "(select position from event_head)"
STAND: Final = """
    (select min(c.position) from checkpoints c where c.name = any({names})
     and not exists (select from dead_letters d where d.name = any({names})))"""
UNMOVED: Final = f"""
    select h.position - $1 between 0 and {FEW} and not exists (
        select from events e where e.position > $1 and ($2::text[] is null or split_part(e.topic, '.', 1) = any($2))),
        {TABLES.format(names="$3::text[]")}
    from event_head h"""


class Tag(NamedTuple):
    """The tag of an answer."""

    statement: str
    tables: int
    position: int

    def __str__(self) -> str:
        return f'W/"{self.statement}.{self.tables}.{self.position}"'


def name_of(statement: Statement, sql: str) -> str | None:
    """What stands for a statement in tags; None where its answer may change without an event."""
    if "now()" in sql or statement.positions or statement.gathering:
        return None
    if not (statement.read or statement.reads_history):
        return None
    return sha256(repr((sql, statement.parameters)).encode()).hexdigest()[:24]


def with_stand(statement: Statement, sql: str) -> str:
    """The statement, with what its tag is made of: as of the same moment as the answer."""
    names = statement.bind(sorted(statement.read.values()), "text[]")
    return f"{sql}, {TABLES.format(names=names)}, {STAND.format(names=names) if statement.read else HEAD}"


async def still_holds(rows: Rows, statement: Statement, name: str, shown: str) -> str | None:
    """Of the tags that a client has, as it shows them, the one that still holds."""
    for text in shown.split(","):
        tag = _read(text.strip())
        if tag and tag.statement == name:
            kinds = None if statement.reads_history else sorted({view.of.__name__ for view in statement.read})
            given: list[Any] = [tag.position, kinds, sorted(statement.read.values())]
            unmoved, tables = await rows.one(UNMOVED, given)
            if unmoved and tables == tag.tables:
                return text.strip()
    return None


def _read(text: str) -> Tag | None:
    parts = text.removeprefix("W/").strip('"').split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts[1:]):
        return None
    return Tag(parts[0], int(parts[1]), int(parts[2]))
