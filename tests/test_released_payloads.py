"""A payload of every version of every kind of event ever released: each is read for ever, and loses nothing by it.

`make golden` writes the payload of a new event or version, and never changes one that is there.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest

from domain.aggregate import Aggregate
from domain.catalogue import AGGREGATES
from domain.declaration import content_of, personal
from domain.projects.planning.calendar import Calendar
from domain.values import Email, Locale, Money, Period, Phone, TimeZone, Website
from infra.mapper import ENCODE, Stored, read, write

PAYLOADS = Path(__file__).parent / "golden" / "payloads"
EVENTS = {event.TOPIC: event for aggregate in AGGREGATES for event in aggregate.events().values()}
RELEASED = sorted(path.name for path in PAYLOADS.glob("*.json"))
ID = UUID("018f0000-0000-7000-8000-000000000001")

SAMPLES: dict[Any, Any] = {
    UUID: ID,
    str: 'Müller & "Søn"\n',
    int: 7,
    bool: True,
    Decimal: Decimal("12.50"),
    date: date(2024, 2, 29),
    datetime: datetime.fromisoformat("2024-02-29T12:34:56.789012+00:00"),
    NoneType: None,
    Email: Email("ada@example.org"),
    Locale: Locale("de-DE"),
    Money: Money(Decimal("1234.50"), "EUR"),
    Period: Period(date(2024, 2, 29), date(2024, 12, 31)),
    Phone: Phone("+4930901820"),
    TimeZone: TimeZone("Europe/Berlin"),
    Website: Website("https://example.org"),
    Calendar: Calendar(frozenset({0, 6}), frozenset({date(2024, 2, 29)}), frozenset({date(2024, 3, 2)})),
}


def sample(hint: Any) -> Any:
    """A value of a type, with as much in it as it may have."""
    if hint in SAMPLES:
        return SAMPLES[hint]
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return {f.name: sample(hints[f.name]) for f in fields(hint)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint)).value
    inner = [sample(part) for part in get_args(hint) if part is not Ellipsis]
    if get_origin(hint) in (tuple, frozenset):
        return inner[:1]
    return {inner[0]: inner[1]} if get_origin(hint) is Mapping else inner[0]


class Transparent:
    """Keys that hide nothing."""

    def seal(self, person: UUID, told: bytes, place: bytes) -> str:
        return b64encode(told).decode()

    def open(self, person: UUID, sealed: str, place: bytes) -> bytes:
        return b64decode(sealed)


KEYS = Transparent()


def payload(event: type[Aggregate.Event]) -> str:
    """What an event of this kind might tell, as it is recorded."""
    hints, sealed = get_type_hints(event), personal(event)
    told = {name: sample(hints[name]) for name in content_of(event)}
    told |= {name: KEYS.seal(ID, ENCODE(told[name]), b"") for name in sealed}
    return ENCODE(told).decode() + "\n"


def stored(file: str) -> Stored:
    aggregate, name, version, _ = file.split(".")
    state = (PAYLOADS / file).read_bytes().rstrip(b"\n")
    return Stored(ID, 2, f"{aggregate}.{name}", int(version), None, state)


def kept(told: Any, later: Any) -> bool:
    """Whether all that was told is still told, and by the same value."""
    if isinstance(told, dict) and isinstance(later, dict):
        return all(name in later and kept(value, later[name]) for name, value in told.items())
    return bool(told == later)


@pytest.mark.parametrize("topic", EVENTS)
def test_what_an_event_tells_today_is_kept_for_ever(topic: str, golden: Callable[[str, str], None]) -> None:
    event = EVENTS[topic]
    file = f"{topic}.{event.schema_version}.json"
    if file not in RELEASED:
        golden(f"payloads/{file}", payload(event))

    row = stored(file)
    again = write(read(row, KEYS), KEYS)

    assert (again.topic, again.schema_version) == (topic, event.schema_version)
    assert kept(json.loads(row.state), json.loads(again.state))


@pytest.mark.parametrize("file", RELEASED)
def test_what_was_released_is_read_and_written_again_without_a_difference(file: str) -> None:
    row = stored(file)
    released = {other.split(".")[2] for other in RELEASED if other.startswith(f"{row.topic}.")}

    event = read(row, KEYS)

    assert row.topic in EVENTS
    assert read(write(event, KEYS), KEYS) == event
    assert released == {str(number) for number in range(1, EVENTS[row.topic].schema_version + 1)}
