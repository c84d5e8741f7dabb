"""Arize Phoenix on the facts of the same events, as spans over OTLP: how many a second are in its database.

It answers before it has stored anything, so the time counts until all are in its database, or until no more come; then
it is killed.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
from bench import ingest
from bench.other_servers import free_port, installed, running
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from toktra.wire.events import UsageEvent
from toktra.wire.signatures import KeyId

PACKAGES: Final = ("arize-phoenix==20.26.1",)
SPANS_PER_REQUEST: Final = 100
REQUESTS: Final = 4
"""Of each sender: 3,200 spans in all, which takes it longer than a hundred times as many take us."""
PATIENCE_S: Final = 20.0
"""So long without a new one, and no more will come."""


def measure() -> dict[str, Any]:
    """Spans a second that its database has."""
    program = installed("phoenix", PACKAGES)
    with tempfile.TemporaryDirectory(prefix="toktra-bench-") as home:
        database = Path(home) / "phoenix.db"
        with _running(program, home) as client:
            bodies = [[_body(sender, place) for place in range(REQUESTS)] for sender in range(ingest.CONNECTIONS)]
            began = time.perf_counter()
            with ThreadPoolExecutor(len(bodies)) as senders:
                list(senders.map(_send, [client] * len(bodies), bodies))
            answered = time.perf_counter() - began
            at_answer = _stored(database)
            sent = SPANS_PER_REQUEST * REQUESTS * ingest.CONNECTIONS
            stored, seconds = at_answer, answered
            last = time.perf_counter()
            while stored < sent and time.perf_counter() - last < PATIENCE_S:
                time.sleep(0.1)
                now = _stored(database)
                if now > stored:
                    last, seconds, stored = time.perf_counter(), time.perf_counter() - began, now
        kept = _stored(database)
    return {
        "sent": sent,
        "stored_when_all_were_answered": at_answer,
        "stored_after_kill": kept,
        "seconds": round(seconds, 1),
        "durable_spans_per_s": round(kept / seconds),
    }


def _stored(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        return int(connection.execute("select count(*) from spans").fetchone()[0])


def _send(client: httpx.Client, bodies: list[bytes]) -> None:
    for body in bodies:
        answer = client.post("/v1/traces", content=body, headers={"content-type": "application/x-protobuf"})
        answer.raise_for_status()


def _body(sender: int, place: int) -> bytes:
    key = KeyId(UUID(int=sender), uuid4())
    now = datetime.now(UTC).replace(microsecond=0)
    events = ingest._batch(key, place * ingest.EVENTS_PER_BATCH, now).events[:SPANS_PER_REQUEST]
    spans = [_span(event) for event in events]
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])])
    return bytes(request.SerializeToString())


def _span(event: UsageEvent) -> Span:
    began = int(event.at.timestamp() * 1e9)
    facts: dict[str, str | int | None] = {
        "openinference.span.kind": "LLM",
        "llm.provider": event.provider_host,
        "llm.token_count.prompt": event.estimated_input_tokens,
        "llm.token_count.completion": event.estimated_output_tokens,
        "user.id": event.user,
        "request_bytes": event.request_bytes,
        "response_bytes": event.response_bytes,
    }
    return Span(
        trace_id=secrets.token_bytes(16),
        span_id=secrets.token_bytes(8),
        name="use",
        start_time_unix_nano=began,
        end_time_unix_nano=began + 10**9,
        attributes=[KeyValue(key=name, value=_value(value)) for name, value in facts.items()],
    )


def _value(value: str | int | None) -> AnyValue:
    return AnyValue(string_value=value or "") if isinstance(value, str | None) else AnyValue(int_value=value)


def _running(program: Path, home: str) -> AbstractContextManager[httpx.Client]:
    port = free_port()
    environment = {
        "HOME": home,
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_WORKING_DIR": home,
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    return running([program, "serve"], port, environment, "/healthz")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
