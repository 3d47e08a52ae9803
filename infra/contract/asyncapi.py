"""The AsyncAPI 3.0 document: which topics there are, which events are in them, and what whoever follows must do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from domain.aggregate import Aggregate
from infra.cloud_events import MEDIA
from infra.contract.schemas import Schema, Schemas, address_of, envelope, every
from infra.lanes import LANES
from infra.topics import context_of_event, contexts, kafka_topic

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


def asyncapi(aggregates: tuple[type[Aggregate], ...], found: Schemas) -> dict[str, Any]:
    """The document of these aggregates and of the schemas of their events, with everything in it that it speaks of."""
    described = {f"{topic}.{version}": schema for topic, version, schema in every(found)}
    messages = {f"{topic}.{version}": _message(topic, version, schema) for topic, version, schema in every(found)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Daybook", "version": VERSION, "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "defaultContentType": CONTENT,
        "channels": {context: _channel(context, messages) for context in contexts(aggregates)},
        "operations": {f"publish_{context}": _operation(context) for context in contexts(aggregates)},
        "components": {
            "messages": messages,
            "schemas": {"CloudEvent": _embedded(envelope())} | {n: _embedded(s) for n, s in described.items()},
        },
    }


def _channel(context: str, messages: Iterable[str]) -> dict[str, Any]:
    return {
        "address": kafka_topic(context),
        "title": f"Events of {context}",
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in messages if context_of_event(name) == context
        },
        "bindings": {"kafka": {"topic": kafka_topic(context), "partitions": LANES, "bindingVersion": "0.5.0"}},
    }


def _operation(context: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{context}"},
        "summary": f"Tell every event of {context}, each once, in order within its partition.",
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
