"""Which PostgreSQL a command uses: the one that the settings name, or the embedded one, run as long as needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from psycopg.conninfo import conninfo_to_dict

from infra.database import SCHEMA, connect
from infra.embedded import embedded, kept
from infra.settings import Settings


@dataclass(frozen=True)
class Database:
    """The addresses of a running database, as the owner of its schema and as the application."""

    owner_url: str
    application_url: str
    is_embedded: bool

    @property
    def application_role(self) -> str | None:
        """The role that is granted what an application needs; None where the owner is the application too."""
        owner, application = (conninfo_to_dict(url).get("user") for url in (self.owner_url, self.application_url))
        return str(application) if application and application != owner else None

    @property
    def is_prepared(self) -> bool:
        """Whether the schema is there."""
        with connect(self.application_url) as connection:
            return bool(connection.execute("select true from pg_namespace where nspname = %s", [SCHEMA]).fetchone())


@contextmanager
def database(settings: Settings, keep: bool = False) -> Iterator[Database]:
    """The database of these settings, running. With `keep` the embedded one is started again when it ends."""
    if url := settings.database_url:
        yield Database(settings.owner_url or url, url, is_embedded=False)
        return
    with embedded(settings.data) as server, kept(settings.data) if keep else nullcontext():
        yield Database(server.owner_url, server.application_url, is_embedded=True)
