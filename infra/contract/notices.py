"""What the relay tells beside the events, as CloudEvents: where the history ends, and what views could not take."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import DecodeError, Meta, Struct, json

from infra.contract.schemas import DIALECT, address_of, inlined
from infra.topics import DEAD, HEADS

ENCODE: Final = json.Encoder().encode
VERSION: Final = 1
SOURCE: Final = "/daybook/relay"


class Head(Struct):
    """Where the history ended. Kept elsewhere, it shows a tail that was cut off, and a chain that was computed anew."""

    position: int
    hash: Annotated[str, Meta(description="Of the event at that position, and so of all before it; in hexadecimal.")]
    recorded_at: datetime

    def message(self) -> bytes:
        return _message(self, str(self.position), self.recorded_at)


class Parked(Struct):
    """A view cannot take an event. It waits, with all that follow of its aggregate, until somebody mends that."""

    view: str
    aggregate: UUID
    event: Annotated[str, Meta(description="Its name, such as `Opportunity.Won`.")]
    position: int
    reason: str
    since: datetime

    def message(self) -> bytes:
        return _message(self, f"{self.view}/{self.position}", self.since)


NOTICES: Final[dict[str, type[Struct]]] = {HEADS: Head, DEAD: Parked}
"""What is in each of these topics."""


def type_of(notice: type[Struct]) -> str:
    """The `type` of its CloudEvents."""
    return f"daybook.{notice.__name__}"


def schema_of(notice: type[Struct]) -> dict[str, Any]:
    """The schema of its data."""
    found = inlined(msgspec.json.schema(notice))
    return {"$schema": DIALECT, "$id": address_of(notice.__name__, VERSION), **found}


class _Told(Struct):
    data: Head


def head_in(value: bytes) -> Head | None:
    """The head that a message tells; None if it is none of ours."""
    try:
        return json.decode(value, type=_Told).data
    except DecodeError:
        return None


def _message(notice: Struct, id: str, time: datetime) -> bytes:
    """Told twice, it bears the same id."""
    return ENCODE(
        {
            "specversion": "1.0",
            "id": id,
            "source": SOURCE,
            "type": type_of(type(notice)),
            "time": time,
            "datacontenttype": "application/json",
            "dataschema": address_of(type(notice).__name__, VERSION),
            "data": notice,
        }
    )
