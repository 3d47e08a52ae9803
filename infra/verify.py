"""Verification: whether the history is what was recorded. Each event's hash covers its row and the hash before it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import JSONEncoder
from typing import Any, Final

from psycopg import Connection

BEGINNING: Final = sha256(b"daybook history 1").digest()
"""What the first event has in place of a hash before it."""
AT_ONCE: Final = 20_000

Check = Callable[[Connection[Any], int, int, bytes], int | None]
"""The first position of a range that is not what was recorded, given the hash of the event before the range."""
Progress = Callable[[int, int], None]
"""Told how many events are verified, and of how many."""

HEAD: Final = "select position, hash from event_head"
HASHES: Final = "select position, hash from events where position = any(%s)"
HASH: Final = "select hash from events where position = %s"
LAST: Final = "select coalesce(max(position) + 1, %(first)s) from events where position between %(first)s and %(last)s"
OUTSIDE: Final = """
    select min(position) from events where position < 1 or position > (select position from event_head)"""
BROKEN: Final = "select first_broken_position(%s, %s, %s)"
TOLD: Final = """position, originator_id::text, originator_version, topic, schema_version,
    (extract(epoch from recorded_at) * 1000000)::bigint, (extract(epoch from occurred_at) * 1000000)::bigint,
    command_id::text, encode(request_digest, 'hex'), command, actor::text, on_behalf_of::text,
    correlation_id::text, causation_id::text, origin"""
"""What is hashed of an event beside its state, in the order in which it is."""
ROWS: Final = f"select {TOLD}, state, hash from events where position between %s and %s order by position"

_text_of: Final = JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class Verified:
    """The history up to `position`, whose last hash is `receipt`; or the first position that is `broken`, and how."""

    position: int
    receipt: str
    broken: int | None = None
    problem: str | None = None


def in_sql(connection: Connection[Any], first: int, last: int, before: bytes) -> int | None:
    """Let the database compute the hashes: the fastest."""
    ((broken,),) = connection.execute(BROKEN, [first, last, before]).fetchall()
    return None if broken is None else int(broken)


def in_python(connection: Connection[Any], first: int, last: int, before: bytes) -> int | None:
    """Compute the hashes here, from the bytes of docs/history-format.md: for whom does not trust the database."""
    for expected, row in enumerate(connection.execute(ROWS, [first, last], binary=True), first):
        *told, state, hash = row
        before = linked(before, told, state)
        if told[0] != expected or hash != before:
            return expected
    return None


def linked(before: bytes, told: Iterable[Any], state: bytes) -> bytes:
    """The hash of an event: over that of the one before it, and the bytes of docs/history-format.md."""
    return sha256(before + _text_of([1, *told]).encode() + state).digest()


def verify(
    connection: Connection[Any],
    receipts: Collection[tuple[int, str]] = (),
    progress: Progress = lambda done, all: None,
    check: Check = in_sql,
) -> Verified:
    """Go through the whole history, from the first event to the last that is there now, while others append.

    A chain that was forged from some event on, or cut together with its head, is whole in itself: only `receipts` show
    it, positions with their hashes that were kept elsewhere.
    """
    head = connection.execute(HEAD).fetchone()
    if head is None:
        return Verified(0, BEGINNING.hex(), 1, "the table event_head is empty")
    last, expected = head
    before = BEGINNING
    for first in range(1, last + 1, AT_ONCE):
        until = min(first + AT_ONCE - 1, last)
        if broken := check(connection, first, until, before):
            return Verified(broken - 1, before.hex(), broken, "this event is not what was recorded, or is missing")
        found = connection.execute(HASH, [until]).fetchone()
        if found is None:
            ((missing,),) = connection.execute(LAST, {"first": first, "last": until}).fetchall()
            return Verified(missing - 1, before.hex(), missing, "this event is missing, and all after it")
        (before,) = found
        progress(until, last)
    verified = Verified(last, before.hex())
    if before != expected:
        return _broken(verified, last, "this event is not what the table event_head says was recorded last")
    ((beyond,),) = connection.execute(OUTSIDE).fetchall()
    if beyond is not None:
        return _broken(verified, beyond, "this event is beyond the end of the history")
    for position, receipt in sorted(receipts):
        found = connection.execute(HASH, [position]).fetchone()
        if found is None:
            return _broken(verified, position, "the event that the receipt was given for is gone: the end was cut off")
        if found[0].hex() != receipt.lower():
            return _broken(verified, position, "this event is not the one that the receipt was given for")
    return verified


def hashes_at(connection: Connection[Any], positions: Sequence[int]) -> dict[int, bytes]:
    """The hashes of the events at these positions, of those that there are."""
    return dict(connection.execute(HASHES, [list(positions)]).fetchall())


def _broken(verified: Verified, position: int, problem: str) -> Verified:
    return Verified(verified.position, verified.receipt, position, problem)
