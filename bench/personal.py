"""Ingest of the second ledger over HTTP: uploads as devices send them, into a database of 90 days, durably.

Devices are many and each speaks once an hour, so every upload comes on a connection of its own; one run keeps
connections open beside it, which is the service's own limit. `python -m bench.personal` prints JSON.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg

from toktra.personal.database.migrate import migrate
from toktra.personal.mailboxes import RECORDS_A_PAGE
from toktra.server.database.embedded import PERSONAL_APP, EmbeddedPostgres
from toktra.wire.personal import KEPT_DAYS, PLAIN_BYTES, encode_upload

SENDERS: Final = 48
"""At a time: devices are many, and none waits for another."""
MAILBOXES: Final = 200
USES_IN_FULL: Final = 110
"""What a record holds."""
SEALED_BYTES: Final = PLAIN_BYTES + 228
"""An age file: 200 to 230 bytes of header, nonce and authentication tag."""


def measure(uploads_per_sender: int = 60) -> dict[str, Any]:
    """Uploads and uses per second, and the time of one upload in ms, both ways; and a page of records.

    An upload is one sealed record, for an hour of one device. `uses_per_s` is what they hold when they are full.
    """
    base = Path(tempfile.mkdtemp(prefix="toktra-bench-", dir="/tmp"))
    base.chmod(0o755)
    try:
        with EmbeddedPostgres(base / "data") as server:
            app, owner = server.personal_urls
            migrate(owner, PERSONAL_APP)
            mailboxes = [secrets.token_urlsafe(32) for _ in range(MAILBOXES)]
            today = datetime.now(UTC).date()
            _prepare(app, mailboxes, today)
            return _over_http(app, base, mailboxes, today, uploads_per_sender)
    finally:
        subprocess.run(["rm", "-r", str(base)], check=True)


def _prepare(app: str, mailboxes: list[str], today: date) -> None:
    with psycopg.connect(app, autocommit=True) as connection:
        connection.cursor().executemany(
            "insert into mailbox values (%s)", [[sha256(secret.encode()).digest()] for secret in mailboxes]
        )
        for back in range(KEPT_DAYS):
            connection.execute("select create_record_day(%s)", [today - timedelta(days=back)])


def _over_http(app: str, base: Path, mailboxes: list[str], today: date, count: int) -> dict[str, Any]:
    with serving(app, base) as port:
        once = _requests(mailboxes, today, count, "close")
        kept = _requests(mailboxes, today, count, "keep-alive")
        return {
            "senders": SENDERS,
            "mailboxes": MAILBOXES,
            "uses_in_a_full_record": USES_IN_FULL,
            "connection_each": _timed(port, once, keep=False),
            "connections_kept": _timed(port, kept, keep=True),
            "page_ms": _page_ms(port, mailboxes, today),
        }


@contextmanager
def serving(app: str, base: Path) -> Iterator[int]:
    """The service as it comes, over this database; the port it listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    environment = {
        **os.environ,
        "TOKTRA_PERSONAL_DATABASE_URL": app,
        "TOKTRA_PERSONAL_PORT": str(port),
        "TOKTRA_PERSONAL_DATA": str(base / "secrets"),
    }
    service = subprocess.Popen(
        [sys.executable, "-m", "toktra", "personal", "run"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, service)
        yield port
    finally:
        service.terminate()
        service.wait()


def _requests(mailboxes: list[str], today: date, count: int, connection: str) -> list[list[bytes]]:
    """Ready as bytes before the clock starts. One in ten fills an hour of an earlier day."""
    return [
        [_request(secrets.choice(mailboxes), _day(today), connection) for _ in range(count)] for _ in range(SENDERS)
    ]


def _day(today: date) -> date:
    return today - timedelta(days=secrets.randbelow(KEPT_DAYS)) if secrets.randbelow(10) == 0 else today


def _request(secret: str, day: date, connection: str) -> bytes:
    intro = b"age-encryption.org/v1\n-> X25519 "
    body = encode_upload(str(uuid4()), day, intro + secrets.token_bytes(SEALED_BYTES - len(intro)))
    head = (
        f"POST /v1/mailbox/uploads HTTP/1.1\r\nhost: service\r\nauthorization: Bearer {secret}\r\n"
        f"connection: {connection}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _timed(port: int, requests: list[list[bytes]], *, keep: bool) -> dict[str, Any]:
    failures: list[BaseException] = []
    latencies: list[list[float]] = [[] for _ in requests]

    def send(place: int) -> None:
        connection = None
        try:
            for request in requests[place]:
                began = time.perf_counter()
                connection = connection or socket.create_connection(("127.0.0.1", port))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _send(connection, request)
                if not keep:
                    connection.close()
                    connection = None
                latencies[place].append((time.perf_counter() - began) * 1000)
        except BaseException as failure:
            failures.append(failure)
        finally:
            if connection is not None:
                connection.close()

    threads = [threading.Thread(target=send, args=(place,)) for place in range(len(requests))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if failures:
        raise failures[0]
    flat = sorted(latency for one in latencies for latency in one)
    uploads = len(flat)
    return {
        "uploads_per_s": round(uploads / seconds),
        "uses_per_s": round(uploads * USES_IN_FULL / seconds),
        "upload_ms": {"p50": round(statistics.median(flat), 1), "p99": round(flat[int(uploads * 0.99)], 1)},
    }


def _send(connection: socket.socket, request: bytes) -> None:
    """Returns with the answer. Raises RuntimeError when it is none of success."""
    connection.sendall(request)
    answer = b""
    while not answer.endswith(b"\r\n\r\n{}"):
        part = connection.recv(4096)
        answer += part
        if not part:
            break
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer.decode("latin-1"))


def _page_ms(port: int, mailboxes: list[str], today: date) -> float:
    """Of a mailbox with more records than a page has."""
    requests = [[_request(mailboxes[0], today - timedelta(days=back % KEPT_DAYS), "keep-alive") for back in range(360)]]
    _timed(port, requests, keep=True)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for _ in range(10):
        began = time.perf_counter()
        connection.request("GET", "/v1/mailbox/records", headers={"authorization": f"Bearer {mailboxes[0]}"})
        answer = connection.getresponse()
        if len(json.loads(answer.read())["records"]) != RECORDS_A_PAGE:
            raise RuntimeError(f"no whole page of records: {answer.status}")
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 1)


def _wait_for(port: int, service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and service.poll() is None:
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
    raise RuntimeError("the service did not start")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
