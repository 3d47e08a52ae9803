"""The projector beside the web server: a process of its own, which ends when its parent does, however that ends.

It is told the database's address through its standard input, and works until that closes.
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

from infra.database import SCHEMA
from infra.keys import master_key_of, unlock
from infra.projector import run
from infra.settings import Settings
from projections.catalogue import VIEWS

log = logging.getLogger("daybook.projecting")

LONGEST_PAUSE = 30.0
"""Seconds before a projector that keeps failing is started again."""


@contextmanager
def projecting(url: str) -> Iterator[None]:
    """A projector, started anew when it fails, for as long as this lasts."""
    keeper = _Keeper(url)
    keeper.start()
    try:
        yield
    finally:
        keeper.end()


class _Keeper(threading.Thread):
    def __init__(self, url: str) -> None:
        super().__init__(name="keeper of the projector", daemon=True)
        self.url, self.ending, self.lock = url, threading.Event(), threading.Lock()
        self.child: subprocess.Popen[str] | None = None

    def run(self) -> None:
        pause = 1.0
        while child := self._begin():
            started = time.monotonic()
            code = child.wait()
            pause = 1.0 if time.monotonic() - started > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            if not self.ending.is_set():
                log.error("the projector ended (%s); it starts again in %.0f s", code, pause)
            self.ending.wait(pause)

    def _begin(self) -> subprocess.Popen[str] | None:
        with self.lock:
            if self.ending.is_set():
                return None
            self.child = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE, text=True)
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


def main() -> None:
    """Project until the standard input closes; the terminal's Ctrl-C is the parent's to answer."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    url, stop = sys.stdin.readline().strip(), threading.Event()

    def until_closed() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=until_closed, name="watch of the parent", daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = Settings.from_environment()
    unlock(master_key_of(settings.master_key_file, settings.data))
    run(url, SCHEMA, VIEWS, stop)


if __name__ == "__main__":
    main()
