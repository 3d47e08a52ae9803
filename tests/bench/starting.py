"""How long Daybook takes from being called to being ready, against PostgreSQL alone on the same folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import httpx

from infra.embedded import embedded


def rows(database_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What was measured, its figure, the figure that it is held against, and the ratio."""
    with TemporaryDirectory() as folder:
        first, again = until_ready(Path(folder)), until_ready(Path(folder))
        begun = perf_counter()
        with embedded(Path(folder)):
            alone = perf_counter() - begun
    yield "first start to ready, without sample", f"{first:.1f} s", "", ""
    yield "start to ready", f"{again:.2f} s", f"PostgreSQL alone {alone:.2f} s", f"{again / alone:.1f}"


def until_ready(folder: Path) -> float:
    """Seconds until `/readyz` says so."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {**os.environ, "DAYBOOK_DATA": str(folder), "DAYBOOK_PORT": port}
    begun = perf_counter()
    command = [str(Path(sys.executable).parent / "daybook"), "serve"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        while not ready(f"http://127.0.0.1:{port}/readyz"):
            assert process.poll() is None and perf_counter() - begun < 60
            sleep(0.01)
        return perf_counter() - begun
    finally:
        process.terminate()
        process.wait(30)


def ready(address: str) -> bool:
    try:
        return bool(httpx.get(address, timeout=5).json()["ready"])
    except (httpx.TransportError, ValueError):
        return False
