"""Keeping the views up to date: the projector, a process of its own (see `keeping`), and where its events come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from infra import tracing
from infra.database import SCHEMA
from infra.feed import Source
from infra.feed.log import LogSource
from infra.keeping import begun, kept
from infra.keys import master_keys_of, unlock
from infra.projector import run
from infra.settings import Settings
from projections.catalogue import VIEWS

PROJECTOR = "the projector", "infra.projecting"
PROJECTOR_SERVICE = "daybook-projector"
RELAY = "the relay", "infra.relaying"


@contextmanager
def projecting(url: str, settings: Settings) -> Iterator[None]:
    """Processes that do all that is needed for as long as this lasts: a projector, and a relay where Kafka feeds it.

    Raises NotReached where that does not answer, or does not accept us.
    """
    check(settings)
    with ExitStack() as stack:
        if settings.kafka:
            stack.enter_context(kept(*RELAY, url))
        stack.enter_context(kept(*PROJECTOR, url))
        yield


def check(settings: Settings) -> None:
    """See that Kafka answers, where the settings name one, and accepts us. Raises NotReached."""
    if settings.kafka:
        from infra.kafka.cluster import Cluster

        Cluster.of(settings).check()


def source_of(settings: Settings) -> Callable[..., Source]:
    """Where a projector gets its events from: Kafka where the settings name a cluster, else the history itself.

    Raises NotReached where the cluster's password is not to be had.
    """
    if settings.kafka is None:
        return LogSource
    from infra.feed.kafka import KafkaSource
    from infra.kafka.cluster import Cluster

    cluster = Cluster.of(settings)
    return lambda reading, _: KafkaSource(cluster, reading)


def main() -> None:
    url, stop = begun()
    settings = Settings.from_environment()
    tracing.begin(PROJECTOR_SERVICE)
    unlock(master_keys_of(settings.master_key_file, settings.data))
    run(url, SCHEMA, VIEWS, stop, source_of(settings))


if __name__ == "__main__":
    main()
