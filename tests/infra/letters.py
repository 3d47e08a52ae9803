"""An effect: a letter for each event, which cannot be called back. As a process: `python -m tests.infra.letters URL
SCHEMA FILE` writes them to the end of a file until it is killed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from psycopg import Connection

from infra.cloud_events import Published
from infra.following import follow


class Letters:
    """Begins with what comes after it was first there. A letter bears the position of its event."""

    name = "letters"
    most = 10
    hindrances: tuple[type[Exception], ...] = ()

    def __init__(self, send: Callable[[int], None], from_the_first: bool = False) -> None:
        self.send, self.from_the_first = send, from_the_first

    def begin(self, connection: Connection[Any], position: int | None, head: int) -> int:
        return position if position is not None else 0 if self.from_the_first else head

    def carry_out(self, events: Sequence[Published]) -> None:
        for event in events:
            self.send(event.position)

    def note(self, connection: Connection[Any]) -> None:
        """The position is all."""

    def idle(self, connection: Connection[Any]) -> None:
        """Nothing to do."""

    def end(self) -> None:
        """Nothing is held."""


def main() -> None:
    url, schema, name = sys.argv[1:]
    with open(name, "a") as file:

        def send(position: int) -> None:
            file.write(f"{position}\n")
            file.flush()
            os.fsync(file.fileno())

        follow(url, schema, Letters(send, from_the_first=True), Event())


if __name__ == "__main__":
    main()
