"""What the command pipeline hands to the event store: all that is recorded together, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.aggregate import Aggregate, Claim
from domain.command import Changed, Request


class Conflict(Exception):
    """An aggregate that the command looked at has changed since: this one, where it is known, to this version."""

    def __init__(self, id: UUID | None = None, version: int | None = None) -> None:
        super().__init__(f"{id} is at version {version}" if id else "what was looked at has changed")
        self.id, self.version = id, version


class Taken(Exception):
    """Another aggregate holds a value that must be unique."""

    def __init__(self, claim: Claim, holder: UUID) -> None:
        super().__init__(f"{claim.kind}.{claim.name} is held by {holder}")
        self.claim, self.holder = claim, holder


class Repeated(Exception):
    """A command of this id was answered before, and had asked for something else."""


class Forgotten(Exception):
    """It tells something of a person who was forgotten. Nothing may be recorded about them any more."""

    def __init__(self) -> None:
        super().__init__("this person was forgotten")


class Throttled(Exception):
    """More commands wait than the store takes: come back a little later."""


@dataclass(frozen=True)
class Asked:
    """Who asked for what: the audit fields of a decision. A repeated `command_id` gets the first answer.

    `digest` is the store's digest of what was asked: the same id with other content is refused.
    """

    command_id: UUID
    digest: bytes
    request: Request


@dataclass(frozen=True)
class Decision:
    """What one command records; the aggregate it was asked of comes first in `changed`."""

    asked: Asked
    events: Sequence[Aggregate.Event]
    changed: tuple[Changed, ...]


@dataclass(frozen=True)
class Commit:
    """Everything or nothing: one command, or a row of an import, or a batch that its caller wants whole."""

    decisions: tuple[Decision, ...]
    versions: Mapping[UUID, int]
    """Of every aggregate that was looked at, changed or not, as it stood before; 0 for a new one."""
    claimed: Mapping[Claim, UUID]
    freed: frozenset[Claim]
    forgets: frozenset[UUID] = frozenset()
    """Persons of whom nothing personal is left afterwards, and never will be."""
