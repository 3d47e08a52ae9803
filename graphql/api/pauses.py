"""Waiting for what comes one after another, but never for longer than one likes."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def with_pauses(found: AsyncIterator[T], patience: Callable[[], float | None]) -> AsyncGenerator[T | None]:
    """What is found, and None when nothing was for so many seconds. That is asked each time; None waits for ever."""
    coming: Future[T | None] = asyncio.ensure_future(_next(found))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=patience())
            if done and (each := coming.result()) is None:
                return
            yield each if done else None
            if done:
                coming = asyncio.ensure_future(_next(found))
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await coming
        if isinstance(found, AsyncGenerator):
            await found.aclose()


async def _next(found: AsyncIterator[T]) -> T | None:
    return await anext(found, None)
