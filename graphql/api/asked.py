"""A request for an operation, read from HTTP: by GET or by POST of JSON, to the letter of the specification.

There is nothing that a page of another site could forge. Who asks says so by the header `Authorization`, which no page
can add to a request without the browser asking us first (CORS), and a body is taken as JSON only where it says that it
is JSON, which no form can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson
from cross_web import HTTPException
from starlette.requests import Request

MOST_BYTES: Final = 2**20
"""Of a body. What is more is no operation, and would keep others waiting while it is read."""
BODY: Final = "the body is one JSON object, with `query` and perhaps `variables`"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for, nothing of it looked at yet but its shape."""

    query: str | None
    document_id: str | None
    operation_name: str | None
    variables: dict[str, Any]
    extensions: dict[str, Any]


async def read(request: Request) -> Asked:
    """What is asked for. What is wrong with it is told by status and name."""
    asked = _by_address(request) if request.method == "GET" else await _by_body(request)
    if not (asked.query or asked.document_id or "persistedQuery" in asked.extensions):
        raise HTTPException(400, "there is no operation: say in `query` what is asked for")
    return asked


async def _by_body(request: Request) -> Asked:
    if request.method != "POST":
        raise HTTPException(405, "operations are asked by GET or by POST")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise HTTPException(415, "the body is JSON, and says so: `Content-Type: application/json`")
    try:
        body = orjson.loads(await _body(request))
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise HTTPException(400, BODY)
    return shaped(body)


def shaped(given: dict[str, Any]) -> Asked:
    """What is asked for by the members of an object, or of an address."""
    for name, type_, what in (
        ("query", str, "a text"), ("documentId", str, "a text"), ("operationName", str, "a text"),
        ("variables", dict, "an object"), ("extensions", dict, "an object"),
    ):  # fmt: skip
        if not isinstance(given.get(name), type_ | None):
            raise HTTPException(400, f"`{name}` is {what}")
    return Asked(
        given.get("query") or None,
        given.get("documentId") or None,
        given.get("operationName") or None,
        given.get("variables") or {},
        given.get("extensions") or {},
    )


def _by_address(request: Request) -> Asked:
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if text := given.get(name):
            try:
                given[name] = orjson.loads(text)
            except ValueError as error:
                raise HTTPException(400, f"`{name}` is not JSON: {error}") from error
        else:
            given.pop(name, None)
    return shaped(given)


async def _body(request: Request) -> bytes:
    length, parts = 0, []
    async for part in request.stream():
        length += len(part)
        if length > MOST_BYTES:
            raise HTTPException(413, f"the body is too large: it may have {MOST_BYTES:,} bytes")
        parts.append(part)
    return b"".join(parts)
