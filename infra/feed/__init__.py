"""Recorded events of some lanes, each lane in order of position. A projector cannot tell one feed from another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from infra.tables import Table


class Recorded(NamedTuple):
    """An event as it was recorded. `state` is JSON."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    schema_version: int
    state: bytes
    recorded_at: datetime
    occurred_at: datetime
    lane: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Some events, and the position that each lane has reached with them: also a lane in which nothing happened."""

    events: Sequence[Recorded]
    reached: Mapping[int, int] = field(default_factory=dict)


class Feed(Protocol):
    """Where a projector gets its events from."""

    def read(self, after: Mapping[int, int], most: int) -> Batch:
        """What comes next in these lanes, each after its position. May bring again what was brought before."""


Lanes = tuple[list[Table], list[int]]
"""Tables, and the lanes that are held of each."""
Fed = tuple[list[Table], list[int], Feed]
"""The same, and where their events come from."""


class Source(Protocol):
    """Where all feeds of a projector come from."""

    def feeds(self, held: Sequence[Lanes]) -> list[Fed]:
        """Feeds for all that is held; those that were given before are of no use any more."""

    def wait(self, seconds: float) -> bool:
        """Until there may be more, or so long. Says whether there may be."""

    def close(self) -> None:
        """Let go of everything."""
