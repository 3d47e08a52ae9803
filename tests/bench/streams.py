"""How fast the history goes to Kafka and from there into views, and how soon a command can be read through it.

`python -m tests.bench streams` prints it. Each is held against what kafka-python does alone with the same records, in
the same run: a loop that sends them in transactions as large, a loop that only reads them; and, for what waits, one
process that sends at the same rate, and one that reads.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any
from unittest.mock import patch

import psycopg
from kafka import TopicPartition
from psycopg import Connection

from infra.cloud_events import COLUMNS, Published
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.feed.kafka import KafkaSource
from infra.following import READ
from infra.kafka.broker import missing, running
from infra.kafka.cluster import Cluster
from infra.lanes import ALL
from infra.projection import Projector
from infra.relay import HEADERS, MOST, PRODUCER, Relay
from infra.tables import Table
from projections.sales.opportunity import OpportunityView
from tests.bench import visible
from tests.bench.rebuild import at_the_beginning, history
from tests.infra.past import record

SCHEMA = "bench_streams"
EVENTS = 40_000
ROUNDS = 3
SECONDS = 8.0
NUMBERS = count(1)
WARM = b"warm"
"""What goes before all that is timed."""


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    if lacks := missing():
        yield "Kafka", "not measured", lacks, ""
        return
    with TemporaryDirectory() as folder, running(Path(folder)) as broker:
        yield from throughput(database_url, broker.address)
        yield from delay(database_url, broker.address)


# -- how much -------------------------------------------------------------------------------------------------------


def throughput(database_url: str, brokers: str) -> Iterator[tuple[str, str, str, str]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"drop schema if exists {SCHEMA} cascade".encode())
    migrate(database_url, SCHEMA)
    with connect(database_url, SCHEMA) as connection:
        record(connection, history(EVENTS).rows)
        connection.execute("vacuum analyze events")
        turns = [(relayed(connection, brokers), sent(connection, brokers)) for _ in range(ROUNDS)]
        ours, raw = (median(each) for each in zip(*turns, strict=True))
        against = f"kafka-python alone, the same records {raw:,.0f}/s (goal 0.7)"
        yield "relay", f"{ours:,.0f} events/s", against, f"{ours / raw:.2f}"

        filled = a_cluster(brokers)
        publish(connection, filled)
        turns = [(projected(connection, filled), read(filled)) for _ in range(ROUNDS)]
        ours, raw = (median(each) for each in zip(*turns, strict=True))
        against = f"kafka-python alone, reading the same {raw:,.0f}/s"
        yield "one view moved from Kafka", f"{ours:,.0f} events/s", against, f"{ours / raw:.2f}"


def a_cluster(brokers: str) -> Cluster:
    """With topics of its own, which are made when they are needed."""
    return Cluster(brokers, f"bench-{next(NUMBERS)}")


def relayed(connection: Connection[Any], brokers: str) -> float:
    """Events per second, from the table to the last commit."""
    return publish(connection, a_cluster(brokers))


def publish(connection: Connection[Any], cluster: Cluster) -> float:
    relay, position = Relay(cluster), 0
    with closing(relay.open):
        relay.begin(connection, None, EVENTS)
        begun = perf_counter()
        while found := connection.execute(READ, (position, MOST), prepare=True, binary=True).fetchall():
            relay.carry_out([Published(*row) for row in found])
            relay.note(connection)
            position = relay.position
        return EVENTS / (perf_counter() - begun)


def sent(connection: Connection[Any], brokers: str) -> float:
    """The same records, made before, sent in transactions of the same size by a producer of the same settings."""
    cluster, relay = a_cluster(brokers), Relay(a_cluster(brokers))
    cluster.prepare()
    relay.last = {(topic, lane): 0 for topic in relay.cluster.topics.values() for lane in ALL}
    found = connection.execute(f"select {COLUMNS} from events order by position".encode(), binary=True).fetchall()
    messages = [relay._message(Published(*row)) for row in found]
    topic = cluster.topic("sales")
    with closing(cluster.producer(transactional_id=cluster.prefix, **PRODUCER)) as producer:
        producer.init_transactions()
        begun = perf_counter()
        for start in range(0, EVENTS, MOST):
            producer.begin_transaction()
            for message in messages[start : start + MOST]:
                assert message
                producer.send(topic, message.value, message.key, HEADERS, message.partition, message.timestamp_ms)
            producer.commit_transaction()
        return EVENTS / (perf_counter() - begun)


def projected(connection: Connection[Any], cluster: Cluster) -> float:
    """Events per second that one view takes in, with its history."""
    at_the_beginning(connection, [OpportunityView])
    with closing(KafkaSource(cluster, connection)) as source:
        [(tables, lanes, feed)] = source.feeds([([Table(OpportunityView)], sorted(ALL))])
        projector = Projector(connection, tables, lanes)
        begun = perf_counter()
        done = 0
        while done < EVENTS:
            new = projector.step(feed, 1_000)
            done += max(new, 0)
            if new < 0:
                source.wait(0.2)
        return EVENTS / (perf_counter() - begun)


def read(cluster: Cluster) -> float:
    """The same messages, read and let go."""
    with closing(cluster.consumer(max_poll_records=2_000)) as consumer:
        consumer.assign(at := [TopicPartition(cluster.topic("sales"), lane) for lane in sorted(ALL)])
        consumer.seek_to_beginning()
        came, begun = 0, perf_counter()
        while came < EVENTS:
            came += sum(len(messages) for messages in consumer.poll(timeout_ms=200).values())
        assert at
        return EVENTS / (perf_counter() - begun)


# -- how soon -------------------------------------------------------------------------------------------------------


def delay(database_url: str, brokers: str) -> Iterator[tuple[str, str, str, str]]:
    given = {"DAYBOOK_KAFKA": brokers, "DAYBOOK_KAFKA_PREFIX": f"bench-{next(NUMBERS)}"}
    for rate in visible.RATES:
        kafka = sorted(alone(brokers, rate))
        with (
            patch.dict(os.environ, given),
            visible.a_company(database_url) as url,
            EventStore(url) as store,
        ):
            waited = visible.steadily(url, store, rate)
        given["DAYBOOK_KAFKA_PREFIX"] = f"bench-{next(NUMBERS)}"
        for name, ours, theirs in (("p50", median(waited), median(kafka)), ("p99", p99(waited), p99(kafka))):
            against = f"from kafka-python to kafka-python {theirs * 1e3:.1f} ms"
            against += f" (goal {2 * theirs * 1e3 + 20:.0f} ms)" if name == "p99" else ""
            what = f"answer to visible through Kafka, {rate} commands/s, {name}"
            yield what, f"{ours * 1e3:.1f} ms", against, f"{ours / theirs:.1f}"


def p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[98]


def alone(brokers: str, rate: int) -> list[float]:
    """Seconds from before a message is sent, in transactions of what has come together, until it is read, committed."""
    cluster = a_cluster(brokers)
    cluster.prepare()
    told = [sys.executable, "-m", __name__, brokers, cluster.prefix]
    with subprocess.Popen([*told, "read", str(rate)], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == "ready\n"
        subprocess.run([*told, "send", str(rate)], check=True)
        return [float(line) for line in reader.stdout]


def main() -> None:
    """One of the two: `send` writes the time into each message, `read` prints how old each is."""
    brokers, prefix, what, rate = sys.argv[1:]
    cluster, number = Cluster(brokers, prefix), int(float(rate) * SECONDS)
    topic = cluster.topic("sales")
    if what == "read":
        with closing(cluster.consumer(max_poll_records=2_000)) as consumer:
            consumer.assign([TopicPartition(topic, lane) for lane in sorted(ALL)])
            consumer.seek_to_beginning()
            consumer.poll(timeout_ms=100)
            print("ready", flush=True)
            seen = 0
            while seen < number:
                for messages in consumer.poll(timeout_ms=500).values():
                    now = perf_counter()
                    timed = [message for message in messages if message.value != WARM]
                    seen += len(timed)
                    for message in timed:
                        print(now - float(message.value))
        return
    with closing(cluster.producer(transactional_id=prefix, **PRODUCER)) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        for lane in ALL:
            producer.send(topic, WARM, b"key", HEADERS, lane)
        producer.commit_transaction()
        begun, done = perf_counter() + 0.5, 0
        while done < number:
            due = min(int((perf_counter() - begun) * float(rate)) + 1, number)
            if due <= done:
                sleep(max(0.0, begun + done / float(rate) - perf_counter()))
                continue
            producer.begin_transaction()
            for each in range(done, due):
                made = f"{begun + each / float(rate)}".ljust(700, "0").encode()
                producer.send(topic, made, str(each).encode(), HEADERS, each % len(ALL))
            producer.commit_transaction()
            done = due


if __name__ == "__main__":
    main()
