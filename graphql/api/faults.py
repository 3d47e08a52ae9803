"""What is said when something goes wrong: to the caller a sentence and a code, to our log what is ours."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from math import ceil
from typing import Final

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from strawberry.extensions import SchemaExtension

from api.media import GRJSON, wants_grjson
from api.observed import known_code
from api.ports import NotReady

SERVER_FAULT: Final = "something went wrong on our side: it is in our log, under this request id"
TOO_LONG: Final = "this took too long and was given up: ask for less at once"
STATUS: Final = {
    "UNAUTHENTICATED": 401, "THROTTLED": 429, "INTERNAL_SERVER_ERROR": 500, "NOT_READY": 503, "VIEW_BEHIND": 503,
    "TIMEOUT": 504,
}  # fmt: skip
"""Of an answer without data."""
CODES: Final = {
    403: "FORBIDDEN", 404: "NOT_FOUND", 406: "NOT_ACCEPTABLE", 429: "THROTTLED", 500: "INTERNAL_SERVER_ERROR",
    503: "VIEW_BEHIND",
}  # fmt: skip
"""Of a request that is no operation."""

log = logging.getLogger("daybook.api")


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
        message, extensions["code"] = str(cause), cause.code
    elif isinstance(cause, RecursionError):
        message, extensions["code"] = "this is nested too deeply", "BAD_USER_INPUT"
    elif isinstance(cause, TimeoutError):
        message, extensions["code"] = TOO_LONG, "TIMEOUT"
    elif (cause is not None and not isinstance(cause, GraphQLError) and error.path is not None) or _unexpected(cause):
        log.error("request %s failed", request_id, exc_info=cause)
        message, extensions["code"] = SERVER_FAULT, "INTERNAL_SERVER_ERROR"
    extensions.setdefault("code", "BAD_USER_INPUT")  # of a value that a variable or an argument cannot have
    extensions["requestId"] = request_id
    known_code(extensions["code"], extensions.get("needs"))
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, extensions=extensions)


def _unexpected(cause: BaseException | None) -> bool:
    return cause is not None and not isinstance(cause, GraphQLError | ValueError | TypeError)


def as_error(cause: Exception) -> GraphQLError:
    """Whatever was raised, as an error of an operation."""
    return cause if isinstance(cause, GraphQLError) else GraphQLError(str(cause), original_error=cause)


def throttled(seconds: float) -> GraphQLError:
    """The caller has asked for too much lately."""
    wait = ceil(seconds)
    message = f"you have asked for too much lately: ask again in {wait} seconds"
    return GraphQLError(message, extensions={"code": "THROTTLED", "retryAfter": wait})


def status_of(errors: Iterable[GraphQLError], otherwise: int) -> int:
    """The status of an answer that has no data."""
    codes = [(error.extensions or {}).get("code") for error in errors]
    return next((STATUS[code] for code in codes if code in STATUS), otherwise)


def refused(
    request: Request, status: int, reason: str, code: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A request that is no operation yet, answered like one."""
    extensions = {"code": code or CODES.get(status, "BAD_REQUEST")}
    known_code(extensions["code"])
    if request_id := getattr(request.state, "request_id", None):
        extensions["requestId"] = request_id
    body = {"errors": [{"message": reason, "extensions": extensions}]}
    media = GRJSON if wants_grjson(request.headers.get("accept", "")) else "application/json"
    headers = headers or ({"allow": "GET, POST"} if status == 405 else {})
    return Response(orjson.dumps(body), status, headers, media)
