"""Processes beside this one, which do one thing each: started anew when they fail, and ended when their parent ends,
however that ends.

A module that is run so has a `main`. It is told the database's address through its standard input, and works until that
closes.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from infra import logs
from infra.settings import Settings

log = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0
"""Seconds before a process that keeps failing is started again."""


@contextmanager
def kept(name: str, module: str, url: str) -> Iterator[None]:
    """A process that runs a module, such as `infra.projecting`, for as long as this lasts; called so in the log."""
    keeper = _Keeper(name, module, url)
    keeper.start()
    try:
        yield
    finally:
        keeper.end()


def begun() -> tuple[str, threading.Event]:
    """For the process itself, first of all: the database's address, and what is set when it is to end."""
    logs.begin(Settings.from_environment().log, logging.WARNING)
    for number in (signal.SIGINT, signal.SIGHUP):  # whoever sends it to all means the parent
        signal.signal(number, signal.SIG_IGN)
    url, stop = sys.stdin.readline().strip(), threading.Event()

    def until_closed() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=until_closed, name="watch of the parent", daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return url, stop


class _Keeper(threading.Thread):
    def __init__(self, name: str, module: str, url: str) -> None:
        super().__init__(name=f"keeper of {name}", daemon=True)
        self.called = name
        self.module, self.url, self.ending, self.lock = module, url, threading.Event(), threading.Lock()
        self.child: subprocess.Popen[str] | None = None

    def run(self) -> None:
        pause = 1.0
        while child := self._begin():
            started = time.monotonic()
            code = child.wait()
            pause = 1.0 if time.monotonic() - started > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            if not self.ending.is_set():
                log.error("%s ended (%s); it starts again in %.0f s", self.called, code, pause)
            self.ending.wait(pause)

    def _begin(self) -> subprocess.Popen[str] | None:
        with self.lock:
            if self.ending.is_set():
                return None
            command = [sys.executable, "-m", self.module]
            # In a group of its own: the Ctrl-C of a terminal is the parent's to answer, from the first moment on.
            self.child = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, process_group=0)
            assert self.child.stdin is not None
            with suppress(BrokenPipeError):
                self.child.stdin.write(self.url + "\n")
                self.child.stdin.flush()
            return self.child

    def end(self) -> None:
        with self.lock:
            self.ending.set()
        if self.child is not None and self.child.stdin is not None:
            with suppress(BrokenPipeError):
                self.child.stdin.close()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.join(10)
