"""Sessions: who is in, by the token in a request or in `connection_init`, and for how long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final, TypeVar

from anyio import CancelScope
from cross_web import HTTPException
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketState

from api.ports import Authenticate, Caller, NotReady, Stranger, Wait

T = TypeVar("T")

NOBODY: Final = "say who you are: Authorization: Bearer daybook_…"
NO_MORE: Final = "this token does not hold, or does not hold any more"
AGAIN: Final = 2.0
"""Seconds after which a session that lasts is looked at again: so much later than its token it ends, at most."""
FORBIDDEN: Final = 4403
"""How a WebSocket ends with its token: clients of graphql-transport-ws then come again, with another one."""

log = logging.getLogger("daybook.api")


class Denied(HTTPException):
    """Nobody is let in, and what else the answer says."""

    def __init__(self, status: int, reason: str, code: str, headers: dict[str, str]) -> None:
        super().__init__(status, reason)
        self.more: dict[str, Any] = {"code": code, "headers": headers}


class Session:
    """Somebody who is in, as long as the token holds."""

    def __init__(self, authenticate: Authenticate, token: str, caller: Caller) -> None:
        self._authenticate, self._token, self.caller = authenticate, token, caller

    async def lasts(self) -> bool:
        """Whether the token holds still, and what its user may do now. If nobody can say, it holds until it expires."""
        if self.caller.expires_at is not None and self.caller.expires_at <= datetime.now(UTC):
            return False
        try:
            caller = await self._authenticate(self._token, None)
        except Exception as error:
            log.warning("a session goes on unasked: %s", type(error).__name__)
            return True
        if caller is not None:
            self.caller = caller
        return caller is not None

    async def ended(self) -> None:
        """Waits until it ends."""
        while await self.lasts():
            left = AGAIN
            if self.caller.expires_at is not None:
                left = min(left, max(0.0, (self.caller.expires_at - datetime.now(UTC)).total_seconds()))
            await asyncio.sleep(left)

    async def while_it_lasts(self, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """The items as they come, until the session ends. Leaves nothing behind, wherever it is broken off."""
        ended = asyncio.create_task(self.ended())
        try:
            while True:
                item = asyncio.ensure_future(anext(items, None))
                try:
                    await asyncio.wait({item, ended}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    item.cancel()
                    with CancelScope(shield=True):
                        await asyncio.wait({item})
                if item.cancelled() or ended.done() or (told := item.result()) is None:
                    return
                yield told
        finally:
            ended.cancel()
            with CancelScope(shield=True):
                await items.aclose()

    async def close_when_it_ends(self, connection: WebSocket) -> None:
        """Ends a WebSocket with its session."""
        await self.ended()
        if connection.application_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError):  # it was closed just now
                await connection.close(FORBIDDEN, NO_MORE)


async def session_of(connection: HTTPConnection, header: object, authenticate: Authenticate) -> Session:
    """Who comes, by what stands in `Authorization`. Raises Denied."""
    scheme, _, token = str(header or "").partition(" ")
    address = connection.client.host if connection.client else ""
    if scheme.lower() != "bearer" or not token.strip():
        raise Denied(401, NOBODY, "UNAUTHENTICATED", {"www-authenticate": "Bearer"})
    try:
        caller = await authenticate(token.strip(), address)
    except Wait as wait:
        seconds = ceil(wait.seconds)
        reason = f"too many wrong tokens came from here: come again in {seconds} seconds"
        raise Denied(429, reason, "THROTTLED", {"retry-after": str(seconds)}) from None
    except Stranger as error:
        raise Denied(403, str(error), "FORBIDDEN", {}) from None
    except NotReady as error:
        raise Denied(503, str(error), "NOT_READY", {"retry-after": "5"}) from None
    if caller is None:
        wrong = {"www-authenticate": 'Bearer error="invalid_token"'}
        raise Denied(401, NO_MORE, "UNAUTHENTICATED", wrong)
    return Session(authenticate, token.strip(), caller)
