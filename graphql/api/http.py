"""The endpoint: GraphQL over HTTP and over WebSockets, to the letter of their specifications."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import orjson
from cross_web import HTTPException
from graphql import ExecutionResult, GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.extensions import SchemaExtension
from strawberry.http import GraphQLRequestData
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from api.catalogue import Views
from api.documents import prepare
from api.observed import known_code, watched
from api.ports import Authenticate, Batches, Budget, Caller, Commands, EventLog, NotReady, Places, Rows
from api.reads import Reads

GRJSON: Final = "application/graphql-response+json"
NOBODY: Final = "say who you are: Authorization: Bearer daybook_…"
SERVER_FAULT: Final = "something went wrong on our side: it is in our log, under this request id"
MOST_BYTES: Final = 2**20
"""Of a body. What is more is no operation, and would keep others waiting while it is read."""
STATUS: Final = {"UNAUTHENTICATED": 401, "NOT_READY": 503, "VIEW_BEHIND": 503, "INTERNAL_SERVER_ERROR": 500}

log = logging.getLogger("daybook.api")


@dataclass(frozen=True)
class Ports:
    """What the endpoint is plugged into."""

    views: Views
    places: Places
    rows: Rows
    commands: Commands
    batches: Batches
    log: EventLog
    authenticate: Authenticate
    budget: Budget


@dataclass
class Context:
    """One request: who asks, and by what it is answered."""

    ports: Ports
    request_id: str
    idempotency_key: str | None = None
    caller: Caller | None = None
    connection_params: dict[str, object] | None = None

    @property
    def reads(self) -> Reads:
        assert self.caller
        return Reads(self.ports.rows, self.caller, self.ports.places, self.ports.views)

    @property
    def commands(self) -> Commands:
        return self.ports.commands

    @property
    def batches(self) -> Batches:
        return self.ports.batches

    @property
    def log(self) -> EventLog:
        return self.ports.log


class Endpoint(GraphQL[Any, Any]):
    """`/graphql`."""

    def __init__(self, schema: Any, ports: Ports) -> None:
        super().__init__(schema, graphql_ide=None, subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,))
        self.ports = ports

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive, send))
            return
        request = Request(scope, _at_most(MOST_BYTES, receive))
        try:
            response: Any = await self.run(request)
        except HTTPException as error:
            response = refused(request, error.status_code, error.reason)
        await response(scope, receive, send)

    async def get_context(self, request: Any, response: Any) -> Any:
        context = Context(self.ports, request.headers.get("x-request-id") or uuid4().hex)
        if isinstance(request, Request):
            response.headers["x-request-id"] = request.state.request_id = context.request_id
            context.idempotency_key = request.headers.get("idempotency-key")
            context.caller = await caller_of(request.headers.get("authorization"), self.ports.authenticate)
            if context.caller is None:
                raise HTTPException(401, NOBODY)
            await self._wait_as_asked(context, request.headers.get("daybook-position"))
        return context

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
        context.caller = await caller_of(given.get("authorization"), self.ports.authenticate)
        if context.caller is None:
            raise ConnectionRejectionError
        return {}

    # -- answers ---------------------------------------------------------------------------------

    @watched
    async def execute_single(self, *, context: Any, request_data: GraphQLRequestData, **more: Any) -> Any:
        """A query that only reads views is answered with the text that PostgreSQL wrote."""
        schema = self.schema._schema  # type: ignore[attr-defined]
        reads, asked = context.reads, request_data
        text = None
        try:
            if asked.query:
                prepared = prepare(schema, asked.query)
                if prepared.errors:
                    return ExecutionResult(None, [told(error, context.request_id) for error in prepared.errors])
                text = await reads.direct(schema, prepared, asked.operation_name, asked.variables)
        except GraphQLError as error:
            return ExecutionResult(None, [told(error, context.request_id)])
        except Exception as error:
            return ExecutionResult(None, [told(GraphQLError(str(error), original_error=error), context.request_id)])
        if text:
            return ExecutionResult(orjson.Fragment(text), None)  # type: ignore[arg-type]
        return await super().execute_single(context=context, request_data=request_data, **more)

    async def parse_http_body(self, request: Any) -> Any:
        if request.method != "GET":
            try:
                body = self.decode_json(await request.get_body())
            except ValueError as error:
                raise HTTPException(400, f"the body is not JSON: {error}") from error
            if not isinstance(body, dict):
                raise HTTPException(400, "the body is one JSON object, with `query` and perhaps `variables`")
            if not isinstance(body.get("operationName"), str | None):
                raise HTTPException(400, "`operationName` is a text")
        return await super().parse_http_body(request)

    async def get_sub_response(self, request: Any) -> Any:
        answer: Any = await super().get_sub_response(request)
        answer.grjson = wants_grjson(request.headers.get("accept", ""))
        return answer

    async def process_result(self, request: Any, result: Any) -> Any:
        data = await super().process_result(request, result)
        if data.get("errors") and data.get("data") is None and not any(error.path for error in result.errors):
            data.pop("data", None)
        return data

    def create_response(self, response_data: Any, sub_response: Any) -> Response:
        codes = [error.get("extensions", {}).get("code") for error in response_data.get("errors") or ()]
        nothing = "data" not in response_data
        status = next((STATUS[code] for code in codes if code in STATUS), 400 if sub_response.grjson else 200)
        made = Response(
            orjson.dumps(response_data),
            media_type=GRJSON if sub_response.grjson else "application/json",
            status_code=sub_response.status_code or (status if nothing else 200),
        )
        made.headers.raw.extend(sub_response.headers.raw)
        return made

    def encode_json(self, data: object) -> str | bytes:
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    class websocket_adapter_class(ASGIWebSocketAdapter):
        """Frames are text: some clients read no others. What is no message of the protocol ends the connection."""

        async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
            async for message in super().iter_json(ignore_parsing_errors=ignore_parsing_errors):
                if not _is_message(message):
                    raise NonJsonMessageReceived
                yield message

        async def send_json(self, message: Any) -> None:
            try:
                await self.ws.send_text(orjson.dumps(message).decode())
            except WebSocketDisconnect as error:
                raise WebSocketDisconnected from error


async def caller_of(header: object, authenticate: Authenticate) -> Caller | None:
    """Who asks, by what stands in `Authorization`."""
    scheme, _, token = str(header or "").partition(" ")
    return await authenticate(token.strip()) if scheme.lower() == "bearer" else None


def _at_most(bytes: int, receive: Receive) -> Receive:
    """Receives a body up to so many bytes."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > bytes:
            raise HTTPException(413, f"the body is too large: it may have {bytes:,} bytes")
        return message

    return limited


def _is_message(message: object) -> bool:
    """Whether what came over a WebSocket has the shape of a message."""
    if not isinstance(message, dict) or message.get("type") != "subscribe":
        return isinstance(message, dict)
    asked = message.get("payload")
    return (
        isinstance(message.get("id"), str)
        and isinstance(asked, dict)
        and isinstance(asked.get("query"), str)
        and isinstance(asked.get("variables"), dict | None)
        and isinstance(asked.get("operationName"), str | None)
    )


class Errors(SchemaExtension):
    """Gives every error its code, and keeps what is ours to ourselves."""

    async def on_operation(self) -> AsyncIterator[None]:
        yield
        request = self.execution_context
        context = request.context
        for errors in (getattr(request.result, "errors", None), request.pre_execution_errors):
            if errors:
                errors[:] = [told(error, context.request_id) for error in errors]


def told(error: GraphQLError, request_id: str) -> GraphQLError:
    """An error as its caller may see it."""
    cause, extensions = error.original_error, dict(error.extensions or {})
    message = error.message
    if isinstance(cause, NotReady):
        message, extensions["code"] = str(cause), "NOT_READY"
    elif isinstance(cause, RecursionError):
        message, extensions["code"] = "this is nested too deeply", "BAD_USER_INPUT"
    elif (cause is not None and not isinstance(cause, GraphQLError) and error.path is not None) or _unexpected(cause):
        log.error("request %s failed", request_id, exc_info=cause)
        message, extensions["code"] = SERVER_FAULT, "INTERNAL_SERVER_ERROR"
    extensions.setdefault("code", "BAD_USER_INPUT")  # of a value that a variable or an argument cannot have
    extensions["requestId"] = request_id
    known_code(extensions["code"])
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, extensions=extensions)


def _unexpected(cause: BaseException | None) -> bool:
    return cause is not None and not isinstance(cause, GraphQLError | ValueError | TypeError)


CODES: Final = {
    401: "UNAUTHENTICATED", 403: "FORBIDDEN", 406: "NOT_ACCEPTABLE", 500: "INTERNAL_SERVER_ERROR", 503: "VIEW_BEHIND"
}  # fmt: skip


def refused(request: Request, status: int, reason: str) -> Response:
    """A request that is no operation yet, answered like one."""
    extensions = {"code": CODES.get(status, "BAD_REQUEST")}
    known_code(extensions["code"])
    if request_id := getattr(request.state, "request_id", None):
        extensions["requestId"] = request_id
    body = {"errors": [{"message": reason, "extensions": extensions}]}
    media = GRJSON if wants_grjson(request.headers.get("accept", "")) else "application/json"
    headers = {"www-authenticate": "Bearer"} if status == 401 else {"allow": "GET, POST"} if status == 405 else {}
    return Response(orjson.dumps(body), status, headers, media)


def wants_grjson(accept: str) -> bool:
    """Whether the newer of the two media types of GraphQL is the one that a client likes best."""
    best, best_q = None, -1.0
    for media, q in accepted(accept):
        if media in (GRJSON, "application/json", "*/*", "application/*") and q > best_q:
            best, best_q = media, q
    return best == GRJSON


def accepted(accept: str) -> Iterator[tuple[str, float]]:
    """The media types of an `Accept` header, in lower case, each with how much it is liked."""
    for part in accept.split(","):
        media, *parameters = [p.strip() for p in part.split(";")]
        yield media.lower(), next((_quality(p[2:]) for p in parameters if p.startswith("q=")), 1.0)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
