"""JSON Schemas (2020-12) of what events tell, as it is recorded: one for each version of each kind of event."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import MISSING, fields
from datetime import datetime
from functools import reduce
from inspect import cleandoc, getdoc
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, NotRequired, TypedDict, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from domain.aggregate import Aggregate
from domain.declaration import content_of, personal
from domain.personal import OWN
from infra.cloud_events import CloudEvent
from infra.mapper import ENCODE

Schema = dict[str, Any]
Schemas = dict[str, dict[int, Schema]]
"""By the name of the event, and by version."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE: Final = "/schemas/CloudEvent/1.0"
FORMER: Final = Path(__file__).parent / "former"
"""The schemas of versions that are no longer written: `Opportunity.Won.1.json`, as they were when they were."""
INSTANT: Final = Annotated[datetime, msgspec.Meta(extra_json_schema={"format": "date-time"})]


def address_of(topic: str, version: int) -> str:
    """Where the server serves the schema of a version of an event: the `dataschema` of its CloudEvents."""
    return f"/schemas/{topic}/{version}"


def envelope() -> Schema:
    """The schema of a CloudEvent of ours, whatever it tells."""
    return {"$schema": DIALECT, "$id": ENVELOPE, **inlined(msgspec.json.schema(CloudEvent))}


def schemas(aggregates: Iterable[type[Aggregate]], former: Path = FORMER) -> Schemas:
    """Of every kind of event, the schema of every version that was ever recorded."""
    return {
        event.TOPIC: {version: _schema(event, version, former) for version in range(1, event.schema_version + 1)}
        for aggregate in aggregates
        for event in aggregate.events().values()
    }


def _schema(event: type[Aggregate.Event], version: int, former: Path) -> Schema:
    if version < event.schema_version:
        return cast(Schema, json.loads((former / f"{event.TOPIC}.{version}.json").read_text()))
    return {"$schema": DIALECT, "$id": address_of(event.TOPIC, version), "title": event.TOPIC, **_of_event(event)}


def _of_event(event: type[Aggregate.Event]) -> Schema:
    """What it tells. What was added to it with a default may be missing in what was recorded before."""
    hints = {name: _as_recorded(hint) for name, hint in get_type_hints(event).items()}
    defaults = {f.name: f.default for f in fields(cast(Any, event)) if f.default is not MISSING}
    defaults |= {f.name: f.default_factory() for f in fields(cast(Any, event)) if f.default_factory is not MISSING}
    for name, mark in personal(event).items():
        hints[name] = Annotated[str | None, _sealed(mark.whose)]
    shape = {name: NotRequired[hints[name]] if name in defaults else hints[name] for name in content_of(event)}
    found = inlined(msgspec.json.schema(TypedDict(event.__name__, shape), schema_hook=_text))  # type: ignore[operator]
    for name, default in defaults.items():
        if name in found["properties"]:
            found["properties"][name]["default"] = json.loads(ENCODE(default))
    return {**_described(event), **{key: value for key, value in found.items() if key not in ("title", "description")}}


def _described(event: type[Aggregate.Event]) -> Schema:
    """What its class says of it, or the one it comes from; not how it is made, which a dataclass says unasked."""
    for base in event.__mro__:
        said = vars(base).get("__doc__") or ""
        if base.__name__ == event.__name__ and said and not said.startswith(f"{event.__name__}("):
            return {"description": cleandoc(said)}
    return {}


def _sealed(whose: str) -> msgspec.Meta:
    """What is personal is null or a sealed text, whatever is in it; `x-personal-of` names the field of whose it is."""
    of = "what this happened to" if whose == OWN else f"the one in {whose}"
    described = f"Personal: sealed under a key of {of}, and never to be read once that person is forgotten."
    return msgspec.Meta(description=described, extra_json_schema={"x-personal": True, "x-personal-of": whose})


def _as_recorded(hint: Any) -> Any:
    if hint is datetime:
        return INSTANT
    if get_origin(hint) in (Union, UnionType):
        return reduce(or_, (_as_recorded(part) for part in get_args(hint)))
    return hint


def _text(kind: type[Any]) -> Schema:
    """Of a kind of text, such as an e-mail address. It was checked by the rules of its time, so it is any text."""
    if not issubclass(kind, str):
        raise TypeError(f"nobody knows how {kind} is recorded")
    return {"type": "string", "description": getdoc(kind)}


def inlined(found: Schema) -> Schema:
    """A schema with all that it refers to in it, and open to what a later version adds."""
    known = found.pop("$defs", {})

    def inside(part: Any) -> Any:
        if isinstance(part, list):
            return [inside(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            part = deepcopy(known[part["$ref"].removeprefix("#/$defs/")]) | {
                k: v for k, v in part.items() if k != "$ref"
            }
        part = {key: inside(value) for key, value in part.items()}
        return part | {"additionalProperties": True} if "properties" in part else part

    return cast(Schema, inside(found))


def every(found: Schemas) -> Iterator[tuple[str, int, Schema]]:
    """Each schema with its event and version."""
    for topic, versions in found.items():
        for version, schema in versions.items():
            yield topic, version, schema
