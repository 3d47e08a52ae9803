"""An entry of the history: an event, and who asked for what when it was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened, to what, by whom. `data` is what the event told, `receipt` the hash of it and of all before it."""

    position: int
    aggregate: str
    event: str
    id: UUID
    version: int
    schema_version: int
    recorded_at: datetime
    occurred_at: datetime
    actor: UUID
    on_behalf_of: UUID | None
    command: str
    command_id: UUID
    correlation_id: UUID | None
    causation_id: UUID | None
    origin: str | None
    receipt: str
    data: Any


@dataclass(frozen=True, slots=True)
class Told:
    """An event of one aggregate, with who asked for what when it was recorded: what an undo looks at."""

    event: Any
    position: int
    recorded_at: datetime
    actor: UUID
    command: str
    command_id: UUID
    correlation_id: UUID | None
    causation_id: UUID | None

    def is_of(self, id: UUID) -> bool:
        """Whether a command of this id recorded it, or what has this id belongs together with it."""
        return id in (self.command_id, self.correlation_id)
