"""A Daybook of its own, with load on it, to which faults are done; and what must hold of it afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.conninfo import make_conninfo

from domain.values import parse
from infra.database import SCHEMA, connect
from infra.embedded import DATABASE, Server, embedded
from infra.instants import wait_for_all
from infra.verify import in_python, in_sql, verify
from infra.verify_views import verify as verify_view
from projections.catalogue import VIEWS
from projections.customers.account import AccountView
from tests.infra.daybook import Serving, a_port, processes_of
from tests.infra.test_processes import pids

ROOT = Path(__file__).parent.parent.parent
WITHIN = 60.0
"""Seconds at most for anything that is waited for here."""
KEY = re.compile(rb"key-[0-9a-f]{32}-[0-9]+")


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
    files: list[Path] = field(default_factory=list)

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
        """PostgreSQL dies, and is started again; the server lives."""
        self.end_postgres(signal.SIGKILL)
        self.start_postgres()

    def restart_postgres(self) -> None:
        """PostgreSQL is stopped in good order ("fast") and started again; the server lives."""
        self.end_postgres(signal.SIGINT)
        self.start_postgres()

    def kill_writer(self) -> None:
        """The backend that records is ended while it does so."""
        with self.looking() as connection:
            eventually(lambda: connection.execute(TERMINATE_WRITER).fetchall() == [(True,)], "somebody records")

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

    def start_postgres(self) -> None:
        """The server of the folder still counts as its user, so it stays when we leave."""
        with embedded(self.data):
            pass

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
        """What must hold when no load is on it. Says of how many commands.

        What was acknowledged is in the history, once and where the answer said; and nothing else is, for nothing was
        left unanswered. Positions have no gaps, nor have versions. The chain holds, computed twice. What the live view
        shows, now and of the past, is what a view built anew shows.
        """
        answers = self.acknowledged()
        with self.database() as server, connect(server.application_url) as connection:
            events = connection.execute(EVENTS).fetchall()
            none([n for n, (position, *_) in enumerate(events, 1) if n != position], "positions are not contiguous")
            versions = defaultdict[Any, list[int]](list)
            for _, id, version, *_ in events:
                versions[id].append(version)
            gaps = [id for id, found in versions.items() if found != [*range(1, len(found) + 1)]]
            none(gaps, "aggregates' versions are not contiguous")

            by_key = [(key.decode(), event) for event in events for key in KEY.findall(event[-1])]
            twice = [key for key, times in Counter(key for key, _ in by_key).items() if times != 1]
            none(twice, "commands were recorded more than once")
            recorded = {key: {"id": id, "version": v, "position": p, "receipt": h} for key, (p, id, v, h, _) in by_key}
            told = {each["key"]: {**each, "id": parse(each["id"])[1]} for each in answers}
            assert len(told) == len(answers)
            none([told[key] for key in told.keys() - recorded.keys()], "acknowledged commands are not in the history")
            none([recorded[key] for key in recorded.keys() - told.keys()], "recorded commands were never acknowledged")
            wrong = [(told[key], found) for key, found in recorded.items() if told[key] != {**found, "key": key}]
            none(wrong, "commands are elsewhere in the history than their answers said")

            receipts = [(each["position"], each["receipt"]) for each in answers]
            assert [verify(connection, receipts, check=by).broken for by in (in_sql, in_python)] == [None, None]

            wait_for_all(connection, VIEWS, len(events), WITHIN)
            shown = verify_view(server.application_url, SCHEMA, AccountView, None)
            none(shown.differences, "places where the live view is not what a view built anew is")
            assert shown.aggregates >= len({each["id"] for each in answers})
        return len(answers)


EVENTS = "select position, originator_id, originator_version, encode(hash, 'hex'), state from events order by position"
TERMINATE_WRITER = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where query like 'select * from append_commits%' and state = 'active'"""


def none(found: Sequence[Any], what: str) -> None:
    """Refuse what should not be, naming the first of it."""
    assert not found, f"{what}: {len(found)}, such as {found[:3]}"


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is not dead already."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
