"""The feed from Kafka: positions decide, whatever offsets, retention and other people do to a topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from psycopg import Connection

from infra.feed.kafka import GROUP, KafkaSource
from infra.kafka import NotReached
from infra.kafka.cluster import Cluster
from infra.lanes import ALL, LANES
from infra.projection import Projector
from infra.tables import Table
from tests.infra.past import database, digests, published, random_sales, record, shown, told
from tests.infra.sale import VIEWS, SaleLineView, SaleView
from tests.infra.streams import relayed, relaying
from tests.infra.test_relay import deleted, emptied

ROWS = random_sales(12, 300, 40).rows
TABLES = [Table(view) for view in VIEWS]
SALES, LINES = ([Table(view)] for view in (SaleView, SaleLineView))


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        published(connection)
        yield connection


@pytest.fixture
def cluster(cluster: Cluster, db: Connection[Any], database_url: str, schema: str) -> Iterator[Cluster]:
    """With all that is recorded published to it, as it comes."""
    cluster = replace(cluster, contexts=("infra",))
    with relaying(database_url, schema, cluster):
        yield cluster


@pytest.fixture
def source(cluster: Cluster, db: Connection[Any]) -> Iterator[KafkaSource]:
    source = KafkaSource(cluster, db)
    yield source
    source.close()


def project(source: KafkaSource, until: int, *held: list[Table], most: int = 50, seconds: float = 20) -> None:
    """Project these tables, or all in one, until every lane of them has passed a position."""
    connection, end = source.connection, monotonic() + seconds
    parts = source.feeds([(tables, sorted(ALL)) for tables in held or (TABLES,)])
    workers = [(Projector(connection, tables, lanes), feed) for tables, lanes, feed in parts]
    while any(min(worker.position.values()) < until for worker, _ in workers):
        assert monotonic() < end, [worker.position for worker, _ in workers]
        if not any([worker.step(feed, most) >= 0 for worker, feed in workers]):
            source.wait(0.1)


def recorded(db: Connection[Any], *, until: int, after: int = 0) -> None:
    record(db, ROWS[after:until])
    relayed(db, until)


def test_views_are_what_the_history_says_and_so_is_their_past(db: Connection[Any], source: KafkaSource) -> None:
    recorded(db, until=300)

    project(source, 300)

    for at in (1, 150, 299, 300):
        assert [shown(db, view, at) for view in VIEWS] == list(told(ROWS, at))


def test_what_retention_took_is_read_from_the_history(
    db: Connection[Any], cluster: Cluster, source: KafkaSource, caplog: pytest.LogCaptureFixture
) -> None:
    recorded(db, until=200)
    emptied(cluster)
    recorded(db, after=200, until=300)

    project(source, 300)

    assert [shown(db, view) for view in VIEWS] == list(told(ROWS, 300))
    assert "read from the history" in caplog.text


def test_a_hole_that_is_larger_than_a_batch_is_read_in_parts(
    db: Connection[Any], cluster: Cluster, source: KafkaSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.feed.kafka.MOST", 7)
    recorded(db, until=200)
    emptied(cluster)
    recorded(db, after=200, until=300)

    project(source, 300)

    assert [shown(db, view) for view in VIEWS] == list(told(ROWS, 300))


def test_what_others_put_on_a_topic_is_passed_over(db: Connection[Any], cluster: Cluster, source: KafkaSource) -> None:
    recorded(db, until=100)
    producer = cluster.producer()
    for lane in range(LANES):
        for value in (b"noise", None, b'{"specversion": "1.0", "id": "1", "source": "/theirs", "type": "x"}'):
            producer.send(cluster.topic("infra"), value, b"key", partition=lane)
    producer.close()
    recorded(db, after=100, until=300)

    project(source, 300)

    assert [shown(db, view) for view in VIEWS] == list(told(ROWS, 300))


def test_lanes_in_which_nothing_happens_are_level_with_the_relay(db: Connection[Any], source: KafkaSource) -> None:
    one = ROWS[0].originator_id
    lonely = [row._replace(position=n) for n, row in enumerate((r for r in ROWS if r.originator_id == one), 1)]
    record(db, lonely)
    relayed(db, len(lonely))

    project(source, len(lonely))

    assert db.execute("select min(position), max(position) from checkpoints").fetchone() == (len(lonely),) * 2


def test_a_lane_is_not_level_before_all_that_was_published_has_come(db: Connection[Any], source: KafkaSource) -> None:
    recorded(db, until=300)
    [(_, lanes, feed)] = source.feeds([(TABLES, sorted(ALL))])
    start = dict.fromkeys(lanes, 0)

    assert feed.read(start, 1_000).reached == {}
    source.level_at = 0
    source.wait(0.1)

    batch = feed.read(start, 1_000)
    assert batch.reached == {lane: max(e.position for e in batch.events if e.lane == lane) for lane in batch.reached}


def test_tables_that_stand_at_different_places_are_fed_each_from_its_own(
    db: Connection[Any], source: KafkaSource
) -> None:
    recorded(db, until=200)
    project(source, 200, SALES)
    recorded(db, after=200, until=300)

    project(source, 300, SALES, LINES)

    assert [shown(db, view) for view in VIEWS] == list(told(ROWS, 300))


def test_it_goes_on_where_it_said_that_it_was(db: Connection[Any], cluster: Cluster, source: KafkaSource) -> None:
    recorded(db, until=200)
    project(source, 200)
    source.told_at = 0
    source.wait(0.1)
    eventually_told(source)
    source.close()

    recorded(db, after=200, until=300)
    again = KafkaSource(cluster, db)
    read = counted(again)
    project(again, 300)
    again.close()

    assert read() <= 100 + LANES
    assert [shown(db, view) for view in VIEWS] == list(told(ROWS, 300))


def test_what_it_said_is_not_believed_where_the_tables_are_behind(
    db: Connection[Any], cluster: Cluster, source: KafkaSource
) -> None:
    recorded(db, until=300)
    [(_, lanes, feed)] = source.feeds([(TABLES, sorted(ALL))])
    feed.read(dict.fromkeys(lanes, 0), 1)
    source.consumer.commit({at: OffsetAndMetadata(99_999, "300", -1) for at in source.partitions})

    project(source, 300)

    assert [shown(db, view) for view in VIEWS] == list(told(ROWS, 300))


def test_what_is_published_and_does_not_come_is_looked_for_anew(
    db: Connection[Any], source: KafkaSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.feed.kafka.STALLED", 0.3)
    recorded(db, until=300)
    project(source, 300)
    [(_, lanes, feed)] = source.feeds([(TABLES, sorted(ALL))])
    feed.read(dict.fromkeys(lanes, 300), 1)
    db.execute("update published set position = 400")

    with pytest.raises(NotReached, match=r"what follows position 300 in .* does not come"):
        for _ in range(100):
            source.wait(0.05)


def test_a_partition_that_stands_still_is_noticed_while_others_go_on(
    db: Connection[Any], source: KafkaSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.feed.kafka.STALLED", 0.5)
    recorded(db, until=200)
    project(source, 200)
    [(_, lanes, feed)] = source.feeds([(TABLES, sorted(ALL))])
    feed.read(dict.fromkeys(lanes, 200), 1)
    db.execute("update published set position = 400 where lane = 0")

    with pytest.raises(NotReached, match=r"what follows position 200 in .*partition=0\) does not come"):
        for row in (row for row in ROWS[200:] if row.lane != 0):
            record(db, [row])
            db.execute("notify daybook_events")
            source.wait(0.1)


def test_a_topic_that_was_made_anew_while_it_is_followed_changes_nothing(
    db: Connection[Any], cluster: Cluster, source: KafkaSource
) -> None:
    recorded(db, until=200)
    project(source, 200)
    before = digests(db, [table.name for table in TABLES], 200)

    deleted(cluster, cluster.topic("infra"))
    cluster.prepare()
    record(db, ROWS[200:])
    project(source, 300, seconds=60)

    assert [shown(db, view) for view in VIEWS] == list(told(ROWS, 300))
    assert digests(db, [table.name for table in TABLES], 200) == before


def test_without_topics_it_says_what_is_missing(cluster: Cluster, db: Connection[Any]) -> None:
    with pytest.raises(NotReached, match=r"Kafka has no topics .*\.other\.v1: is a relay running"):
        KafkaSource(replace(cluster, contexts=("infra", "other")), db)


def counted(source: KafkaSource) -> Callable[[], int]:
    """How many messages a source reads from now on."""
    poll, seen = source.consumer.poll, list[int]()

    def counting(**how: Any) -> Any:
        came = poll(**how)
        seen.extend(len(messages) for messages in came.values())
        return came

    source.consumer.poll = counting
    return lambda: sum(seen)


def eventually_told(source: KafkaSource) -> None:
    end, at = monotonic() + 120, [TopicPartition(source.topics[0], lane) for lane in range(LANES)]
    while not all(source.consumer.committed(each) for each in at):
        assert monotonic() < end, f"{GROUP} never said how far it is"
        source.wait(0.05)
