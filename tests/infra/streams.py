"""Topics, as those see them who read them; and what fills them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import Any

from kafka import TopicPartition
from psycopg import Connection

from infra.cloud_events import decode
from infra.database import connect
from infra.feed import Recorded
from infra.following import follow
from infra.kafka.cluster import Cluster
from infra.relay import Relay

STANDS_AT = "select position from followers where name = 'relay'"


@contextmanager
def in_a_thread(work: Callable[..., None], *args: Any, **kwargs: Any) -> Iterator[Event]:
    """Something that works until its last argument is set."""
    stop = Event()
    thread = Thread(target=work, args=(*args, stop), kwargs=kwargs)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(120)
    assert not thread.is_alive()


@contextmanager
def relaying(url: str, schema: str, cluster: Cluster) -> Iterator[Event]:
    """A relay that runs meanwhile, with topics that are there."""
    with in_a_thread(follow, url, schema, Relay(cluster)) as stop, connect(url, schema) as connection:
        relayed(connection, 0)
        yield stop


def relayed(connection: Connection[Any], position: int, seconds: float = 120) -> None:
    """Wait until the relay has published so much."""
    until = monotonic() + seconds
    while (connection.execute(STANDS_AT).fetchone() or (-1,))[0] < position:
        assert monotonic() < until, f"position {position} was never published"


def messages(cluster: Cluster, topic: str) -> list[Any]:
    """All messages of a topic that are committed, each partition in its order; none if there is no such topic."""
    consumer = cluster.consumer(fetch_max_wait_ms=50)
    try:
        partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())]
        if not partitions:
            return []
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends, found, until = consumer.end_offsets(partitions), list[Any](), monotonic() + 120
        while any(consumer.position(each) < ends[each] for each in partitions):
            assert monotonic() < until
            found += [message for some in consumer.poll(timeout_ms=200).values() for message in some]
        return sorted(found, key=lambda message: (message.partition, message.offset))
    finally:
        consumer.close()


def published(cluster: Cluster, context: str) -> list[Recorded]:
    """The events of a context, as its topic has them; and each names the one before it in its partition."""
    last, found = dict[int, int](), list[Recorded]()
    for message in messages(cluster, cluster.topic(context)):
        recorded, previous = decode(message.value)
        assert previous == last.get(message.partition, 0)
        last[message.partition] = recorded.position
        found.append(recorded)
    return sorted(found)
