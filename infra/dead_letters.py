"""What operators do about events that a view cannot take: look at them, try them again, leave them out for good."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import DecodeError, json
from psycopg import Connection
from psycopg.rows import dict_row

from infra.feed import Recorded
from infra.feed.log import COLUMNS
from infra.lanes import lane_of
from infra.projection import Projector, reason
from infra.tables import Table
from projections.view import View


@dataclass(frozen=True)
class Letter:
    """An aggregate that a table cannot follow: from which event on, why, and how many of its events wait by now."""

    view: str
    table: str
    id: UUID
    position: int
    topic: str
    reason: str
    tries: int
    since: datetime
    waiting: int


LETTERS = """
    select p.view, d.name, d.originator_id, d.position, e.topic, d.reason, d.tries, d.since, (
        select count(*) from events w join checkpoints c on c.name = d.name and c.lane = w.lane
        where w.originator_id = d.originator_id and w.position between d.position and greatest(c.position, d.position))
    from dead_letters d join projections p using (name) join events e on e.position = d.position
    where p.state <> 'old' or %s
    order by d.position, p.view"""
EVENT = """
    select position, topic, originator_id, originator_version, schema_version, recorded_at, occurred_at, command, actor,
           state
    from events where position = %s"""
WAITING = f"""
    select {COLUMNS} from events e where originator_id = %s and position >= %s
      and position <= (select position from checkpoints c where c.name = %s and c.lane = e.lane)
    order by position"""
SKIP = "insert into skipped (view, position) values (%s, %s) on conflict do nothing"


class NothingToSkip(Exception):
    """There is no such event, or no view of its aggregate."""


def letters(connection: Connection[Any], of_old_tables: bool = False) -> list[Letter]:
    """Everything that is parked, in the order of the history."""
    return [Letter(*row) for row in connection.execute(LETTERS, [of_old_tables]).fetchall()]


def event_at(connection: Connection[Any], position: int) -> dict[str, Any] | None:
    """An event as it was recorded. A state that is no JSON is told as text: that may be why nobody can take it."""
    event = connection.cursor(row_factory=dict_row).execute(EVENT, [position]).fetchone()
    return {**event, "state": _told(event["state"])} if event else None


def _told(state: bytes) -> Any:
    try:
        return json.decode(state)
    except (DecodeError, UnicodeDecodeError):
        return state.decode(errors="backslashreplace")


def retry(
    connection: Connection[Any], views: Iterable[type[View]], ids: Collection[UUID] | None = None
) -> tuple[list[Letter], list[Letter]]:
    """Fold what waits, in its order: of these aggregates, or of all. Says what is done, and what still waits.

    What can be folded is, and the rest goes on waiting. Whoever projects these lanes is fenced, and starts anew.
    """
    tables, done = {Table(view).name: Table(view) for view in views}, list[Letter]()
    for letter in letters(connection, of_old_tables=True):
        chosen = letter.table in tables and (ids is None or letter.id in ids)
        if chosen and _retry(connection, tables[letter.table], letter.id):
            done.append(letter)
    return done, [left for left in letters(connection) if ids is None or left.id in ids]


def _retry(connection: Connection[Any], table: Table, id: UUID) -> bool:
    with connection.transaction():
        projector = Projector(connection, [table], [lane_of(id)])  # takes the lane: nobody else moves it meanwhile
        parked = projector.aside[table.name].parked.pop(id, None)
        if parked is None:
            return True
        rows = connection.execute(WAITING, (id, parked, table.name), binary=True).fetchall()
        failed = projector.replay(table, [Recorded(*row) for row in rows])
        if failed:
            connection.execute(
                """update dead_letters set position = %s, reason = %s, tries = tries + 1
                   where name = %s and originator_id = %s""",
                (failed.recorded.position, reason(failed), table.name, id),
            )
        else:
            connection.execute("delete from dead_letters where name = %s and originator_id = %s", (table.name, id))
        return failed is None


def skip(
    connection: Connection[Any], views: Collection[type[View]], position: int, view: str | None = None
) -> tuple[list[str], list[Letter]]:
    """Leave an event out of the views in which it is parked, or out of one, for good; then fold what waited behind it.

    Tables that are built later leave it out too. Says of which views, and what still waits. Raises NothingToSkip.
    """
    parked = {letter.view for letter in letters(connection, of_old_tables=True) if letter.position == position}
    event = event_at(connection, position)
    if event is None:
        raise NothingToSkip(f"there is no event at position {position}")
    kind, id = event["topic"].partition(".")[0], event["originator_id"]
    names = [
        v.table for v in views if v.of.__name__ == kind and (v.table in parked if view is None else v.table == view)
    ]
    if not names:
        where = f"of {view}" if view else "that waits in any view: name the view that is to leave it out"
        raise NothingToSkip(f"{event['topic']} at position {position} is no event {where}")
    for name in names:
        connection.execute(SKIP, (name, position))
    chosen = [v for v in views if v.table in names]
    _, left = retry(connection, chosen, {id})
    for table in map(Table, chosen):  # who has not come as far must know it too
        connection.execute("select hold_lanes(%s, %s)", ([table.name], [lane_of(id)]))
    return names, left
