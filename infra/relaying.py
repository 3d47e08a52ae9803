"""The relay, a process of its own: see `keeping`. One that waits for an answer which never comes ends itself, and is
started anew: some calls of kafka-python wait for ever.
"""

from __future__ import annotations

import logging
import os
from threading import Event, Thread
from time import monotonic
from typing import Final

from infra.database import SCHEMA
from infra.following import follow
from infra.kafka.cluster import Cluster
from infra.keeping import begun
from infra.relay import Relay
from infra.settings import Settings

log = logging.getLogger(__name__)

STUCK: Final = 60.0
"""Seconds without an answer, longer than any that the library promises to give up after."""


def main() -> None:
    url, stop = begun()
    logging.getLogger("infra.following").setLevel(logging.INFO)
    relay = Relay(Cluster.of(Settings.from_environment()))
    Thread(target=_watch, args=(relay, stop), name="watch of the relay", daemon=True).start()
    follow(url, SCHEMA, relay, stop)


def _watch(relay: Relay, stop: Event) -> None:
    while not stop.wait(1):
        since = relay.busy_since
        if since is not None and monotonic() - since > STUCK:
            log.critical("Kafka has not answered for %.0f s: the relay starts anew", STUCK)
            os._exit(1)


if __name__ == "__main__":
    main()
