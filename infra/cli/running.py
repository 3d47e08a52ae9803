"""The history, the commands and the identities of a running database, opened for one command of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.catalogue import AGGREGATES
from infra.cli.databases import Database, database
from infra.cli.output import Failed
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.first_start import administrator
from infra.identity import Identity
from infra.keys import WrongMasterKey, fitting, unlock
from infra.pipeline import CommandPipeline
from infra.rights import Directory
from infra.settings import Settings


@dataclass(frozen=True)
class Running:
    """What a command of the command line works with."""

    database: Database
    store: EventStore
    pipeline: CommandPipeline
    identity: Identity
    directory: Directory
    zone: ZoneInfo

    @cached_property
    def administrator(self) -> UUID:
        """In whose name the command line acts."""
        return administrator(self.pipeline, self.identity, self.directory)


@contextmanager
def prepared(settings: Settings) -> Iterator[Running]:
    """A database that is up to date, and what works on it. What waits to be recorded at the end is recorded first."""
    with database(settings) as used, running(settings, used) as parts:
        yield parts


@contextmanager
def running(settings: Settings, used: Database) -> Iterator[Running]:
    """The same of a database that runs. Only the embedded one is brought up to date without being asked."""
    if used.is_embedded:
        migrate(used.owner_url, application_role=used.application_role)
    elif not used.is_prepared:
        raise Failed("the database is not prepared: run `daybook migrate`")
    try:
        with connect(used.application_url) as connection:
            unlock(fitting(connection, settings.master_key_file, settings.data, make=used.is_embedded))
    except (WrongMasterKey, OSError) as error:
        raise Failed(str(error)) from None
    with EventStore(used.application_url) as store, Identity(used.application_url, store) as identity:
        directory, zone = Directory(store), ZoneInfo(settings.time_zone)
        yield Running(used, store, CommandPipeline(AGGREGATES, store, directory, zone), identity, directory, zone)
