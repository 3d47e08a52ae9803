"""The history, the commands and the identities of a running database, opened for one command of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from domain.catalogue import AGGREGATES
from infra.cli.databases import Database
from infra.event_store import EventStore
from infra.identity import Identity
from infra.pipeline import CommandPipeline


@dataclass(frozen=True)
class Running:
    """What a command of the command line works with."""

    database: Database
    store: EventStore
    pipeline: CommandPipeline
    identity: Identity


@contextmanager
def running(used: Database) -> Iterator[Running]:
    """Open them, and close them at the end: what waits to be recorded is recorded first."""
    with EventStore(used.application_url) as store, Identity(used.application_url, store) as identity:
        yield Running(used, store, CommandPipeline(AGGREGATES, store), identity)
