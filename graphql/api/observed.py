"""What is known of a request while it is answered, for whoever watches over it: counts it, logs it, traces it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from os import urandom
from typing import Final, Protocol
from uuid import UUID

from graphql import OperationDefinitionNode, get_operation_ast
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.extensions import SchemaExtension

REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,100}")
"""Of a client. Others would be lines of their own in a log, or fill it: such a request gets one of ours."""


TRACES: Final = (b"traceparent", b"tracestate", b"baggage")
"""The headers by which a trace goes on."""


@dataclass(eq=False)
class Asked:
    """A request over HTTP; or a WebSocket, and each operation on it. Filled in as it becomes known."""

    path: str
    """Of a route. What is no route of ours is told as it came."""
    method: str
    """`GET` and the like; `WEBSOCKET` for a connection; `OPERATION` for an operation on one."""
    request_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    """Of the answer over HTTP."""
    kind: str | None = None
    """Of a GraphQL operation: query, mutation or subscription."""
    operation: str | None = None
    user_id: UUID | None = None
    token: str | None = None
    """The id of the token that was shown: no secret."""
    address: str | None = None
    """Of the client."""
    refused: list[tuple[str, str | None]] = field(default_factory=list)
    """The same codes, each with what was asked for where that is known: a command, a permission."""
    codes: list[str] = field(default_factory=list)
    """Of errors and refusals, in the order in which they came."""


class Watch(Protocol):
    def __call__(self, asked: Asked) -> AbstractContextManager[None]:
        """Watches over a request from its beginning to its end, when all is known that ever will be."""


_now: ContextVar[tuple[Asked, Watch] | None] = ContextVar("observed", default=None)


def known_caller(user_id: UUID | None, token: str | None) -> None:
    """Who asks is known now, or at least with which token somebody tried."""
    if now := _now.get():
        now[0].user_id, now[0].token = user_id, token


def asked_now() -> Asked | None:
    """The request that is being answered."""
    now = _now.get()
    return now[0] if now else None


def known_code(code: str, what: str | None = None) -> None:
    """An error or a refusal goes to whoever asks."""
    if now := _now.get():
        now[0].codes.append(code)
        now[0].refused.append((code, what))


def known_operation(operation: OperationDefinitionNode) -> None:
    """What is carried out is known now."""
    if now := _now.get():
        now[0].kind, now[0].operation = operation.operation.value, operation.name.value if operation.name else None


@contextmanager
def operating() -> Iterator[None]:
    """Around an operation. Over HTTP it is the request itself; on a connection one of many, each watched over."""
    now = _now.get()
    if now is None or now[0].method != "WEBSOCKET":
        yield
        return
    connection, watch = now
    asked = Asked(connection.path, "OPERATION", connection.request_id, user_id=connection.user_id)
    asked.token, asked.address = connection.token, connection.address
    _now.set((asked, watch))
    try:
        with watch(asked):
            yield
    finally:
        _now.set(now)


class Watched(SchemaExtension):
    """Watches over every operation that Strawberry executes: those on connections come by no other way."""

    def on_operation(self) -> Iterator[None]:
        with operating():
            try:
                yield
            finally:
                for error in self.execution_context.pre_execution_errors or ():
                    known_code((error.extensions or {}).get("code", "GRAPHQL_VALIDATION_FAILED"))

    def on_execute(self) -> Iterator[None]:
        request = self.execution_context
        assert request.graphql_document
        if operation := get_operation_ast(request.graphql_document, request.operation_name):
            known_operation(operation)
        yield


class Observed:
    """The application, watched over: around all of it, so that nothing is answered unseen."""

    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self.app, self.watch = app, watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        id = given if REQUEST_ID.fullmatch(given) else urandom(16).hex().encode()
        if id is not given:
            rest = [each for each in scope["headers"] if each[0] != b"x-request-id"]
            scope = {**scope, "headers": [*rest, (b"x-request-id", id)]}
        asked = Asked(scope["path"], scope.get("method", "WEBSOCKET"), id.decode(), _of_traces(headers))

        asked.address = scope["client"][0] if scope.get("client") else None

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                asked.status = message["status"]
                told = message.setdefault("headers", [])
                if not any(name.lower() == b"x-request-id" for name, _ in told):
                    message["headers"] = [*told, (b"x-request-id", id)]
            await send(message)

        before = _now.get()
        _now.set((asked, self.watch))
        try:
            with self.watch(asked):
                await self.app(scope, receive, sending)
        finally:
            _now.set(before)


def _of_traces(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): headers[name].decode("latin-1") for name in TRACES if name in headers}
