"""What goes wrong with Kafka, its relay and its readers, under load; and nothing is missing or doubled all the same.

`StreamingHouse.check` says what holds of the views, `check_stream` of the topics, and the consumer downstream proves by
itself that it missed nothing. The long ones run with `make faults`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.kafka.broker import Broker, missing, running
from tests.faults.house import SHARING, Load, eventually
from tests.faults.streaming import Downstream, StreamingHouse, opportunities

SUSPENDED = 3.0
"""Seconds after which Kafka gives the consumer's partitions to others."""


@dataclass
class Street:
    """A broker, a house, and a consumer downstream."""

    folder: Path
    broker: Broker
    house: StreamingHouse
    consumer: Downstream

    @contextmanager
    def load(self) -> Iterator[Load]:
        with self.house.load() as load:
            yield load

    def check(self, whole: bool = True) -> None:
        """Nothing is missing or doubled, wherever it is read."""
        self.house.check()
        self.house.check_stream(whole)
        with self.house.database() as server:
            self.consumer.comes_to(opportunities(server.application_url))

    def another_consumer(self, number: int) -> None:
        timeouts = f"session.timeout.ms={SUSPENDED * 1_000:.0f}", f"max.poll.interval.ms={SUSPENDED * 1_000:.0f}"
        options = f"group.id=deals-{number}", "heartbeat.interval.ms=500", *timeouts
        topic, file = self.house.cluster.topic("sales"), self.folder / f"deals-{number}.sqlite"
        self.consumer = Downstream(self.broker.address, topic, file, options)


@pytest.fixture(scope="module")
def a_street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    if lacks := missing():
        pytest.skip(lacks)
    folder = tmp_path_factory.mktemp("kafka-faults")
    with running(folder / "kafka", settings={"group.min.session.timeout.ms": "1000"}) as broker:
        house = StreamingHouse(folder / "data", broker=broker)
        try:
            street = Street(folder, broker, house, consumer=None)  # type: ignore[arg-type]
            street.another_consumer(0)
            yield street
            house.close()
        finally:
            street.consumer.end()
            house.kill()


@pytest.fixture
def street(a_street: Street) -> Street:
    """One where all is well, with a history; a test that failed before must not fail this one too."""
    if a_street.broker.process is None:
        a_street.broker.start()
    if a_street.house.serving.process.poll() is not None or not a_street.house.serving.answers("/readyz"):
        a_street.house.kill()
        a_street.house.open()
    if a_street.consumer.process.poll() is not None:
        a_street.another_consumer(time.monotonic_ns())
    return a_street


def test_of_a_relay_that_is_killed_in_the_middle_of_a_transaction_nothing_is_seen_twice(street: Street) -> None:
    with street.load() as load:
        street.house.kill_relay(in_a_transaction=True)
        load.goes_on()

    street.check()


def test_a_projector_that_is_killed_goes_on_in_the_topics_where_its_rows_stand(street: Street) -> None:
    with street.load() as load:
        street.house.kill_projector()
        load.goes_on()

    street.check()


@pytest.mark.long
def test_a_broker_is_stopped_and_started_again_under_all_that_use_it(street: Street) -> None:
    relays, projectors = street.house.relays(), street.house.projectors()
    with street.load() as load:
        street.broker.end(signal.SIGTERM)
        load.goes_on()
        street.broker.start()
        load.goes_on()

    street.check()
    assert (street.house.relays(), street.house.projectors()) == (relays, projectors)


def test_a_broker_that_is_killed_in_the_middle_of_a_transaction_shows_nothing_of_it_twice(street: Street) -> None:
    with street.load() as load:
        [relay] = street.house.relays()
        street.house.a_transaction_is_open(relay)
        street.broker.end(signal.SIGKILL)
        os.kill(relay, signal.SIGCONT)
        load.goes_on()
        street.broker.start()
        load.goes_on()

    street.check()


def test_a_relay_that_lost_its_position_finds_it_in_the_topics(street: Street) -> None:
    with street.load() as load:
        street.house.loses_its_relay(position=True)
        load.goes_on()

    street.check()


def test_topics_that_were_emptied_by_retention_go_on_where_they_ended(street: Street) -> None:
    with street.load() as load:
        street.house.loses_its_relay(messages=True)
        load.goes_on()

    street.check(whole=False)


def test_a_relay_that_lost_its_position_and_the_messages_publishes_all_again_and_nobody_is_harmed(
    street: Street,
) -> None:
    with street.load() as load:
        street.house.loses_its_relay(position=True, messages=True)
        load.goes_on()

    street.check()


def test_of_two_relays_the_other_takes_over_from_the_one_that_is_killed(street: Street) -> None:
    with street.load() as load, street.house.beside("relay"):
        [first] = street.house.relays()
        [second] = eventually(lambda: [pid for pid in street.house.relays() if pid != first], "a second one runs")
        time.sleep(1)
        os.kill(first, signal.SIGKILL)
        load.goes_on()
        os.kill(second, signal.SIGKILL)
        load.goes_on()

    street.check()


@pytest.mark.long
def test_projectors_share_the_lanes_of_the_topics_and_leave_them_to_each_other(street: Street) -> None:
    with street.load() as load, street.house.looking() as connection:
        with street.house.beside("project"):
            eventually(lambda: connection.execute(SHARING).fetchone() == (2,), "both have lanes of the accounts")
            load.goes_on()
        eventually(lambda: connection.execute(SHARING).fetchone() == (1,), "the first has those of the one killed")
        load.goes_on()
        with street.house.beside("project") as second:
            eventually(lambda: connection.execute(SHARING).fetchone() == (2,), "both have lanes of the accounts")
            street.house.kill_projector()
            load.goes_on()
            second.send_signal(signal.SIGTERM)
            second.wait()
        load.goes_on()

    street.check()


def test_when_everything_but_the_broker_is_killed_at_once_all_go_on_where_their_notes_stand(street: Street) -> None:
    with street.load() as load:
        street.house.kill_everything()
        load.goes_on()

    street.check()


def test_messages_that_are_not_ours_are_passed_over_by_everybody(street: Street) -> None:
    with street.load() as load:
        producer = street.house.cluster.producer()
        for partition in street.house.cluster.partitions:
            for value in (b"noise", b"{}", b'{"source": "/daybook/sales"}', b"\xff", None):
                producer.send(partition.topic, value, b"key", partition=partition.partition)
        producer.close()
        load.goes_on()
        street.house.kill_relay()
        street.house.kill_projector()
        load.goes_on()

    street.check()


def test_a_topic_that_is_made_anew_while_all_runs_gets_all_again(street: Street) -> None:
    with street.load() as load:
        load.goes_on()
        with street.house.cluster.admin() as admin:
            admin.delete_topics([street.house.cluster.topic("sales")])
        street.house.cluster.prepare()
        load.goes_on()

    street.consumer.end()  # librdkafka may stand still then: whoever runs the consumer starts it again
    street.consumer.start()
    street.check()


@pytest.mark.long
def test_a_projector_that_stands_still_for_a_while_misses_nothing(street: Street) -> None:
    with street.load() as load:
        [projector] = street.house.projectors()
        os.kill(projector, signal.SIGSTOP)
        time.sleep(3)
        load.goes_on()
        os.kill(projector, signal.SIGCONT)
        load.goes_on()

    street.check()
    assert street.house.projectors() == [projector]


def test_a_consumer_that_kafka_gave_up_misses_nothing_when_it_goes_on(street: Street) -> None:
    with street.load() as load:
        street.consumer.process.send_signal(signal.SIGSTOP)
        time.sleep(SUSPENDED + 1)
        load.goes_on()
        street.consumer.process.send_signal(signal.SIGCONT)
        load.goes_on()

    street.check()


def test_a_consumer_that_is_killed_goes_on_where_its_own_table_stands(street: Street) -> None:
    with street.load() as load:
        street.consumer.end()
        load.goes_on()
        street.consumer.start()
        load.goes_on()

    street.check()
