"""The relay publishes every event once, in the topic of its context, wherever it has to begin again."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any
from uuid import UUID

import pytest
from kafka import TopicPartition
from msgspec import json
from psycopg import Connection

from infra.cloud_events import COLUMNS, Published
from infra.following import follow
from infra.kafka import NotReached, WrongTopics
from infra.kafka.broker import missing, running
from infra.kafka.cluster import Cluster, milliseconds
from infra.lanes import LANES, lane_of
from infra.relay import PRODUCER, Relay
from tests.conftest import ROOT
from tests.infra.past import ANN, Past, database, random_sales, record
from tests.infra.sale import Sale
from tests.infra.streams import in_a_thread, messages, published, relayed, relaying
from tests.infra.test_projector_process import eventually

ROWS = random_sales(11, 300, 40).rows


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


@pytest.fixture
def cluster(cluster: Cluster) -> Cluster:
    """Sales are in the context of the tests, `infra`; another one stands beside it."""
    return replace(cluster, contexts=("infra", "other"))


@pytest.fixture
def relay(cluster: Cluster) -> Iterator[Relay]:
    relay = Relay(cluster)
    yield relay
    relay.end()


def events(db: Connection[Any], after: int = 0, until: int = 10_000) -> list[Published]:
    rows = db.execute(
        f"select {COLUMNS} from events where position > %s and position <= %s order by position".encode(),
        (after, until),
    )
    return [Published(*row) for row in rows.fetchall()]


def test_each_event_is_in_the_topic_of_its_context_and_in_the_partition_of_its_lane(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    record(db, ROWS)

    with relaying(database_url, schema, cluster):
        relayed(db, 300)

    found = messages(cluster, cluster.topic("infra"))
    assert published(cluster, "infra") == ROWS
    assert published(cluster, "other") == []
    at = {row.position: row for row in ROWS}
    for message in found:
        row = at[int(json.decode(message.value)["position"])]
        assert (message.partition, message.key) == (row.lane, str(row.originator_id).encode())
        assert message.timestamp == milliseconds(row.recorded_at)
        assert message.headers == [("content-type", b"application/cloudevents+json; charset=utf-8")]


def test_what_was_published_and_not_noted_is_not_published_again(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster, relay: Relay
) -> None:
    record(db, ROWS)
    relay.begin(db, None, 300)
    relay.carry_out(events(db, until=120))
    relay.end()  # it died before it wrote that down

    with relaying(database_url, schema, cluster):
        relayed(db, 300)

    assert published(cluster, "infra") == ROWS


def test_what_was_not_committed_is_not_seen_and_is_published_by_the_next(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster, relay: Relay
) -> None:
    record(db, ROWS)
    relay.begin(db, None, 300)
    relay.producer.begin_transaction()
    for event in events(db, until=50):
        message = relay._message(event)
        assert message
        relay.producer.send(*message)
    relay.producer.flush()  # then it stands still

    with relaying(database_url, schema, cluster):
        relayed(db, 300)

    assert published(cluster, "infra") == ROWS
    with pytest.raises(NotReached, match="Fenced"), relay._asking():
        relay.producer.commit_transaction()
    assert published(cluster, "infra") == ROWS


def test_a_transaction_of_which_something_could_not_be_sent_is_not_committed(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if lacks := missing():
        pytest.skip(lacks)
    record(db, ROWS)
    monkeypatch.setitem(PRODUCER, "request_timeout_ms", 500)
    monkeypatch.setitem(PRODUCER, "delivery_timeout_ms", 1_000)
    monkeypatch.setattr("infra.relay.MOST_BYTES", 1)  # each message is waited for
    with running(tmp_path / "kafka") as broker:
        cluster = replace(cluster, brokers=broker.address)
        relay = Relay(cluster)
        relay.begin(db, None, 300)
        *first, last = [relay._message(event) for event in events(db, until=100)]

        def sent() -> Iterator[Any]:
            yield from first
            assert broker.process
            broker.process.send_signal(signal.SIGSTOP)
            Timer(3, broker.process.send_signal, [signal.SIGCONT]).start()  # later than it is tried
            yield last

        with pytest.raises(NotReached, match="KafkaTimeoutError"):
            relay._publish(sent())
        relay.end()
        monkeypatch.undo()
        with relaying(database_url, schema, cluster):
            relayed(db, 300)

        assert published(cluster, "infra") == ROWS


def test_a_position_that_was_lost_from_the_database_is_found_in_kafka(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    record(db, ROWS[:200])
    with relaying(database_url, schema, cluster):
        relayed(db, 200)
    db.execute("truncate followers, published")

    record(db, ROWS[200:])
    with relaying(database_url, schema, cluster):
        relayed(db, 300)

    assert published(cluster, "infra") == ROWS


def test_a_topic_that_was_emptied_by_retention_goes_on_where_it_ended(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    record(db, ROWS[:200])
    with relaying(database_url, schema, cluster):
        relayed(db, 200)
    emptied(cluster)

    record(db, ROWS[200:])
    with relaying(database_url, schema, cluster):
        relayed(db, 300)

    found = [json.decode(message.value) for message in messages(cluster, cluster.topic("infra"))]
    last = {lane: max(row.position for row in ROWS[:200] if row.lane == lane) for lane in range(LANES)}
    for told in sorted(found, key=lambda each: each["position"]):
        assert int(told["previousposition"]) == last[told["lane"]]
        last[told["lane"]] = int(told["position"])
    assert sorted(int(told["position"]) for told in found) == [row.position for row in ROWS[200:]]


def test_where_the_position_and_the_messages_are_gone_all_is_published_again(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    record(db, ROWS)
    with relaying(database_url, schema, cluster):
        relayed(db, 300)
    emptied(cluster)
    db.execute("truncate followers, published")

    with relaying(database_url, schema, cluster):
        relayed(db, 300)

    assert published(cluster, "infra") == ROWS


def test_a_topic_that_was_made_anew_gets_all_again_and_the_other_nothing(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    record(db, ROWS)
    with relaying(database_url, schema, cluster):
        relayed(db, 300)
    end = ends(cluster, "other")

    deleted(cluster, cluster.topic("infra"))
    with relaying(database_url, schema, cluster):
        eventually(lambda: len(published(cluster, "infra")) == 300)

    assert published(cluster, "infra") == ROWS
    assert ends(cluster, "other") == end


def test_other_topics_get_all_and_those_before_what_they_lack_when_they_are_taken_up_again(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    others = replace(cluster, prefix=f"{cluster.prefix}-others")
    for until, each in ((100, cluster), (200, others), (300, cluster)):
        record(db, ROWS[until - 100 : until])

        with relaying(database_url, schema, each):
            eventually(lambda each=each, until=until: len(published(each, "infra")) == until)  # type: ignore[misc]

    assert published(others, "infra") == ROWS[:200]
    assert published(cluster, "infra") == ROWS


def test_what_a_cluster_lacks_that_was_published_is_published_again(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster, relay: Relay
) -> None:
    record(db, ROWS)
    relay.begin(db, None, 300)
    relay.carry_out(events(db, until=200))
    relay.end()
    noted(db, cluster, 300)  # before the cluster was put back to how it had been

    with relaying(database_url, schema, cluster):
        eventually(lambda: len(published(cluster, "infra")) == 300)

    assert published(cluster, "infra") == ROWS


def noted(db: Connection[Any], cluster: Cluster, position: int) -> None:
    """That all is published up to a position."""
    db.execute("insert into followers values ('relay', %s)", [position])
    db.execute(
        "insert into published select %s, lane, max(position) from events where position <= %s group by lane",
        [cluster.topic("infra"), position],
    )
    db.execute("insert into published select %s, generate_series(0, 5), 0", [cluster.topic("other")])


def test_a_topic_that_is_made_anew_while_it_is_published_to_gets_all_again(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    record(db, ROWS[:200])
    with relaying(database_url, schema, cluster):
        relayed(db, 200)
        deleted(cluster, cluster.topic("infra"))
        cluster.prepare()
        record(db, ROWS[200:])
        eventually(lambda: len(published(cluster, "infra")) == 300)

    assert published(cluster, "infra") == ROWS


def test_nothing_is_committed_in_a_topic_that_was_made_anew_in_the_middle_of_a_transaction(
    db: Connection[Any], cluster: Cluster, relay: Relay
) -> None:
    record(db, ROWS)
    relay.begin(db, None, 300)
    relay.carry_out(events(db, until=100))
    deleted(cluster, cluster.topic("infra"))
    cluster.prepare()

    with pytest.raises((WrongTopics, NotReached)):
        relay.carry_out(events(db, after=100))
    relay.end()

    assert published(cluster, "infra") == []


def test_a_topic_that_is_made_anew_while_nothing_is_recorded_gets_all_again(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    record(db, ROWS)
    with relaying(database_url, schema, cluster):
        relayed(db, 300)
        deleted(cluster, cluster.topic("infra"))
        eventually(lambda: len(published(cluster, "infra")) == 300)

    assert published(cluster, "infra") == ROWS


def test_a_topic_that_begins_in_the_middle_is_refused(db: Connection[Any], cluster: Cluster, relay: Relay) -> None:
    record(db, ROWS)
    relay.begin(db, None, 300)
    deleted(cluster, cluster.topic("infra"))
    cluster.prepare()
    relay.last = dict.fromkeys(relay.last, 100)
    relay.ids = cluster.ids(relay.admin)  # as if it had not looked
    relay.carry_out(events(db, after=100))
    relay.end()

    with pytest.raises(WrongTopics, match=r"was made anew .* Delete it while no relay runs"):
        relay.begin(db, 300, 300)


def test_of_two_one_leads_and_the_other_takes_over(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    record(db, ROWS[:100])
    with (
        in_a_thread(follow, database_url, schema, Relay(cluster)) as first,
        in_a_thread(follow, database_url, schema, Relay(cluster)),
    ):
        relayed(db, 100)
        record(db, ROWS[100:200])
        relayed(db, 200)
        first.set()
        record(db, ROWS[200:])
        relayed(db, 300)

    assert published(cluster, "infra") == ROWS


def test_one_that_was_replaced_can_publish_nothing_more(db: Connection[Any], cluster: Cluster, relay: Relay) -> None:
    record(db, ROWS)
    relay.begin(db, None, 300)
    relay.carry_out(events(db, until=100))
    successor = Relay(cluster)
    successor.begin(db, 100, 300)

    with pytest.raises(NotReached, match="Fenced"):
        relay.carry_out(events(db, after=100))
    successor.carry_out(events(db, after=100))
    successor.end()

    assert published(cluster, "infra") == ROWS


def test_the_stream_of_another_history_is_not_continued(db: Connection[Any], cluster: Cluster, relay: Relay) -> None:
    record(db, ROWS)
    relay.begin(db, None, 300)
    relay.carry_out(events(db))
    relay.end()

    with pytest.raises(WrongTopics, match=r"and the history ends at 200: .* DAYBOOK_KAFKA_PREFIX"):
        relay.begin(db, None, 200)


def test_where_the_history_ends_is_published_and_another_history_does_not_fit(
    db: Connection[Any], cluster: Cluster, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(db, ROWS)
    hashed(db, b"\1" * 32)
    monkeypatch.setattr("infra.relay.HEAD_AFTER", 100)
    relay.begin(db, None, 300)

    for start in range(0, 300, 50):
        relay.carry_out(events(db, after=start, until=start + 50))
        relay.idle(db)

    heads = [json.decode(message.value) for message in messages(cluster, cluster.heads)]
    assert [(told["data"]["position"], told["data"]["hash"]) for told in heads] == [
        (n, "01" * 32) for n in (100, 200, 300)
    ]
    relay.end()
    relay.begin(db, 300, 300)
    relay.end()
    hashed(db, b"\2" * 32)
    with pytest.raises(WrongTopics, match="another hash of position 300"):
        relay.begin(db, 300, 300)


def test_what_a_view_cannot_take_is_told_once(db: Connection[Any], cluster: Cluster, relay: Relay) -> None:
    record(db, ROWS)
    db.execute(
        """insert into projections (name, view, columns, personal, state, built, target)
           values ('sales_1', 'sales', '{}', '{}', 'live', null, 0)"""
    )
    first = ROWS[0]
    db.execute(
        "insert into dead_letters (name, originator_id, position, reason, tries) values ('sales_1', %s, 1, 'why', 3)",
        [first.originator_id],
    )
    relay.begin(db, None, 300)

    for _ in range(2):
        relay.looked_at = 0
        relay.idle(db)

    [message] = messages(cluster, cluster.dead)
    assert message.partition == first.lane
    told = json.decode(message.value)["data"]
    assert {**told, "since": None} == {
        "view": "sales", "aggregate": str(first.originator_id), "event": first.topic, "position": 1, "reason": "why",
        "since": None,
    }  # fmt: skip


def test_what_is_not_ours_on_a_topic_is_passed_over(
    db: Connection[Any], database_url: str, schema: str, cluster: Cluster
) -> None:
    record(db, ROWS[:200])
    with relaying(database_url, schema, cluster):
        relayed(db, 200)
    producer = cluster.producer()
    for lane in range(LANES):
        for value in (b"noise", b"{}", b"\xff", None):
            producer.send(cluster.topic("infra"), value, b"key", partition=lane)
    producer.close()
    db.execute("truncate followers, published")

    record(db, ROWS[200:])
    with relaying(database_url, schema, cluster):
        relayed(db, 300)

    found = messages(cluster, cluster.topic("infra"))
    ours = [json.decode(message.value) for message in found if message.value and b"specversion" in message.value]
    assert len(found) == 300 + 4 * LANES
    assert sorted(int(told["position"]) for told in ours) == [row.position for row in ROWS]


def test_a_message_may_be_large(db: Connection[Any], cluster: Cluster, relay: Relay) -> None:
    past, id = Past(), UUID(int=77)
    past.add(Sale.Opened, id, owner_id=ANN, stage="x" * 3_000_000, amount=None)
    record(db, past.rows)

    relay.begin(db, None, 1)
    relay.carry_out(events(db))

    [message] = messages(cluster, cluster.topic("infra"))
    assert (message.partition, len(message.value) > 3_000_000) == (lane_of(id), True)


def test_a_process_whose_question_is_never_answered_ends_itself() -> None:
    code = (
        "import threading, time; from types import SimpleNamespace; from infra import relaying; relaying.STUCK = 0.2;"
        "relaying._watch(SimpleNamespace(busy_since=time.monotonic()), threading.Event())"
    )

    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30)

    assert ended.returncode == 1
    assert "Kafka has not answered" in ended.stderr


def emptied(cluster: Cluster) -> None:
    """As retention does it, sooner or later."""
    with cluster.admin() as admin:
        admin.delete_records({TopicPartition(cluster.topic("infra"), lane): -1 for lane in range(LANES)})


def deleted(cluster: Cluster, topic: str) -> None:
    with cluster.admin() as admin:
        admin.delete_topics([topic])


def ends(cluster: Cluster, context: str) -> Any:
    consumer = cluster.consumer()
    try:
        return consumer.end_offsets([TopicPartition(cluster.topic(context), lane) for lane in range(LANES)])
    finally:
        consumer.close()


def hashed(db: Connection[Any], hash: bytes) -> None:
    db.execute("set session_replication_role = replica")
    db.execute("update events set hash = %s", [hash])
    db.execute("reset session_replication_role")
