"""What goes wrong under load, and what holds all the same: tests/faults/holds.py says what that is.

A reader beside a crowd of writers, which must miss nothing, is in tests/infra/test_event_store_crowd.py.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import IMPOSSIBLE
from tests.faults.disk import Disk, NoDisk, a_disk
from tests.faults.house import House, Load, eventually
from tests.faults.random_kills import strike
from tests.infra.daybook import daybook


@pytest.fixture(scope="module")
def a_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("faults") / "data")
    try:
        yield house
        house.close()
    finally:
        house.kill()


@pytest.fixture
def house(a_house: House) -> House:
    """One that is well, with a history; a test that failed before must not fail this one too."""
    if a_house.serving.process.poll() is not None or not a_house.serving.answers("/readyz"):
        a_house.kill()
        a_house.open()
    return a_house


def test_a_server_that_is_killed_has_recorded_what_it_acknowledged(house: House) -> None:
    with house.load() as load:
        house.kill_server()
        load.goes_on()

    house.check()


def test_a_projector_that_is_killed_leaves_nothing_out_and_does_nothing_twice(house: House) -> None:
    with house.load() as load:
        house.kill_projector()
        load.goes_on()

    house.check()


def test_when_everything_is_killed_at_once_nothing_that_was_acknowledged_is_lost(house: House) -> None:
    with house.load() as load:
        house.kill_everything()
        load.goes_on()

    house.check()


def test_a_commit_whose_backend_is_ended_is_recorded_once(house: House) -> None:
    with house.load() as load, house.looking() as connection:
        for _ in range(3):
            with connection.transaction():
                connection.execute("select from event_head for update")
                eventually(
                    lambda: connection.execute("select true from pg_stat_activity where query like 'select * from app"
                                               "end_commits%' and wait_event_type = 'Lock'").fetchone(),
                    "the writer waits in the middle of a commit",
                )  # fmt: skip
                house.kill_writer()
            load.goes_on(10)
        for _ in range(20):
            house.kill_writer()
            load.goes_on(5)

    house.check()


def test_postgres_that_is_killed_is_started_again_by_the_server_which_goes_on(house: House) -> None:
    server, before = house.serving.process.pid, house.postgres()
    with house.load() as load:
        house.end_postgres(signal.SIGKILL)
        load.goes_on()

    assert house.serving.process.pid == server and house.serving.process.poll() is None
    assert house.postgres() != before
    house.check()


def test_postgres_that_somebody_stops_is_started_again_too(house: House) -> None:
    before = house.postgres()
    with house.load() as load:
        house.end_postgres(signal.SIGINT)
        load.goes_on()

    assert house.postgres() != before
    house.check()


def test_when_no_connection_is_to_be_had_commands_wait_and_are_carried_out(house: House) -> None:
    with house.load(threads=24) as load, house.database() as server, house.looking() as connection:
        with connection.transaction():
            connection.execute("lock table events in access exclusive mode")  # all that the pool has wait here
            time.sleep(2)
            before = load.acknowledged()
            time.sleep(0.5)
            assert load.acknowledged() == before
        load.goes_on()

        others = []
        try:
            for _ in range(500):
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where usename = 'daybook' and application_name <> 'greedy'"
                )
                others.append(psycopg.connect(server.application_url, application_name="greedy"))
        except psycopg.OperationalError as error:
            assert "connection slots" in str(error) or "too many clients" in str(error)
        else:
            pytest.fail("there are always more connections")
        time.sleep(2)
        for each in others:
            each.close()
        load.goes_on()

    house.check()


def test_a_second_projector_takes_its_share_and_leaves_it_to_the_first_when_killed(house: House) -> None:
    with house.load() as load:
        with house.second_projector():
            load.goes_on(200)
        load.goes_on()

    house.check()


def test_an_event_that_no_view_can_read_waits_by_itself_and_the_rest_goes_on(house: House) -> None:
    with house.load() as load:
        house.record_ill()
        load.goes_on(100)

        [letter] = eventually(lambda: letters(house), "it is put aside")

    [position] = house.ill
    assert (letter["view"], letter["position"], letter["waiting"]) == ("accounts", position, 1)
    house.check()
    shown = json.loads(daybook(house.data, "dead", "show", str(position), "--json").stdout)
    assert shown["event"]["state"] == "no json"
    assert daybook(house.data, "dead", "skip", str(position)).returncode == 0
    house.ill.clear()
    house.check()


def letters(house: House) -> list[dict[str, object]]:
    return list(json.loads(daybook(house.data, "dead", "list", "--json").stdout))


def test_a_rebuild_that_is_killed_half_way_is_taken_up_and_comes_to_the_same(house: House) -> None:
    with house.load() as load:
        load.goes_on(200)
        house.kill_rebuild()
        load.goes_on()

    house.check()


def test_a_clock_that_is_set_back_takes_no_instant_back(house: House) -> None:
    with house.load() as load:
        house.set_clock_back()
        load.goes_on()

    house.check()


# -- with a folder of its own -------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    try:
        with a_disk(tmp_path / "disk", megabytes=400) as disk:
            yield disk
    except NoDisk as error:
        pytest.skip(f"{IMPOSSIBLE}make a disk to be filled: {error}")


def test_a_full_disk_stops_recording_and_when_there_is_room_again_nothing_is_lost(
    small_disk: Disk, tmp_path: Path
) -> None:
    house = House(small_disk.place / "data", notes=tmp_path, disk=small_disk)
    try:
        with house.load() as load:
            postgres = house.postgres()
            small_disk.fill()
            eventually(lambda: stands_still(load), "no table can grow")
            small_disk.make_room()
            load.goes_on()
            assert house.postgres() == postgres

            small_disk.fill()
            with house.looking() as connection, pytest.raises(psycopg.OperationalError):
                for _ in range(200):  # until there is no room for the next file of PostgreSQL's log: it ends itself
                    connection.execute("select pg_switch_wal()")
                    time.sleep(0.05)
            eventually(lambda: stands_still(load), "PostgreSQL does not come back")
            small_disk.make_room()
            load.goes_on()
            assert house.postgres() != postgres

        house.check()
        house.close()
    finally:
        house.kill()


def stands_still(load: Load) -> bool:
    """Whether nothing is acknowledged for a while."""
    before = load.acknowledged()
    time.sleep(1)
    return load.acknowledged() == before


def test_random_kills_lose_nothing(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    try:
        strike(house, random.Random(), 5)

        house.check()
        house.close()
    finally:
        house.kill()
