"""Answers that come one after another over HTTP: as server-sent events, or in the parts of a multipart body.

Both are protocols of clients: GraphQL over SSE with a connection for each operation, and Apollo's multipart for
subscriptions. Where there is nothing to tell for a while, that is shown: the client, and any proxy, sees that it lives.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from starlette.responses import StreamingResponse

from api.context import Context
from api.faults import as_error, told
from api.media import MULTIPART, SSE
from api.operations import Result, failed
from api.pauses import with_pauses

QUIET: Final = {SSE: 12.0, MULTIPART: 5.0}
"""Seconds."""
CONTENT: Final = {SSE: SSE, MULTIPART: f"{MULTIPART};boundary=graphql;subscriptionSpec=1.0"}
BOUNDARY: Final = b"\r\n--graphql"
PART: Final = b"\r\nContent-Type: application/json\r\n\r\n%b" + BOUNDARY
"""A part ends with what begins the next one: a client knows only then that it has all of it."""
ALIVE: Final = {SSE: b":\n\n", MULTIPART: PART % b"{}"}
BEGIN: Final = {SSE: ALIVE[SSE], MULTIPART: BOUNDARY + ALIVE[MULTIPART]}
END: Final = {SSE: b"event: complete\ndata:\n\n", MULTIPART: b"--\r\n"}
HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


def stream(media: str, results: AsyncGenerator[Result], context: Context) -> StreamingResponse:
    """The response that tells results as they come."""
    return StreamingResponse(_text(media, results, context), 200, HEADERS | {"content-type": CONTENT[media]})


async def refusal(errors: list[Result]) -> AsyncGenerator[Result]:
    """What there is to tell of an operation that is not carried out."""
    for each in errors:
        yield each


async def _text(media: str, results: AsyncGenerator[Result], context: Context) -> AsyncIterator[bytes]:
    yield BEGIN[media]
    try:
        async with aclosing(with_pauses(results, lambda: QUIET[media])) as found:
            async for result in found:
                yield ALIVE[media] if result is None else _frame(media, result.content, context.position)
    except Exception as error:
        yield _frame(media, failed([told(as_error(error), context.request_id)]).content, None)
    yield END[media]


def _frame(media: str, content: bytes, position: int | None) -> bytes:
    if media == MULTIPART:
        return PART % (b'{"payload":%b}' % content)
    place = b"" if position is None else b"id: %d\n" % position
    return b"event: next\n%bdata: %b\n\n" % (place, content.replace(b"\n", b""))  # PostgreSQL breaks lines in lists
