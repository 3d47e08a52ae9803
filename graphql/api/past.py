"""A page of a view as of a position: its rows are found by the index of their order, and not among all versions."""

from __future__ import annotations

from api.columns import columns_of
from api.statement import Row, Statement, keys_of, quoted, selected, where
from projections.view import AHEAD

A_MINUTE = 60_000
"""In the milliseconds of an id: by so much an id may be ahead of time and be found by the walk."""
LAST = "f" * 20
"""The end of the last id of a millisecond."""


def first_of_past(statement: Statement, row: Row, by_id: bool, conditions: list[str], sort: str, size: int) -> str:
    """The relation of no less than so many rows, the first in an order, of which conditions hold; `by_id`: in the order
    of ids.

    How many is written out where ids are walked: for a parameter PostgreSQL plans as for a tenth of all rows, and so
    anew each time. It is a power of two, so that the statements are few.
    """
    assert row.instant.position is not None
    place = statement.places(row.view)
    statement.past.append((place.live, row.instant.position))
    arms = _walked(row, place.live, place.history) if by_id else _standing(row, place.live, place.history)
    limit = str(1 << (size - 1).bit_length()) if by_id else statement.bind(size, "bigint")
    first = (f"({arm}{where([*met, *conditions])} order by {sort} limit {limit})" for arm, met in arms)
    return f"({' union all '.join(first)}) {row.alias}"


def _standing(row: Row, live: str, history: str) -> list[tuple[str, list[str]]]:
    """The rows that stand as they stood then, and those that changed since, each with what is to hold of them."""
    at, columns = row.instant.position, selected(row.view, row.alias)
    known = [f"{row.alias}._from <= {at}", *([f"not {row.alias}._ended"] if row.view.ends else [])]
    return [
        (f"select {columns} from {quoted(live)} {row.alias}", known),
        (f"select {columns} from {quoted(history)} {row.alias}", [f"{row.alias}._to > {at}", *known]),
    ]


def _walked(row: Row, live: str, history: str) -> list[tuple[str, list[str]]]:
    """Each row looked up at the instant: a page of a few rows need not meet the history of all others.

    Ids are in the order of time, so that what was made later is not met; those few that are ahead have an index.
    """

    def known(asked: str) -> str:
        return f"(select {asked} from events where position <= {row.instant.position} order by position desc limit 1)"

    if row.view.ends:  # what began again does not tell when it began first
        walks: list[list[str]] = [[]]
    else:
        last = f"lpad(to_hex((extract(epoch from recorded_at) * 1000)::bigint + {A_MINUTE}), 12, '0') || '{LAST}'"
        made, last = f"created_at <= {known('recorded_at')}", known(f"({last})::uuid")
        walks = [[made, f"id <= {last}"], [made, f"id > {last}", AHEAD]]
    return [(f"select {row.alias}.* from ({_walk(row, live, history, met)}) {row.alias}", []) for met in walks]


def _walk(row: Row, live: str, history: str, met: list[str]) -> str:
    """The key is that of the row as it stands today, so that the index gives the rows in their order."""
    view, at, columns = row.view, row.instant.position, selected(row.view)
    more, keys = ", r._ended" if view.ends else "", keys_of(view)
    same = " and ".join(f"r.{quoted(key)} = s.{quoted(key)}" for key in keys)
    shown = ", ".join(f"{'s' if name in keys else 'v'}.{quoted(name)}" for name in columns_of(view))
    there = " where not v._ended" if view.ends else ""
    return (
        f"select {shown} from (select * from {quoted(live)}{where(met)}) s cross join lateral ("
        f"select {columns}{more} from (select s.*) r where s._from <= {at} union all "
        f"(select {columns}{more} from {quoted(history)} r"
        f" where {same} and r._from <= {at} and s._from > {at} order by r._from desc limit 1)) v{there}"
    )
