"""Every kind of event ever released, with its fields and values: what the history of somebody holds already."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, get_args, get_type_hints

from domain.catalogue import AGGREGATES
from domain.declaration import content_of

EVENTS = {event.TOPIC: event for aggregate in AGGREGATES for event in aggregate.events().values()}


def test_golden_events_are_as_they_were_released(golden: Callable[[str, str], None]) -> None:
    values = {kind for event in EVENTS.values() for kind in inside(event, content_of(event))}
    released = {
        "events": {
            topic: {"schema_version": event.schema_version, "fields": told(event, content_of(event))}
            for topic, event in EVENTS.items()
        },
        "values": {f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}": of_value(kind) for kind in values},
    }

    golden("events.json", json.dumps(released, indent=1, sort_keys=True, default=str) + "\n")


def told(owner: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Some fields: their types, and what stands for one that an old event lacks."""
    hints, found = get_type_hints(owner), {f.name: f for f in fields(owner)}
    return {name: {"type": spelled(hints[name])} | default(found[name]) for name in names}


def default(field: Any) -> dict[str, Any]:
    if field.default is not MISSING:
        return {"default": field.default.value if isinstance(field.default, Enum) else field.default}
    return {"default": field.default_factory()} if field.default_factory is not MISSING else {}


def spelled(hint: Any) -> str:
    """A type without the modules that things stand in: those may move."""
    return hint.__name__ if hint.__class__ is type else re.sub(r"(?:\w+\.)+(\w+)", r"\1", str(hint))


def inside(owner: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """The value types that some fields are made of, and those inside of them."""
    hints = get_type_hints(owner)
    for name in names:
        for kind in parts(hints[name]):
            yield kind
            if is_dataclass(kind):
                yield from inside(kind, tuple(f.name for f in fields(kind)))


def parts(hint: Any) -> Iterator[Any]:
    if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, Enum)):
        yield hint
    for inner in get_args(hint):
        yield from parts(inner)


def of_value(kind: Any) -> Any:
    return told(kind, tuple(f.name for f in fields(kind))) if is_dataclass(kind) else [member.value for member in kind]
