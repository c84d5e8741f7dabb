"""What the logs say, and what they never say."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.server.logs import describe_error, keep_known_fields
from toktra.wire.enrolment import Enrolled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.conftest import Tenant, Urls


def test_a_field_not_on_the_list_is_left_out_by_name() -> None:
    line = keep_known_fields(None, "info", {"event": "request", "user": "ada", "address": "10.0.0.1"})
    assert line == {"event": "request", "left_out": ["address", "user"]}


def test_an_error_is_its_class_and_place_but_not_its_words() -> None:
    def fail() -> None:
        raise ValueError("ada.lovelace")

    with pytest.raises(ValueError, match="ada") as caught:
        fail()
    line: Any = describe_error(None, "error", {"event": "request failed", "exc_info": caught.value})
    assert line["error"] == "builtins.ValueError"
    assert any("test_logs.py" in place and "fail" in place for place in line["error_at"])
    assert "ada" not in json.dumps(line)


def test_a_running_server_writes_json_and_nothing_about_anyone(
    urls: Urls, tenant: Tenant, code: str, signed_enrolment: Callable[..., dict[str, Any]]
) -> None:
    """Enrolling, reporting, a fault in the database, a wrong path: none leaves a name, host, address or id."""
    del tenant
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "TOKTRA_DATABASE_URL": urls.app, "TOKTRA_PORT": str(port)}
    server = subprocess.Popen(
        [sys.executable, "-m", "toktra", "server", "run"], env=environment, stderr=subprocess.PIPE, text=True
    )
    secrets = ["ada.lovelace", "laptop-of-ada", "10.9.8.7", "api.openai.com", "secret-query", "127.0.0.1"]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-forwarded-for": "10.9.8.7"}) as client:
            deadline = time.monotonic() + 60
            while True:
                try:
                    assert client.get("/readyz").status_code == 200
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            request = signed_enrolment(
                code, Ed25519PrivateKey.generate(), account="ada.lovelace", hostname="laptop-of-ada"
            )
            answer = client.post("/ingest/v1/enrol", **request)
            assert answer.status_code == 200, answer.text
            secrets += msgspec.json.decode(answer.content, type=Enrolled).key_id.split(":")
            assert client.get("/nothing/ada.lovelace?secret-query=1").status_code in (401, 404)
            with psycopg.connect(urls.superuser) as connection:
                connection.execute("alter table enrolment_code rename to gone")
            again = signed_enrolment(code, Ed25519PrivateKey.generate(), account="ada.lovelace")
            assert client.post("/ingest/v1/enrol", **again).status_code == 500
    finally:
        server.send_signal(signal.SIGTERM)
        _, written = server.communicate(timeout=60)
    assert server.returncode == 0
    first, *lines = written.splitlines()
    assert first == f"Serving http://127.0.0.1:{port}/"
    logged = [json.loads(line) for line in lines]
    assert any(line.get("route") == "/ingest/v1/enrol" and line.get("status") == 200 for line in logged)
    fault = next(line for line in logged if line["event"] == "request failed")
    assert (fault["error"], fault["sqlstate"]) == ("psycopg.errors.UndefinedTable", "42P01")
    for secret in secrets:
        assert secret not in "\n".join(lines)
