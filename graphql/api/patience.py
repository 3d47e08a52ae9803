"""Patience: an operation is given up when it takes too long, and when nobody waits for its answer any more."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError, Task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.types import Receive

SOON: Final = 0.1
"""Seconds after which it is looked whether the client is still there: nearly all answers are quicker than that."""


class Left(Exception):
    """The client has left."""


@asynccontextmanager
async def patience(seconds: float, receive: Receive) -> AsyncIterator[None]:
    """What is within it is cancelled, its statement in PostgreSQL included: TimeoutError when its time is over, Left
    when its client has gone. The whole request must have been received.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task
    watch: list[Task[None]] = []
    has_left = False

    async def watching() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            pass
        has_left = True
        task.cancel()

    timer = loop.call_later(SOON, lambda: watch.append(loop.create_task(watching())))
    try:
        async with asyncio.timeout(seconds):
            yield
    except CancelledError:
        if has_left and not task.uncancel():
            raise Left from None
        raise
    finally:
        timer.cancel()
        for each in watch:
            each.cancel()
