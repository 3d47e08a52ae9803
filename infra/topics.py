"""The names of our topics in Kafka."""

from __future__ import annotations

from typing import Final

from domain.aggregate import Aggregate
from domain.declaration import KINDS, context_of
from infra.mapper import TooNew

PREFIX: Final = "daybook"
"""How all of them begin, unless the settings say otherwise."""
HEADS: Final = "audit.heads"
"""Where the history ends, from time to time: an anchor outside the database."""
DEAD: Final = "dead"
"""What views could not take."""


def kafka_topic(context: str, prefix: str = PREFIX) -> str:
    """The topic of all events of a context, such as `sales`; or of HEADS, or of DEAD."""
    return f"{prefix}.{context}.v1"


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
