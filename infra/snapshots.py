"""Snapshots: how an aggregate stood after many events, so that it need not be made of all of them each time.

They are disposable, as views are: one that is missing, of another declaration, unreadable, or of an event that is not
in the history is ignored. An aggregate with personal attributes has none: what is forgotten must be in no copy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from types import CodeType
from typing import Any, Final, TypedDict, cast, get_args, get_type_hints
from uuid import UUID

import msgspec

from domain.aggregate import Aggregate
from domain.declaration import KINDS, content_of, personal
from infra.mapper import ENCODE, trusted

AFTER: Final = 200
"""So many events are applied before a snapshot is taken."""
TIMES: Final = {"_created_on": datetime | None, "_modified_on": datetime | None}
"""What an aggregate knows beside its attributes, its id and its version."""

KEEP: Final = """
    insert into snapshots (id, version, hash, kind, fingerprint, state)
    select %(id)s, %(version)s, hash, %(kind)s, %(fingerprint)s, %(state)s
    from events where originator_id = %(id)s and originator_version = %(version)s
    on conflict (id) do update set version = excluded.version, hash = excluded.hash, kind = excluded.kind,
        fingerprint = excluded.fingerprint, state = excluded.state"""


def taken(aggregate: Aggregate) -> dict[str, Any] | None:
    """A snapshot, as the columns of its row. None of an aggregate that would not come back from it as it is."""
    kind = type(aggregate)
    if personal(kind):
        return None
    known = vars(aggregate)
    name, print_, state = kind.__name__, fingerprint(kind), ENCODE({each: known[each] for each in _types(kind)})
    again = restored(aggregate.id, aggregate.version, name, print_, state)
    if again is None or vars(again) != known:
        return None
    return {
        "id": aggregate.id, "version": aggregate.version, "kind": name, "fingerprint": print_, "state": state,
    }  # fmt: skip


def restored(id: UUID, version: int, kind: str, fingerprint_: str, state: bytes) -> Aggregate | None:
    """The aggregate of a snapshot; None where the snapshot is of no use."""
    found = KINDS.get(kind)
    if found is None or fingerprint(found) != fingerprint_:
        return None
    try:
        content = _decoder(found)(state)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    aggregate = object.__new__(found)
    vars(aggregate).update(content, _id=id, _version=version, _pending_events=[])
    return aggregate


@cache
def fingerprint(kind: type[Aggregate]) -> str:
    """Of all that decides what a kind's events make of it: another release, event, attribute or `apply` is another."""
    events = {
        event.TOPIC: [event.schema_version, event.item_of, event.ends_item_of, _code(event.apply.__code__)]
        + [[name, _shape(hint)] for name, hint in _hints(event).items()]
        for event in kind.events().values()
    }
    attributes = [
        [a.name, _shape(_types(kind)[a.name]), a.default is MISSING or repr(a.default)]
        for a in kind.attributes().values()
    ]
    told = [version("daybook"), kind.__qualname__, events, attributes]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


@cache
def _types(kind: type[Aggregate]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {**TIMES, **{name: hints[name] for name in kind.attributes()}}


@cache
def _decoder(kind: type[Aggregate]) -> Callable[[bytes], dict[str, Any]]:
    shape: Any = TypedDict("Snapshot", _types(kind))  # type: ignore[misc]
    return cast(Callable[[bytes], dict[str, Any]], msgspec.json.Decoder(shape, dec_hook=trusted).decode)


def _hints(event: Any) -> dict[str, Any]:
    hints = get_type_hints(event)
    return {name: hints[name] for name in content_of(event)}


def _shape(hint: Any) -> Any:
    """A type, with what its values are made of."""
    inner = [_shape(part) for part in get_args(hint)]
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        inner = [[f.name, _shape(hints[f.name]), f.default is MISSING or repr(f.default)] for f in fields(hint)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        inner = [str(member.value) for member in hint]
    return [getattr(hint, "__qualname__", str(hint)), inner]


def _code(code: CodeType) -> list[Any]:
    """What a function does, wherever it stands."""
    constants = [_code(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return [code.co_code.hex(), *code.co_names, *code.co_varnames, constants]
