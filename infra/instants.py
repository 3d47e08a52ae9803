"""Instants as positions, and waiting until views have seen one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from time import monotonic, sleep
from typing import Any

from psycopg import Connection

from infra.lanes import ALL
from infra.serving import tables_of
from projections.view import View

POSITION_AT = "select position_at(%s)"
CONCERNED = "select split_part(topic, '.', 1), lane from events where position = %s"
BEHIND = "select exists (select from checkpoints where name = any(%s) and lane = any(%s) and position < %s)"
"""Whether one of these tables has not seen a position in one of these lanes. An async caller may ask it as well."""
PARKED = """
    select d.name from dead_letters d join events e using (originator_id)
    where e.position = %s and d.position <= e.position and d.name = any(%s) limit 1"""


class ViewBehind(Exception):
    """The command stands; what it did is not yet to be seen."""


def position_at(connection: Connection[Any], time: datetime) -> int:
    """The last position that was recorded by then, or 0."""
    [position] = connection.execute(POSITION_AT, [time]).fetchone() or (0,)
    return int(position)


def wait_for(connection: Connection[Any], views: Iterable[type[View]], position: int, seconds: float = 60.0) -> None:
    """Until what this one event did can be read: in the lane and the views that it concerns. Raises ViewBehind, also
    where its aggregate is parked.
    """
    if row := connection.execute(CONCERNED, [position]).fetchone():
        aggregate, lane = row
        concerned = [view for view in views if view.of.__name__ == aggregate]
        _wait(connection, concerned, [lane], position, seconds)
        names = [place.live for view in concerned if (place := tables_of(connection, view))]
        if parked := connection.execute(PARKED, (position, names)).fetchone():
            raise ViewBehind(f"{parked[0]} cannot follow this aggregate: see `daybook dead list`")


def wait_for_all(
    connection: Connection[Any], views: Iterable[type[View]], position: int, seconds: float = 60.0
) -> None:
    """Until these views can be read as of a position: every lane has passed it. Raises ViewBehind."""
    _wait(connection, views, ALL, position, seconds)


def _wait(
    connection: Connection[Any], views: Iterable[type[View]], lanes: Collection[int], position: int, seconds: float
) -> None:
    places = {view.table: tables_of(connection, view) for view in views}
    if unbuilt := sorted(name for name, place in places.items() if place is None):
        raise ViewBehind(f"{', '.join(unbuilt)} is still being built")
    names = [place.live for place in places.values() if place]
    end, pause = monotonic() + seconds, 0.001
    while connection.execute(BEHIND, (names, list(lanes), position), prepare=True).fetchone() == (True,):
        if monotonic() > end:
            raise ViewBehind(f"position {position} is not yet to be seen")
        sleep(pause)
        pause = min(pause * 1.5, 0.02)
