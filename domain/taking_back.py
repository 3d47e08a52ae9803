"""What may be taken back, and what comes of it: an undo of a command, or of all that belongs together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.aggregate import Aggregate
from domain.command import Refusal


class Fate(StrEnum):
    """What becomes of one thing in an undo."""

    UNDONE = "undone"
    REFUSED = "refused"
    ALREADY = "already"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True)
class Undo:
    """Somebody wants to undo what a command recorded, or all of one correlation id; or the command by a position.

    `partial`: what can be undone is, whatever becomes of the rest. `preview`: nothing is recorded.
    """

    actor: UUID
    command_id: UUID | None = None
    correlation_id: UUID | None = None
    position: int | None = None
    partial: bool = False
    preview: bool = False
    reason: str | None = None
    origin: str
    scopes: frozenset[str] | None = None


@dataclass(frozen=True)
class Affected:
    """One thing that is undone: as it stands, and as it would stand; the same where it is refused or as it was."""

    kind: str
    id: UUID
    fate: Fate
    now: Aggregate | None
    then: Aggregate | None
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Undone:
    """What came of an undo, or would. `correlation_id` is its own: by it, it can be undone in its turn.

    With a `refusal` nothing was done.
    """

    affected: tuple[Affected, ...]
    correlation_id: UUID | None = None
    position: int | None = None
    receipt: str | None = None
    refusal: Refusal | None = None

    @property
    def counts(self) -> Mapping[Fate, int]:
        """How many things had each fate."""
        found = Counter(each.fate for each in self.affected)
        return {fate: found[fate] for fate in Fate}
