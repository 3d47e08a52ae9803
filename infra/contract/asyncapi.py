"""The AsyncAPI 3.0 document: which topics there are, which events are in them, and what whoever follows must do."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import getdoc
from typing import Any, Final

from msgspec import Struct

from domain.aggregate import Aggregate
from infra.cloud_events import MEDIA
from infra.contract.notices import NOTICES, SOURCE, schema_of, type_of
from infra.contract.notices import VERSION as VERSION_OF_NOTICES
from infra.contract.schemas import Schema, Schemas, address_of, envelope, every
from infra.lanes import LANES
from infra.topics import HEADS, PREFIX, context_of_event, contexts, kafka_topic

VERSION: Final = "1"
"""Of the contract, and of the topics: another one would have topics of its own beside these."""
CONTENT: Final = f"{MEDIA}; charset=utf-8"
ABOUT: Final = """Every event of Daybook, as a CloudEvent 1.0 in JSON, in structured mode.

A topic holds all events of one context. An event is in the partition of its subject, which is its `lane`. Within a
partition events come in the order of their positions.

Whoever follows

- reads with `isolation.level=read_committed`,
- keeps the last `position` of each partition, and skips an event whose position is not greater: after a fault an event
  may come again, and then it is the same event,
- has missed nothing in a partition if each `previousposition` is the position that it had last, 0 before the first,
- takes attributes, fields, events and values of lists that it does not know for what they are: later ones.

Positions and sequences are text of 19 digits: in order as text and as numbers alike. What is personal is sealed, and
marked `x-personal` in the schemas.

The same events without Kafka: `GET /events`."""


def asyncapi(aggregates: tuple[type[Aggregate], ...], found: Schemas, prefix: str = PREFIX) -> dict[str, Any]:
    """The document of these aggregates and of the schemas of their events, with everything in it that it speaks of."""
    described = {f"{topic}.{version}": schema for topic, version, schema in every(found)}
    messages = {f"{topic}.{version}": _message(topic, version, schema) for topic, version, schema in every(found)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Daybook", "version": VERSION, "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "defaultContentType": CONTENT,
        "channels": {context: _channel(context, messages, prefix) for context in contexts(aggregates)}
        | {channel: _notices(channel, notice, prefix) for channel, notice in NOTICES.items()},
        "operations": {f"publish_{context}": _operation(context) for context in contexts(aggregates)}
        | {f"publish_{channel}": _telling(channel, notice) for channel, notice in NOTICES.items()},
        "components": {
            "messages": messages | {notice.__name__: _notice(notice) for notice in NOTICES.values()},
            "schemas": {"CloudEvent": _embedded(envelope())}
            | {name: _embedded(schema) for name, schema in described.items()}
            | {notice.__name__: _embedded(schema_of(notice)) for notice in NOTICES.values()},
        },
    }


def _channel(context: str, messages: Iterable[str], prefix: str) -> dict[str, Any]:
    return {
        "address": kafka_topic(context, prefix),
        "title": f"Events of {context}",
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in messages if context_of_event(name) == context
        },
        "bindings": {"kafka": {"topic": kafka_topic(context, prefix), "partitions": LANES, "bindingVersion": "0.5.0"}},
    }


def _operation(context: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{context}"},
        "summary": f"Tell every event of {context}, each once, in order within its partition.",
    }


def _notices(channel: str, notice: type[Struct], prefix: str) -> dict[str, Any]:
    topic, partitions = kafka_topic(channel, prefix), 1 if channel == HEADS else LANES
    return {
        "address": topic,
        "title": getdoc(notice),
        "messages": {notice.__name__: {"$ref": f"#/components/messages/{notice.__name__}"}},
        "bindings": {"kafka": {"topic": topic, "partitions": partitions, "bindingVersion": "0.5.0"}},
    }


def _telling(channel: str, notice: type[Struct]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"Tell each {notice.__name__} at least once; told again, it has the same `id`.",
    }


def _notice(notice: type[Struct]) -> dict[str, Any]:
    """A CloudEvent of which nothing but the data is its own."""
    constants = {
        "specversion": {"const": "1.0"},
        "source": {"const": SOURCE},
        "type": {"const": type_of(notice)},
        "dataschema": {"const": address_of(notice.__name__, VERSION_OF_NOTICES)},
        "id": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": {"$ref": f"#/components/schemas/{notice.__name__}"},
    }
    return {
        "name": type_of(notice),
        "title": notice.__name__,
        "description": getdoc(notice),
        "contentType": CONTENT,
        "payload": {"type": "object", "required": list(constants), "properties": constants},
    }


def _message(topic: str, version: int, schema: Schema) -> dict[str, Any]:
    context = context_of_event(topic)
    constants = {
        "source": {"const": f"/daybook/{context}"},
        "type": {"const": f"daybook.{context}.{topic}"},
        "dataschema": {"const": address_of(topic, version)},
        "data": {"$ref": f"#/components/schemas/{topic}.{version}"},
    }
    told = {"description": schema["description"]} if "description" in schema else {}
    return {
        "name": f"daybook.{context}.{topic}",
        "title": topic,
        **told,
        "contentType": CONTENT,
        "headers": {"type": "object", "properties": {"content-type": {"type": "string", "const": CONTENT}}},
        "payload": {
            "allOf": [{"$ref": "#/components/schemas/CloudEvent"}, {"type": "object", "properties": constants}]
        },
        "bindings": {"kafka": {"key": KEY, "bindingVersion": "0.5.0"}},
    }


KEY: Final = {
    "type": "string",
    "format": "uuid",
    "description": "The id of the subject, without its kind; partitions follow by murmur2, as in Kafka's own clients.",
}


def _embedded(schema: Schema) -> Schema:
    """A schema inside of the document, which has a dialect of its own and its own addresses."""
    return {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
