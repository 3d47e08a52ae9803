"""Real input through Kafka: every view is what it is when it follows the history itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from time import monotonic

import pytest

from infra.feed.kafka import KafkaSource
from infra.kafka.cluster import Cluster
from infra.lanes import ALL
from infra.projection import Projector
from infra.rebuild import live_of, prepare, same
from infra.tables import Table
from projections.catalogue import VIEWS
from tests.infra.streams import published, relayed, relaying
from tests.maven import Maven

BEGIN = "insert into checkpoints (name, lane, position) select %s, lane, 0 from generate_series(0, 5) lane"
WITHIN = 120.0
"""Seconds at most."""


@pytest.fixture
def shadows(maven: Maven) -> Iterator[list[Table]]:
    """Tables like the live ones that have seen nothing yet."""
    connection, tables = maven.world.connection, [Table(view, shadow=True) for view in VIEWS]
    prepare(connection, tables)
    for table in tables:
        connection.execute(table.constrain())
        connection.execute(BEGIN, [table.name])
    yield tables
    for table in tables:
        connection.execute("delete from projections where name = %s", [table.name])
        connection.execute(f"drop table {table.name}, {table.history} cascade".encode())


def test_the_views_of_the_import_are_the_same_through_kafka(
    maven: Maven, shadows: list[Table], cluster: Cluster, database_url: str
) -> None:
    connection, head = maven.world.connection, maven.world.position
    with relaying(database_url, maven.schema, cluster):
        relayed(connection, head, WITHIN)
        with closing(KafkaSource(cluster, connection)) as source:
            until = monotonic() + WITHIN
            parts = source.feeds([(shadows, sorted(ALL))])
            workers = [(Projector(connection, tables, lanes), feed) for tables, lanes, feed in parts]
            while any(min(worker.position.values()) < head for worker, _ in workers):
                assert monotonic() < until
                if not any([worker.step(feed, 1_000) >= 0 for worker, feed in workers]):
                    source.wait(0.1)

    assert len(published(cluster, "sales")) > 8_800 * 2
    for table in shadows:
        live = live_of(connection, table.view)
        assert live
        assert same(connection, live, table), f"{table.view.table} is another through Kafka"
