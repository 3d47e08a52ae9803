"""Events to bytes and back, by their annotations. What stands in columns of its own is not in the bytes."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from functools import cache, partial
from typing import Any, Final, NotRequired, TypedDict, cast, get_type_hints
from uuid import UUID

from eventsourcing.utils import resolve_topic
from msgspec import json

from domain.aggregate import Aggregate
from domain.declaration import content_of


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the history, as far as an aggregate needs it; `state` is JSON.

    Before it is recorded, `occurred_at` is None unless a business time was given: then it is the time of recording.
    """

    originator_id: UUID
    originator_version: int
    topic: str
    schema_version: int
    occurred_at: datetime | None
    state: bytes


def write(event: Aggregate.Event) -> Stored:
    """The row of an event."""
    kind, told = type(event), vars(event)
    state = ENCODE({name: told[name] for name in content_of(cast(Any, kind))})
    topic, version = _row(kind)
    return Stored(event.originator_id, event.originator_version, topic, version, event.timestamp, state)


def read(stored: Stored) -> Aggregate.Event:
    """The event of a row. What was added to its kind since then, with a default, has its default."""
    event_class, begun, defaults, decode = _schema(stored.topic)
    content = decode(stored.state)
    for name, make in defaults:
        if name not in content:
            content[name] = make()
    content["originator_id"], content["originator_version"] = stored.originator_id, stored.originator_version
    content["timestamp"] = stored.occurred_at
    if begun:
        content["originator_topic"] = begun
    event = object.__new__(event_class)
    vars(event).update(content)
    return event


def _plain(value: Any) -> str:
    """A text of a kind of its own, such as an e-mail address, is text."""
    return str(value)


def _trusted(kind: type[Any], value: Any) -> Any:
    """Text of a kind of its own, as it was recorded: a rule made since then does not make history unreadable."""
    return str.__new__(kind, value)


ENCODE: Final = json.Encoder(enc_hook=_plain).encode


@cache
def _row(kind: type[Aggregate.Event]) -> tuple[str, int]:
    return kind.TOPIC, kind.schema_version


@cache
def _schema(
    topic: str,
) -> tuple[type[Aggregate.Event], str, list[tuple[str, Callable[[], Any]]], Callable[[bytes], dict[str, Any]]]:
    """The class of an event, the kind of aggregate that it begins, its defaults, and how its bytes are read."""
    event_class = resolve_topic(topic)
    hints = get_type_hints(event_class, include_extras=True)
    defaults: dict[str, Callable[[], Any]]
    defaults = {f.name: f.default_factory for f in fields(event_class) if f.default_factory is not MISSING}
    defaults |= {f.name: partial(copy, f.default) for f in fields(event_class) if f.default is not MISSING}
    shape = {n: NotRequired[hints[n]] if n in defaults else hints[n] for n in content_of(event_class)}
    decoder = json.Decoder(TypedDict(event_class.__name__, shape), dec_hook=_trusted)  # type: ignore[operator]
    begun = topic.partition(".")[0] if issubclass(event_class, Aggregate.Created) else ""
    return event_class, begun, list(defaults.items()), cast(Callable[[bytes], dict[str, Any]], decoder.decode)
