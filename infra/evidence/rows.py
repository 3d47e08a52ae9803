"""A row of the history as a file of evidence holds it: what is hashed, the hash, and the bytes of the state."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

COLUMNS: Final = (
    "position", "originator_id", "originator_version", "topic", "schema_version", "recorded_at", "occurred_at",
    "command_id", "request_digest", "command", "actor", "on_behalf_of", "correlation_id", "causation_id", "origin",
)  # fmt: skip
"""What is hashed beside the state, in this order."""
TIMES: Final = (COLUMNS.index("recorded_at"), COLUMNS.index("occurred_at"))
TOPIC: Final = COLUMNS.index("topic")
SCHEMA_VERSION: Final = COLUMNS.index("schema_version")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_WRITTEN: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Unreadable(Exception):
    """What stands where a row should is none: says why."""


class Row(NamedTuple):
    """One event. `told` are the values of COLUMNS; in it times are microseconds since 1970, ids are text.

    `previous` is the hash of the event before it, in a file that leaves events out: without it nobody could compute
    the hash.
    """

    told: tuple[Any, ...]
    state: bytes
    hash: bytes
    previous: bytes | None = None

    @property
    def position(self) -> int:
        return int(self.told[0])


def names(previous: bool) -> tuple[str, ...]:
    """The columns of a file in their order. The state is the last one."""
    return (*COLUMNS, "hash", *(["previous_hash"] if previous else []), "state")


def written(microseconds: int) -> str:
    """A time as files of text hold it: `2024-02-29T12:00:00.123456Z`, always with six decimals."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}.{rest:06}Z"


def microseconds(text: str) -> int:
    """The same read back. Raises Unreadable."""
    if not _WRITTEN.fullmatch(text):
        raise Unreadable(f"{text!r} is no time")
    return _instant(text[:19]) * 1_000_000 + int(text[20:26])


@lru_cache(maxsize=1_024)
def _second(seconds: int) -> str:
    return (_EPOCH + seconds * _SECOND).replace(tzinfo=None).isoformat()


@lru_cache(maxsize=1_024)
def _instant(text: str) -> int:
    try:
        return (datetime.fromisoformat(f"{text}+00:00") - _EPOCH) // _SECOND
    except ValueError:
        raise Unreadable(f"{text!r} is no time") from None


def since_epoch(time: datetime) -> int:
    """Microseconds."""
    return (time - _EPOCH) // _MICROSECOND
