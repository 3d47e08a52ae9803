"""`daybook relay`: publishes the history to Kafka; and how far that is."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.databases import database
from infra.cli.output import AsJson, Failed, table, tell
from infra.cli.running import running
from infra.database import connect
from infra.keeping import kept
from infra.projecting import RELAY
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.kafka.cluster import Cluster

LEFT = """
    select count(*) from events
    where position > %s and position <= %s and lane = %s and split_part(topic, '.', 1) = any(%s)"""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(relay)


def relay(
    status: Annotated[bool, typer.Option("--status", help="Say how far each partition is, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish the history to Kafka until somebody stops it. Of several that run, one leads, the others stand by."""
    settings = Settings.from_environment()
    if settings.kafka is None:
        raise Failed("there is no Kafka to publish to: set DAYBOOK_KAFKA to its brokers")
    from infra.kafka.cluster import Cluster

    cluster = Cluster.of(settings)
    with database(settings, keep=True) as used, running(settings, used) as parts:
        url = parts.database.application_url
        if status:
            tell(_stand(url, cluster), as_json, _in_words)
            return
        cluster.check()
        with kept(*RELAY, url):
            signal.pause()


def _stand(url: str, cluster: Cluster) -> list[dict[str, Any]]:
    from infra.kafka.stands import stands

    found = []
    with connect(url) as connection:
        [head] = connection.execute("select position from event_head").fetchone() or (0,)
        for (topic, lane), stand in stands(cluster, cluster.partitions).items():
            asked = stand.last, head, lane, cluster.kinds_in(topic)
            [left] = connection.execute(LEFT, asked).fetchone() or (0,)
            told = {"topic": topic, "partition": lane, "position": stand.last, "recorded_at": stand.at, "left": left}
            found.append(told)
    return found


def _in_words(rows: list[dict[str, Any]]) -> Any:
    return table(["topic", "partition", "last position", "recorded at", "left"], [[*row.values()] for row in rows])
