"""Watches over requests: counts and times them, says in the log which went wrong or took long, and traces them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from time import perf_counter
from typing import Any, Final, Protocol
from uuid import UUID

from domain.values import id_text
from infra import tracing
from infra.metrics import OPEN, OPERATION_SECONDS, OPERATIONS, RESPONSES, operation_label

SLOW: Final = 1.0
"""Seconds from which on a request is worth a line. Subscriptions and streams last as long as they are wanted."""
OURS: Final = ("INTERNAL_SERVER_ERROR", "NOT_READY", "VIEW_BEHIND")
"""Codes of what is no mistake of the caller."""
FAULT: Final = "INTERNAL_SERVER_ERROR"
OVER: Final = {"WEBSOCKET": "websocket", "OPERATION": "operation"}
"""What is no request over HTTP, by its method."""
METHODS: Final = ("GET", "POST", "HEAD", "OPTIONS")
PATHS: Final = ("/", "/graphql", "/events", "/healthz", "/readyz", "/metrics", "/asyncapi.json")
"""Told apart when answers are counted: others are many, and some are invented."""

log = logging.getLogger("daybook.requests")


class Asked(Protocol):
    """What is known of a request in the end."""

    @property
    def path(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def request_id(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def status(self) -> int | None: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def operation(self) -> str | None: ...
    @property
    def user_id(self) -> UUID | None: ...
    @property
    def codes(self) -> Sequence[str]: ...


@contextmanager
def watch(asked: Asked) -> Iterator[None]:
    """Around a request, until it is answered."""
    started, is_open = perf_counter(), _open(OVER.get(asked.method, "http"))
    is_open.inc()
    with tracing.request(asked.method, asked.path, asked.headers) as span:
        failed = False
        try:
            yield
        except Exception:
            failed = True
            raise
        finally:
            is_open.dec()
            seconds = perf_counter() - started
            status = 500 if failed and asked.status is None and asked.method not in OVER else asked.status
            code = asked.codes[0] if asked.codes else FAULT if failed else None
            _count(asked, status, code, seconds)
            _say(asked, status, code, seconds, span)


def _count(asked: Asked, status: int | None, code: str | None, seconds: float) -> None:
    if status is not None:
        path = asked.path if asked.path in PATHS else "/schemas" if asked.path.startswith("/schemas/") else "other"
        _responses(path, asked.method if asked.method in METHODS else "other", status).inc()
    if asked.kind or (code and asked.path == "/graphql"):
        kind, name = asked.kind or "none", operation_label(asked.operation)
        _operations(kind, name, code or "OK").inc()
        if kind != "subscription":
            _operation_seconds(kind, name).observe(seconds)


def _say(asked: Asked, status: int | None, code: str | None, seconds: float, span: tracing.Span) -> None:
    """Into the log, where it is worth a line; and into the trace."""
    lasting = asked.kind == "subscription" or asked.method == "WEBSOCKET" or asked.path == "/events"
    refused = bool(code) or (status or 0) >= 400
    ours = code in OURS or ((status or 0) >= 500 and asked.path != "/readyz")
    slow = seconds >= SLOW and not lasting
    if not (refused or slow) and span is tracing.NOTHING:
        return
    told = _told(asked, status, code, seconds)
    span.say(f"{asked.kind} {asked.operation or ''}".strip() if asked.kind else None, told, failed=ours)
    if refused or slow:
        what = "failed" if ours else "was refused" if refused else "took long"
        level = logging.INFO if refused and not ours else logging.WARNING
        log.log(level, "a request %s", what, extra={"told": {**told, **span.ids}})


def _told(asked: Asked, status: int | None, code: str | None, seconds: float) -> dict[str, Any]:
    """What there is to say, without what is not known: never a token, nor what stands in a query or its variables."""
    told = {
        "request_id": asked.request_id,
        "method": asked.method,
        "path": asked.path,
        "status": status,
        "user": asked.user_id and id_text("User", asked.user_id),
        "kind": asked.kind,
        "operation": asked.operation,
        "code": code,
        "seconds": round(seconds, 4),
    }
    return {name: value for name, value in told.items() if value is not None}


# What is looked up by its labels costs more than to count it.
_open: Final = cache(OPEN.labels)
_responses: Final = cache(RESPONSES.labels)
_operations: Final = cache(OPERATIONS.labels)
_operation_seconds: Final = cache(OPERATION_SECONDS.labels)
