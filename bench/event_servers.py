"""ActivityWatch's aw-server on the batches that `bench.ingest` sends us, in one run: durable events a second.

It is installed from PyPI into an environment of its own, once, under ~/.cache/toktra-bench. Each of its events carries
the facts of one of ours. After the run it is killed and started again, and only what it then still has counts. It has
no signatures, no rollups and one writer, so this says what a batch costs, not which program is better at its own job.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
from bench import ingest

from toktra.wire.events import Batch
from toktra.wire.signatures import KeyId

CACHE: Final = Path.home() / ".cache" / "toktra-bench"
PACKAGES: Final = ("aw-server==0.12.0", "peewee<4")
LIMIT: Final = 10.0
"""How many times its events a second ours are to be."""


def measure(batches_per_connection: int = 20) -> dict[str, Any]:
    """Events a second of both, and their ratio."""
    ours = ingest.measure(batches_per_connection)
    theirs = _aw_server(batches_per_connection)
    ratio = ours["http"]["events_per_s"] / theirs["durable_events_per_s"] if theirs["durable_events_per_s"] else None
    return {
        "toktra_events_per_s": ours["http"]["events_per_s"],
        "aw_server": theirs,
        "times": round(ratio, 1) if ratio else None,
        "limit_times": LIMIT,
        "load_average": round(os.getloadavg()[0], 1),
    }


def _aw_server(batches: int) -> dict[str, Any]:
    program = _installed()
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


def _installed() -> Path:
    """Its program, in an environment that is made when it is missing."""
    place = CACHE / "aw-server"
    program = place / "bin" / "aw-server"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(place / "bin" / "pip"), "install", "--quiet", *PACKAGES], check=True)
    return program


@contextmanager
def _running(program: Path, home: str) -> Iterator[httpx.Client]:
    """While it answers; killed afterwards, as by a power cut."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    environment = {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
    process = subprocess.Popen(
        [str(program), "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            _wait_for(client)
            yield client
    finally:
        process.kill()
        process.wait()


def _wait_for(client: httpx.Client) -> None:
    for _ in range(1200):
        try:
            if client.get("/api/0/info").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("aw-server did not start")


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
