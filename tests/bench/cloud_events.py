"""How long an event takes to become a CloudEvent, and to be read from one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from domain.values import new_id
from infra.cloud_events import Published, decode, encode
from infra.lanes import lane_of
from tests.bench.mapper import micro

STATE = b'{"name":"Acme","details":{"phones":["+4930"],"revenue":{"amount":"1000.50","currency":"EUR"},"employees":7}}'


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, and what it should be."""
    id, now, actor = new_id(), datetime.now(UTC), new_id()
    row = Published(
        1_000_000, id, 7, "Account.Registered", 1, STATE, now, now, lane_of(id),
        new_id(), "Account.register", actor, None, new_id(), None,
    )  # fmt: skip
    value = encode(row, 999_990)
    size = f"{len(value)} bytes"
    yield f"CloudEvent of {size} from a row", f"{micro(lambda: encode(row, 999_990)):.1f} µs", "goal 4 µs", ""
    yield f"CloudEvent of {size} to an event", f"{micro(lambda: decode(value)):.1f} µs", "", ""
