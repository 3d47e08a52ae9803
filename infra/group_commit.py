"""The group commit: what waits together is appended together, and each commit gets an answer of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from threading import Condition, Thread
from time import sleep, time_ns
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.pq import Format

from domain.aggregate import Claim
from infra import tracing
from infra.bell import Bell
from infra.binary import Array, bigints, booleans, bytes_, instants, ints, rows_of, texts, uuids
from infra.commit import Conflict, Forgotten, Repeated, Taken, Throttled
from infra.database import connect
from infra.metrics import APPEND_COMMITS, APPEND_SECONDS, APPENDED, WAITING

COLUMNS: Final = 32
APPEND: Final = f"select * from append_commits({', '.join(f'${n}' for n in range(1, COLUMNS + 1))})".encode()
STATEMENT: Final = b"append"
"""The name under which it is prepared."""
IN_BINARY: Final = [Format.BINARY] * COLUMNS

MOST_COMMITS: Final = 256
MOST_EVENTS: Final = 2_000
MOST_POSTPONED: Final = 1_024
PAUSES: Final = (0.0, 0.1, 0.5, 2.0)
"""Seconds to wait before each attempt to reach the database."""

Row = tuple[Any, ...]


class CommandRow(NamedTuple):
    """The columns of a command."""

    id: UUID
    digest: bytes
    name: str
    actor: UUID
    on_behalf_of: UUID | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    origin: str | None = None


class EventRow(NamedTuple):
    """The columns of an event. `command` counts the commands of its append from 0."""

    command: int
    originator_id: UUID
    originator_version: int
    topic: str
    schema_version: int
    occurred_at: datetime | None
    lane: int
    state: bytes


class ClaimRow(NamedTuple):
    """A claim and its holder from now on; None frees it. `yielded`: its former holder frees it in the same append."""

    claim: Claim
    key: bytes
    holder: UUID | None
    yielded: bool = False


class AnswerRow(NamedTuple):
    """The answer to a command that does not follow from its events; and the event that it names, if it has none."""

    command: int
    outcome: str
    id: UUID | None = None
    version: int | None = None


class Place(NamedTuple):
    """The last event of a command, or the one that its answer names."""

    position: int
    hash: bytes


@dataclass(eq=False, slots=True)
class Append:
    """One commit in rows: appended whole, or not at all.

    Its answer is made by `recorded` of the places of its commands, or by `known` if they were all answered before, in
    the thread that appended it. Or it is an exception: Conflict, Taken, Repeated, Forgotten, Throttled.
    """

    commands: Sequence[CommandRow]
    events: Sequence[EventRow]
    looked: Mapping[UUID, int]
    claims: Sequence[ClaimRow]
    answers: Sequence[AnswerRow]
    recorded: Callable[[Sequence[Place]], Any]
    known: Callable[[], Any]
    persons: Sequence[UUID] = ()
    """Of whom it tells something that is sealed."""
    answer: Future[Any] = field(default_factory=Future)
    trace: Any = field(default_factory=tracing.here)
    """Where in a trace it was asked for; None if in none."""
    looks: frozenset[UUID] = frozenset()
    writes: frozenset[UUID | bytes] = frozenset()

    def __post_init__(self) -> None:
        self.looks = frozenset(self.looked)
        events, claims = (each.originator_id for each in self.events), (each.key for each in self.claims)
        self.writes = frozenset((*(each.id for each in self.commands), *events, *claims))


class GroupCommit(Thread):
    """One connection, one statement at a time: while it runs, commits gather for the next. Used from any thread.

    Whoever has the turn appends a batch of what waits: this thread, or a caller that would only wait for the answer and
    finds nobody at it. So a command alone is not handed from thread to thread and back.
    """

    def __init__(self, url: str, schema: str, most_waiting: int) -> None:
        super().__init__(name="group-commit", daemon=True)
        self._url, self._schema, self._most_waiting = url, schema, most_waiting
        self._changed = Condition()
        self._incoming: list[Append] = []
        self._waiting = 0
        self._taken = False
        """Whether somebody has the turn. The rest is only for who has it."""
        self._closed = False
        self._queue: deque[Append] = deque()
        self._connection: Connection[Any] | None = None
        self._versions: dict[UUID, int] = {}
        self._bell = Bell(url, schema)
        self.start()

    def put(self, append: Append, *, waits: bool = False) -> None:
        """Have it appended. A full queue answers Throttled at once; a closed one raises RuntimeError.

        A caller that `waits` for the answer anyway takes the turn, if nobody has it.
        """
        with self._changed:
            if self._closed:
                raise RuntimeError("the event store is closed")
            room = self._waiting < self._most_waiting
            mine = room and waits and not self._taken
            if room:
                self._waiting += 1
                WAITING.inc()
                self._incoming.append(append)
            if mine:
                self._taken = True
            elif not self._taken:
                self._changed.notify()
        if not room:
            append.answer.set_exception(Throttled("too many commands wait to be recorded: try again"))
        if mine:
            self._take_turn()

    def ring(self) -> None:
        """Tell whoever follows the history that it has grown by what was appended over another connection."""
        self._bell.ring()

    def close(self) -> None:
        """Take no more, append what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self.join()

    def run(self) -> None:
        try:
            while self._wait():
                self._take_turn()
        finally:
            self._end()

    def _wait(self) -> bool:
        """Until there is something to append and nobody at it. False when it is closed and nothing is left."""
        with self._changed:
            while self._taken or not (self._incoming or self._queue):
                if self._closed and not self._taken:
                    return False
                self._changed.wait()
            self._taken = True
            return True

    def _take_turn(self) -> None:
        """Append a batch. What is left is for the next who takes the turn."""
        try:
            if batch := self._gather():
                self._append(batch)
        finally:
            with self._changed:
                self._taken = False
                if self._incoming or self._queue or self._closed:
                    self._changed.notify()

    def _gather(self) -> list[Append]:
        """The next batch, the oldest first: commits that have nothing in common, and are as good as one by one.

        What one of them writes, no earlier one may write or have looked at; what it looked at, no earlier one writes.
        One that has to wait keeps its place before all later ones that have something in common with it.
        """
        batch: list[Append] = []
        postponed: list[Append] = []
        written: set[UUID | bytes] = set()
        looked: set[UUID] = set()
        with self._changed:
            self._queue.extend(self._incoming)
            self._incoming.clear()
        before, events = len(self._queue), 0
        while self._queue and len(batch) < MOST_COMMITS and events < MOST_EVENTS and len(postponed) < MOST_POSTPONED:
            each = self._queue.popleft()
            late = self._is_late(each)
            writes = {command.id for command in each.commands} if late else each.writes
            looks = frozenset[UUID]() if late else each.looks
            apart = written.isdisjoint(writes) and written.isdisjoint(looks) and looked.isdisjoint(writes)
            written |= writes
            looked |= looks
            if not apart:
                postponed.append(each)
            elif each.answer.set_running_or_notify_cancel():  # else its caller gave up waiting
                batch.append(each)
                events += len(each.events)
        self._queue.extendleft(reversed(postponed))
        with self._changed:
            self._waiting -= before - len(self._queue)
        WAITING.dec(before - len(self._queue))
        return batch

    def _is_late(self, append: Append) -> bool:
        """Whether the last batch has shown that it looked at something old.

        It will get an answer but write nothing, so it has nothing in common with others but its command ids: a crowd
        around one aggregate is sent away at once.
        """
        return any(version < self._versions.get(id, 0) for id, version in append.looked.items())

    def _append(self, batch: list[Append]) -> None:
        """Answer every commit of the batch. One that cannot be stored does not hurt the others."""
        began = time_ns()
        try:
            rows = iter(self._send(_parameters(batch)))
        except BaseException as error:
            if len(batch) > 1 and isinstance(error, Exception) and not isinstance(error, _Unreachable):
                for each in batch:
                    self._append([each])
            else:
                for each in batch:
                    each.answer.set_exception(error.__cause__ if isinstance(error, _Unreachable) else error)
            if not isinstance(error, Exception):
                raise
            return
        self._versions = {}
        self._bell.ring()
        _measure(batch, began)
        claims: list[ClaimRow] = []
        for each in batch:
            claims += each.claims
            try:
                each.answer.set_result(self._answer(each, list(islice(rows, len(each.commands))), claims))
            except Exception as error:
                each.answer.set_exception(error)

    def _answer(self, append: Append, rows: list[Row], claims: list[ClaimRow]) -> Any:
        try:
            answer = answered(append, rows, claims)
        except Conflict as conflict:
            if conflict.id is not None and conflict.version is not None:
                self._versions[conflict.id] = conflict.version
            raise
        if rows[0][0] == "recorded":
            for event in append.events:
                self._versions[event.originator_id] = event.originator_version
        return answer

    def _send(self, parameters: list[Array]) -> list[Row]:
        """Send a batch; again, if the connection is lost. Command ids make it safe: what was appended is known."""
        for pause in PAUSES:
            sleep(pause)
            try:
                if self._connection is None:
                    self._connection = _prepared(self._url, self._schema)
                contents = [each.content for each in parameters]
                sent = self._connection.pgconn.exec_prepared(STATEMENT, contents, IN_BINARY, Format.BINARY)
                return rows_of(self._connection, sent)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if self._connection is not None and not _is_loss(self._connection, error):
                    raise
                self._drop()
                failed = error
        raise _Unreachable from failed

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _end(self) -> None:
        """Nobody waits for ever, whatever ended the thread."""
        with self._changed:
            self._closed = True
            while self._taken:
                self._changed.wait()
            left = [*self._queue, *self._incoming]
        for each in left:
            if each.answer.set_running_or_notify_cancel():
                each.answer.set_exception(RuntimeError("the event store is closed"))
        self._drop()
        self._bell.close()


def appended(connection: Connection[Any], append: Append) -> Any:
    """The answer to a commit that is appended by itself, over any connection and inside of its transaction."""
    parameters = _parameters([append])
    oids, contents = [each.oid for each in parameters], [each.content for each in parameters]
    sent = connection.pgconn.exec_params(APPEND, contents, oids, IN_BINARY, Format.BINARY)
    return answered(append, rows_of(connection, sent), append.claims)


def answered(append: Append, rows: list[Row], claims: Sequence[ClaimRow]) -> Any:
    """The answer to a commit of which `append_commits` said this. Raises Conflict, Taken, Repeated, Forgotten.

    `claims` are those of the whole batch, up to its own.
    """
    verdict, _, _, moved_id, moved_version, claim, holder = rows[0]
    match verdict:
        case "recorded":
            return append.recorded([Place(position, hash) for _, position, hash, *_ in rows])
        case "known":
            return append.known()
        case "moved":
            raise Conflict(moved_id, moved_version)
        case "forgotten":
            raise Forgotten
        case "taken":
            raise Taken(claims[claim - 1].claim, holder)
    raise Repeated("a command of this id was answered before, and had asked for something else")


def _prepared(url: str, schema: str) -> Connection[Any]:
    """A connection that only appends. libpq waits for the whole answer by itself: psycopg takes Python's one lock for
    every packet, and gets it behind every busy thread.
    """
    connection = connect(url, schema)
    rows_of(connection, connection.pgconn.prepare(STATEMENT, APPEND))
    return connection


def _measure(batch: Sequence[Append], began: int) -> None:
    """How long a batch took, and how large it was; before its answers go out, so that whoever has one can see it."""
    events = sum(len(each.events) for each in batch)
    APPEND_SECONDS.observe((time_ns() - began) / 1e9)
    APPEND_COMMITS.observe(len(batch))
    APPENDED.inc(events)
    tracing.appended((each.trace for each in batch), began, len(batch), events)


class _Unreachable(Exception):
    """The database could not be reached, however often it was tried; its cause says why."""


def _is_loss(connection: Connection[Any], error: psycopg.Error) -> bool:
    """Whether the connection is gone, or the server is about to be."""
    state = error.sqlstate or "08000"
    return connection.closed or state.startswith("08") or state in ("57P01", "57P02", "57P03")


_MAKE: Final = (
    (ints, uuids, bytes_, texts, uuids, uuids, uuids, uuids, texts),
    (ints, uuids, bigints, texts, ints, instants, ints, bytes_),
    (ints, uuids, bigints),
    (ints, bytes_, texts, texts, uuids, booleans),
    (ints, texts, uuids, bigints),
    (ints, uuids),
)
"""The columns that `append_commits` takes: of commands, events, aggregates looked at, claims, answers, persons."""


def _parameters(batch: list[Append]) -> list[Array]:
    """A batch in these columns. The first of each kind tells to which commit, or which command, a row belongs."""
    commands: list[Row] = []
    events: list[Row] = []
    looked: list[Row] = []
    claims: list[Row] = []
    answers: list[Row] = []
    persons: list[Row] = []
    of: list[list[int]] = [[] for _ in _MAKE]
    of_commands, of_events, of_looked, of_claims, of_answers, of_persons = of
    for number, each in enumerate(batch, 1):
        first = len(commands) + 1
        commands += each.commands
        of_commands += [number] * len(each.commands)
        events += [row[1:] for row in each.events]
        of_events += [first + row.command for row in each.events]
        looked += each.looked.items()
        of_looked += [number] * len(each.looked)
        if each.claims:
            claims += [(r.key, r.claim.kind, r.claim.name, r.holder, r.yielded) for r in each.claims]
            of_claims += [number] * len(each.claims)
        if each.answers:
            answers += [row[1:] for row in each.answers]
            of_answers += [first + row.command for row in each.answers]
        if each.persons:
            persons += [(person,) for person in each.persons]
            of_persons += [number] * len(each.persons)
    rows = zip(_MAKE, of, (commands, events, looked, claims, answers, persons), strict=True)
    return [array for makes, numbers, table in rows for array in _columns(makes, numbers, table)]


def _columns(makes: Sequence[Callable[[Sequence[Any]], Array]], numbers: list[int], rows: list[Row]) -> list[Array]:
    columns = [numbers, *zip(*rows, strict=True)] if rows else [()] * len(makes)
    return [make(column) for make, column in zip(makes, columns, strict=True)]
