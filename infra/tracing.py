"""Traces, by OpenTelemetry: from a request through its command, its append and its projection to who follows.

They are on where the environment names a collector that speaks OTLP over HTTP, by the variables that OpenTelemetry
defines: OTEL_EXPORTER_OTLP_ENDPOINT and the others. Where it does not, nothing of it is even imported.

The history holds no trace, and needs none: a command of a request that is traced gets the id of that trace for its
correlation id, if whoever asks gives none. So a projector, another process, puts what it does with the events into the
same trace; and whoever reads the events by other ways finds the trace too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import Connection

from domain.command import Request
from domain.values import new_id

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext, Tracer

COLLECTORS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN: Final = "http/protobuf"
LONGEST: Final = 4_000
"""Characters of a statement. It holds no values: those are bound."""
MOST: Final = 100
"""Traces that are told of one batch of a projector."""
TRACES: Final = f"""
    select correlation_id, min(position), max(position), count(*) from events
    where position = any(%s) and correlation_id is not null group by correlation_id limit {MOST}"""

_tracer: Tracer | None = None
_trace_id: ContextVar[int | None] = ContextVar("trace_id", default=None)
"""Of a trace that another process began, for the next span without a parent."""


class WrongTracing(Exception):
    """The environment asks for traces in a way that is not spoken here."""


class Span:
    """What is being done now. This one is of nobody who asks for traces."""

    ids: Mapping[str, str] = {}
    """By which a line in the log finds the trace."""

    def say(self, name: str | None, told: Mapping[str, Any], failed: bool = False) -> None:
        """What became known of it."""


NOTHING: Final = Span()
OFF: Final = nullcontext(NOTHING)


class _Traced(Span):
    def __init__(self, span: Any) -> None:
        context = span.get_span_context()
        self.span, self.ids = span, {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def say(self, name: str | None, told: Mapping[str, Any], failed: bool = False) -> None:
        from opentelemetry.trace import StatusCode

        if name:
            self.span.update_name(name)
        self.span.set_attributes({f"daybook.{key}": value for key, value in told.items()})
        if failed:
            self.span.set_status(StatusCode.ERROR)


def begin(service: str, environment: Mapping[str, str] = os.environ) -> None:
    """Trace from now on, if the environment asks for it. `service` is how this process is called, if it does not say.

    Raises WrongTracing.
    """
    global _tracer
    wanted = any(environment.get(name) for name in COLLECTORS) or environment.get("OTEL_TRACES_EXPORTER") == "otlp"
    off = (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    )
    if not wanted or off:
        return
    protocol = next((environment[name] for name in PROTOCOLS if environment.get(name)), SPOKEN)
    if protocol != SPOKEN:
        raise WrongTracing(f"{PROTOCOLS[1]} is {protocol}: only {SPOKEN} is spoken")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return _trace_id.get() or super().generate_trace_id()

    named = {} if environment.get("OTEL_SERVICE_NAME") else {"service.name": service}
    resource = Resource.create({**named, "service.version": version("daybook")})
    provider = TracerProvider(resource=resource, id_generator=Ids())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = provider.get_tracer("daybook", version("daybook"))


def request(method: str, path: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
    """Around a request: it goes on with the trace of whoever asks, if its headers name one."""
    return OFF if _tracer is None else _request(method, path, headers)


@contextmanager
def _request(method: str, path: str, headers: Mapping[str, str]) -> Iterator[Span]:
    assert _tracer
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind, use_span

    within = extract(headers) if headers else None
    span = _tracer.start_span(f"{method} {path}", within, SpanKind.SERVER)
    try:
        with use_span(span, record_exception=False):
            yield _Traced(span)
    finally:
        span.end()


def doing(name: str, **attributes: Any) -> AbstractContextManager[Span]:
    """Around a part of what is traced already; where nothing is, as when we look for something new, it is not."""
    return OFF if here() is None else _doing(name, attributes)


@contextmanager
def _doing(name: str, attributes: Mapping[str, Any]) -> Iterator[Span]:
    assert _tracer
    told = {key.replace("__", "."): value for key, value in attributes.items()}
    with _tracer.start_as_current_span(name, attributes=told, record_exception=False) as span:
        yield _Traced(span)


def here() -> SpanContext | None:
    """Where in a trace this is done; None if in none, or in one that is not kept."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    return context if context.is_valid and context.trace_flags.sampled else None


def together() -> UUID:
    """The id of what belongs together: of the trace that it is part of, or one of its own."""
    context = here()
    return UUID(int=context.trace_id) if context else new_id()


def correlated(request: Request) -> Request:
    """The same request, which belongs to the trace that it is part of, unless it belongs to something else."""
    context = here()
    if context is None or request.correlation_id is not None:
        return request
    return replace(request, correlation_id=UUID(int=context.trace_id))


def appended(parents: Iterable[SpanContext | None], began: int, commits: int, events: int) -> None:
    """Some commits were appended together since a moment in nanoseconds: each trace among them tells it."""
    if _tracer is None:
        return
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    told = {"daybook.commits": commits, "daybook.events": events}
    for parent in filter(None, parents):
        within = set_span_in_context(NonRecordingSpan(parent))
        _tracer.start_span("append", within, attributes=told, start_time=began).end()


def projected(connection: Connection[Any], positions: Iterable[int], began: int) -> None:
    """Events were projected since a moment in nanoseconds: each of their traces tells it."""
    if _tracer is None:
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind

    for trace, first, last, events in connection.execute(TRACES, [list(positions)]).fetchall():
        told = {"daybook.first_position": first, "daybook.last_position": last, "daybook.events": events}
        before = _trace_id.set(trace.int or None)
        try:
            _tracer.start_span("project", Context(), SpanKind.CONSUMER, told, start_time=began).end()
        finally:
            _trace_id.reset(before)


def is_on() -> bool:
    """Whether anything is traced."""
    return _tracer is not None
