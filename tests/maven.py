"""The Maven CRM sales data, imported as a user would import it; and the same data as plain rows, to compare with."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from psycopg import Connection

from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.importing import Report, mapping, run
from infra.pipeline import CommandPipeline
from infra.rebuild import rebuild
from projections.catalogue import VIEWS
from tests.scenario import ME, World

MAPPINGS: Final = Path(__file__).parent.parent / "examples" / "maven"
FOLDER: Final = "maven_crm_sales"
FILES: Final = (
    ("fields", "CustomField", None),
    ("pipeline", "Pipeline", None),
    ("products", "Product", "products.csv"),
    ("accounts", "Account", "accounts.csv"),
    ("managers", "User", "sales_teams.csv"),
    ("teams", "Team", "sales_teams.csv"),
    ("agents", "User", "sales_teams.csv"),
    ("deals", "Opportunity", "sales_pipeline.csv"),
)
"""Mapping, kind and file, in the order in which they need each other; two small files of our own come first."""


def import_maven(
    data: Path,
    pipeline: CommandPipeline,
    store: EventStore,
    connection: Connection[Any],
    actor: UUID,
    without: tuple[str, ...] = (),
) -> dict[str, Report]:
    """Import everything; a report for each mapping. `data` is the folder of all data sets.

    Takes about ten seconds and 50,000 events on two cores: a fixture of the session, and nobody changes what it made.
    """
    reports = {}
    for name, kind, file in FILES:
        if name in without:
            continue
        path = data / FOLDER / file if file else MAPPINGS / f"{name}.csv"
        read = mapping.read(MAPPINGS / f"{name}.toml")
        reports[name] = run(path, kind, read, pipeline, store, connection, actor, UTC)
    return reports


def rows(data: Path, name: str) -> Iterator[dict[str, str]]:
    """The rows of one of the files as they are: nothing mended, nothing left out."""
    with (data / FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@dataclass
class Maven:
    """The imported company, and what the imports said."""

    schema: str
    world: World
    data: Path
    reports: dict[str, Report]

    @property
    def deals(self) -> list[dict[str, str]]:
        return list(rows(self.data, "sales_pipeline"))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return self.world.connection.execute(statement.encode()).fetchall()


@pytest.fixture(scope="session")
def maven(real_input: Path, database_url: str) -> Iterator[Maven]:
    """Imported once; read only."""
    schema = f"maven_{os.getpid()}"
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store, connect(database_url, schema) as connection:
        world = World(store, connection)
        reports = import_maven(real_input, world.pipeline, store, connection, ME)
        rebuild(database_url, schema, VIEWS)
        yield Maven(schema, world, real_input, reports)
        connection.execute(f"drop schema {schema} cascade".encode())
