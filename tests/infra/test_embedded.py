import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import OperationalError

from infra.data_folder import InUse, Unusable, serving, who_serves
from infra.embedded import CannotStart, embedded, kept

USER = """
import sys, pathlib
from infra.embedded import embedded
with embedded(pathlib.Path(sys.argv[1])) as server:
    print(server.application_url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose database was made and is not running."""
    folder = tmp_path_factory.mktemp("data")
    with embedded(folder):
        pass
    yield folder
    assert server_of(folder) is None


def server_of(data: Path) -> int | None:
    """The process that serves this folder's database."""
    try:
        pid = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid


def another_user(data: Path) -> subprocess.Popen[str]:
    """Another process that uses the folder, ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://daybook:")
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30)


def killed(pid: int, number: int = signal.SIGKILL) -> None:
    """End a process as a crash would, and wait until it is gone."""
    os.kill(pid, number)
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)


def test_three_roles_with_what_each_may_do(data: Path) -> None:
    who = "select current_user, current_database(), rolsuper, rolcreaterole from pg_roles where rolname = user"

    with (
        embedded(data) as server,
        psycopg.connect(server.owner_url) as owner,
        psycopg.connect(server.application_url) as application,
    ):
        assert owner.execute(who).fetchone() == ("daybook_owner", "daybook", False, False)
        assert application.execute(who).fetchone() == ("daybook", "daybook", False, False)
        assert owner.execute("create schema mine").statusmessage == "CREATE SCHEMA"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("create schema mine")


def test_nobody_comes_in_without_a_password_and_none_by_the_network(data: Path) -> None:
    with embedded(data) as server:
        without = server.application_url.replace(server.application_url.split(":")[2].split("@")[0], "guess")

        with pytest.raises(OperationalError, match="password authentication failed"):
            psycopg.connect(without)
        with psycopg.connect(server.superuser_url) as connection:
            assert connection.execute("show listen_addresses").fetchone() == ("",)
            rules = connection.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
            assert rules == [("scram-sha-256",)]


def test_it_writes_through_to_the_disk(data: Path) -> None:
    with embedded(data) as server, psycopg.connect(server.superuser_url) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert connection.execute(f"show {setting}".encode()).fetchone() == ("on",)


def test_secrets_are_read_by_their_owner_alone(data: Path) -> None:
    for name in ("postgres.password", "daybook_owner.password", "daybook.password"):
        assert (data / name).stat().st_mode & 0o777 == 0o600
    assert (data / "postgres").stat().st_mode & 0o077 == 0
    assert data.stat().st_mode & 0o066 == 0


def test_the_first_starts_it_and_the_last_ends_it(data: Path) -> None:
    other = another_user(data)
    pid = server_of(data)

    with embedded(data) as server:
        end(other)
        assert server_of(data) == pid
        with psycopg.connect(server.owner_url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)

    assert server_of(data) is None


def test_a_server_that_a_crash_left_running_is_taken_over(data: Path) -> None:
    crashed = another_user(data)
    pid = server_of(data)
    crashed.kill()
    crashed.communicate()
    assert server_of(data) == pid

    with embedded(data):
        assert server_of(data) == pid

    assert server_of(data) is None


def test_after_a_crash_of_everything_what_was_committed_is_there(data: Path) -> None:
    with embedded(data) as server:
        with psycopg.connect(server.owner_url) as connection:
            connection.execute("create table kept (number int)")
            connection.execute("insert into kept values (42)")
        pid = server_of(data)
        assert pid is not None
        killed(pid)

    with embedded(data) as server, psycopg.connect(server.owner_url) as connection:
        assert connection.execute("select number from kept").fetchone() == (42,)
        connection.execute("drop table kept")


def eventually(holds: Callable[[], object]) -> bool:
    until = time.monotonic() + 120
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(holds())


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("select 1").fetchone() == (1,)
    except OperationalError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_server_that_is_kept_is_started_again_whenever_it_ends(data: Path, number: int) -> None:
    with embedded(data) as server, kept(data):
        for _ in range(2):
            pid = server_of(data)
            assert pid is not None
            killed(pid, number)

            assert eventually(lambda: answers(server.application_url))
            assert server_of(data) not in (None, pid)

    assert server_of(data) is None


def test_a_server_that_cannot_be_started_again_is_tried_until_it_can(data: Path, caplog: Any) -> None:
    settings = data / "postgres" / "postgresql.auto.conf"
    before = settings.read_text()
    with embedded(data), kept(data):
        settings.write_text("no_such_setting = 1\n")
        pid = server_of(data)
        assert pid is not None
        killed(pid)
        try:
            assert eventually(lambda: "no_such_setting" in caplog.text)
        finally:
            settings.write_text(before)
        assert eventually(lambda: server_of(data))

    assert server_of(data) is None


def test_a_database_whose_files_are_gone_is_not_made_anew_behind_its_user(tmp_path: Path, caplog: Any) -> None:
    with embedded(tmp_path), kept(tmp_path):
        pid = server_of(tmp_path)
        assert pid is not None
        killed(pid)
        shutil.rmtree(tmp_path / "postgres")
        assert eventually(lambda: "it is tried again" in caplog.text)

    assert not (tmp_path / "postgres").exists()


def test_a_process_id_that_another_program_has_by_now_does_not_stop_the_start(data: Path) -> None:
    user = (data / "postgres").stat()
    stranger = subprocess.Popen(["sleep", "60"], user=user.st_uid)
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        stale = data / "postgres" / name
        stale.write_text(f"{stranger.pid}\n{data}/postgres\n1700000000\n5432\n{data}/postgres\n\n\nready\n")
        os.chown(stale, user.st_uid, user.st_gid)

    with embedded(data) as server, psycopg.connect(server.owner_url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_data_of_another_major_version_is_left_alone(tmp_path: Path, data: Path) -> None:
    old = tmp_path / "postgres"
    old.mkdir()
    (old / "PG_VERSION").write_text("15\n")

    refusal = r"made by PostgreSQL 15, and this is PostgreSQL 18.*daybook backup"
    with pytest.raises(Unusable, match=refusal), embedded(tmp_path):
        pass

    assert [path.name for path in old.iterdir()] == ["PG_VERSION"]


def test_a_start_that_broke_off_is_begun_anew(tmp_path: Path) -> None:
    half = tmp_path / "postgres"
    half.mkdir()
    (half / "base").mkdir()

    with embedded(tmp_path) as server, psycopg.connect(server.owner_url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_any_path_will_do(tmp_path: Path) -> None:
    deep = tmp_path / ("it's, " * 12) / ("name%" * 12)

    with embedded(deep) as server, psycopg.connect(server.owner_url) as connection:
        assert connection.execute("select current_user").fetchone() == ("daybook_owner",)


def test_a_server_that_cannot_start_says_what_its_log_says(data: Path) -> None:
    settings = data / "postgres" / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text("no_such_setting = 1\n")

    try:
        with pytest.raises(CannotStart, match="no_such_setting"), embedded(data):
            pass
    finally:
        settings.write_text(before)


def test_lost_passwords_are_said_so(data: Path) -> None:
    path = data / "postgres.password"
    before = path.read_text()
    path.write_text("forgotten\n")

    try:
        with pytest.raises(Unusable, match=r"postgres\.password is not the password"), embedded(data):
            pass
    finally:
        path.write_text(before)


def test_only_one_serves_from_a_folder(tmp_path: Path) -> None:
    with serving(tmp_path, "http://127.0.0.1:8000"):
        assert who_serves(tmp_path) == f"process {os.getpid()} at http://127.0.0.1:8000"
        refusal = rf"in use by process {os.getpid()} at http://127.0.0.1:8000: stop that"
        with pytest.raises(InUse, match=refusal), serving(tmp_path, "http://127.0.0.1:9000"):
            pass

    assert who_serves(tmp_path) is None
    with serving(tmp_path, "http://127.0.0.1:9000"):
        pass
