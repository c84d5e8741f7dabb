"""Durable events a second of aw-server (ActivityWatch) and Arize Phoenix, on the facts that `bench.ingest` sends us.

Both are installed from PyPI, each into an environment of its own, once, under ~/.cache/toktra-bench. Each of their
events carries the facts of one of ours. After the run they are killed, and only what they then still have counts.
Neither has signatures or rollups, and aw-server has one writer, so this says what a batch costs, not which program is
better at its own job.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
from bench import ingest, phoenix
from bench.other_servers import free_port, installed, running

from toktra.wire.events import Batch
from toktra.wire.signatures import KeyId

PACKAGES: Final = ("aw-server==0.12.0", "peewee<4")
LIMIT: Final = 10.0
"""How many times aw-server's events a second ours are to be."""
SPANS_LIMIT: Final = 500.0
"""How many times Phoenix's."""


def measure(batches_per_connection: int = 20) -> dict[str, Any]:
    """Events a second of all three, and how many times theirs are ours."""
    ours = ingest.measure(batches_per_connection)
    events_per_s = ours["http"]["events_per_s"]
    activity_watch, spans = _aw_server(batches_per_connection), phoenix.measure()
    return {
        "toktra_events_per_s": events_per_s,
        "aw_server": activity_watch | _times(events_per_s, activity_watch["durable_events_per_s"], LIMIT),
        "phoenix": spans | _times(events_per_s, spans["durable_spans_per_s"], SPANS_LIMIT),
        "load_average": round(os.getloadavg()[0], 1),
    }


def _times(ours: float, theirs: float, limit: float) -> dict[str, float | None]:
    return {"times": round(ours / theirs, 1) if theirs else None, "limit_times": limit}


def _aw_server(batches: int) -> dict[str, Any]:
    program = installed("aw-server", PACKAGES)
    with tempfile.TemporaryDirectory(prefix="toktra-bench-") as home:
        with _running(program, home) as client:
            buckets = [_bucket(client, place) for place in range(ingest.CONNECTIONS)]
            bodies = [_bodies(batches) for _ in buckets]
            began = time.perf_counter()
            with ThreadPoolExecutor(len(buckets)) as senders:
                list(senders.map(_send, [client] * len(buckets), buckets, bodies))
            seconds = time.perf_counter() - began
        with _running(program, home) as client:
            stored = sum(client.get(f"/api/0/buckets/{one}/events/count").json() for one in buckets)
    sent = batches * ingest.EVENTS_PER_BATCH * len(buckets)
    return {"sent": sent, "stored_after_kill": stored, "durable_events_per_s": round(stored / seconds)}


def _running(program: Path, home: str) -> AbstractContextManager[httpx.Client]:
    port = free_port()
    environment = {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
    return running([program, "--host", "127.0.0.1", "--port", str(port)], port, environment, "/api/0/info")


def _bucket(client: httpx.Client, place: int) -> str:
    name = f"toktra-bench-{place}"
    said = {"client": "bench", "type": "ai.use", "hostname": f"desk-{place}"}
    client.post(f"/api/0/buckets/{name}", json=said).raise_for_status()
    return name


def _bodies(batches: int) -> list[bytes]:
    key = KeyId(UUID(int=1), uuid4())
    now = datetime.now(UTC).replace(microsecond=0)
    return [_body(ingest._batch(key, place * ingest.EVENTS_PER_BATCH, now)) for place in range(batches)]


def _body(batch: Batch) -> bytes:
    facts = ("provider_host", "request_bytes", "response_bytes", "estimated_input_tokens", "estimated_output_tokens")
    return json.dumps(
        [
            {
                "timestamp": event.at.isoformat(),
                "duration": 0,
                "data": {"user": event.user} | {name: getattr(event, name) for name in facts},
            }
            for event in batch.events
        ]
    ).encode()


def _send(client: httpx.Client, bucket: str, bodies: list[bytes]) -> None:
    for body in bodies:
        headers = {"content-type": "application/json"}
        client.post(f"/api/0/buckets/{bucket}/events", content=body, headers=headers).raise_for_status()


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
