"""A Daybook of its own for the tests of the API: a schema, a projector, and a real server before both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT
from threading import Event, Thread
from time import sleep
from uuid import UUID

import httpx
import psycopg
import pytest
import uvicorn
from starlette.applications import Starlette

from domain.catalogue import AGGREGATES
from infra.cli.serving import WEB
from infra.database import migrate
from infra.event_store import EventStore
from infra.first_start import administrator
from infra.identity import Identity
from infra.pipeline import CommandPipeline
from infra.projector import run
from infra.rights import Directory
from infra.settings import Settings
from projections.catalogue import VIEWS
from server import application
from tests.api.cast import Cast, casting
from tests.api.client import Api
from tests.api.company import a_pipeline
from tests.infra.daybook import Serving


@pytest.fixture(scope="session")
def api(database_url: str) -> Iterator[Api]:
    """The API of a company that every test adds its own rows to."""
    with schema_called(database_url, "test_api") as schema, projecting(database_url, schema):
        user, token = an_administrator(database_url, schema)
        with (
            serving(application(Settings(), database_url, None, schema)) as address,
            httpx.Client(base_url=address, timeout=120) as client,
        ):
            made = Api(client, token, user)
            made.until_ready()
            yield made


@pytest.fixture(scope="session")
def daybook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """`daybook serve`: real processes, a database of their own, and a real log."""
    serving = Serving(tmp_path_factory.mktemp("daybook") / "data")
    yield serving
    serving.told(SIGINT)
    assert serving.is_gone(), serving.log.read_text()


@pytest.fixture(scope="module")
def cast(api: Api, database_url: str) -> Iterator[Cast]:
    """Users with roles of their own, at the same company."""
    with casting(api, database_url, "test_api") as made:
        yield made


@pytest.fixture(scope="session")
def pipeline(api: Api) -> str:
    """A pipeline with the stages `first`, `offer` and `won`."""
    return a_pipeline(api)


def an_administrator(database_url: str, schema: str) -> tuple[UUID, str]:
    """The first user, and a token."""
    with EventStore(database_url, schema) as store, Identity(database_url, store, schema) as identity:
        directory = Directory(store)
        user = administrator(CommandPipeline(AGGREGATES, store, directory), identity, directory)
        return user, identity.create(user, "tests")


@contextmanager
def schema_called(database_url: str, name: str) -> Iterator[str]:
    """A schema with all that Daybook needs, gone afterwards."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"drop schema if exists {name} cascade".encode())
        migrate(database_url, name)
        try:
            yield name
        finally:
            connection.execute(f"drop schema {name} cascade".encode())


@contextmanager
def projecting(database_url: str, schema: str) -> Iterator[None]:
    """A projector of all views."""
    stop = Event()
    projector = Thread(target=run, args=(database_url, schema, VIEWS, stop))
    projector.start()
    try:
        yield
    finally:
        stop.set()
        projector.join(120)


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """A real server on a free port of loopback; its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, **WEB))
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            sleep(0.01)
        [socket] = server.servers[0].sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(120)
