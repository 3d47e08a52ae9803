"""How things stand, as Prometheus reads it. All of it is in the database, so that any server tells the same of all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

MEDIA: Final = CONTENT_TYPE_LATEST
"""The content type of the text."""

STAND: Final = """
    with head as (select position from event_head)
    select 'daybook_history_position', array[]::text[], position from head
    union all
    select 'daybook_view_behind', array[p.view], head.position - min(c.position)
    from head, projections p join checkpoints c using (name) where p.state = 'live' group by p.view, head.position
    union all
    select 'daybook_view_parked', array[p.view], (select count(*) from dead_letters d where d.name = p.name)
    from projections p where p.state = 'live'
    union all
    select 'daybook_follower_position', array[name], position from followers
    union all
    select 'daybook_follower_behind', array[name], greatest(head.position - f.position, 0) from head, followers f
    union all
    select 'daybook_follower_idle_seconds', array[name], extract(epoch from clock_timestamp() - moved_at) from followers
    union all
    select 'daybook_published_position', array[topic, lane::text], position from published"""

MEANINGS: Final = {
    "daybook_history_position": ("The last position of the history.", ()),
    "daybook_view_behind": ("Positions that a view is behind the history.", ("view",)),
    "daybook_view_parked": ("Aggregates that a view cannot follow: see `daybook dead list`.", ("view",)),
    "daybook_follower_position": (
        "The position up to which a follower, such as the relay, has done all.",
        ("follower",),
    ),
    "daybook_follower_behind": ("Positions that it is behind the history.", ("follower",)),
    "daybook_follower_idle_seconds": ("Seconds since it moved.", ("follower",)),
    "daybook_published_position": ("The last position in a partition of Kafka.", ("topic", "partition")),
}


async def metrics(rows: Callable[[str, list[Any]], Awaitable[Iterable[tuple[Any, ...]]]]) -> bytes:
    """The text that Prometheus reads; `rows` asks the database. A rate is what Prometheus makes of two positions."""
    registry = CollectorRegistry()
    registry.register(_Stand(await rows(STAND, [])))
    return generate_latest(registry)


class _Stand:
    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self.rows = list(rows)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, (meaning, labels) in MEANINGS.items():
            family = GaugeMetricFamily(name, meaning, labels=labels)
            for _, values, value in (row for row in self.rows if row[0] == name):
                family.add_metric(values, float(value))
            yield family
