"""What every test may ask for: a PostgreSQL, a schema of its own in it, the real input where it is, golden files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from infra.kafka.broker import missing, running
from infra.kafka.cluster import Cluster
from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from tests.maven import maven as maven
from tests.node import node as node
from tests.scenario import Companies, World

ROOT = Path(__file__).parent.parent
NUMBERS = count(1)
IN_CI = os.environ.get("CI") == "true"
IMPOSSIBLE = "this machine cannot "
"""How the reason of a skip begins that is allowed everywhere: no setting would help."""


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server, as its superuser."""
    if given := os.environ.get("DAYBOOK_TEST_DATABASE_URL"):
        yield given
        return
    from infra.embedded import embedded

    with embedded(Path(tmp_path_factory.mktemp("database"))) as server:
        yield server.superuser_url


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Apache Kafka, one for all tests: each has topics of its own there."""
    if given := os.environ.get("DAYBOOK_TEST_KAFKA"):
        yield given
        return
    if lacks := missing():
        pytest.skip(lacks)
    with running(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.address


@pytest.fixture
def cluster(brokers: str) -> Cluster:
    """A cluster with no topics of ours."""
    return Cluster(brokers, f"test{os.getpid()}-{next(NUMBERS)}")


@pytest.fixture(autouse=True)
def unlocked() -> None:
    """What is personal can be sealed and read, under a master key of the tests."""
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))


@pytest.fixture
def schema(database_url: str) -> Iterator[str]:
    """The name of an empty schema, which is gone after the test."""
    name = f"test_{os.getpid()}_{next(NUMBERS)}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
        yield name
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def companies(database_url: str) -> Iterator[Companies]:
    """Event stores, made once and used by one test after another."""
    with Companies(database_url) as companies:
        yield companies


@pytest.fixture
def new_world(companies: Companies) -> Iterator[Callable[..., World]]:
    """Makes a company of its own, with an empty history; takes the aggregates, the policy and the time zone."""
    with ExitStack() as used:
        yield lambda *args, **kwargs: World(*used.enter_context(companies.one()), *args, **kwargs)


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """A company with an empty history."""
    return new_world()


@pytest.fixture(scope="session")
def real_input() -> Path:
    """The folder of real data sets, which are not ours to keep in the repository."""
    folder = Path(os.environ.get("DAYBOOK_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real input at {folder}: set DAYBOOK_TEST_DATA to its folder")
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--accept-golden",
        action="store_true",
        help="write the golden files anew, and test nothing else",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--accept-golden"):
        items[:] = [item for item in items if "golden" in getattr(item, "fixturenames", ())]


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """`golden(name, text)`: the text is what the file of that name in tests/golden/ holds."""

    def check(name: str, text: str) -> None:
        path = ROOT / "tests" / "golden" / name
        if pytestconfig.getoption("--accept-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"there is no tests/golden/{name} yet: look at what it will hold, then `make golden`"
        assert text == path.read_text(), f"tests/golden/{name} has changed: if that is meant, `make golden`"

    return check


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _failed(report) if report.skipped and not hasattr(report, "wasxfail") else report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _failed(report) if report.skipped else report


def _failed(report: Any) -> Any:
    """In continuous integration nothing may be skipped that can run: what is not tested there is tested nowhere."""
    if IN_CI and IMPOSSIBLE not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI=true does not allow: {report.longrepr}"
    return report
