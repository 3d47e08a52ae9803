"""The names of our topics in Kafka."""

from __future__ import annotations

from typing import Final

from domain.aggregate import Aggregate
from domain.declaration import KINDS, context_of
from infra.mapper import TooNew

HEADS: Final = "daybook.audit.heads.v1"
"""Where the history ends, from time to time: an anchor outside the database."""
DEAD: Final = "daybook.dead.v1"
"""What could not be taken."""


def kafka_topic(context: str) -> str:
    """The topic of all events of a context, such as `sales`. It has a partition for each lane."""
    return f"daybook.{context}.v1"


def contexts(aggregates: tuple[type[Aggregate], ...]) -> tuple[str, ...]:
    """The contexts of these kinds of aggregates, each once, in the order of their names."""
    return tuple(sorted({context_of(kind) for kind in aggregates}))


def context_of_event(event: str) -> str:
    """The context of an event by its name, `Opportunity.Won`. Raises TooNew of a kind that is not known here."""
    kind = KINDS.get(event.partition(".")[0])
    if kind is None:
        raise TooNew(f"{event} is of no kind of aggregate that is known here: this Daybook is too old")
    return context_of(kind)


def kinds_of(context: str) -> list[str]:
    """The kinds of aggregates of a context, by name."""
    return sorted(name for name, kind in KINDS.items() if context_of(kind) == context)
