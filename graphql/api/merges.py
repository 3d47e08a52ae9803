"""References to what was merged since: they stay as they were recorded, and are read as the survivor."""

from __future__ import annotations

from api.columns import known
from api.ports import ViewType
from api.statement import Instant, Row, Statement, where


def merges(view: ViewType) -> bool:
    """Whether one of these can be merged into another."""
    return "merged_into_id" in known(view)


def survivor(statement: Statement, view: ViewType, instant: Instant, id: str) -> str:
    """The id of what a merged aggregate became in the end; of any other, its own."""
    row = statement.row(view, instant)
    source, into = statement.source(row), statement.column(row, "merged_into_id")
    return (
        f"coalesce((with recursive up (id, depth) as ("
        f"select {into}, 1 from {source} where {row.alias}.id = {id} and {into} is not null"
        f" union all select {into}, up.depth + 1 from up join {source} on {row.alias}.id = up.id"
        f" where {into} is not null) select up.id from up order by up.depth desc limit 1), {id})"
    )


def survivors(statement: Statement, view: ViewType, instant: Instant) -> str:
    """A relation of every merged aggregate, and what it became in the end: `id`, `survivor`."""
    row = statement.row(view, instant)
    source, into = statement.source(row), statement.column(row, "merged_into_id")
    return (
        f"(with recursive up (id, survivor, depth) as ("
        f"select {row.alias}.id, {into}, 1 from {source} where {into} is not null"
        f" union all select up.id, {into}, up.depth + 1 from up join {source} on {row.alias}.id = up.survivor"
        f" where {into} is not null) select distinct on (id) id, survivor from up order by id, depth desc)"
    )


def pointing_to(statement: Statement, row: Row, conditions: list[str]) -> str:
    """Every id that is read as a row of which these conditions hold: its own, and those of what was merged into it."""
    into = statement.column(row, "merged_into_id")
    every = statement.row(row.view, row.instant)
    start = f"select {row.alias}.id from {statement.source(row)}{where([f'{into} is null', *conditions])}"
    into_it = statement.column(every, "merged_into_id")
    down = _down(every.alias, statement.source(every), into_it, start)
    return f"(with recursive {down} select id from down)"


def family(statement: Statement, view: ViewType, instant: Instant, ids: str) -> str:
    """An array of these ids, of what they were merged into, and of all that was merged into those."""
    row = statement.row(view, instant)
    source, into = statement.source(row), statement.column(row, "merged_into_id")
    return (
        f"array(with recursive up (id) as (select unnest({ids}) union "
        f"select {into} from up join {source} on {row.alias}.id = up.id where {into} is not null),"
        f" {_down(row.alias, source, into, 'select id from up')} select id from down)"
    )


def absorbed(statement: Statement, view: ViewType, instant: Instant, id: str) -> str:
    """An array of an id and of all that was merged into it."""
    row = statement.row(view, instant)
    down = _down(row.alias, statement.source(row), statement.column(row, "merged_into_id"), f"select {id}")
    return f"array(with recursive {down} select id from down)"


def _down(alias: str, source: str, into: str, start: str) -> str:
    return f"down (id) as ({start} union select {alias}.id from down join {source} on {into} = down.id)"
