"""The media types of answers: which one a client likes best, among those that fit what it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

JSON: Final = "application/json"
GRJSON: Final = "application/graphql-response+json"
SSE: Final = "text/event-stream"
MULTIPART: Final = "multipart/mixed"
ANYTHING: Final = ("*/*", "application/*")


def wants_grjson(accept: str) -> bool:
    """Whether the newer of the two media types of GraphQL is the one that a client likes best."""
    best, best_q = None, -1.0
    for media, q in accepted(accept):
        if media in (GRJSON, JSON, *ANYTHING) and q > best_q:
            best, best_q = media, q
    return best == GRJSON


def of_answer(accept: str) -> str | None:
    """For one answer. JSON wins where a stream is accepted too: some clients accept both, whatever they ask for."""
    liked = {media for media, q in accepted(accept) if q > 0}
    if not accept.strip() or liked & {JSON, GRJSON, *ANYTHING}:
        return GRJSON if wants_grjson(accept) else JSON
    return SSE if SSE in liked else None


def of_stream(accept: str) -> str | None:
    """For many answers, one after another."""
    liked = {media: q for media, q in accepted(accept or "*/*") if q > 0}
    streams = [media for media in (SSE, MULTIPART) if media in liked]
    if streams:
        return max(streams, key=lambda media: liked[media])
    return SSE if liked.keys() & {"*/*", "text/*"} else None


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
