"""What every test may ask for: a real PostgreSQL, and a schema of its own in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

NUMBERS = count(1)


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server, as somebody who may create schemas."""
    if given := os.environ.get("DAYBOOK_TEST_DATABASE_URL"):
        yield given
        return
    from infra.embedded import embedded

    with embedded(Path(tmp_path_factory.mktemp("database"))) as server:
        yield server.owner_url


@pytest.fixture
def schema(database_url: str) -> Iterator[str]:
    """An empty schema, gone after the test."""
    name = f"test_{os.getpid()}_{next(NUMBERS)}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"create schema {name}".encode())
        yield name
        connection.execute(f"drop schema if exists {name} cascade".encode())
