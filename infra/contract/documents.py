"""The documents of the contract, each under the address where it is served."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec

from domain.aggregate import Aggregate
from infra.contract.asyncapi import asyncapi
from infra.contract.schemas import ENVELOPE, address_of, envelope, every, schemas

ASYNCAPI: Final = "/asyncapi.json"
INDEX: Final = "/schemas/"


@cache
def documents(aggregates: tuple[type[Aggregate], ...]) -> dict[str, bytes]:
    """All of them, as JSON."""
    found = schemas(aggregates)
    events = {topic: [address_of(topic, version) for version in versions] for topic, versions in found.items()}
    made: dict[str, Any] = {
        ASYNCAPI: asyncapi(aggregates, found),
        INDEX: {"asyncapi": ASYNCAPI, "envelope": ENVELOPE, "events": events},
        ENVELOPE: envelope(),
        **{address_of(topic, version): schema for topic, version, schema in every(found)},
    }
    return {address: msgspec.json.format(msgspec.json.encode(document), indent=1) for address, document in made.items()}
