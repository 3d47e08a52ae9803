"""Watches over requests: counts and times them, says in the log which went wrong or took long, and traces them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    over = {"WEBSOCKET": "websocket", "OPERATION": "operation"}.get(asked.method, "http")
    started, is_open = perf_counter(), OPEN.labels(over)
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
            told = _told(asked, perf_counter() - started, failed)
            _count(asked, told)
            _say(asked, told, span)


def _told(asked: Asked, seconds: float, failed: bool) -> dict[str, Any]:
    """What there is to say, without what is not known: never a token, nor what stands in a query or its variables."""
    status = 500 if failed and asked.status is None and asked.method not in ("WEBSOCKET", "OPERATION") else asked.status
    told = {
        "request_id": asked.request_id,
        "method": asked.method,
        "path": asked.path,
        "status": status,
        "user": asked.user_id and id_text("User", asked.user_id),
        "kind": asked.kind,
        "operation": asked.operation,
        "code": asked.codes[0] if asked.codes else "INTERNAL_SERVER_ERROR" if failed else None,
        "seconds": round(seconds, 4),
    }
    return {name: value for name, value in told.items() if value is not None}


def _count(asked: Asked, told: Mapping[str, Any]) -> None:
    if "status" in told:
        path = asked.path if asked.path in PATHS else "/schemas" if asked.path.startswith("/schemas/") else "other"
        method = asked.method if asked.method in ("GET", "POST", "HEAD", "OPTIONS") else "other"
        RESPONSES.labels(path, method, told["status"]).inc()
    if asked.kind or (asked.path == "/graphql" and "code" in told):
        kind, name = asked.kind or "none", operation_label(asked.operation)
        OPERATIONS.labels(kind, name, told.get("code", "OK")).inc()
        if kind != "subscription":
            OPERATION_SECONDS.labels(kind, name).observe(told["seconds"])


def _say(asked: Asked, told: dict[str, Any], span: tracing.Span) -> None:
    """Into the log, where it is worth a line; and into the trace."""
    lasting = asked.kind == "subscription" or asked.method == "WEBSOCKET" or asked.path == "/events"
    status, code = told.get("status", 200), told.get("code")
    ours = code in OURS or (status >= 500 and asked.path != "/readyz")
    slow = told["seconds"] >= SLOW and not lasting
    span.say(f"{asked.kind} {asked.operation or ''}".strip() if asked.kind else None, told, failed=ours)
    if ours or slow or code or status >= 400:
        what = "failed" if ours else "was refused" if code or status >= 400 else "took long"
        level = logging.WARNING if ours or what == "took long" else logging.INFO
        log.log(level, "a request %s", what, extra={"told": {**told, **span.ids}})
