"""The history as CloudEvents, for those who follow it without Kafka: the same events, and the same proof."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from domain.declaration import KINDS, context_of
from infra.cloud_events import COLUMNS, Published, encode
from infra.metrics import FOLLOWINGS
from infra.reading import Reading
from infra.topics import context_of_event

MOST: Final = 500
"""So many events are read at once, and held while the client takes them."""
WINDOW: Final = 10_000
"""So many positions are looked through at once, whatever is found in them, so that no statement is a long one."""
KEPT: Final = 10_000
"""Of so many events it is remembered which was the one before."""

HEAD: Final = "select position from event_head"
EVENTS: Final = f"""
    select {COLUMNS} from events
    where position > $1 and position <= $2 and split_part(topic, '.', 1) = any($3) order by position limit {MOST}"""
PREVIOUS: Final = """
    select max(position) from events
    where position >= $1 and position < $2 and lane = $3 and split_part(topic, '.', 1) = any($4)"""


class Shows(Protocol):
    """Which events are shown, and what of them."""

    async def __call__(self, events: Sequence[tuple[int, str, UUID, bytes]]) -> Mapping[int, bytes]:
        """Of events, each with its name, what it happened to and what it says: what is to be said, by position."""


class EventStream:
    """What whoever follows the history gets to read. A connection is taken for each batch, not for each reader."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.before: OrderedDict[int, int] = OrderedDict()

    async def head(self) -> int:
        """The position of the last event."""
        [(position,)] = await self._rows(HEAD, [])
        return int(position)

    async def after(
        self, position: int, until: int | None, contexts: Collection[str], shows: Shows
    ) -> AsyncGenerator[list[tuple[int, bytes]], None]:
        """The events after a position that are of these contexts and that are shown; in batches.

        Each is a CloudEvent in one line, with its position. It ends at `until`; without one it goes on with what is
        recorded later. A batch without events comes where there was nothing to show for a while.
        """
        with FOLLOWINGS.labels("stream").track_inprogress():
            kinds, last, head = _kinds(contexts), dict[tuple[str, int], int](), until or 0
            while until is None or position < until:
                if position >= head:
                    head = await self.head()
                if position >= head:
                    await self.reading.grown()
                    yield []
                    continue
                end = min(position + WINDOW, head)
                rows = await self._rows(EVENTS, [position, end, kinds])
                found, read = [], [Published(*row) for row in rows]
                shown = await shows([(row.position, row.topic, row.originator_id, row.state) for row in read])
                for row in read:
                    lane = context_of_event(row.topic), row.lane
                    if row.position in shown:
                        previous = last.get(lane)
                        told = row._replace(state=shown[row.position])
                        found.append(
                            (row.position, encode(told, await self.previous(row) if previous is None else previous))
                        )
                    last[lane] = row.position
                position = rows[-1][0] if len(rows) == MOST else end
                yield found

    async def previous(self, row: Published) -> int:
        """The position of the event before another in its context and lane; 0 before the first.

        It is looked for backwards, which is quick but where they are few. That never changes, so it is remembered.
        """
        if row.position not in self.before:
            kinds, found, end, window = _kinds([context_of_event(row.topic)]), None, row.position, MOST
            while found is None and end > 1:
                start = max(end - window, 1)
                [(found,)] = await self._rows(PREVIOUS, [start, end, row.lane, kinds])
                end, window = start, min(window * 4, WINDOW * 10)
            self.before[row.position] = found or 0
            if len(self.before) > KEPT:
                self.before.popitem(last=False)
        return self.before[row.position]

    async def _rows(self, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        """Rows; a client that leaves in the middle of a statement costs no connection: it is brought to its end."""
        return await asyncio.shield(self.reading.rows(sql, parameters, binary=True))


def _kinds(contexts: Collection[str]) -> list[str]:
    return [name for name, kind in KINDS.items() if context_of(kind) in contexts]
