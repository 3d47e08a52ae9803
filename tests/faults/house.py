"""A Daybook of its own, with load on it, to which faults are done; and what must hold of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.conninfo import make_conninfo

from infra.database import SCHEMA, connect
from infra.embedded import DATABASE, Server, embedded
from infra.group_commit import Append, CommandRow, EventRow, appended
from infra.instants import wait_for_all
from infra.keys import master_keys_of, unlock
from infra.lanes import lane_of
from infra.rebuild import Busy, Rebuilt, rebuild
from projections.catalogue import VIEWS
from projections.customers.contact import ContactView
from tests.faults.disk import Disk
from tests.faults.holds import the_history, the_persons, the_views
from tests.infra.daybook import COMMAND, Serving, a_port, environment, processes_of
from tests.infra.test_processes import pids

ROOT = Path(__file__).parent.parent.parent
WITHIN = 60.0
"""Seconds at most for anything that is waited for here."""


def eventually(holds: Callable[[], Any], what: str, seconds: float = WITHIN) -> Any:
    """What is waited for, as soon as it is true."""
    until = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < until, f"in {seconds:.0f} s it never came: {what}"
        time.sleep(0.01)
    return found


@dataclass
class Load:
    """The process that sends commands."""

    process: subprocess.Popen[str]
    file: Path

    def acknowledged(self) -> int:
        """How many commands."""
        return self.file.read_bytes().count(b"\n")

    def goes_on(self, more: int = 40) -> None:
        """Wait until so many more commands were acknowledged."""
        wanted = self.acknowledged() + more
        eventually(
            lambda: self.acknowledged() >= wanted or self.process.poll() is not None, "commands are acknowledged"
        )
        assert self.process.poll() is None, self.process.communicate()

    def end(self) -> None:
        """Wait until every command that was sent is acknowledged."""
        _, said = self.process.communicate(timeout=3 * WITHIN)
        assert self.process.returncode == 0, said


@dataclass
class House:
    """`daybook serve` on a folder and a port of its own."""

    data: Path
    port: int = field(default_factory=a_port)
    notes: Path | None = None
    """Where the load writes down what was acknowledged; beside the data folder if left out."""
    disk: Disk | None = None
    """On which the data folder is; None where that cannot be full."""
    files: list[Path] = field(default_factory=list)
    ill: set[int] = field(default_factory=set)
    """Positions of events that no view can read, and nobody has skipped."""
    ahead: list[tuple[int, datetime]] = field(default_factory=list)
    """Positions, and what the clock had been when it was set back behind them."""

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Start the server, and PostgreSQL if it does not run."""
        self.serving = Serving(self.data, port=self.port)

    def close(self) -> None:
        """Stop it in good order."""
        assert self.serving.told(signal.SIGINT) == 0, self.serving.log.read_text()
        assert self.serving.is_gone(), processes_of(self.data)

    def kill(self) -> None:
        """End everything of this folder, whatever state it is in."""
        for pid in pids(self.data, ""):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.serving.process.wait(WITHIN)
        eventually(lambda: not processes_of(self.data), "everything is gone")

    @contextmanager
    def load(self, threads: int = 8) -> Iterator[Load]:
        """Load, until all of it is acknowledged."""
        file = (self.notes or self.data.parent) / f"acknowledged-{len(self.files)}"
        file.touch()
        self.files.append(file)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.faults.load", self.serving.address, str(file), str(threads)],
            cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                assert process.stdin
                process.stdin.write((self.data / "token").read_text() + "\n")
                process.stdin.flush()
                load = Load(process, file)
                load.goes_on()
                yield load
                load.end()
            finally:
                process.kill()

    # -- what may happen to it ------------------------------------------------------------------------------------

    def kill_server(self) -> None:
        """The server dies, and is started again by somebody."""
        self.serving.told(signal.SIGKILL)
        self.open()

    def kill_projector(self) -> None:
        """The projector dies; its server starts another one."""
        [projector] = self.projectors()
        os.kill(projector, signal.SIGKILL)
        eventually(lambda: self.projectors() not in ([], [projector]), "another projector runs")

    def kill_everything(self) -> None:
        """As when the power goes; then somebody starts the server."""
        self.kill()
        self.open()

    def kill_postgres(self) -> None:
        """PostgreSQL dies; the server starts it again."""
        self.end_postgres(signal.SIGKILL)
        self.postgres_comes_back()

    def stop_postgres(self) -> None:
        """Somebody stops PostgreSQL in good order ("fast"); the server starts it again."""
        self.end_postgres(signal.SIGINT)
        self.postgres_comes_back()

    def kill_writer(self) -> None:
        """The backend that records is ended while it does so."""
        with self.looking() as connection:
            eventually(lambda: connection.execute(TERMINATE_WRITER).fetchall() == [(True,)], "somebody records")

    def kill_second_projector(self) -> None:
        """Another projector takes its share of the work, and dies."""
        with self.second_projector():
            pass

    def kill_rebuild(self) -> None:
        """Whoever builds the contacts anew dies half way; somebody else takes it up. They are what they were before."""
        unlock(master_keys_of(None, self.data))
        with self.database() as server:
            with subprocess.Popen(
                [sys.executable, "-m", "tests.faults.rebuilding", str(self.data)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            ) as half:  # fmt: skip
                assert half.stdin and half.stdout
                half.stdin.write(server.application_url + "\n")
                half.stdin.flush()
                for number, _ in enumerate(half.stdout):
                    if number == 4:
                        break
                half.kill()
            made: Rebuilt = eventually(lambda: rebuilt(server.application_url), "the dead one's locks are gone")
        assert made.as_before, made

    def record_ill(self) -> None:
        """An event is recorded that no domain would make, and no view can read."""
        with self.looking() as connection:
            self.ill.add(recorded(connection, uuid4(), b"no json"))

    def set_clock_back(self) -> None:
        """PostgreSQL's clock goes back by some seconds: to the history it is the same if what was last is ahead."""
        with self.looking() as connection:
            self.ahead += connection.execute(
                "update event_head set recorded_at = recorded_at + interval '3 seconds' returning position, recorded_at"
            ).fetchall()

    def fill_disk(self) -> None:
        """There is no room for a while. PostgreSQL may end by that; the server starts it again."""
        assert self.disk
        self.disk.fill()
        time.sleep(1)
        self.disk.make_room()

    @contextmanager
    def second_projector(self) -> Iterator[None]:
        """Another projector, which holds its share of the lanes; at the end it is killed."""
        second = subprocess.Popen(
            [*COMMAND, "project"], env=environment(self.data), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            with self.looking() as connection:
                eventually(lambda: connection.execute(SHARING).fetchone() == (2,), "both have lanes of the accounts")
            yield
        finally:
            second.kill()
            second.wait()

    def projectors(self) -> list[int]:
        """The processes beside the server that keep the views up to date."""
        return pids(self.data, "infra.projecting")

    def postgres(self) -> int | None:
        """PostgreSQL's first process."""
        try:
            return int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def end_postgres(self, number: int) -> None:
        """Send it a signal, and wait until it is gone."""
        pid = self.postgres()
        assert pid is not None
        os.kill(pid, number)
        eventually(lambda: not is_running(pid), "PostgreSQL has ended")

    def postgres_comes_back(self) -> None:
        """The server of the folder starts it."""
        eventually(lambda: (pid := self.postgres()) and is_running(pid), "PostgreSQL runs again")

    # -- what is seen of it from outside --------------------------------------------------------------------------

    @contextmanager
    def database(self) -> Iterator[Server]:
        """The addresses of the database, which runs meanwhile."""
        with embedded(self.data) as server:
            yield server

    @contextmanager
    def looking(self) -> Iterator[Connection[Any]]:
        """A connection as the superuser."""
        with (
            self.database() as server,
            connect(make_conninfo(server.superuser_url, dbname=DATABASE)) as connection,
        ):
            yield connection

    def acknowledged(self) -> list[dict[str, Any]]:
        """All that was ever acknowledged here."""
        return [json.loads(line) for file in self.files for line in file.read_text().splitlines()]

    def check(self) -> int:
        """What must hold when no load is on it: of the history, of views, of persons. Says of how many commands."""
        answers = self.acknowledged()
        unlock(master_keys_of(None, self.data))
        with self.database() as server, self.looking() as connection:
            last = the_history(connection, answers, self.ahead)
            wait_for_all(connection, VIEWS, last, WITHIN)
            the_persons(connection, answers)
            the_views(server.application_url, connection, answers, self.ill)
        return len(answers)


TERMINATE_WRITER = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where query like 'select * from append_commits%' and state = 'active'"""
SHARING = """
    select count(distinct l.pid) from generate_series(0, 5) lane
    join projections p on p.view = 'accounts' and p.state = 'live'
    join pg_locks l on (l.classid::bigint << 32 | l.objid::bigint)
        = hashtextextended(current_schema() || '.' || p.name || ' lane ' || lane, 0)
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted"""


def recorded(connection: Connection[Any], id: UUID, state: bytes) -> int:
    """An account that no domain would make. Its position."""
    append = Append(
        [CommandRow(uuid4(), bytes(32), "Account.register", uuid4())],
        [EventRow(0, id, 1, "Account.Registered", 1, None, lane_of(id), state)],
        {id: 0}, [], [], lambda places: places[-1].position, lambda: None,
    )  # fmt: skip
    return int(appended(connection, append))


def rebuilt(url: str) -> Rebuilt | None:
    """What came of it; None while another process is at it."""
    try:
        return rebuild(url, SCHEMA, [ContactView])[0]
    except Busy:
        return None


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is not dead already."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
