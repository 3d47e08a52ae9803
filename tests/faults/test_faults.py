"""What goes wrong under load, and what holds all the same: `House.check` says what that is.

Not here: PostgreSQL's clock cannot be set back by a test; that instants never decrease is tested with the store itself.
A reader beside a crowd of writers, which must miss nothing, is in tests/infra/test_event_store_crowd.py.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from infra.database import connect
from infra.group_commit import Append, CommandRow, EventRow, appended
from infra.lanes import lane_of
from tests.conftest import IMPOSSIBLE
from tests.faults.house import ROOT, House, Load, eventually
from tests.faults.random_kills import strike
from tests.infra.daybook import COMMAND, daybook, environment


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


def test_postgres_is_stopped_and_started_again_under_a_server_that_goes_on(house: House) -> None:
    server = house.serving.process.pid
    with house.load() as load:
        house.restart_postgres()
        load.goes_on()

    assert house.serving.process.pid == server and house.serving.process.poll() is None
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
    with house.load() as load, house.looking() as connection:
        second = subprocess.Popen(
            [*COMMAND, "project"], env=environment(house.data), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            eventually(lambda: connection.execute(SHARING).fetchone() == (2,), "both have lanes of the accounts")
            load.goes_on(200)
        finally:
            second.kill()
            second.wait()
        load.goes_on()

    house.check()


SHARING = """
    select count(distinct l.pid) from generate_series(0, 5) lane
    join projections p on p.view = 'accounts' and p.state = 'live'
    join pg_locks l on (l.classid::bigint << 32 | l.objid::bigint)
        = hashtextextended(current_schema() || '.' || p.name || ' lane ' || lane, 0)
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted"""


def test_an_event_that_no_view_can_read_waits_by_itself_and_the_rest_goes_on(house: House) -> None:
    ill = uuid4()
    with house.load() as load, house.database() as server:
        with connect(server.application_url) as connection:
            position = recorded(connection, ill, b"no json")
        load.goes_on(100)

        [letter] = eventually(lambda: letters(house), "it is put aside")

    assert (letter["view"], letter["position"], letter["waiting"]) == ("accounts", position, 1)
    house.check()
    shown = json.loads(daybook(house.data, "dead", "show", str(position), "--json").stdout)
    assert shown["event"]["state"] == "no json"
    assert daybook(house.data, "dead", "skip", str(position)).returncode == 0
    assert letters(house) == []
    house.check()


def recorded(connection: psycopg.Connection, id: UUID, state: bytes) -> int:
    """An account that no domain would make. Its position."""
    append = Append(
        [CommandRow(uuid4(), bytes(32), "Account.register", uuid4())],
        [EventRow(0, id, 1, "Account.Registered", 1, None, lane_of(id), state)],
        {id: 0}, [], [], lambda places: places[-1].position, lambda: None,
    )  # fmt: skip
    return int(appended(connection, append))


def letters(house: House) -> list[dict[str, object]]:
    return list(json.loads(daybook(house.data, "dead", "list", "--json").stdout))


def test_a_rebuild_that_is_killed_half_way_is_taken_up_and_comes_to_the_same(house: House) -> None:
    with house.load() as load, house.database() as server, house.looking() as connection:
        load.goes_on(200)
        half = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.rebuilding"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert half.stdin and half.stdout
        with half:
            half.stdin.write(server.application_url + "\n")
            half.stdin.flush()
            said = [half.stdout.readline() for _ in range(5)]
            half.kill()
        assert [line.split()[0] for line in said] == ["build"] * 5
        built = "select true from projections where view = 'accounts' and state = 'building' and built > %s"
        assert connection.execute(built, [UUID(int=0)]).fetchone()
        load.goes_on()

        again = daybook(house.data, "rebuild", "accounts", "--json")

    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)[0]["as_before"] is True
    house.check()


# -- with a folder of its own -------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 160 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "daybook-test", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
        said = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError as error:
        said = str(error)
    if said:
        pytest.skip(f"{IMPOSSIBLE}make a disk to be filled: {said}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_stops_recording_and_when_there_is_room_again_nothing_is_lost(
    small_disk: Path, tmp_path: Path
) -> None:
    house, ballast = House(small_disk / "data", notes=tmp_path), small_disk / "ballast"
    try:
        with house.load() as load:
            postgres = house.postgres()
            fill(ballast)
            eventually(lambda: stands_still(load), "no table can grow")
            ballast.unlink()
            load.goes_on()
            assert house.postgres() == postgres

            fill(ballast)
            with house.looking() as connection, pytest.raises(psycopg.OperationalError):
                for _ in range(200):  # until there is no room for the next file of PostgreSQL's log: it ends itself
                    connection.execute("select pg_switch_wal()")
                    time.sleep(0.05)
            eventually(lambda: stands_still(load), "PostgreSQL does not come back")
            ballast.unlink()
            house.kill_everything()
            load.goes_on()

        house.check()
        house.close()
    finally:
        house.kill()


def stands_still(load: Load) -> bool:
    """Whether nothing is acknowledged for a while."""
    before = load.acknowledged()
    time.sleep(1)
    return load.acknowledged() == before


def fill(file: Path) -> None:
    """Leave no byte free."""
    with file.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(65_536))
        except OSError as error:
            assert error.errno == 28, error


def test_random_kills_lose_nothing(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    try:
        strike(house, random.Random(), 5)

        house.check()
        house.close()
    finally:
        house.kill()
