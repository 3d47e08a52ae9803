"""The relay: publishes to Kafka what is recorded, exactly once as far as a reader of committed messages can see.

What it reads at once is one transaction of Kafka. Where a partition stands is asked of Kafka itself, after whoever led
before was fenced: what is there already is not published again, whatever was noted in the database, or lost from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from time import monotonic
from typing import Any, Final, NamedTuple

from kafka import KafkaProducer
from psycopg import Connection

from infra.cloud_events import MEDIA, Published, encode
from infra.contract.notices import Head, Parked
from infra.kafka import NotReached, WrongTopics
from infra.kafka.cluster import Cluster, milliseconds, reached
from infra.kafka.stands import Partition, Stand, last_head, stands
from infra.lanes import key_of
from infra.topics import context_of_event

NAME: Final = "relay"
HEADERS: Final = [("content-type", f"{MEDIA}; charset=utf-8".encode())]
"""One header, and everything else in the value: each costs kafka-python dearly."""
MOST: Final = 2_000
"""Events of one transaction."""
MOST_BYTES: Final = 16 * 2**20
"""So many may be on their way; then they are waited for."""
HEAD_AFTER: Final = 1_000
"""Events after which the head of the history is published."""
HEAD_WITHIN: Final = 60.0
"""Seconds after which it is, if anything came."""
LOOK: Final = 1.0
"""Seconds from one look at the ids of the topics, and at what views could not take, to the next."""
PRODUCER: Final = {
    "batch_size": 2**18,
    "linger_ms": 2,
    "compression_type": "lz4",
    "delivery_timeout_ms": 30_000,
    "request_timeout_ms": 10_000,
    "max_block_ms": 10_000,
}
"""The library bounds no bytes in flight: see MOST_BYTES."""

LAST: Final = "select topic, lane, position from published"
NOTE: Final = """
    insert into published (topic, lane, position) select * from unnest(%s::text[], %s::smallint[], %s::bigint[])
    on conflict (topic, lane) do update set position = excluded.position"""
FORGET: Final = "delete from published where topic <> all(%s)"
"""The relay's position tells of the topics that it publishes to: of others it would be wrong when they are taken up."""
HEAD_AT: Final = "select position, hash, recorded_at from events where position = %s"
DEAD: Final = """
    select d.name, p.view, d.originator_id, e.topic, d.position, d.reason, d.since, e.lane
    from dead_letters d join projections p using (name) join events e on e.position = d.position
    where not d.published"""
TOLD: Final = "update dead_letters set published = true where name = %s and originator_id = %s and position = %s"


class Message(NamedTuple):
    """A message, as the producer takes it."""

    topic: str
    value: bytes
    key: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int
    timestamp_ms: int


class Relay:
    """A follower of the history, see `following`."""

    name = NAME
    most = MOST
    hindrances: tuple[type[Exception], ...] = (NotReached, WrongTopics)

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.open = cluster, ExitStack()
        self.last: dict[Partition, int] = {}
        """The last position in each partition."""
        self.noted: dict[Partition, int] = {}
        """The same, as it stands in the database."""
        self.topic = cache(lambda event: cluster.topic(context_of_event(event)))
        """The topic of an event, by its name."""
        self.position = self.head = 0
        """What was published last of all, and the last position whose hash was."""
        self.head_at = self.looked_at = monotonic()
        self.busy_since: float | None = None
        """Since when an answer of Kafka is waited for: some of the library's calls wait for ever."""

    # -- what a follower does -------------------------------------------------------------------------------------

    def begin(self, connection: Connection[Any], position: int | None, head: int) -> int:
        """Take over: fence whoever led before, and see where each partition stands."""
        with self._asking():
            self.cluster.prepare()
            self.admin = self.open.enter_context(self.cluster.admin())
            self.ids = self.cluster.ids(self.admin)
            self.producer = self.open.enter_context(closing(self._producer()))
            self.producer.init_transactions()
            stand = stands(self.cluster, self.cluster.partitions)
            known = last_head(self.cluster)
        noted = {(topic, lane): at for topic, lane, at in connection.execute(LAST)}
        self._check(connection, stand, known, head)
        self.head = known.position if known else 0
        self.last = {
            where: noted.get(where, 0) if each.is_emptied else each.last  # what retention took had been published
            for where, each in stand.items()
        }
        unsure = [last for where, last in self.last.items() if where not in noted or last < noted[where]]
        connection.execute(FORGET, [list(self.cluster.topics.values())])
        self.noted = {}
        self.position = min([position or 0, *unsure])
        return self.position

    def carry_out(self, events: Sequence[Published]) -> None:
        """Publish what is not there yet, in one transaction."""
        messages = [message for event in events if (message := self._message(event))]
        if messages:
            self._publish(messages)
        self.position = events[-1].position

    def note(self, connection: Connection[Any]) -> None:
        """Where the partitions stand that have moved."""
        if moved := [(*where, last) for where, last in self.last.items() if self.noted.get(where) != last]:
            connection.execute(NOTE, [list(column) for column in zip(*moved, strict=True)])
            self.noted = dict(self.last)

    def idle(self, connection: Connection[Any]) -> None:
        """Publish where the history ends, and what views could not take, if it is time to."""
        new, now = self.position - self.head, monotonic()
        if new >= HEAD_AFTER or (new > 0 and now - self.head_at > HEAD_WITHIN):
            self._publish_head(connection)
            self.head, self.head_at = self.position, now
        if now - self.looked_at > LOOK:
            with self._asking():
                self._look()
            self._publish_dead(connection)
            self.looked_at = now

    def end(self) -> None:
        """Close what was opened."""
        self.open.close()

    # -- how it does it -------------------------------------------------------------------------------------------

    def _message(self, event: Published) -> Message | None:
        """The message of an event; None if it is published already."""
        where = self.topic(event.topic), event.lane
        if event.position <= (last := self.last[where]):
            return None
        self.last[where] = event.position
        key, at = key_of(event.originator_id), milliseconds(event.recorded_at)
        return Message(where[0], encode(event, last), key, HEADERS, event.lane, at)

    def _publish(self, messages: Iterable[Message]) -> None:
        """All of them, in one transaction."""
        with self._asking():
            self.producer.begin_transaction()
            on_their_way, sent = 0, []
            for message in messages:
                sent.append(self.producer.send(*message))
                on_their_way += len(message.value)
                if on_their_way > MOST_BYTES:
                    self.producer.flush()
                    on_their_way = 0
            self.producer.flush()
            if lost := next((each for each in sent if not each.succeeded()), None):
                lost.get(timeout=0)  # raises: the library would commit without what it gave up to send
            self._look()  # now that all is in a topic: what is in one that was made anew meanwhile is not committed
            self.producer.commit_transaction()

    def _look(self) -> None:
        """A topic that was made anew holds nothing any more: then all starts again."""
        if self.cluster.ids(self.admin) != self.ids:
            raise WrongTopics("a topic was made anew, or deleted: looking again where each stands")

    def _publish_head(self, connection: Connection[Any]) -> None:
        for position, hash, recorded_at in connection.execute(HEAD_AT, [self.position]):
            value = Head(position, hash.hex(), recorded_at).message()
            at = milliseconds(recorded_at)
            self._publish([Message(self.cluster.heads, value, None, HEADERS, 0, at)])

    def _publish_dead(self, connection: Connection[Any]) -> None:
        if rows := connection.execute(DEAD).fetchall():
            messages = [
                Message(
                    self.cluster.dead, Parked(*told).message(), key_of(told[1]), HEADERS, lane, milliseconds(told[5])
                )
                for _, *told, lane in rows
            ]
            self._publish(messages)
            for name, _, id, _, position, *_ in rows:
                connection.execute(TOLD, (name, id, position))

    def _check(
        self, connection: Connection[Any], stand: Mapping[Partition, Stand], known: Head | None, head: int
    ) -> None:
        """Raises WrongTopics where what is published is not what would be published here."""
        for (topic, lane), each in stand.items():
            if each.begins_after:
                raise WrongTopics(
                    f"{topic} was made anew while it was published to: its partition {lane} lacks what is before"
                    f" position {each.begins_after + 1}. Delete it while no relay runs, and all is published again"
                )
            if each.last > head:
                raise WrongTopics(
                    f"{topic} holds position {each.last} and the history ends at {head}: it was restored from a backup,"
                    " or is another. Choose other topics by DAYBOOK_KAFKA_PREFIX"
                )
        if known:
            row = connection.execute(HEAD_AT, [known.position]).fetchone()
            if row is None or row[1].hex() != known.hash:
                raise WrongTopics(
                    f"{self.cluster.heads} tells another hash of position {known.position} than this history: it is of"
                    " another history. Choose other topics by DAYBOOK_KAFKA_PREFIX"
                )

    def _producer(self) -> KafkaProducer:
        return self.cluster.producer(transactional_id=f"{self.cluster.prefix}.relay", **PRODUCER)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """How long Kafka takes to answer can be seen from outside: see `busy_since`."""
        self.busy_since = monotonic()
        try:
            with reached(self.cluster):
                yield
        finally:
            self.busy_since = None
