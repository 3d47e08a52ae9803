"""Traces, as a collector gets them from a server and a projector that run."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from infra import tracing
from tests.infra.daybook import Serving
from tests.infra.test_projector_process import eventually

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@dataclass
class Span:
    """A span, as it came."""

    service: str
    name: str
    id: str
    parent: str
    trace: str
    told: dict[str, Any]
    began: int
    ended: int


@dataclass
class Collector:
    """What came to a collector that speaks OTLP over HTTP."""

    port: int = 0
    spans: list[Span] = field(default_factory=list)

    def of(self, trace: str) -> dict[tuple[str, str], list[Span]]:
        """The spans of a trace, by the service and the name."""
        found: dict[tuple[str, str], list[Span]] = {}
        for span in self.spans:
            if span.trace == trace:
                found.setdefault((span.service, span.name), []).append(span)
        return found

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            [service] = [each.value.string_value for each in resource.resource.attributes if each.key == "service.name"]
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                told = {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
                ids = span.span_id.hex(), span.parent_span_id.hex(), span.trace_id.hex()
                times = span.start_time_unix_nano, span.end_time_unix_nano
                self.spans.append(Span(service, span.name, *ids, told, *times))


@contextmanager
def a_collector() -> Iterator[Collector]:
    """A collector on a free port of loopback."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
            collector.take(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.port = server.server_address[1]
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def test_a_request_is_traced_from_the_client_to_the_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        serving = Serving(tmp_path / "data", settings={"log": "json"})
        try:
            token = (tmp_path / "data" / "token").read_text().strip()
            headers = {"authorization": f"Bearer {token}", "traceparent": f"00-{TRACE}-{CALLER}-01"}
            with httpx.Client(base_url=serving.address, headers=headers, timeout=30) as client:
                made = 'mutation Register { registerAccount(input: {name: "Acme"}) { account { id } position } }'
                [payload] = client.post("/graphql", json={"query": made}).json()["data"].values()
                read = {"query": 'query Wrong { account(id: "User_x") { id } }'}
                client.post("/graphql", json=read, headers={"x-request-id": "mine-9"})
                events = client.get("/events", headers={"accept": "application/x-ndjson"}).text.splitlines()
            eventually(lambda: ("daybook-projector", "project") in collector.of(TRACE))
            eventually(lambda: len(collector.of(TRACE).get(("daybook-server", "append"), ())) == 1)
            eventually(lambda: ("daybook-server", "query Wrong") in collector.of(TRACE))
        finally:
            serving.told(15)
        said = serving.log.read_text().splitlines()

    spans = collector.of(TRACE)
    [asked], [command], [append] = (
        spans["daybook-server", name] for name in ("mutation Register", "Account.register", "append")
    )
    project = spans["daybook-projector", "project"][0]
    assert (asked.parent, command.parent, append.parent) == (CALLER, asked.id, command.id)
    assert asked.began <= command.began <= append.began <= append.ended <= command.ended <= asked.ended
    assert append.ended - append.began > 0
    assert (append.told["daybook.commits"], append.told["daybook.events"]) == (1, 1)
    assert project.told["daybook.first_position"] == project.told["daybook.last_position"] == payload["position"]
    sql = spans["daybook-server", "sql"]
    assert {span.parent for span in sql} <= {span.id for each in spans.values() for span in each}
    assert all("select" in span.told["db.query.text"] for span in sql)
    assert "Acme" not in repr(collector.spans) and token not in repr(collector.spans)

    [event] = [event for event in map(json.loads, events) if event["position"] == f"{payload['position']:019}"]
    assert event["correlationid"].replace("-", "") == TRACE

    # What we look at by ourselves, again and again, is no trace.
    assert {span.name for span in collector.spans if span.trace != TRACE} <= {"GET /readyz", "append", "project"}

    lines = [json.loads(line) for line in said if line.startswith("{")]
    [line] = [line for line in lines if line.get("request_id") == "mine-9"]
    [wrong] = spans["daybook-server", "query Wrong"]
    assert (line["trace_id"], line["span_id"], line["code"]) == (TRACE, wrong.id, "BAD_USER_INPUT")


def test_a_collector_that_is_away_keeps_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    serving = Serving(tmp_path / "data")
    answered = [serving.answers("/healthz") for _ in range(20)]

    assert serving.told(15) == 0
    assert all(answered) and serving.is_gone()


def test_where_nobody_asks_for_traces_nothing_of_it_is_loaded() -> None:
    program = "import sys, server; from infra import tracing; tracing.begin('x', {}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "infra.tracing" in done.stdout.split()
    assert [name for name in done.stdout.split() if name.startswith("opentelemetry")] == []


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    ],
)
def test_traces_can_be_turned_off(environment: dict[str, str]) -> None:
    tracing.begin("x", environment)

    assert not tracing.is_on()


def test_a_protocol_that_is_not_spoken_is_refused() -> None:
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}

    with pytest.raises(tracing.WrongTracing, match="OTEL_EXPORTER_OTLP_PROTOCOL is grpc: only http/protobuf is spoken"):
        tracing.begin("x", given)
