"""A token for a password: how programs come in that know only names and passwords, such as calendars.

It holds for what is only read, and answered to nobody else: a browser that knows a password sends it unasked, so what
changes something, or whatever a page could make use of, never takes one.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CHALLENGE: Final = 'Basic realm="Daybook: any name, and a token as the password", charset="UTF-8"'


class TokenAsPassword:
    """Before an endpoint that takes tokens: takes them as passwords too, whatever the name."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if token := token_in(Headers(scope=scope).get("authorization", "")):
            headers = MutableHeaders(raw=list(scope["headers"]))
            headers["authorization"] = f"Bearer {token}"
            scope = {**scope, "headers": headers.raw}

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                MutableHeaders(raw=message["headers"])["www-authenticate"] = CHALLENGE
            await send(message)

        await self.app(scope, receive, told)


def token_in(header: str) -> str | None:
    """The password of an `Authorization: Basic …`; None where it is none."""
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(given.strip(), validate=True).decode().partition(":")[2] or None
    except (NotBase64, UnicodeDecodeError):
        return None
