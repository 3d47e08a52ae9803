"""The feed that follows the history itself, in the same database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection

from infra.bell import CHANNEL
from infra.feed import Batch, Fed, Lanes, Recorded
from infra.lanes import LANES

COLUMNS = "position, originator_id, originator_version, topic, schema_version, state, recorded_at, occurred_at, lane"
READ = f"select {COLUMNS} from events where position > %s order by position limit %s"
READ_LANES = f"""select {COLUMNS} from events
                 where position > %s and position <= %s and lane = any(%s) order by position limit %s"""
HEAD = "select coalesce(max(position), 0) from events"


class LogFeed:
    """Positions have no holes, so that a lane without events has reached the position of any other."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection

    def read(self, after: Mapping[int, int], most: int) -> Batch:
        start = min(after.values())
        if len(after) == LANES:
            rows = self.connection.execute(READ, (start, most), prepare=True, binary=True).fetchall()
            reached = rows[-1][0] if rows else start
        else:
            [reached] = self.connection.execute(HEAD, prepare=True).fetchone() or (0,)
            lanes = (start, reached, list(after), most)
            rows = self.connection.execute(READ_LANES, lanes, prepare=True, binary=True).fetchall()
            if len(rows) == most:
                reached = rows[-1][0]
        events = [Recorded(*row) for row in rows]
        return Batch(events, {lane: reached for lane, position in after.items() if position < reached})


class LogSource:
    """Reads over one connection, and hears over another that there is more: so the reading is not disturbed."""

    def __init__(self, reading: Connection[Any], hearing: Connection[Any]) -> None:
        self.reading, self.hearing = reading, hearing
        hearing.execute(f"listen {CHANNEL}".encode())

    def feeds(self, held: Sequence[Lanes]) -> list[Fed]:
        return [(*each, LogFeed(self.reading)) for each in held]

    def wait(self, seconds: float) -> bool:
        return any(self.hearing.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        """The connections are not ours to close."""
