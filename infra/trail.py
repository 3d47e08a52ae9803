"""The trail of one thing: each event of it, who asked for it and why, and what it changed. Folded from the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import Connection

from domain.aggregate import Aggregate
from domain.declaration import content_of
from domain.values import Money, id_text
from infra.mapper import Keys, Stored, persons_in, read, shown
from infra.rights import DAYBOOK

EVENTS: Final = """
    select originator_id, originator_version, topic, schema_version, occurred_at, state,
           position, recorded_at, actor, on_behalf_of, command, correlation_id, causation_id, origin, hash
    from events where originator_id = %s order by originator_version"""
KIND: Final = """
    select split_part(topic, '.', 1) from events where originator_id = %s and originator_version = 1"""


NOTHING: Final[tuple[object, ...]] = (None, "", False, (), [], {})


class _Closed:
    """The keys of nobody: what is personal reads as if the person were forgotten."""

    def seal(self, person: UUID, told: bytes, place: bytes, /) -> str:
        raise TypeError("nothing is sealed by who only reads")

    def open(self, person: UUID, sealed: str, place: bytes, /) -> bytes | None:
        return None


CLOSED: Final[Keys] = _Closed()


@dataclass(frozen=True)
class Change:
    """What an event changed of one attribute. Of what is `personal` and was not opened, only that it was told."""

    field: str
    before: Any
    after: Any
    personal: bool = False


@dataclass(frozen=True)
class Step:
    """One event. `reason` is what somebody gave for one, `receipt` its hash."""

    position: int
    version: int
    event: str
    recorded_at: datetime
    occurred_at: datetime
    actor: UUID
    on_behalf_of: UUID | None
    command: str
    reason: str | None
    correlation_id: UUID | None
    causation_id: UUID | None
    origin: str | None
    receipt: str
    changes: tuple[Change, ...]


def trail(connection: Connection[Any], id: UUID, keys: Keys = CLOSED) -> Iterator[Step]:
    """All that happened to an aggregate, from its first event on; nothing if there is none of this id."""
    found: Aggregate | None = None
    before: dict[str, Any] = {}
    for row in connection.execute(EVENTS, [id], binary=True).fetchall():
        stored = Stored(*row[:6])
        event = read(stored, keys)
        found = event.mutate(found)
        after = facts(found)
        sealed = _sealed(stored) if keys is CLOSED else set()
        told = _told(event, sealed) if isinstance(event, Aggregate.Fact) else _changes(before, after)
        yield _step(row, (*told, *(Change(name, None, None, True) for name in sorted(sealed))), event)
        before = after


def persons(connection: Connection[Any], id: UUID) -> list[UUID]:
    """Of whom something personal is told in the trail of an aggregate."""
    rows = connection.execute(EVENTS, [id], binary=True).fetchall()
    return sorted({person for row in rows for person in persons_in(row[2], row[0], row[5])})


class Names:
    """What ids are called: their kind, and a name that is not personal."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._known: dict[UUID, tuple[str, str | None]] = {DAYBOOK: ("User", "Daybook")}

    def of(self, id: UUID) -> tuple[str, str | None]:
        """The id as the API writes it, and the name of what it is of; None for what has none."""
        if id not in self._known:
            (kind,) = self._connection.execute(KIND, [id]).fetchone() or ("",)
            self._known[id] = (kind, self._name(id) if kind else None)
        kind, name = self._known[id]
        return (id_text(kind, id) if kind else str(id)), name

    def _name(self, id: UUID) -> str | None:
        found: Aggregate | None = None
        for row in self._connection.execute(EVENTS, [id], binary=True).fetchall():
            found = read(Stored(*row[:6]), CLOSED).mutate(found)
        name = getattr(found, "name", None)
        return name if isinstance(name, str) else None


def facts(aggregate: Aggregate | None) -> dict[str, Any]:
    """What an aggregate knows, each part of a value and of an item by itself: `details.industry`."""
    if aggregate is None:
        return {}
    return {
        name: value
        for attribute in type(aggregate).attributes()
        for name, value in _parts(attribute, getattr(aggregate, attribute))
    }


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _parts(f"{name}.{key.value if isinstance(key, Enum) else key}", each)
    elif is_dataclass(value) and not isinstance(value, Money):
        for field in fields(value):
            yield from _parts(f"{name}.{field.name}", getattr(value, field.name))
    elif isinstance(value, UUID):
        yield name, value
    elif isinstance(value, frozenset | set):
        yield name, sorted(msgspec.to_builtins(value, enc_hook=str), key=str)
    else:
        yield name, msgspec.to_builtins(value, enc_hook=str)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """What is another than it was; what begins as nothing has not changed."""
    for name in (*after, *(name for name in before if name not in after)):
        if before.get(name) != after.get(name) and (before.get(name) or after.get(name) not in NOTHING):
            yield Change(name, before.get(name), after.get(name))


def _told(event: Aggregate.Fact, sealed: set[str]) -> Iterator[Change]:
    """What an event says that changes nothing, such as a comment."""
    for name in content_of(type(event)):
        for part, value in () if name in sealed else _parts(name, getattr(event, name)):
            if value not in NOTHING:
                yield Change(part, None, value)


def _sealed(stored: Stored) -> set[str]:
    """The fields of an event that tell something personal."""
    told = msgspec.json.decode(stored.state)
    return {name for name, value in shown(stored.topic, told).items() if value is None and told[name] is not None}


def _step(row: tuple[Any, ...], changes: tuple[Change, ...], event: Aggregate.Event) -> Step:
    (_, version, topic, _, occurred_at, _, position, recorded_at, actor, on_behalf_of, command, correlation_id,
     causation_id, origin, hash) = row  # fmt: skip
    return Step(
        position, version, topic.partition(".")[2], recorded_at, occurred_at, actor, on_behalf_of, command,
        _reason(event), correlation_id, causation_id, origin, hash.hex(), changes,
    )  # fmt: skip


def _reason(event: Aggregate.Event) -> str | None:
    """What was given for a reason: `lost_reason`, `cancelled_because` and the like."""
    for name, value in vars(event).items():
        if (name == "reason" or name.endswith(("_reason", "_because"))) and value is not None:
            return str(value)
    return None
