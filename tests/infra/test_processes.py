import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.daybook import Serving, a_port, daybook_apart, processes_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder in which nothing runs, before and after each server."""
    folder = tmp_path_factory.mktemp("processes") / "data"
    yield folder
    daybook_apart(folder, "reset", "--yes")


def pids(data: Path, what: str) -> list[int]:
    """The processes of this folder whose command line says so."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line, seen = (path / "cmdline").read_bytes().decode(), (path / "environ").read_bytes()
        except OSError:
            continue
        if what in line.replace("\0", " ") and os.fsencode(data) in seen + line.encode():
            found.append(int(path.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_ends_everything_that_it_started(data: Path, number: int) -> None:
    serving = Serving(data)
    assert len(pids(data, "infra.projecting")) == 1
    assert pids(data, "postgres -D")

    code = serving.told(number)

    assert code == 0
    assert processes_of(data) == []


def test_ctrl_c_at_a_terminal_reaches_all_processes_and_leaves_none(data: Path) -> None:
    serving = Serving(data)

    os.killpg(serving.process.pid, signal.SIGINT)
    os.killpg(serving.process.pid, signal.SIGINT)

    assert serving.process.wait(30) == 0
    assert processes_of(data) == []
    assert "Traceback" not in serving.log.read_text()


def test_a_projector_does_not_outlive_its_server(data: Path) -> None:
    serving = Serving(data)
    [projector] = pids(data, "infra.projecting")

    serving.told(signal.SIGKILL)

    until = time.monotonic() + 120
    while pids(data, "infra.projecting") and time.monotonic() < until:
        time.sleep(0.05)
    assert projector not in pids(data, "infra.projecting")
    assert pids(data, "postgres -D"), "PostgreSQL goes on until somebody comes back"
    again = Serving(data)
    assert again.told(signal.SIGINT) == 0
    assert processes_of(data) == []


def test_a_projector_that_dies_is_replaced(data: Path) -> None:
    serving = Serving(data)
    [projector] = pids(data, "infra.projecting")

    os.kill(projector, signal.SIGKILL)

    until = time.monotonic() + 120
    while pids(data, "infra.projecting") in ([], [projector]) and time.monotonic() < until:
        time.sleep(0.05)
    [other] = pids(data, "infra.projecting")
    assert other != projector
    assert "the projector ended" in serving.log.read_text()
    assert serving.told(signal.SIGINT) == 0


def test_after_a_crash_of_everything_it_starts_with_the_same_token(data: Path) -> None:
    serving = Serving(data)
    token = (data / "token").read_text()
    for pid in pids(data, ""):
        os.kill(pid, signal.SIGKILL)
    serving.process.wait()
    assert serving.is_gone()

    again = Serving(data)

    assert (data / "token").read_text() == token
    assert token.strip() in again.log.read_text()
    assert again.told(signal.SIGINT) == 0


def test_a_second_server_of_a_folder_says_who_has_it_and_what_to_do(data: Path) -> None:
    serving = Serving(data)

    second = daybook_apart(data, "serve", port=a_port())

    assert second.returncode == 1
    assert re.fullmatch(
        rf"daybook: the data folder \S+ is in use by process {serving.process.pid} at {serving.address}:"
        rf" stop that, or set DAYBOOK_DATA to another folder\n",
        second.stderr,
    )
    assert serving.answers("/healthz")
    assert serving.told(signal.SIGINT) == 0


def test_a_port_that_is_taken_is_said_so_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        refused = daybook_apart(tmp_path / "data", "serve", port=port)

    assert refused.returncode == 1
    assert refused.stderr == (
        f"daybook: cannot listen on port {port} of 127.0.0.1 (Address already in use):"
        f" end what uses it, or choose another: DAYBOOK_PORT={port + 1}\n"
    )
    assert not (tmp_path / "data").exists()
