"""Where partitions stand: what is published in them, as Kafka itself says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final, cast

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError

from infra.cloud_events import NotOurs, decode
from infra.contract.notices import Head, head_in
from infra.kafka.cluster import Cluster

ASKED: Final = 10.0
"""Seconds that Kafka gets to answer."""
STEP: Final = 4
"""Offsets from the end at which the last message is looked for first: behind it are marks of transactions."""

Partition = tuple[str, int]
"""A topic and a lane."""


@dataclass(frozen=True)
class Stand:
    """What a partition holds of our events: positions, 0 where it holds none."""

    beginning: int
    end: int
    last: int = 0
    at: datetime | None = None
    """When the last was recorded."""
    begins_after: int = 0
    """The event before its first one, if nothing was ever taken from its beginning: it should not be there."""

    @property
    def is_emptied(self) -> bool:
        """Whether it held more than it does, and holds none of our events now."""
        return self.beginning > 0 and self.last == 0


def stands(cluster: Cluster, partitions: Collection[TopicPartition]) -> dict[Partition, Stand]:
    """Where each of these partitions stands."""
    with _consumer(cluster) as consumer:
        begins, ends = _bounds(consumer, partitions)
        lasts = _lasts(consumer, begins, ends, _event)
        whole = [each for each in partitions if begins[each] == 0 and each in lasts]
        firsts = _firsts(consumer, whole)
    found = {}
    for each in partitions:
        last, _, at = lasts.get(each, NOTHING)
        _, begins_after, _ = firsts.get(each, NOTHING)
        found[each.topic, each.partition] = Stand(begins[each], ends[each], last, at, begins_after)
    return found


def last_head(cluster: Cluster) -> Head | None:
    """The head of the history that was published last, if any was."""
    partition = TopicPartition(cluster.heads, 0)
    with _consumer(cluster) as consumer:
        begins, ends = _bounds(consumer, [partition])
        found = _lasts(consumer, begins, ends, head_in).get(partition)
        return cast(Head | None, found)


def _bounds(
    consumer: KafkaConsumer, partitions: Collection[TopicPartition]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """The offsets at which each partition begins and ends."""
    wait = ASKED * 1_000
    return consumer.beginning_offsets(partitions, timeout_ms=wait), consumer.end_offsets(partitions, timeout_ms=wait)


def _consumer(cluster: Cluster) -> KafkaConsumer:
    return cluster.consumer(fetch_max_wait_ms=100)


Found = tuple[int, int, datetime | None]
"""The position of an event, that of the one before it in its partition, and when it was recorded."""
NOTHING: Final[Found] = 0, 0, None


def _event(value: bytes) -> Found | None:
    """The event of a message; None where it is none of ours."""
    try:
        recorded, previous = decode(value)
    except NotOurs:
        return None
    return recorded.position, previous, recorded.recorded_at


def _lasts(
    consumer: KafkaConsumer,
    begins: dict[TopicPartition, int],
    ends: dict[TopicPartition, int],
    read: Callable[[bytes], Any],
) -> dict[TopicPartition, Any]:
    """Of each partition the last message that can be read."""
    found: dict[TopicPartition, Any] = {}
    left, step = {each for each in ends if begins[each] < ends[each]}, STEP
    while left:
        consumer.assign(list(left))
        for each in left:
            consumer.seek(each, max(ends[each] - step, begins[each]))
        until = monotonic() + ASKED
        while any(consumer.position(each) < ends[each] for each in left):
            if monotonic() > until:
                raise KafkaTimeoutError(f"the end of {min(left)} is not to be had")
            for partition, messages in consumer.poll(timeout_ms=200).items():
                for message in messages:
                    if message.value is not None and (told := read(message.value)) is not None:
                        found[partition] = told
        left = {each for each in left if each not in found and ends[each] - step > begins[each]}
        step *= 8
    return found


def _firsts(consumer: KafkaConsumer, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Found]:
    """Of each partition the first event."""
    found: dict[TopicPartition, Found] = {}
    left, until = set(partitions), monotonic() + ASKED
    if left:
        consumer.assign(list(left))
        consumer.seek_to_beginning()
    while left:
        if monotonic() > until:
            raise KafkaTimeoutError(f"the beginning of {min(left)} is not to be had")
        for partition, messages in consumer.poll(timeout_ms=200).items():
            for message in messages:
                if partition in left and message.value is not None and (told := _event(message.value)):
                    found[partition] = told
                    left.discard(partition)
    return found
