"""What every response says to browsers, so that no page can make more of it than was meant; and whose pages may ask."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS: Final = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
"""Where the response does not say otherwise."""
A_YEAR: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
ASKED_WITH: Final = (
    "accept", "authorization", "apollo-require-preflight", "apollographql-client-name", "apollographql-client-version",
    "cache-control", "content-type", "daybook-cost", "daybook-position", "daybook-replay", "idempotency-key",
    "if-none-match", "last-event-id", "traceparent", "tracestate", "x-apollo-operation-name", "x-request-id",
)  # fmt: skip
SHOWN: Final = ("daybook-cost", "etag", "retry-after", "x-request-id")


def middleware(origins: Collection[str], https: bool) -> list[Middleware]:
    """For pages of these origins, and with HTTPS for ever where browsers come by it."""
    allowed = Middleware(
        CORSMiddleware,
        allow_origins=tuple(origins),
        allow_methods=("GET", "POST"),
        allow_headers=ASKED_WITH,
        expose_headers=SHOWN,
        max_age=3600,
    )
    return [Middleware(Guarded, https=https), *([allowed] if origins else [])]


class Guarded:
    """An application whose responses bear the headers of safety."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self.app = app
        self.headers = list(ALWAYS.items()) + ([A_YEAR] if https else [])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                there = {name for name, _ in given}
                message["headers"] = [*given, *(each for each in self.headers if each[0] not in there)]
            await send(message)

        await self.app(scope, receive, send_guarded)
