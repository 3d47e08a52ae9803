"""Events to bytes and back, by their annotations. What stands in columns of its own is not in the bytes."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from functools import cache, partial
from typing import Any, Final, NotRequired, Protocol, TypedDict, cast, get_type_hints
from uuid import UUID

from eventsourcing.utils import TopicError, resolve_topic
from msgspec import json

from domain.aggregate import Aggregate
from domain.declaration import content_of, personal
from domain.personal import OWN


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


class Keys(Protocol):
    """One key per person; `place` is bound to what is sealed, so that it can be read in no other."""

    def seal(self, person: UUID, told: bytes, place: bytes, /) -> str: ...

    def open(self, person: UUID, sealed: str, place: bytes, /) -> bytes | None:
        """What was told; None once the person is forgotten."""


class NoKeys(Exception):
    """Personal data came to somebody who can neither seal nor open it."""


class _NoKeys:
    def seal(self, person: UUID, told: bytes, place: bytes, /) -> str:
        raise NoKeys("there are no keys to seal it")

    def open(self, person: UUID, sealed: str, place: bytes, /) -> bytes | None:
        raise NoKeys("there are no keys to open it")


NO_KEYS: Final[Keys] = _NoKeys()


class TooNew(Exception):
    """An event was recorded by a newer Daybook, in a way that this one does not know."""


def write(event: Aggregate.Event, keys: Keys = NO_KEYS) -> Stored:
    """The row of an event. What is personal in it is sealed."""
    kind, told = type(event), vars(event)
    topic, version, seals = _row(kind)
    content = {name: told[name] for name in content_of(cast(Any, kind))}
    for each in seals:
        if content[each.name] is not None:
            content[each.name] = each.sealed(told, keys)
    return Stored(event.originator_id, event.originator_version, topic, version, event.timestamp, ENCODE(content))


def read(stored: Stored, keys: Keys = NO_KEYS) -> Aggregate.Event:
    """The event of a row. What was added to its kind since then, with a default, has its default.

    What is personal in it is opened; of a person who was forgotten it is None.
    """
    event_class, begun, defaults, decode, seals = _schema(stored.topic)
    content = decode(
        stored.state if stored.schema_version == event_class.schema_version else _upcast(event_class, stored)
    )
    content["originator_id"], content["originator_version"] = stored.originator_id, stored.originator_version
    for each in seals:
        if content.get(each.name) is not None:
            content[each.name] = each.opened(content, keys)
    for name, make in defaults:
        if name not in content:
            content[name] = make()
    content["timestamp"] = stored.occurred_at
    if begun:
        content["originator_topic"] = begun
    event = object.__new__(event_class)
    vars(event).update(content)
    return event


def persons_of(event: Aggregate.Event) -> set[UUID]:
    """The persons of whom an event tells something that is sealed."""
    _, _, seals = _row(type(event))
    told = vars(event)
    return {each.person(told) for each in seals if told[each.name] is not None}


def persons_in(topic: str, originator_id: UUID, state: bytes) -> set[UUID]:
    """The same of an event that was recorded, without reading it."""
    *_, seals = _schema(topic)
    if not seals:
        return set()
    names = {each.whose for each in seals}
    told = json.decode(state, type=dict[str, Any]) if names != {OWN_ID} else {}
    found = (originator_id if name == OWN_ID else told.get(name) for name in names)
    return {id if isinstance(id, UUID) else UUID(id) for id in found if id is not None}


def seals(topic: str) -> bool:
    """Whether events of a kind have fields that are sealed. Of a kind that nobody knows, nothing is known."""
    try:
        *_, found = _schema(topic)
    except TopicError:
        return False
    return bool(found)


def shown(topic: str, told: dict[str, Any]) -> dict[str, Any]:
    """What an event tells, for whoever reads the history without keys: what is personal is null."""
    try:
        *_, seals = _schema(topic)
    except TopicError:
        return told
    return told | {each.name: None for each in seals if each.name in told}


OWN_ID: Final = "originator_id"


@dataclass(frozen=True, slots=True)
class _Seal:
    """A personal field of a kind of event."""

    name: str
    whose: str
    decode: Callable[[bytes], Any]

    def sealed(self, told: dict[str, Any], keys: Keys) -> str:
        return keys.seal(self.person(told), ENCODE(told[self.name]), self._place(told))

    def opened(self, told: dict[str, Any], keys: Keys) -> Any:
        found = keys.open(self.person(told), told[self.name], self._place(told))
        return None if found is None else self.decode(found)

    def person(self, told: dict[str, Any]) -> UUID:
        if (person := told[self.whose]) is None:
            raise ValueError(f"`{self.name}` is personal, and `{self.whose}` does not say of whom")
        return cast(UUID, person)

    def _place(self, told: dict[str, Any]) -> bytes:
        return f"{told['originator_id']}/{told['originator_version']}/{self.name}".encode()


def _upcast(kind: type[Aggregate.Event], stored: Stored) -> bytes:
    """The state of an event as it would be written today."""
    if stored.schema_version > kind.schema_version:
        raise TooNew(
            f"{stored.topic} was recorded in version {stored.schema_version}, and {kind.schema_version} is the newest "
            "that is known here: this Daybook is too old"
        )
    state = json.decode(stored.state)
    for version in range(stored.schema_version, kind.schema_version):
        state = getattr(kind, f"upcast_v{version}")(state)
    return ENCODE(state)


def _plain(value: Any) -> str:
    """A text of a kind of its own, such as an e-mail address, is text."""
    return str(value)


def trusted(kind: type[Any], value: Any) -> Any:
    """Text of a kind of its own, as it was recorded: a rule made since then does not make history unreadable."""
    return str.__new__(kind, value)


ENCODE: Final = json.Encoder(enc_hook=_plain).encode


Defaults = list[tuple[str, Callable[[], Any]]]
Decode = Callable[[bytes], dict[str, Any]]


@cache
def _seals(kind: type[Aggregate.Event]) -> tuple[_Seal, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        _Seal(name, OWN_ID if mark.whose == OWN else mark.whose, json.Decoder(hints[name], dec_hook=trusted).decode)
        for name, mark in personal(kind).items()
    )


@cache
def _row(kind: type[Aggregate.Event]) -> tuple[str, int, tuple[_Seal, ...]]:
    return kind.TOPIC, kind.schema_version, _seals(kind)


@cache
def _schema(topic: str) -> tuple[type[Aggregate.Event], str, Defaults, Decode, tuple[_Seal, ...]]:
    """The class of an event, the kind of aggregate that it begins, its defaults, how its bytes are read, its seals."""
    event_class = resolve_topic(topic)
    hints = get_type_hints(event_class, include_extras=True)
    defaults: dict[str, Callable[[], Any]]
    defaults = {f.name: f.default_factory for f in fields(event_class) if f.default_factory is not MISSING}
    defaults |= {f.name: partial(copy, f.default) for f in fields(event_class) if f.default is not MISSING}
    seals = _seals(event_class)
    types = hints | {each.name: str | None for each in seals}
    shape = {n: NotRequired[types[n]] if n in defaults else types[n] for n in content_of(event_class)}
    decoder = json.Decoder(TypedDict(event_class.__name__, shape), dec_hook=trusted)  # type: ignore[operator]
    begun = topic.partition(".")[0] if issubclass(event_class, Aggregate.Created) else ""
    return event_class, begun, list(defaults.items()), cast(Decode, decoder.decode), seals
