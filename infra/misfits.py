"""What no longer fits where a part of the history is left out: things that were never made, and what builds on them.

Nothing is decided anew, for commands never run on replay: this tells what to look at, not what would have happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from domain.values import id_text
from infra.rebuild import Only
from infra.tables import Table
from projections.view import View, belongs_to

LEFT_OUT: Final[LiteralString] = (
    "(position < %(since)s or command_id = any(%(without)s) or coalesce(correlation_id = any(%(without)s), false))"
)
TOUCHED: Final = f"""
    create temp table left_out as
    select originator_id as id, split_part(min(topic), '.', 1) as kind, min(originator_version) as first,
           count(*) as events, min(position) as position, 0::bigint as later, null::bigint as next
    from events where position <= %(until)s and split_part(topic, '.', 1) = any(%(kinds)s) and {LEFT_OUT}
    group by originator_id"""
LATER: Final = f"""
    update left_out l set later = f.events, next = f.position from (
        select e.originator_id, count(*) as events, min(e.position) as position
        from events e join left_out l on l.id = e.originator_id and e.originator_version > l.first
        where e.position <= %(until)s and not {LEFT_OUT.replace("position <", "e.position <")}
        group by e.originator_id) f
    where f.originator_id = l.id"""
NAMED: Final = 5
"""Examples of each misfit."""
OF_KIND: Final = """
    select kind, count(*), sum(later), (array_agg(array[id::text, position::text, next::text] order by position))[:%s]
    from left_out where {} group by kind order by kind"""


class Part(NamedTuple):
    """A part of the history: from a position on, up to another, but for what commands or correlations recorded."""

    since: int
    until: int
    without: tuple[UUID, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is left out of what was recorded by then."""
        return self.since <= 1 and not self.without

    @property
    def given(self) -> Mapping[str, Any]:
        return {"since": self.since, "until": self.until, "without": list(self.without)}

    @property
    def only(self) -> Only:
        """What is read of it."""
        return Only() if self.whole else Only(f"and not {LEFT_OUT}", self.given)


class What(StrEnum):
    """How something may no longer fit."""

    NEVER_MADE = "never made"
    """What made it was left out, and so is everything else that happened to it."""
    FOLDED_UPON = "folded upon a gap"
    """Something that happened to it was left out, and what followed was not: it may not have been possible."""
    NEVER_BEGUN = "item never begun"
    """What changed an item that was not there any more is left out."""
    REFERS = "refers to what was never made"
    CANNOT = "cannot be folded"
    """An event, and so all that followed of its aggregate, is left out."""


@dataclass(frozen=True)
class Misfit:
    """So many things, and events of theirs, that no longer fit in one way; the first of them are named."""

    what: What
    where: str
    """A kind of aggregate, a view, or a column of one."""
    things: int
    events: int | None
    examples: tuple[str, ...]


class Gaps(NamedTuple):
    """What is left out: events that were asked to be, and those that have to be, for their aggregate was never made."""

    events: int
    without_makers: int


def find_gaps(connection: Connection[Any], part: Part, kinds: Collection[str]) -> Gaps:
    """Look through the history for what leaving out touches; it is remembered on this connection."""
    given = {**part.given, "kinds": list(kinds)}
    connection.execute("drop table if exists left_out")
    connection.execute(TOUCHED, given)
    connection.execute("analyze left_out")
    connection.execute(LATER, given)
    asked = "select coalesce(sum(events), 0), coalesce(sum(later) filter (where first = 1), 0) from left_out"
    events, later = connection.execute(asked).fetchone() or (0, 0)
    return Gaps(int(events), int(later))


def of_aggregates(connection: Connection[Any]) -> Iterator[Misfit]:
    """Those that were never made, and those that have a gap."""
    for what, condition in ((What.NEVER_MADE, "first = 1"), (What.FOLDED_UPON, "first > 1 and later > 0")):
        found = connection.execute(SQL(OF_KIND).format(SQL(condition)), [NAMED]).fetchall()
        for kind, things, events, examples in found:
            gap = "{}: made at {}" if what is What.NEVER_MADE else "{}: {} is left out, {} is folded"
            named = (gap.format(id_text(kind, UUID(id)), *positions) for id, *positions in examples)
            yield Misfit(what, kind, things, int(events), tuple(named))


def of_references(connection: Connection[Any], table: Table, views: Collection[type[View]]) -> Iterator[Misfit]:
    """The rows of a table that refer to what was never made."""
    there = SQL(" and not r._ended" if table.view.ends else "")
    types = {column.name: column.type for column in table.columns}
    for column, to in belongs_to(table.view, views).items():
        among = "&& array(select id from missing)" if types[column] == "uuid[]" else "in (select id from missing)"
        things, ids = connection.execute(
            SQL("""
                with missing as (select id from left_out where first = 1 and kind = %(kind)s)
                select count(*), (array_agg(r.id order by r.id))[:%(most)s] from {} r where r.{} {}{}""").format(
                Identifier(table.name), Identifier(column), SQL(among), there
            ),
            {"kind": to.of.__name__, "most": NAMED},
        ).fetchone() or (0, [])
        if things:
            named = (id_text(table.view.of.__name__, id) for id in ids or ())
            yield Misfit(What.REFERS, f"{table.view.table}.{column}", things, None, tuple(named))
