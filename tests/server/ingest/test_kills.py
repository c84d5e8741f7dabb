"""kill -9 in the middle of ingest, of the server and of PostgreSQL: what was confirmed is there, once."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.server.database.embedded import APP, EmbeddedPostgres
from toktra.server.database.migrate import migrate
from toktra.server.first_start import create_enrolment_code, ensure_default_tenant
from toktra.wire.enrolment import Enrolled
from toktra.wire.events import Batch, BatchAccepted, OutOfSequence, UsageEvent, encode
from toktra.wire.signatures import encode_public_key, sign

DEVICES = 3
KILLS = 3
EVENTS_PER_BATCH = 50
PATIENCE_S = 90


class Server:
    """`toktra server run` in a process of its own, over a PostgreSQL that stays when it goes."""

    def __init__(self, app_url: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.environment = {**os.environ, "TOKTRA_DATABASE_URL": app_url, "TOKTRA_PORT": str(self.port)}
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "toktra", "server", "run"]
        self.process = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Device(threading.Thread):
    """Reports without pause until told to stop, obeying only what the server answers."""

    def __init__(self, port: int, code: str, chance: random.Random) -> None:
        super().__init__()
        self.url = f"http://127.0.0.1:{port}"
        self.code = code
        self.chance = chance
        self.private_key = Ed25519PrivateKey.generate()
        self.confirmed = 0
        self.enough = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with httpx.Client(base_url=self.url, timeout=10) as client:
                self.enrolled = self.enrol(client)
                while not self.enough.is_set():
                    self.report(client)
        except BaseException as failure:
            self.failure = failure

    def report(self, client: httpx.Client) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        events = [
            UsageEvent(
                sequence=self.confirmed + 1 + place,
                provider_host=self.chance.choice(("api.openai.com", "claude.ai")),
                request_bytes=1 + place,
                response_bytes=1,
                estimated_input_tokens=1,
                estimated_output_tokens=1,
                at=now,
                device=self.enrolled.device,
                user="ada",
            )
            for place in range(EVENTS_PER_BATCH)
        ]
        batch = Batch(epoch=1, prev_seq=self.confirmed, agent_version="1", estimator_version="1", events=events)
        answer = self.post(client, "/ingest/v1/batches", encode(batch), self.enrolled.key_id)
        if answer is None or answer.status_code == 503:
            time.sleep(0.02)
        elif answer.status_code == 200:
            self.confirmed = msgspec.json.decode(answer.content, type=BatchAccepted).last_seq
        else:
            assert answer.status_code == 409, answer.text
            mark = msgspec.json.decode(answer.content, type=OutOfSequence)
            assert mark.last_seq >= self.confirmed, "the server forgot what it had confirmed"
            self.confirmed = mark.last_seq

    def enrol(self, client: httpx.Client) -> Enrolled:
        message = {
            "code": self.code,
            "public_key": encode_public_key(self.private_key.public_key()),
            "hostname": "desk",
            "platform": "linux",
            "agent_version": "1",
            "account": "ada",
        }
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            answer = self.post(client, "/ingest/v1/enrol", msgspec.json.encode(message), "new")
            if answer is not None and answer.status_code == 200:
                return msgspec.json.decode(answer.content, type=Enrolled)
            time.sleep(0.05)
        raise TimeoutError("could not enrol")

    def post(self, client: httpx.Client, path: str, body: bytes, key_id: str) -> httpx.Response | None:
        headers = {"content-type": "application/json"}
        url = f"{self.url}{path}"
        sign(method="POST", url=url, headers=headers, body=body, key_id=key_id, private_key=self.private_key)
        try:
            return client.post(path, content=body, headers=headers)
        except httpx.TransportError:
            return None


@pytest.fixture
def own_postgres(open_directory: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that may be killed, with fsync as users have it."""
    with EmbeddedPostgres(open_directory / "data") as server:
        migrate(server.owner_url, APP)
        yield server


@contextmanager
def devices_reporting(postgres: EmbeddedPostgres, server: Server) -> Iterator[list[Device]]:
    ensure_default_tenant(postgres.owner_url)
    code = create_enrolment_code(postgres.app_url, uses=DEVICES)
    devices = [Device(server.port, code, random.Random(place)) for place in range(DEVICES)]
    for device in devices:
        device.start()
    try:
        yield devices
    finally:
        for device in devices:
            device.enough.set()
        for device in devices:
            device.join(PATIENCE_S)
        server.kill()


def wait_for_progress(devices: list[Device]) -> None:
    """Until every device had two more batches confirmed."""
    goals = [device.confirmed + 2 * EVENTS_PER_BATCH for device in devices]
    deadline = time.monotonic() + PATIENCE_S
    while any(device.confirmed < goal for device, goal in zip(devices, goals, strict=True)):
        for device in devices:
            if device.failure is not None:
                raise device.failure
        assert time.monotonic() < deadline, "the devices got no further"
        time.sleep(0.02)


def check(postgres: EmbeddedPostgres, devices: list[Device]) -> None:
    def rows(statement: Any) -> list[tuple[Any, ...]]:
        return connection.execute(statement).fetchall()

    with psycopg.connect(postgres.superuser_url) as connection:
        marks = rows("select device_id::text, last_seq from device")
        assert rows(
            "select device_id::text, count(*), count(distinct sequence), min(sequence), max(sequence) "
            "from usage_event group by 1 order by 1"
        ) == sorted((device, last, last, 1, last) for device, last in marks)
        mark_of = dict(marks)
        for device in devices:
            assert device.failure is None
            assert device.confirmed <= mark_of[device.enrolled.device] <= device.confirmed + EVENTS_PER_BATCH
        total = rows("select count(*), sum(request_bytes) from usage_event")
        assert rows("select sum(exchanges), sum(request_bytes) from usage_daily") == total
        assert rows("select sum(exchanges), sum(request_bytes) from usage_hourly") == total


@pytest.mark.timeout(300)
def test_killing_the_server_loses_nothing_and_doubles_nothing(own_postgres: EmbeddedPostgres) -> None:
    server = Server(own_postgres.app_url)
    with devices_reporting(own_postgres, server) as devices:
        for _ in range(KILLS):
            wait_for_progress(devices)
            server.kill()
            server.start()
        wait_for_progress(devices)
    check(own_postgres, devices)


@pytest.mark.timeout(300)
def test_killing_postgresql_loses_nothing_and_doubles_nothing(own_postgres: EmbeddedPostgres) -> None:
    server = Server(own_postgres.app_url)
    with devices_reporting(own_postgres, server) as devices:
        for _ in range(KILLS):
            wait_for_progress(devices)
            assert own_postgres.process_id is not None
            os.kill(own_postgres.process_id, signal.SIGKILL)
            own_postgres.restart()
        wait_for_progress(devices)
    check(own_postgres, devices)


@pytest.mark.timeout(300)
def test_killing_a_back_end_makes_postgresql_recover_and_ingest_go_on(own_postgres: EmbeddedPostgres) -> None:
    server = Server(own_postgres.app_url)
    with devices_reporting(own_postgres, server) as devices:
        wait_for_progress(devices)
        with psycopg.connect(own_postgres.superuser_url) as connection:
            row = connection.execute(
                "select pid from pg_stat_activity where application_name = 'toktra server' limit 1"
            ).fetchone()
        assert row is not None
        os.kill(row[0], signal.SIGKILL)
        wait_for_progress(devices)
    check(own_postgres, devices)
