"""The program itself, run as its users run it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import server
from infra.kafka.broker import a_port as a_port

STARTS_WITHIN, ENDS_WITHIN = 180, 30
COMMAND = [sys.executable, "-c", "import server; server.main()"]


def environment(data: Path, **settings: object) -> dict[str, str]:
    """What a program sees: no settings but these."""
    bare = {name: text for name, text in os.environ.items() if not name.startswith("DAYBOOK_")}
    return {**bare, "DAYBOOK_DATA": str(data), **{f"DAYBOOK_{name.upper()}": str(v) for name, v in settings.items()}}


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def daybook(data: Path, *arguments: str, **settings: object) -> Said:
    """`daybook ...`, to its end; in this process, which is quicker."""
    out, err = io.StringIO(), io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with (
        patch.dict(os.environ, environment(data, **settings), clear=True),
        patch.object(sys, "argv", ["daybook", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            server.main()
        except SystemExit as end:
            return Said(int(end.code or 0), out.getvalue(), err.getvalue())
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)


def daybook_apart(data: Path, *arguments: str, **settings: object) -> Said:
    """The same in a process of its own."""
    command, seen = [*COMMAND, *arguments], environment(data, **settings)
    done = subprocess.run(command, env=seen, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return Said(done.returncode, done.stdout, done.stderr)


def processes_of(data: Path) -> list[str]:
    """Every process that was told of this folder, by its environment or its arguments, and still runs."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            told = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
            state = (path / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and int(path.name) != os.getpid() and any(os.fsencode(data) in text for text in told):
            found.append(told[0].replace(b"\0", b" ").decode(errors="replace"))
    return found


@dataclass
class Serving:
    """`daybook serve`, ready."""

    data: Path
    arguments: Sequence[str] = ()
    port: int = field(default_factory=a_port)
    settings: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = self.data.parent / f"{self.data.name}.log"
        seen = environment(self.data, port=self.port, **self.settings)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", *self.arguments], env=seen, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + STARTS_WITHIN
        while not self.answers("/readyz"):
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.address + path, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def told(self, number: int) -> int:
        """Send it a signal, and wait for its end. Its exit code."""
        self.process.send_signal(number)
        return self.process.wait(ENDS_WITHIN)

    def is_gone(self) -> bool:
        """Whether within some seconds nothing of it runs any more."""
        until = time.monotonic() + ENDS_WITHIN
        while processes_of(self.data) and time.monotonic() < until:
            time.sleep(0.05)
        return not processes_of(self.data)
