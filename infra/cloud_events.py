"""An event as the world outside gets it: a CloudEvent 1.0 in JSON, in structured mode.

    encode(row: Published, previous: int) -> bytes
    decode(value: bytes) -> tuple[Recorded, int]            # the event, and its previous position; raises NotOurs

`decode(encode(row, previous))` is `(row.recorded, previous)`: the bytes of the state, and times to the microsecond.

Each attribute says of itself what it is, in CloudEvent below: that is what `/schemas/CloudEvent/1.0` serves.
What is null is left out. There is no `traceparent`: the history does not know it.

Positions are text since an Integer of CloudEvents ends at 2^31 - 1, where SDKs (Java's, for one) refuse the whole
event: a history may be longer. With leading zeros they are in order as text and as numbers alike, in any language.

Where the bytes that were recorded are no JSON, or not in one line, they are in `data_base64`, with
`application/octet-stream` as `datacontenttype`. We record none such, but what is in the history is told.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NamedTuple
from uuid import UUID

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType, convert, json

from domain.values import id_text
from infra.feed import Recorded
from infra.feed.log import COLUMNS as OF_RECORDED
from infra.lanes import LANES
from infra.topics import context_of_event

COLUMNS: Final = f"{OF_RECORDED}, command_id, command, actor, on_behalf_of, correlation_id, causation_id"
"""What is selected from `events`, in the order of Published."""
MEDIA: Final = "application/cloudevents+json"
"""The content type of one event."""


class NotOurs(Exception):
    """A message is no CloudEvent of ours."""


class Published(NamedTuple):
    """A row of the history as the stream tells it: `Published(*row)` of a row of COLUMNS. Times are in UTC."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    schema_version: int
    state: bytes
    recorded_at: datetime
    occurred_at: datetime
    lane: int
    command_id: UUID
    command: str
    actor: UUID
    on_behalf_of: UUID | None
    correlation_id: UUID | None
    causation_id: UUID | None

    @property
    def recorded(self) -> Recorded:
        """What a projector needs of it."""
        return Recorded(*self[:9])


def _says(description: str, **schema: str | int) -> Meta:
    """What an attribute is, for the schema of all events. It costs nothing when an event is read."""
    return Meta(description=description, extra_json_schema=schema)


NUMBER: Final[dict[str, Any]] = {"pattern": "^[0-9]{19}$"}
"""19 digits: all that a bigint has."""


class CloudEvent(Struct, omit_defaults=True):
    """An event of Daybook, as a CloudEvent 1.0 in JSON. An attribute that would be null is left out."""

    specversion: Annotated[Literal["1.0"], _says("The version of CloudEvents.")]
    id: Annotated[str, _says("<id of the aggregate>/<version>: unique, even among installations.", minLength=1)]
    source: Annotated[str, _says("The stream of a context: /daybook/<context>.", format="uri-reference", minLength=1)]
    type: Annotated[str, _says("What happened: daybook.<context>.<Kind>.<Event>. Its version is in dataschema.")]
    subject: Annotated[str, _says("What it happened to, as the API names it: <Kind>_<uuid>.", minLength=1)]
    time: Annotated[datetime, _says("When it happened, in UTC.", format="date-time")]
    recordedtime: Annotated[
        datetime, _says("When it became known, in UTC; never before what stands before it.", format="date-time")
    ]
    datacontenttype: Annotated[str, _says("application/json, and application/octet-stream with data_base64.")]
    dataschema: Annotated[str, _says("The JSON Schema of data, where the server serves it.", format="uri-reference")]
    position: Annotated[str, _says("Its place among all events of the installation, from 1 on.", **NUMBER)]
    previousposition: Annotated[str, _says("Position of the event before it in its context and lane; or 0.", **NUMBER)]
    lane: Annotated[int, Meta(ge=0, lt=LANES, description="The partition of its topic; it follows from the subject.")]
    sequence: Annotated[str, _says("The version that it made of its subject: 1, 2, 3 and so on.", **NUMBER)]
    actor: Annotated[str, _says("Who asked for it: User_<uuid>.")]
    command: Annotated[str, _says("What was asked for, such as Opportunity.win.")]
    commandid: Annotated[UUID, _says("The id of that one request, which may have brought about several events.")]
    onbehalfof: Annotated[str | UnsetType, _says("For whom, where that is somebody else: User_<uuid>.")] = UNSET
    correlationid: Annotated[UUID | UnsetType, _says("What it belongs to, as whoever asked said.")] = UNSET
    causationid: Annotated[UUID | UnsetType, _says("What brought it about, as whoever asked said.")] = UNSET
    data: Annotated[Raw | UnsetType, _says("What the event told, as it was recorded; what is personal is sealed.")] = (
        UNSET
    )
    data_base64: Annotated[str | UnsetType, _says("What was recorded, where that is no JSON in one line.")] = UNSET


def encode(row: Published, previous: int) -> bytes:
    """The CloudEvent of an event, in one line; `previous` is the position of the one before it in context and lane.

    Raises TooNew where the event is of no kind of aggregate that is known here.
    """
    (position, id, version, topic, schema_version, state, recorded_at, occurred_at, lane,
     command_id, command, actor, on_behalf_of, correlation_id, causation_id) = row  # fmt: skip
    source, type, kind, dataschema = _constants(topic, schema_version)
    text, plain = ENCODE(id)[1:-1].decode(), _in_one_line(state)
    return ENCODE(
        CloudEvent(
            "1.0",
            f"{text}/{version}",
            source,
            type,
            f"{kind}_{text}",
            occurred_at,
            recorded_at,
            "application/json" if plain else "application/octet-stream",
            dataschema,
            f"{position:019}",
            f"{previous:019}",
            lane,
            f"{version:019}",
            _user(actor),
            command,
            command_id,
            _user(on_behalf_of) if on_behalf_of else UNSET,
            correlation_id or UNSET,
            causation_id or UNSET,
            Raw(state) if plain else UNSET,
            UNSET if plain else b64encode(state).decode(),
        )
    )


def decode(value: bytes) -> tuple[Recorded, int]:
    """The event of a CloudEvent, and the position of the one before it in its context and lane. Raises NotOurs."""
    try:
        told = DECODE(value)
        topic, kind, schema_version = _named(told.source, told.type, told.dataschema)
        text = told.subject.removeprefix(kind)
        version = _number(told.sequence)
        if told.id != f"{text}/{version}":
            raise NotOurs(f"`id` is {told.id!r}, and `subject` and `sequence` say otherwise")
        state = told.data if isinstance(told.data, Raw) else b64decode(told.data_base64 or b"", validate=True)
        recorded = Recorded(
            _number(told.position),
            convert(text, UUID),
            version,
            topic,
            schema_version,
            bytes(state),
            told.recordedtime,
            told.time,
            told.lane,
        )
        return recorded, _number(told.previousposition)
    except (DecodeError, ValueError, RecursionError) as error:
        raise NotOurs(f"this is no CloudEvent of ours: {error}") from error


ENCODE: Final = json.Encoder().encode
DECODE: Final = json.Decoder(CloudEvent).decode
JSON: Final = json.Decoder(Raw).decode


def _in_one_line(state: bytes) -> bool:
    """Whether it is JSON that may stand in a line of JSON."""
    try:
        if not state.isascii():
            state.decode()
        JSON(state)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return state == state.strip() and b"\n" not in state and b"\r" not in state


def _number(text: str) -> int:
    if len(text) != 19 or not text.isdecimal():
        raise NotOurs(f"{text!r} is no number of 19 digits")
    return int(text)


@lru_cache(maxsize=4_096)
def _constants(topic: str, schema_version: int) -> tuple[str, str, str, str]:
    """What is the same in all events of a kind: source, type, the kind of aggregate, schema."""
    context = context_of_event(topic)
    return (
        f"/daybook/{context}",
        f"daybook.{context}.{topic}",
        topic.partition(".")[0],
        f"/schemas/{topic}/{schema_version}",
    )


@lru_cache(maxsize=4_096)
def _named(source: str, type: str, dataschema: str) -> tuple[str, str, int]:
    """What these three name together: the event, how a subject begins, the version of the schema."""
    context = source.removeprefix("/daybook/")
    topic = type.removeprefix(f"daybook.{context}.")
    kind, _, event = topic.partition(".")
    version = dataschema.removeprefix(f"/schemas/{topic}/")
    if not (kind and event and version.isdecimal()) or (source, type, dataschema) != (
        f"/daybook/{context}",
        f"daybook.{context}.{topic}",
        f"/schemas/{topic}/{version}",
    ):
        raise NotOurs(f"`source`, `type` and `dataschema` name no event of ours: {source!r}, {type!r}, {dataschema!r}")
    return topic, f"{kind}_", int(version)


@lru_cache(maxsize=4_096)
def _user(id: UUID) -> str:
    return id_text("User", id)
