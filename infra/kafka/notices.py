"""What the relay tells beside the events, as CloudEvents: where the history ends, and what views could not take."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import DecodeError, Struct, json

ENCODE: Final = json.Encoder().encode


class Head(Struct):
    """Where the history ended: a position, and its hash, which covers all before it."""

    position: int
    hash: str
    recorded_at: datetime

    def message(self) -> bytes:
        return _message("audit", "Head", f"{self.position}", self.recorded_at, self)


class Parked(Struct):
    """A view cannot take an event, which waits there with all that follow of its aggregate."""

    view: str
    aggregate: UUID
    event: str
    position: int
    reason: str
    since: datetime

    def message(self) -> bytes:
        return _message("dead", "Parked", f"{self.view}/{self.position}", self.since, self)


class _Told(Struct):
    data: Head


def head_in(value: bytes) -> Head | None:
    """The head that a message tells; None if it is none of ours."""
    try:
        return json.decode(value, type=_Told).data
    except DecodeError:
        return None


def _message(context: str, noun: str, id: str, time: datetime, data: Struct) -> bytes:
    """Told twice, it bears the same id."""
    return ENCODE(
        {
            "specversion": "1.0",
            "id": id,
            "source": f"/daybook/{context}",
            "type": f"daybook.{context}.{noun}",
            "time": time,
            "datacontenttype": "application/json",
            "dataschema": f"/schemas/{context}.{noun}/1",
            "data": data,
        }
    )
