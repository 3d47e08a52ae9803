"""The documents of the contract, each under the address where it is served."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec

from domain.aggregate import Aggregate
from infra.contract.asyncapi import asyncapi
from infra.contract.notices import NOTICES, VERSION, schema_of
from infra.contract.schemas import ENVELOPE, address_of, envelope, every, schemas
from infra.topics import PREFIX

ASYNCAPI: Final = "/asyncapi.json"
INDEX: Final = "/schemas/"


@cache
def documents(aggregates: tuple[type[Aggregate], ...], prefix: str = PREFIX) -> dict[str, bytes]:
    """All of them, as JSON; the names of topics begin with the prefix."""
    found = schemas(aggregates)
    events = {topic: [address_of(topic, version) for version in versions] for topic, versions in found.items()}
    notices = {notice.__name__: [address_of(notice.__name__, VERSION)] for notice in NOTICES.values()}
    made: dict[str, Any] = {
        ASYNCAPI: asyncapi(aggregates, found, prefix),
        INDEX: {"asyncapi": ASYNCAPI, "envelope": ENVELOPE, "events": events, "notices": notices},
        ENVELOPE: envelope(),
        **{address_of(notice.__name__, VERSION): schema_of(notice) for notice in NOTICES.values()},
        **{address_of(topic, version): schema for topic, version, schema in every(found)},
    }
    return {address: msgspec.json.format(msgspec.json.encode(document), indent=1) for address, document in made.items()}
