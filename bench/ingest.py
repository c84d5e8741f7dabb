"""Ingest over HTTP, signed and with both rollups, against its limit: raw binary COPY into the same table, in one run.

Both write the same events, 500 per commit, durably, over the same number of connections, to the same embedded
PostgreSQL, whose share of the CPU counts as the server's. Clients sign before the clock starts and send by plain
sockets, so what is measured is the server. `python -m bench.ingest` prints JSON.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.server.database.source import DatabaseUrls, prepare
from toktra.server.first_start import ensure_default_tenant
from toktra.wire.events import Batch, UsageEvent, encode
from toktra.wire.signatures import KeyId, sign

EVENTS_PER_BATCH: Final = 500
CONNECTIONS: Final = 8
WARM_UP: Final = 10
"""Batches of each connection before the clock starts: connections are opened and plans made by then, on both sides."""
HOSTS: Final = ("api.openai.com", "claude.ai", "chatgpt.com", "api.anthropic.com")
COLUMNS: Final = (
    "tenant_id, at, device_id, epoch, sequence, person_id, provider_host, request_bytes, response_bytes, "
    "estimated_input_tokens, estimated_output_tokens, estimator_version"
)
TYPES: Final = ["uuid", "timestamptz", "uuid", "int4", "int8", "uuid", "text", *["int8"] * 4, "text"]


@dataclass(frozen=True, slots=True)
class Sender:
    """One device with its batches, ready as bytes on the wire."""

    key: KeyId
    batches: list[Batch]
    requests: list[bytes]


def measure(batches_per_connection: int = 200) -> dict[str, Any]:
    """Events per second of both ways, their ratio, latency in ms and CPU in µs per event of the server's processes."""
    base = Path(tempfile.mkdtemp(prefix="toktra-bench-", dir="/tmp"))
    base.chmod(0o755)
    try:
        with prepare(base / "data") as urls:
            founded = ensure_default_tenant(urls.needed_owner)
            senders = _senders(urls, founded.tenant.tenant_id, batches_per_connection)
            over_http = _over_http(urls, senders)
            stored = _count(urls, founded.tenant.tenant_id)
            with psycopg.connect(urls.needed_owner) as connection:
                connection.execute("truncate usage_event")
            copy = _by_copy(urls, senders, founded.owner_id)
            warm_up = CONNECTIONS * WARM_UP * EVENTS_PER_BATCH
            if not stored == _count(urls, founded.tenant.tenant_id) == over_http["events"] + warm_up:
                raise RuntimeError("the two ways did not store the same events")
    finally:
        subprocess.run(["rm", "-r", str(base)], check=True)
    return {
        "connections": CONNECTIONS,
        "events_per_batch": EVENTS_PER_BATCH,
        "http": over_http,
        "copy": copy,
        "http_share_of_copy": round(over_http["events_per_s"] / copy["events_per_s"], 3),
    }


def _senders(urls: DatabaseUrls, tenant_id: UUID, count: int) -> list[Sender]:
    """Devices enrolled by hand, since enrolling is not what is measured, and their signed requests."""
    senders = []
    now = datetime.now(UTC).replace(microsecond=0)
    with psycopg.connect(urls.app) as connection:
        connection.execute("select create_usage_event_month(%s)", [now.date()])
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant_id)])
        for number in range(CONNECTIONS):
            private_key = Ed25519PrivateKey.generate()
            row = connection.execute(
                "insert into device (tenant_id, public_key, hostname, platform, agent_version) "
                "values (%s, %s, %s, 'linux', '1') returning device_id",
                [tenant_id, private_key.public_key().public_bytes_raw(), f"desk-{number}"],
            ).fetchone()
            assert row is not None
            key = KeyId(tenant_id, row[0])
            batches = [_batch(key, place * EVENTS_PER_BATCH, now) for place in range(count)]
            senders.append(Sender(key, batches, [_request(key, batch, private_key) for batch in batches]))
    return senders


def _batch(key: KeyId, after: int, now: datetime) -> Batch:
    """Ten minutes of one busy device: one user, few hosts, one or two hours."""
    events = [
        UsageEvent(
            sequence=after + 1 + place,
            provider_host=HOSTS[(after + place) % len(HOSTS)],
            request_bytes=900 + place,
            response_bytes=20_000 + place * 7,
            estimated_input_tokens=200 + place,
            estimated_output_tokens=300 + place,
            at=min(now, now.replace(hour=0, minute=0, second=0) + timedelta(seconds=(after // 10 + place) % 3600)),
            device=str(key.device),
            user="ada",
        )
        for place in range(EVENTS_PER_BATCH)
    ]
    return Batch(epoch=1, prev_seq=after, agent_version="1", estimator_version="1", events=events)


def _request(key: KeyId, batch: Batch, private_key: Ed25519PrivateKey) -> bytes:
    body = encode(batch)
    headers = {"content-type": "application/json"}
    path = "/ingest/v1/batches"
    sign(
        method="POST", url=f"http://server{path}", headers=headers, body=body, key_id=str(key), private_key=private_key
    )
    head = [f"POST {path} HTTP/1.1", "host: server", f"content-length: {len(body)}"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", ""]).encode() + body


def _over_http(urls: DatabaseUrls, senders: list[Sender]) -> dict[str, Any]:
    """Through a server of its own process, as it runs for users."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "TOKTRA_DATABASE_URL": urls.app, "TOKTRA_PORT": str(port)}
    command = [sys.executable, "-m", "toktra", "server", "run"]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    latencies: list[list[float]] = [[] for _ in senders]
    try:
        _wait_for(port, server)

        def send(place: int, begin: Callable[[], int]) -> None:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for number, request in enumerate(senders[place].requests):
                    if number == WARM_UP:
                        begin()
                    began = time.perf_counter()
                    connection.sendall(request)
                    answer = _answer(connection)
                    latencies[place].append((time.perf_counter() - began) * 1000)
                    if not answer.startswith(b"HTTP/1.1 200"):
                        raise RuntimeError(answer.decode("latin-1"))

        result = _timed(send, senders, {"server": server.pid, "database": _postmaster(urls)})
    finally:
        server.terminate()
        server.wait()
    flat = sorted(latency for one in latencies for latency in one[WARM_UP:])
    result["latency_ms"] = {
        "first": round(statistics.median(one[0] for one in latencies), 1),
        "p50": round(statistics.median(flat), 1),
        "p99": round(flat[int(len(flat) * 0.99)], 1),
    }
    return result


def _answer(connection: socket.socket) -> bytes:
    """One whole HTTP answer."""
    answer = b""
    while True:
        answer += connection.recv(65_536)
        head, end, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and length and len(body) >= int(length[1]):
            return answer


def _by_copy(urls: DatabaseUrls, senders: list[Sender], person_id: UUID) -> dict[str, Any]:
    """The limit: rows ready in memory, binary COPY, one commit for each batch, no rollups, no question of doubles."""
    rows = [
        [
            [
                (
                    sender.key.tenant, event.at, sender.key.device, 1, event.sequence, person_id, event.provider_host,
                    event.request_bytes, event.response_bytes, event.estimated_input_tokens,
                    event.estimated_output_tokens, "1",
                )
                for event in batch.events
            ]
            for batch in sender.batches
        ]
        for sender in senders
    ]  # fmt: skip
    packed = _pack(urls, rows)

    def send(place: int, begin: Callable[[], int]) -> None:
        with psycopg.connect(urls.app, autocommit=True) as connection:
            connection.execute("select set_config('toktra.tenant_id', %s, false)", [str(senders[place].key.tenant)])
            for number, blob in enumerate(packed[place]):
                if number == WARM_UP:
                    begin()
                with connection.cursor().copy(f"copy usage_event ({COLUMNS}) from stdin (format binary)") as copy:
                    copy.write(blob)

    return _timed(send, senders, {"database": _postmaster(urls)})


def _pack(urls: DatabaseUrls, rows: list[list[list[tuple[Any, ...]]]]) -> list[list[bytes]]:
    """The binary COPY stream of every batch, made by PostgreSQL itself before the clock starts.

    Row-level security does not take COPY FROM, so the owner's rules are lifted for this table while it is measured.
    """
    packed = []
    with psycopg.connect(urls.needed_owner, autocommit=True) as connection:
        connection.execute("alter table usage_event disable row level security")
        connection.execute("create temp table packed (like usage_event)")
        for one in rows:
            blobs = []
            for batch in one:
                with connection.cursor().copy(f"copy packed ({COLUMNS}) from stdin (format binary)") as copy:
                    copy.set_types(TYPES)
                    for row in batch:
                        copy.write_row(row)
                with connection.cursor().copy(f"copy packed ({COLUMNS}) to stdout (format binary)") as copy:
                    blobs.append(b"".join(bytes(part) for part in copy))
                connection.execute("truncate packed")
            packed.append(blobs)
    return packed


def _timed(
    send: Callable[[int, Callable[[], int]], None], senders: list[Sender], measured: dict[str, int]
) -> dict[str, Any]:
    """All senders at once; wall clock, and the CPU of the processes `measured` and all their children.

    A sender calls what it is given when it has warmed up; the clock starts when all have.
    """
    failures: list[BaseException] = []
    all_warm = threading.Barrier(len(senders) + 1)

    def guarded(place: int) -> None:
        try:
            send(place, all_warm.wait)
        except BaseException as failure:
            failures.append(failure)
            all_warm.abort()

    threads = [threading.Thread(target=guarded, args=(place,)) for place in range(len(senders))]
    for thread in threads:
        thread.start()
    with suppress(threading.BrokenBarrierError):  # then there is a failure to raise
        all_warm.wait()
    cpu_before_s = {name: _cpu_s(pid) for name, pid in measured.items()}
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    cpu_s = {name: _cpu_s(pid) - cpu_before_s[name] for name, pid in measured.items()}
    if failures:
        raise failures[0]
    events = sum(len(batch.events) for sender in senders for batch in sender.batches[WARM_UP:])
    return {
        "events": events,
        "events_per_s": round(events / seconds),
        "cpu_us_per_event": {name: round(spent * 1e6 / events, 2) for name, spent in cpu_s.items()},
    }


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process, its living children and those it has collected: proc(5), fields 14 to 17."""
    ticks = 0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for process, fields in ((str(pid), 4), *((child, 2) for child in children)):
        try:
            after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        ticks += sum(map(int, after_name[11 : 11 + fields]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _postmaster(urls: DatabaseUrls) -> int:
    """The process id of the PostgreSQL behind these URLs: the parent of any of its back ends."""
    with psycopg.connect(urls.app) as connection:
        stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def _count(urls: DatabaseUrls, tenant_id: UUID) -> int:
    with psycopg.connect(urls.app) as connection:
        connection.execute("select set_config('toktra.tenant_id', %s, true)", [str(tenant_id)])
        row = connection.execute("select count(*) from usage_event").fetchone()
    assert row is not None
    return int(row[0])


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until the server is ready: it listens long before, and its start is not what is measured."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except ConnectionRefusedError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
