"""`GET /events`: every event from a position on as a CloudEvent, by server-sent events or as lines of JSON."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final
from uuid import UUID, uuid4

from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.catalogue import Views
from api.faults import SERVER_FAULT, refused
from api.media import accepted
from api.ports import Authenticate, Caller, Places, Rows, Stream
from api.sessions import session_of
from api.sight import Happened, Sight
from domain.declaration import context_of

LINES, SSE = "application/x-ndjson", "text/event-stream"
QUIET: Final = 15.0
"""Seconds after which a client, or a proxy before it, is shown that the connection lives."""
PARAMETERS: Final = ("after", "context", "kind", "follow")
HEADERS: Final = {"cache-control": "no-store", "vary": "accept", "x-accel-buffering": "no"}

log = logging.getLogger("daybook.api")


@dataclass(frozen=True)
class Asked:
    """What a client wants to follow."""

    media: str
    after: int
    follow: bool
    contexts: frozenset[str]
    kinds: frozenset[str]
    """Kinds of aggregates; of these, every event."""
    events: frozenset[str]
    """Only these, if there are any."""

    def shows(self, event: str) -> bool:
        """Whether an event is wanted, and its kind may be seen."""
        return event.partition(".")[0] in self.kinds and (not self.events or event in self.events)


class Events:
    """The endpoint. Whoever asks says so by a header, which no page of another site can: there is nothing to forge."""

    def __init__(self, views: Views, stream: Stream, authenticate: Authenticate, rows: Rows, places: Places) -> None:
        self.views, self.stream, self.authenticate, self.rows, self.places = views, stream, authenticate, rows, places

    async def answer(self, request: Request) -> Response:
        """The stream that is asked for, or why there is none."""
        request.state.request_id = request.headers.get("x-request-id") or uuid4().hex
        try:
            response = await self._answer(request)
        except HTTPException as error:
            response = refused(request, error.status_code, error.reason, **getattr(error, "more", {}))
        except Exception:
            log.exception("request %s failed", request.state.request_id)
            response = refused(request, 500, SERVER_FAULT)
        response.headers["x-request-id"] = request.state.request_id
        return response

    async def _answer(self, request: Request) -> Response:
        session = await session_of(request, request.headers.get("authorization"), self.authenticate)
        if "daybook-replay" in request.headers:
            raise HTTPException(400, "events are those of the history: a replay has none of its own")
        head = await self.stream.head()
        asked = self._asked(request, session.caller, head)
        if request.method == "HEAD":
            return Response(media_type=asked.media, headers=HEADERS)
        shows = partial(self._shown, session.caller, asked)
        batches = self.stream.after(asked.after, None if asked.follow else head, asked.contexts, shows)
        lasting = session.while_it_lasts(batches)
        return StreamingResponse(_told(lasting, asked.media), media_type=asked.media, headers=HEADERS)

    async def _shown(
        self, caller: Caller, asked: Asked, events: Sequence[tuple[int, str, UUID, bytes]]
    ) -> dict[int, bytes]:
        """Of events what is to be said, by position: by the rights that the caller has at this moment."""
        sight = Sight(caller.policy, self.rows, self.places, self.views)
        wanted = [event for event in events if asked.shows(event[1])]
        seen = await sight.of(Happened(at, topic.partition(".")[0], id) for at, topic, id, _ in wanted)
        return {at: sight.text(topic, state) for at, topic, _, state in wanted if at in seen}

    def _asked(self, request: Request, caller: Caller, head: int) -> Asked:
        """What is asked for. What is wrong with it is told by status and name."""
        given = request.query_params
        if unknown := sorted(set(given) - set(PARAMETERS)):
            raise HTTPException(400, f"there is no parameter `{unknown[0]}`: there are {_names(PARAMETERS)}")
        media = _media(request.headers.get("accept") or "*/*")
        follow = given.get("follow", "true" if media == SSE else "false")
        if follow not in ("true", "false"):
            raise HTTPException(400, "`follow` is `true` or `false`")
        if media == SSE and follow == "false":
            raise HTTPException(400, f"server-sent events do not end: for `follow=false` say `Accept: {LINES}`")
        resumed = request.headers.get("last-event-id")
        after = (
            _position("Last-Event-ID", resumed, head) if resumed else _position("after", given.get("after", "0"), head)
        )
        contexts, events = frozenset(given.getlist("context")), frozenset(given.getlist("kind"))
        kinds = self._kinds(caller, contexts, events)
        asked = contexts or frozenset(context_of(self.views.named[kind].of) for kind in kinds)
        return Asked(media, after, follow == "true", asked, kinds, events)

    def _kinds(self, caller: Caller, contexts: frozenset[str], events: frozenset[str]) -> frozenset[str]:
        """The kinds of aggregates of which the caller gets to see the events, among those asked for."""
        views = self.views.named
        of_context = {kind: context_of(view.of) for kind, view in views.items()}
        of_event = {event.TOPIC: kind for kind, view in views.items() for event in view.of.events().values()}
        if unknown := sorted(contexts - set(of_context.values())):
            raise HTTPException(
                400, f"there is no context {unknown[0]!r}: there are {_names(sorted(set(of_context.values())))}"
            )
        if unknown := sorted(events - set(of_event)):
            raise HTTPException(
                400, f"there is no kind of event {unknown[0]!r}: see /schemas/, as in `Account.Registered`"
            )
        wanted = {of_event[event] for event in events} or set(views)
        wanted = {kind for kind in wanted if not contexts or of_context[kind] in contexts}
        seen = {kind for kind in wanted if caller.policy.may(views[kind].needs)}
        if (wanted and not seen) or ((contexts or events) and seen != wanted):
            raise HTTPException(403, "you may not follow these events")
        return frozenset(seen)


async def _told(batches: AsyncIterator[list[tuple[int, bytes]]], media: str) -> AsyncIterator[bytes]:
    """The text of a stream. The next batch is read when the client has taken this one."""
    last = monotonic()
    async for batch in batches:
        if batch:
            yield b"".join(_frame(position, event, media) for position, event in batch)
        elif monotonic() - last >= QUIET:
            yield b":\n\n" if media == SSE else b"\n"
        else:
            continue
        last = monotonic()


def _frame(position: int, event: bytes, media: str) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (position, event) if media == SSE else b"%b\n" % event


def _media(accept: str) -> str:
    """The media type that a client likes best; lines of JSON where it likes both the same."""
    ranges = dict(accepted(accept))

    def liked(media: str) -> float:
        named = (media, f"{media.partition('/')[0]}/*", "*/*")
        return next((ranges[each] for each in named if each in ranges), 0.0)

    best = max((LINES, SSE), key=liked)
    if liked(best) <= 0:
        raise HTTPException(406, f"this is told as `{LINES}` or as `{SSE}`")
    return best


def _position(name: str, text: str, head: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        raise HTTPException(400, f"`{name}` is a position, a whole number from 0 on: the last that you have")
    if int(text) > head:
        raise HTTPException(400, f"`{name}` is {int(text)}, and the history ends at {head}: it is of another history")
    return int(text)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
