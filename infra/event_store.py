"""The history in PostgreSQL, as the command pipeline sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any, Final, Self, TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import Connection
from psycopg_pool import PoolClosed

from domain.aggregate import Aggregate, Claim
from domain.command import Accepted, Changed, Outcome, Refusal
from domain.history import Told
from infra.commit import Asked, Commit, Conflict, Repeated
from infra.database import SCHEMA, pool
from infra.forgetting import destroy, look_anew, scrub
from infra.group_commit import AnswerRow, Append, ClaimRow, CommandRow, EventRow, GroupCommit, Place, appended
from infra.keys import PersonKeys, unlocked
from infra.lanes import lane_of
from infra.mapper import Keys, Stored, persons_of, read, write
from infra.secrets import Digests, digests
from infra.snapshots import AFTER, KEEP, restored, taken

T = TypeVar("T")

FAST: Final = timedelta(days=1)
"""By so much the clock of whoever made a correlation id may be fast."""

EVENTS: Final = """
    select originator_id, originator_version, topic, schema_version, occurred_at, state
    from events where originator_id = %s order by originator_version"""
SINCE_SNAPSHOT: Final = """
    with kept as (
        select s.id, s.version, s.kind, s.fingerprint, s.state from snapshots s
        join events e on e.originator_id = s.id and e.originator_version = s.version and e.hash = s.hash
        where s.id = %(id)s)
    select id, version, kind, 0, null::timestamptz, state, fingerprint from kept
    union all
    select originator_id, originator_version, topic, schema_version, occurred_at, state, null
    from events where originator_id = %(id)s and originator_version > coalesce((select version from kept), 0)
    order by 2"""
PAST: Final = """
    select originator_id, originator_version, topic, schema_version, occurred_at, state,
           position, recorded_at, actor, command, command_id, correlation_id, causation_id
    from events where originator_id = %s order by originator_version"""
COMMAND_AT: Final = "select command_id from events where position = %s"
BY_COMMAND: Final = """
    select originator_id, split_part(min(topic), '.', 1) from events where command_id = %s
    group by originator_id order by max(position) desc limit %s"""
TOGETHER: Final = """
    select originator_id, split_part(min(topic), '.', 1) from events where correlation_id = %s
    and position > coalesce(position_at(%s), 0) group by originator_id order by max(position) desc limit %s"""
HOLDER: Final = "select holder from claims where key = %s"
HOLDERS: Final = "select holder from claims where kind = %s and name = %s"
HEAD: Final = "select position, hash from event_head"
ANSWER: Final = """
    select digest, position, hash, outcome, null, null, null from answers where command_id = %(id)s
    union all
    select request_digest, position, hash, null, topic, originator_id, originator_version
    from events where command_id = %(id)s
    order by 4 nulls last, 2 desc"""


class EventStore:
    """The history: what was recorded, who holds what must be unique, and what was answered. Used from any thread.

    `most_waiting` commits may wait to be recorded; more are refused with Throttled.
    """

    def __init__(self, url: str, schema: str = SCHEMA, *, most_waiting: int = 4_096) -> None:
        self._pool = pool(url, schema, "history")
        self._writer = GroupCommit(url, schema, most_waiting)
        self._behind = ThreadPoolExecutor(1, "snapshots")
        self.keys = PersonKeys(self._rows)

    def events(self, aggregate_id: UUID) -> list[Aggregate.Event]:
        """All that happened to an aggregate, in order; nothing if there is none of this id."""
        return [read(Stored(*row), self.keys) for row in self._rows(EVENTS, [aggregate_id])]

    def aggregate(self, id: UUID) -> Aggregate | None:
        """An aggregate as it is now, or None. Made of its last snapshot, if it has one, and of what happened since.

        After a long way one is kept of it, in the background.
        """
        rows = self._rows(SINCE_SNAPSHOT, {"id": id})
        found = None
        if rows and (fingerprint := rows[0][6]) is not None:
            _, version, kind, _, _, state, _ = rows.pop(0)
            found = restored(id, version, kind, fingerprint, state)
            if found is None:
                rows = self._rows(EVENTS, [id])
        for row in rows:
            found = read(Stored(*row[:6]), self.keys).mutate(found)
        if found is not None and len(rows) >= AFTER and (snapshot := taken(found)):
            with suppress(RuntimeError):  # the store is being closed
                self._behind.submit(self._keep, snapshot)
        return found

    def past(self, aggregate_id: UUID) -> tuple[Told, ...]:
        """All that happened to an aggregate, in order, each with who asked for what."""
        rows = self._rows(PAST, [aggregate_id])
        return tuple(Told(read(Stored(*row[:6]), self.keys), *row[6:]) for row in rows)

    def command_at(self, position: int) -> UUID | None:
        """By which id the command is known that recorded the event of a position."""
        return next((id for (id,) in self._rows(COMMAND_AT, [position])), None)

    def recorded_of(self, id: UUID, most: int, *, together: bool) -> dict[UUID, str]:
        """What a command, or all of a correlation id, was recorded of, with its kind: the last first, at most so many.

        A correlation id of version 7 says when it was made: it is not looked for before, but for clocks that are fast.
        """
        if together:
            made = datetime.fromtimestamp((id.int >> 80) / 1000, UTC) - FAST if id.version == 7 else None
            return dict(self._rows(TOGETHER, [id, made, most]))
        return dict(self._rows(BY_COMMAND, [id, most]))

    def told(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[int, Aggregate.Event]]:
        """Events with their positions, by a statement of the columns that it then has: see `infra/rights.py`."""
        return [(position, read(Stored(*row), self.keys)) for position, *row in self._rows(statement, parameters)]

    def answer(self, command_id: UUID) -> tuple[bytes, Outcome] | None:
        """The first answer to a command and the digest of what it asked, or None if it was never answered."""
        return self._read(lambda connection: _answer(connection, command_id))

    def holder(self, claim: Claim) -> UUID | None:
        """The aggregate that holds a value which only one may hold."""
        return next((holder for (holder,) in self._rows(HOLDER, [self._digests.of_claim(claim)])), None)

    def holders(self, kind: str, name: str) -> list[UUID]:
        """All of a kind that hold some value of this name, which only one may hold each."""
        return [holder for (holder,) in self._rows(HOLDERS, [kind, name])]

    def digest(self, content: bytes) -> bytes:
        """What is kept of a request, to tell another one under the same command id from the same again."""
        return self._digests.of_request(content)

    def head(self) -> tuple[int, bytes]:
        """The position and the hash of the last event; 0 and the beginning of the chain before the first."""
        ((position, hash),) = self._rows(HEAD)
        return position, hash

    def connection(self) -> AbstractContextManager[Connection[Any]]:
        """A connection to what is kept beside the history, for one question."""
        return self._pool.connection()

    def append(self, commit: Commit, *, waits: bool = False) -> Future[Accepted]:
        """Record a commit, whole or not at all. Its commands, if all were answered before, are answered the same.

        A caller that `waits`, having nothing to do until the answer is there, may be let do the work itself.
        What is changed by several commands of a commit is named once, as it is after the last. A commit that records
        nothing names the event that brought its subject where it is.

        In the future: Conflict if anything that was looked at has changed, or if only some of the commands are known;
        Taken, Repeated, Forgotten, Throttled. Raises Forgotten and NoMasterKey where it tells of a person, RuntimeError
        when the store is closed, ValueError for a commit that makes no sense: events that do not continue the versions
        looked at, a command twice.
        """
        ids = [decision.asked.command_id for decision in commit.decisions]
        known = partial(self._read, lambda connection: _known(connection, ids))
        append = _append(commit, self._digests, self.keys, known)
        if commit.forgets:
            self._forget(append, commit.forgets)
        else:
            self._writer.put(append, waits=waits)
        return append.answer

    def remember(self, asked: Asked, outcome: Outcome) -> None:
        """Keep the answer to a command that recorded nothing. One that was answered before keeps its first answer."""
        append = Append(
            [_command(asked)], [], {}, [], [AnswerRow(0, _json(outcome))], lambda places: None, lambda: None
        )
        self._writer.put(append, waits=True)
        with suppress(Repeated):
            append.answer.result()

    def close(self) -> None:
        """Take no more commits, record those that wait, close every connection. A second time does nothing."""
        self._writer.close()
        self._behind.shutdown()
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forget(self, append: Append, persons: Iterable[UUID]) -> None:
        """Append a commit by itself, together with all that is done to forget these persons, or do nothing of it."""

        def alone(connection: Connection[Any]) -> Accepted:
            with connection.transaction():
                scrub(connection, persons)
                answer: Accepted = appended(connection, append)
                destroy(connection, persons)
                return answer

        try:
            answer = self._read(alone)
            with suppress(psycopg.Error):  # it is forgotten, whatever comes of this; the next one does it, too
                self._read(look_anew)
            append.answer.set_result(answer)
        except Exception as error:
            append.answer.set_exception(error)
        self.keys.drop(persons)
        self._writer.ring()

    def _keep(self, snapshot: Mapping[str, Any]) -> None:
        """Write a snapshot, which nobody waits for."""
        with suppress(psycopg.Error):  # it goes without
            self._read(lambda connection: connection.execute(KEEP, snapshot))

    @cached_property
    def _digests(self) -> Digests:
        return self._read(lambda connection: digests(connection, unlocked()))

    def _rows(self, statement: Any, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        return self._read(lambda c: c.execute(statement, parameters, binary=True, prepare=True).fetchall())

    def _read(self, ask: Callable[[Connection[Any]], T]) -> T:
        """Ask the database; once more, if the connection was lost while it lay in the pool."""
        try:
            with self._pool.connection() as connection:
                return ask(connection)
        except PoolClosed:
            raise RuntimeError("the event store is closed") from None
        except psycopg.OperationalError:
            self._pool.check()
            with self._pool.connection() as connection:
                return ask(connection)


def _append(commit: Commit, keyed: Digests, keys: Keys, known: Callable[[], Accepted]) -> Append:
    """A commit in rows."""
    asked = [decision.asked for decision in commit.decisions]
    if not asked or len({each.command_id for each in asked}) < len(asked):
        raise ValueError("a commit consists of commands, each of them once")
    versions = dict(commit.versions)
    events: list[EventRow] = []
    answers: list[AnswerRow] = []
    for number, decision in enumerate(commit.decisions):
        rows = [_event(number, write(event, keys)) for event in decision.events]
        for row in rows:
            if versions.get(row.originator_id) != row.originator_version - 1:
                raise ValueError(f"{row.topic} of {row.originator_id} does not follow the version that was looked at")
            versions[row.originator_id] = row.originator_version
        for each in decision.changed:
            if versions.get(each.id) != each.version:
                raise ValueError(f"{each.kind} {each.id} does not become version {each.version} by these events")
        if _derived((r.topic, r.originator_id, r.originator_version) for r in reversed(rows)) != decision.changed:
            subject = decision.changed[0]
            answers.append(AnswerRow(number, _json(decision.changed), subject.id, subject.version))
        events += rows
    key = keyed.of_claim
    claims = [ClaimRow(c, key(c), holder, c in commit.freed) for c, holder in commit.claimed.items()]
    claims += [ClaimRow(c, key(c), None) for c in commit.freed - commit.claimed.keys()]
    changed = _merged(decision.changed for decision in commit.decisions)

    def recorded(places: Sequence[Place]) -> Accepted:
        position, hash = max(places)
        return Accepted(changed, position, hash.hex())

    persons = list({person for each in commit.decisions for event in each.events for person in persons_of(event)})
    commands = [_command(each) for each in asked]
    return Append(commands, events, commit.versions, claims, answers, recorded, known, persons)


def _command(asked: Asked) -> CommandRow:
    by = asked.request
    why = by.on_behalf_of, by.correlation_id, by.causation_id, by.origin
    return CommandRow(asked.command_id, asked.digest, by.command, by.actor, *why)


def _event(command: int, stored: Stored) -> EventRow:
    id, version, schema_version = stored.originator_id, stored.originator_version, stored.schema_version
    return EventRow(command, id, version, stored.topic, schema_version, stored.occurred_at, lane_of(id), stored.state)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _derived(backwards: Iterable[tuple[str, UUID, int]]) -> tuple[Changed, ...]:
    """What a command changed, told from its events, the last one first: its subject's come last of all."""
    last: dict[UUID, Changed] = {}
    for topic, id, version in backwards:
        last.setdefault(id, Changed(topic.partition(".")[0], id, version))
    return tuple(last.values())


def _merged(changes: Iterable[tuple[Changed, ...]]) -> tuple[Changed, ...]:
    """What several commands changed, each aggregate once, as it is after the last of them."""
    return tuple({each.id: each for changed in changes for each in changed}.values())


def _answer(connection: Connection[Any], command_id: UUID) -> tuple[bytes, Outcome] | None:
    rows = connection.execute(ANSWER, {"id": command_id}, prepare=True, binary=True).fetchall()
    if not rows:
        return None
    digest, position, hash, outcome, *_ = rows[0]
    if isinstance(outcome, dict):
        return digest, msgspec.convert(outcome, Refusal)
    told = outcome is not None
    changed = msgspec.convert(outcome, tuple[Changed, ...]) if told else _derived(row[4:] for row in rows)
    return digest, Accepted(changed, position, hash.hex())


def _known(connection: Connection[Any], ids: list[UUID]) -> Accepted:
    """The first answer to a commit that was recorded before."""
    answers = [found[1] for id in ids if (found := _answer(connection, id))]
    accepted = [each for each in answers if isinstance(each, Accepted)]
    if len(accepted) < len(ids):
        raise Conflict  # refused before: whoever asks for the answer finds it
    last = max(accepted, key=lambda each: each.position)
    return Accepted(_merged(each.changed for each in accepted), last.position, last.receipt)
