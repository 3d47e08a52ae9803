"""The endpoint `/graphql`: GraphQL over HTTP and over WebSockets, to the letter of their specifications."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import orjson
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from api.asked import read, shaped
from api.context import Context, Ports
from api.faults import as_error, refused, told
from api.media import GRJSON, SSE, of_answer, of_stream
from api.observed import known_code
from api.operations import Operation, Operations, Refused, Result, failed
from api.patience import Left, patience
from api.persisted import Persisted
from api.ports import NotReady
from api.sessions import Denied, session_of
from api.streaming import refusal, stream

MOST_STREAMS: Final = 50
"""Connections of one user on which operations come or answers go on."""
MOST_ON_ONE: Final = 100
"""Operations at once over one WebSocket."""
INIT_WITHIN: Final = 10.0
"""Seconds that a WebSocket may take until it says who comes."""


class NoReplay(HTTPException):
    """There is no replay of this name, or not any more."""

    def __init__(self, name: str) -> None:
        super().__init__(404, f"there is no replay {name[:40]!r}, or not any more: see `daybook replay list`")
        self.more = {"code": "UNKNOWN_REPLAY"}


class Endpoint(GraphQL[Any, Any]):
    """Answers HTTP by itself; over WebSockets, Strawberry speaks the protocol."""

    def __init__(
        self, schema: Any, ports: Ports, persisted: Persisted, seconds: float, origins: Collection[str] = ()
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=INIT_WITHIN),
            max_subscriptions_per_connection=MOST_ON_ONE,
            allowed_origins=tuple(origins),
        )
        self.ports, self.seconds = ports, seconds
        self.operations = Operations(schema, persisted)
        self.streams = Counter[Any]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._connection(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        request.state.request_id = request.headers.get("x-request-id") or uuid4().hex
        try:
            try:
                response = await self._answer(request)
            except HTTPException as error:
                response = refused(request, error.status_code, error.reason, **getattr(error, "more", {}))
            response.headers["x-request-id"] = request.state.request_id
            response.headers["vary"] = "accept, authorization, daybook-replay"
            await response(scope, receive, send)
        except (Left, ClientDisconnect):
            return  # nobody waits for an answer
        finally:
            if following := getattr(request.state, "following", None):
                self.streams[following] -= 1

    # -- HTTP ------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Response:
        context = await self.get_context(request, None)
        accept = request.headers.get("accept", "")
        asked = await read(request)
        try:
            operation = self.operations.admitted(context, asked)
        except Refused as error:
            return self._refusal(accept, context, error.errors)
        if operation.is_mutation and request.method == "GET":
            raise HTTPException(405, "a mutation is asked by POST")
        media = of_stream(accept) if operation.is_subscription else of_answer(accept)
        if media is None:
            raise HTTPException(
                406, f"this is told as `{SSE}`" if operation.is_subscription else "this is told as JSON"
            )
        if operation.is_subscription or media == SSE:
            self._follow(request, context)
            assert context.session
            results = context.session.while_it_lasts(self.operations.results(context, operation))
            return stream(media, results, context)
        return _whole(
            media, await self._result(request, context, operation), operation, "daybook-cost" in request.headers
        )

    async def _result(self, request: Request, context: Context, operation: Operation) -> Result:
        """What comes of an operation. A command is brought to its end, whoever waits for it."""
        if operation.is_mutation:
            return await self.operations.result(context, operation)
        try:
            async with patience(self.seconds, request.receive):
                return await self.operations.result(context, operation, _tags(request))
        except TimeoutError as error:
            return failed([told(as_error(error), context.request_id)])

    def _refusal(self, accept: str, context: Context, errors: list[GraphQLError]) -> Response:
        result, media = failed(errors), of_answer(accept)
        if media == SSE or (media is None and of_stream(accept)):
            return stream(of_stream(accept) or SSE, refusal([result]), context)
        response = _whole(media or GRJSON, result)
        for error in errors:
            if wait := (error.extensions or {}).get("retryAfter"):
                response.headers["retry-after"] = str(wait)
        return response

    def _follow(self, request: Request, context: Context) -> None:
        """Count a connection that stays."""
        assert context.caller
        if self.streams[context.caller.user_id] >= MOST_STREAMS:
            raise HTTPException(429, f"you follow too much at once: at most {MOST_STREAMS} connections")
        request.state.following = context.caller.user_id
        self.streams[context.caller.user_id] += 1
        last = request.headers.get("last-event-id", "")
        context.resumed = int(last) if last.isascii() and last.isdecimal() and len(last) < 19 else None

    # -- who asks --------------------------------------------------------------------------------

    async def get_context(self, request: Any, response: Any) -> Any:
        context = Context(self.ports, request.headers.get("x-request-id") or uuid4().hex)
        if isinstance(request, Request):
            context.request_id = request.state.request_id
            context.idempotency_key = request.headers.get("idempotency-key")
            context.session = await session_of(request, request.headers.get("authorization"), self.ports.authenticate)
            await self._replay_as_asked(context, request.headers)
            await self._wait_as_asked(context, request.headers.get("daybook-position"))
        else:
            context.connection, request.state.context = request, context
            context.replay = request.headers.get("daybook-replay")
        return context

    async def _replay_as_asked(self, context: Context, headers: Headers) -> None:
        """A client that names a replay is answered by its tables."""
        context.replay = headers.get("daybook-replay")
        if context.replay is None:
            return
        if "daybook-position" in headers:
            raise HTTPException(400, "a replay does not move: Daybook-Position and Daybook-Replay do not combine")
        context.replayed = await self.ports.replays(context.replay)
        if context.replayed is None:
            raise NoReplay(context.replay)

    async def _wait_as_asked(self, context: Context, position: str | None) -> None:
        """A client that names a position gets to read what the event at it did."""
        if position is None:
            return
        if not position.isdecimal() or len(position) > 18:
            raise HTTPException(400, "Daybook-Position is a position: a whole number")
        try:
            shown = await context.reads.shown(int(position))
        except NotReady as error:
            raise HTTPException(503, str(error)) from None
        if not shown:
            raise HTTPException(503, "the views have not come as far as the position in Daybook-Position")

    async def on_ws_connect(self, context: Context) -> Any:
        given = {name.lower(): value for name, value in (context.connection_params or {}).items()}
        connection = context.connection
        assert connection
        if "daybook-replay" in given:
            context.replay = str(given["daybook-replay"])
        try:
            session = await session_of(connection, given.get("authorization"), self.ports.authenticate)
        except Denied as denied:
            known_code(denied.more["code"])
            raise ConnectionRejectionError from None
        if self.streams[session.caller.user_id] >= MOST_STREAMS:
            raise ConnectionRejectionError
        context.session = session
        self.streams[session.caller.user_id] += 1
        connection.state.watch = asyncio.create_task(session.close_when_it_ends(connection))
        return {}

    # -- WebSockets ------------------------------------------------------------------------------

    async def _connection(self, connection: WebSocket) -> None:
        """A WebSocket, which ends with its session."""
        try:
            await self.run(connection)
        finally:
            if watch := getattr(connection.state, "watch", None):
                watch.cancel()
            context = getattr(connection.state, "context", None)
            if context and context.caller:
                self.streams[context.caller.user_id] -= 1

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    class websocket_adapter_class(ASGIWebSocketAdapter):
        """Frames are text: some clients read no others. What is no message of the protocol ends the connection, and an
        operation that is refused never reaches Strawberry.
        """

        view: Endpoint

        async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
            async for message in super().iter_json(ignore_parsing_errors=ignore_parsing_errors):
                if not _is_message(message):
                    raise NonJsonMessageReceived
                if refusal := self._refusal(message):
                    await self.send_json(refusal)
                else:
                    yield message

        def _refusal(self, message: Any) -> dict[str, Any] | None:
            context: Context = self.ws.state.context
            if message.get("type") == "subscribe" and context.caller:
                try:
                    operation = self.view.operations.admitted(context, shaped(message["payload"]))
                    message["payload"]["query"] = operation.text
                except Refused as error:
                    payload = [each.formatted for each in error.errors]
                    return {"id": message["id"], "type": "error", "payload": payload}
            return None

        async def send_json(self, message: Any) -> None:
            if self.ws.application_state is not WebSocketState.CONNECTED:
                raise WebSocketDisconnected  # it ended with its session
            try:
                await self.ws.send_text(orjson.dumps(message).decode())
            except WebSocketDisconnect as error:
                raise WebSocketDisconnected from error


def _tags(request: Request) -> str | None:
    """The tags of answers that a client has; None where an answer is not kept: to a POST, or with what it costs."""
    if request.method != "GET" or "daybook-cost" in request.headers:
        return None
    return request.headers.get("if-none-match", "")


def _whole(media: str, result: Result, operation: Operation | None = None, costs: bool = False) -> Response:
    """The response that holds a whole result."""
    content = result.content
    headers: dict[str, str] = {}
    if result.tag:
        headers |= {"etag": result.tag, "cache-control": "private, no-cache"}
        if result.unchanged:
            return Response(status_code=304, headers=headers)
    if operation:
        headers["daybook-cost"] = str(operation.cost)
        if costs:
            content = content[:-1] + b',"extensions":{"cost":%d}}' % operation.cost
    return Response(content, result.status(400 if media == GRJSON else 200), headers, media)


def _names_no_document(asked: dict[str, Any]) -> bool:
    return not asked.get("documentId") and "persistedQuery" not in (asked.get("extensions") or {})


def _is_message(message: object) -> bool:
    """Whether what came over a WebSocket has the shape of a message."""
    if not isinstance(message, dict) or message.get("type") != "subscribe":
        return isinstance(message, dict)
    asked = message.get("payload")
    return (
        isinstance(message.get("id"), str)
        and isinstance(asked, dict)
        and isinstance(asked.get("query"), str if _names_no_document(asked) else str | None)
        and isinstance(asked.get("variables"), dict | None)
        and isinstance(asked.get("operationName"), str | None)
        and isinstance(asked.get("extensions"), dict | None)
    )
