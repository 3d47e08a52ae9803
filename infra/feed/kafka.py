"""The feed that follows the topics of Kafka, a topic to a feed: a view has one kind of aggregate, and that one topic.

Positions decide, offsets only help to find them. Where a lane goes on is said by the database (`after`); each message
names the position before it in its partition, so that nothing can be missed unseen: a message that does not follow what
came before shows a hole (retention, a topic made anew), and what is missing is read from the history.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from heapq import merge
from itertools import islice
from operator import attrgetter
from time import monotonic
from typing import Any, Final

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError
from psycopg import Connection

from domain.declaration import context_of
from infra.cloud_events import NotOurs, decode
from infra.feed import Batch, Fed, Lanes, Recorded
from infra.feed.log import COLUMNS
from infra.kafka import NotReached
from infra.kafka.cluster import Cluster, milliseconds, reached

log = logging.getLogger(__name__)

GROUP: Final = "projector"
"""With the prefix of our topics: under this name Kafka knows how far we are, for whoever watches lags."""
MOST: Final = 2_000
"""Messages of one poll."""
STALLED: Final = 15.0
"""Seconds after which messages that are published, and do not come, are looked for anew."""
QUIET: Final = 0.02
"""Seconds without events after which lanes without events are moved ..."""
LEVEL: Final = 0.1
"""... and seconds from one time to the next while events come, for it costs as much as they do."""
TOLD: Final = 1.0
"""Seconds from one time that Kafka is told how far we are to the next."""
ASKED: Final = 10_000
"""Milliseconds that Kafka gets to answer."""

RELAYED: Final = """
    select p.topic, p.lane, p.position, f.position from followers f cross join published p
    where f.name = 'relay' and p.topic = any(%s)"""
RECORDED_AT: Final = "select recorded_at from events where position >= %s order by position limit 1"
HOLE: Final = f"""
    select {COLUMNS} from events
    where position > %s and position <= %s and lane = %s and split_part(topic, '.', 1) = any(%s)
    order by position limit %s"""
BY_POSITION: Final = attrgetter("position")


class Partition:
    """What came of one partition and was not yet taken by every feed."""

    def __init__(self, at: TopicPartition) -> None:
        self.at = at
        self.sought = False
        self.base = self.last = 0
        """Everything behind the first is here, or is still to come behind the second: positions."""
        self.events: list[Recorded] = []
        self.offsets: list[int] = []
        self.level = 0
        """The position up to which there is nothing else: of the relay, when all that it published here had come."""
        self.consumed: tuple[int, int] | None = None
        """An offset before which all was taken by every feed, and its position."""
        self.waits: tuple[int, float] | None = None
        """Since when what follows this position is published and has not come; None where all has."""
        self.takers: dict[int, int] = {}
        """How far each feed is."""

    def after(self, position: int) -> Sequence[Recorded]:
        return self.events[bisect_right(self.events, position, key=BY_POSITION) :]

    def taken(self) -> None:
        """Forget what all feeds have taken."""
        done = bisect_right(self.events, min(self.takers.values()), key=BY_POSITION)
        if done:
            self.base = self.events[done - 1].position
            self.consumed = self.offsets[done - 1] + 1, self.base
            del self.events[:done], self.offsets[:done]


class KafkaSource:
    """One consumer for all that a projector holds.

    It is asked for more when every feed has taken what came: so no more is kept than it brings at once. (A partition is
    never paused: in kafka-python 3.0.12 one that is resumed may stand still for ever.)
    """

    def __init__(self, cluster: Cluster, connection: Connection[Any]) -> None:
        self.cluster, self.connection = cluster, connection
        self.topics = list(cluster.topics.values())
        self.partitions: dict[TopicPartition, Partition] = {}
        self.told_at = self.heard_at = self.level_at = monotonic()
        self.consumer: KafkaConsumer = cluster.consumer(
            group_id=f"{cluster.prefix}.{GROUP}", max_poll_records=MOST, fetch_max_wait_ms=500
        )
        try:
            if missing := set(self.topics) - self.consumer.topics():
                raise NotReached(f"Kafka has no topics {', '.join(sorted(missing))}: is a relay running?")
        except BaseException:
            self.close()
            raise

    def feeds(self, held: Iterable[Lanes]) -> list[Fed]:
        """A feed for the tables of each context."""
        made, self.partitions = list[Fed](), {}
        for tables, lanes in held:
            for context in sorted({context_of(table.view.of) for table in tables}):
                of = [table for table in tables if context_of(table.view.of) == context]
                made.append((of, lanes, KafkaFeed(self, self.cluster.topic(context), lanes, len(made))))
        self.consumer.assign(list(self.partitions))
        return made

    def wait(self, seconds: float) -> bool:
        """Until something came, or so long. Raises NotReached, also where what is published does not come."""
        quiet = monotonic() - self.heard_at > QUIET
        due = monotonic() - self.level_at > (QUIET if quiet else LEVEL)
        relayed = self.connection.execute(RELAYED, [self.topics], prepare=True).fetchall() if due else []
        with reached(self.cluster):
            came = self.consumer.poll(timeout_ms=round(seconds * 1_000))
            for at, messages in came.items():
                self._take(self.partitions[at], messages)
            self._tell()
        if came:
            self.heard_at = monotonic()
        if due:
            self._level(relayed)
        return bool(came)

    def close(self) -> None:
        self.consumer.close(autocommit=False, timeout_ms=1_000)

    def _take(self, partition: Partition, messages: Sequence[Any]) -> None:
        """Keep what is new of these messages, and what is missing between them."""
        if not partition.sought:
            return
        for message in messages:
            try:
                recorded, previous = decode(message.value or b"")
            except NotOurs as error:
                log.warning("%s, offset %d: passed over, for %s", partition.at, message.offset, error)
                continue
            if recorded.position <= partition.last:
                continue
            if previous > partition.last and not self._fill(partition, previous, message.offset):
                self.consumer.seek(partition.at, message.offset)
                break
            partition.events.append(recorded)
            partition.offsets.append(message.offset)
            partition.last = recorded.position

    def _fill(self, partition: Partition, until: int, offset: int) -> bool:
        """Read from the history what no message brought; some of it, if it is much. Says whether that is all."""
        log.warning("%s lacks what was after position %d: read from the history", partition.at, partition.last)
        kinds = self.cluster.kinds_in(partition.at.topic)
        hole = partition.last, until, partition.at.partition, kinds, MOST
        rows = [Recorded(*row) for row in self.connection.execute(HOLE, hole, binary=True).fetchall()]
        partition.events += rows
        partition.offsets += [offset - 1] * len(rows)
        partition.last = rows[-1].position if len(rows) == MOST else until
        return len(rows) < MOST

    def seek(self, partition: Partition, position: int) -> None:
        """Go on behind a position: where we said that we were, if that is not beyond, else by the time."""
        at = partition.at
        with reached(self.cluster):
            known = self.consumer.committed(at, metadata=True, timeout_ms=ASKED) if position else None
            if known and known.metadata.isdecimal() and int(known.metadata) <= position:
                self.consumer.seek(at, known.offset)
            else:
                self.consumer.seek(at, self._offset(at, position))
        partition.events, partition.offsets, partition.consumed = [], [], None
        partition.base = partition.last = position
        partition.level, partition.sought = 0, True

    def _offset(self, at: TopicPartition, position: int) -> int:
        """An offset that no event behind this position is before. Messages bear the time when they were recorded."""
        row = self.connection.execute(RECORDED_AT, [position]).fetchone() if position else None
        end: int = self.consumer.end_offsets([at], timeout_ms=ASKED)[at]
        if row is None:
            return int(self.consumer.beginning_offsets([at], timeout_ms=ASKED)[at]) if position == 0 else end
        found = self.consumer.offsets_for_times({at: milliseconds(row[0])}, timeout_ms=ASKED)[at]
        return int(found.offset) if found else end

    def _level(self, relayed: Iterable[tuple[str, int, int, int]]) -> None:
        """A partition of which all came that the relay had published before is level with the relay."""
        stalled, now = [], monotonic()
        for topic, lane, published, relay in relayed:
            partition = self.partitions.get(TopicPartition(topic, lane))
            if partition and partition.sought:
                if partition.last >= published:
                    partition.waits = None
                    if not partition.events:
                        partition.level = max(partition.level, relay)
                elif partition.waits is None or partition.waits[0] != partition.last:
                    partition.waits = partition.last, now
                elif now - partition.waits[1] > STALLED:
                    stalled.append(partition)
        self.level_at = now
        if stalled:
            with suppress(KafkaError):  # what we said of our place may be what is wrong
                self.consumer.commit({each.at: OffsetAndMetadata(0, "", -1) for each in stalled}, timeout_ms=ASKED)
            raise NotReached(f"what follows position {stalled[0].last} in {stalled[0].at} does not come: looking anew")

    def _tell(self) -> None:
        """Tell Kafka how far we are: it decides nothing, but others can see it, and we find our place sooner."""
        if monotonic() - self.told_at > TOLD:
            self.told_at = monotonic()
            offsets = {
                at: OffsetAndMetadata(each.consumed[0], str(each.consumed[1]), -1)
                for at, each in self.partitions.items()
                if each.consumed
            }
            if offsets:
                self.consumer.commit_async(offsets, callback=_told)
            for each in self.partitions.values():
                each.consumed = None


def _told(offsets: Any, answer: Any) -> None:
    if isinstance(answer, Exception):
        log.debug("Kafka did not note how far we are: %s", answer)


class KafkaFeed:
    """The lanes of one topic. What it brought comes again until it is asked for what is behind it."""

    def __init__(self, source: KafkaSource, topic: str, lanes: Iterable[int], number: int) -> None:
        self.source, self.number = source, number
        self.partitions = {
            lane: source.partitions.setdefault(at := TopicPartition(topic, lane), Partition(at)) for lane in lanes
        }
        for partition in self.partitions.values():
            partition.takers[number] = 0

    def read(self, after: Mapping[int, int], most: int) -> Batch:
        for lane, position in after.items():
            self._taken(self.partitions[lane], position)
        here = [self.partitions[lane].after(position) for lane, position in after.items()]
        events = list(islice(merge(*here, key=BY_POSITION), most))
        reached = {event.lane: event.position for event in events}
        for lane, position in after.items():
            partition = self.partitions[lane]
            if not partition.events and partition.level > position:
                reached[lane] = partition.level
        return Batch(events, reached)

    def _taken(self, partition: Partition, position: int) -> None:
        if not partition.sought or position < partition.base:
            self.source.seek(partition, position)
        partition.takers[self.number] = position
        partition.taken()
