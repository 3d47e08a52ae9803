"""What Prometheus reads: what this process counts and measures, and how things stand in the database.

What stands in the database any server tells alike, of all; what is counted is of this server alone. Each has its line
in docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol
from weakref import WeakSet

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric

from infra.standing import Standing

MEDIA: Final = CONTENT_TYPE_LATEST
"""The content type of the text."""
MOST_NAMES: Final = 50
"""Names of operations that are told apart: clients choose them, and each is a series for ever."""
OTHER: Final = "other"

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each series began is told by none of these
REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

SHORT: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
MANY: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

OPERATIONS: Final = Counter(
    "daybook_operations",
    "GraphQL operations that were answered, by what came of them: OK, or the code of the first error.",
    ("kind", "operation", "code"),
    registry=REGISTRY,
)
OPERATION_SECONDS: Final = Histogram(
    "daybook_operation_seconds",
    "From a GraphQL operation to its answer; subscriptions are not in it.",
    ("kind", "operation"),
    buckets=SHORT,
    registry=REGISTRY,
)
RESPONSES: Final = Counter(
    "daybook_http_responses", "Answers over HTTP.", ("path", "method", "status"), registry=REGISTRY
)
OPEN: Final = Gauge(
    "daybook_http_open",
    "Requests that are being answered, and connections that are open: http, websocket.",
    ("kind",),
    registry=REGISTRY,
)
FOLLOWINGS: Final = Gauge(
    "daybook_followings_open",
    "Clients that follow the history now: by a subscription, or by /events.",
    ("by",),
    registry=REGISTRY,
)
COMMANDS: Final = Counter(
    "daybook_commands",
    "Commands by what came of them: ACCEPTED, or the code of the refusal.",
    ("command", "code"),
    registry=REGISTRY,
)
COMMAND_SECONDS: Final = Histogram(
    "daybook_command_seconds", "From a command to its outcome.", buckets=SHORT, registry=REGISTRY
)
SQL_SECONDS: Final = Histogram(
    "daybook_sql_seconds", "A read: from the statement to its rows.", buckets=SHORT, registry=REGISTRY
)
APPEND_SECONDS: Final = Histogram(
    "daybook_append_seconds", "A batch of commits: from the statement to its answer.", buckets=SHORT, registry=REGISTRY
)
APPEND_COMMITS: Final = Histogram(
    "daybook_append_commits", "Commits that were appended together.", buckets=MANY, registry=REGISTRY
)
APPENDED: Final = Counter("daybook_appended_events", "Events that were appended.", registry=REGISTRY)
WAITING: Final = Gauge("daybook_append_waiting", "Commits that wait to be appended.", registry=REGISTRY)


class Pool(Protocol):
    """A pool of connections, as psycopg makes them."""

    name: str

    def get_stats(self) -> dict[str, int]: ...


POOLS: Final[WeakSet[Any]] = WeakSet()
"""Those that are there now, of which each tells how it is used."""


def operation_label(name: str | None) -> str:
    """How an operation is called here: by its name, while there is room for another."""
    if not name:
        return ""
    if name not in _names and len(_names) < MOST_NAMES:
        _names.add(name)
    return name if name in _names else OTHER


_names: Final[set[str]] = set()


def metrics(stand: Standing | None) -> bytes:
    """The text that Prometheus reads. Without a stand, where the database does not answer, it is of this process."""
    registry = CollectorRegistry()
    registry.register(_Stands(stand))
    return generate_latest(REGISTRY) + generate_latest(registry)


class _Stands:
    """What is asked for at the moment of telling it."""

    def __init__(self, stand: Standing | None) -> None:
        self.stand = stand

    def collect(self) -> Iterator[Metric]:
        yield _family("daybook_database_up", [((), float(self.stand is not None))])
        yield from _of_pools()
        if self.stand:
            yield from _of_database(self.stand)


MEANINGS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "daybook_database_up": ("Whether the database answered.", ()),
    "daybook_pool_connections": ("Connections of a pool, by what they do.", ("pool", "state")),
    "daybook_pool_waiting": ("Who waits for a connection of a pool.", ("pool",)),
    "daybook_history_position": ("The last position of the history.", ()),
    "daybook_view_behind": ("Positions that a lane of a view is behind the history.", ("view", "lane")),
    "daybook_view_behind_seconds": ("For how long the first event that a view lacks is recorded.", ("view",)),
    "daybook_view_parked": ("Aggregates that a view cannot follow: see `daybook dead list`.", ("view",)),
    "daybook_view_built": ("How much of a view that is being built is, from 0 to 1, about.", ("view",)),
    "daybook_projectors": ("Processes that move views.", ()),
    "daybook_follower_position": (
        "The position up to which a follower, such as the relay, has done all.",
        ("follower",),
    ),
    "daybook_follower_behind": ("Positions that it is behind the history.", ("follower",)),
    "daybook_follower_idle_seconds": ("Seconds since it moved.", ("follower",)),
    "daybook_follower_led": ("Whether a process does its work now.", ("follower",)),
    "daybook_published_position": ("The last position in a partition of Kafka.", ("topic", "partition")),
}

Samples = list[tuple[tuple[str, ...], float]]


def _family(name: str, samples: Samples) -> Metric:
    meaning, labels = MEANINGS[name]
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _of_pools() -> Iterator[Metric]:
    found, waiting = Samples(), Samples()
    totals: dict[str, tuple[int, int, int]] = {}
    for pool in list(POOLS):
        stats = pool.get_stats()
        size, idle, queued = (stats.get(key, 0) for key in ("pool_size", "pool_available", "requests_waiting"))
        before = totals.get(pool.name, (0, 0, 0))
        totals[pool.name] = before[0] + size - idle, before[1] + idle, before[2] + queued
    for name, (used, idle, queued) in sorted(totals.items()):
        found += [((name, "used"), used), ((name, "idle"), idle)]
        waiting.append(((name,), queued))
    yield _family("daybook_pool_connections", found)
    yield _family("daybook_pool_waiting", waiting)


def _of_database(stand: Standing) -> Iterator[Metric]:
    live, followers = stand.live, stand.followers
    yield _family("daybook_history_position", [((), stand.position)])
    behind: Samples = [((v.view, str(lane)), by) for v in live for lane, by in enumerate(v.lanes or ())]
    yield _family("daybook_view_behind", behind)
    yield _family("daybook_view_behind_seconds", [((v.view,), v.seconds or 0) for v in live])
    yield _family("daybook_view_parked", [((v.view,), v.parked) for v in live])
    yield _family("daybook_view_built", [((v.view,), v.built or 0) for v in stand.building])
    yield _family("daybook_projectors", [((), stand.projectors)])
    yield _family("daybook_follower_position", [((f.name,), f.position) for f in followers])
    yield _family("daybook_follower_behind", [((f.name,), f.behind) for f in followers])
    yield _family("daybook_follower_idle_seconds", [((f.name,), f.seconds) for f in followers])
    yield _family("daybook_follower_led", [((f.name,), f.led) for f in followers])
    yield _family("daybook_published_position", [((p.topic, str(p.lane)), p.position) for p in stand.published])
