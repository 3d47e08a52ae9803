"""What is done elsewhere with what was recorded: at least once, in order, by one at a time, never again in a replay."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from infra.following import follow
from infra.rebuild import rebuild
from tests.infra.letters import Letters
from tests.infra.past import database, published, random_sales, record
from tests.infra.sale import SaleView
from tests.infra.streams import in_a_thread
from tests.infra.test_projector_process import eventually

ROOT = Path(__file__).parent.parent.parent
ROWS = random_sales(13, 300, 40).rows


@pytest.fixture
def db(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with database(database_url, schema) as connection:
        yield connection


def test_it_begins_with_what_comes_and_goes_on_where_it_stood(
    db: Connection[Any], database_url: str, schema: str
) -> None:
    sent = list[int]()
    record(db, ROWS[:100])

    for until in (200, 300):
        with in_a_thread(follow, database_url, schema, Letters(sent.append)):
            eventually(lambda: db.execute("select from followers").rowcount == 1)
            record(db, ROWS[until - 100 : until])
            eventually(lambda until=until: sent[-1:] == [until])  # type: ignore[misc]

    assert sent == [*range(101, 301)]


def test_building_views_anew_brings_it_nothing_again(db: Connection[Any], database_url: str, schema: str) -> None:
    sent = list[int]()
    published(db)
    with in_a_thread(follow, database_url, schema, Letters(sent.append)):
        eventually(lambda: db.execute("select from followers").rowcount == 1)
        record(db, ROWS)
        eventually(lambda: sent[-1:] == [300])

        rebuild(database_url, schema, [SaleView])
        time.sleep(1)

    assert sent == [*range(1, 301)]


def test_what_fails_is_tried_again_in_order(
    db: Connection[Any], database_url: str, schema: str, caplog: pytest.LogCaptureFixture
) -> None:
    sent, r = list[int](), random.Random(1)

    def send(position: int) -> None:
        if r.random() < 0.02:
            raise ConnectionError("the post office is closed")
        sent.append(position)

    with in_a_thread(follow, database_url, schema, Letters(send, from_the_first=True)):
        record(db, ROWS[:100])
        eventually(lambda: sent[-1:] == [100])

    assert sorted(set(sent)) == [*range(1, 101)]
    assert len(sent) > 100
    assert "the post office is closed" in caplog.text


def test_of_several_one_does_it_and_another_takes_over(db: Connection[Any], database_url: str, schema: str) -> None:
    first, second = list[int](), list[int]()
    with in_a_thread(follow, database_url, schema, Letters(first.append, from_the_first=True)) as leading:
        eventually(lambda: db.execute("select from followers").rowcount == 1)
        with in_a_thread(follow, database_url, schema, Letters(second.append)):
            record(db, ROWS[:100])
            eventually(lambda: first[-1:] == [100])
            assert second == []

            leading.set()
            record(db, ROWS[100:])
            eventually(lambda: second[-1:] == [300])

    assert first + second == [*range(1, 301)]


def test_killed_again_and_again_it_misses_nothing(
    db: Connection[Any], database_url: str, schema: str, tmp_path: Path
) -> None:
    file, r = tmp_path / "letters", random.Random(2)
    record(db, ROWS)
    command = [sys.executable, "-m", "tests.infra.letters", database_url, schema, str(file)]

    def sent() -> list[int]:
        return [int(line) for line in file.read_text().splitlines()] if file.exists() else []

    for _ in range(3):
        enough = max(sent(), default=0) + r.randrange(20, 60)
        with subprocess.Popen(command, cwd=ROOT) as process:
            eventually(lambda enough=enough: max(sent(), default=0) >= enough)  # type: ignore[misc]
            process.kill()
    with subprocess.Popen(command, cwd=ROOT) as process:
        eventually(lambda: sent()[-1] == 300)
        process.kill()

    assert sorted(set(sent())) == [*range(1, 301)]
