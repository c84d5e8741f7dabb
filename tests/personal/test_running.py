"""`toktra personal run` as a process: what it needs, what it writes about anybody (nothing), and its two secrets."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
import trustme
from click.testing import CliRunner, Result
from tests.personal.conftest import an_upload

from toktra.personal.commands import personal
from toktra.personal.listening import check_reach, listen
from toktra.personal.logs import describe_error, keep_known_fields
from toktra.personal.secret_files import SecretFileNotUsable, operator_secret, ticket_seed
from toktra.personal.settings import InvalidPersonalSetting, PersonalSettings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.personal.conftest import Urls

URL = "postgresql://a@/x"


def test_it_says_nothing_about_anybody(own_urls: Urls, tmp_path: Path) -> None:
    """Mailboxes filled, read and deleted, a fault in the database, a wrong path: a route is all that is left."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "TOKTRA_PERSONAL_DATABASE_URL": own_urls.app,
        "TOKTRA_PERSONAL_OWNER_DATABASE_URL": own_urls.owner,
        "TOKTRA_PERSONAL_DATA": str(tmp_path),
        "TOKTRA_PERSONAL_PORT": str(port),
    }
    service = subprocess.Popen(
        [sys.executable, "-m", "toktra", "personal", "run"], env=environment, stderr=subprocess.PIPE, text=True
    )
    mailbox = secrets.token_urlsafe(32)
    today = datetime.now(UTC).date()
    body = an_upload(today)
    headers = {"x-forwarded-for": "10.9.8.7", "user-agent": "laptop-of-ada", "authorization": f"Bearer {mailbox}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            wait_for(client)
            assert client.post("/v1/mailbox/uploads", content=body).status_code == 404
            assert client.get("/v1/mailbox/records?after=ada").status_code == 400
            assert client.delete("/v1/mailbox").status_code == 204
            assert client.get("/nothing/ada").status_code == 404
            assert client.post("/operator/v1/tickets", content=b"{}").status_code == 401
            with psycopg.connect(own_urls.owner) as connection:
                connection.execute("alter function store_uploads rename to gone")
            assert client.post("/v1/mailbox/uploads", content=body).status_code == 500
    finally:
        service.send_signal(signal.SIGTERM)
        _, written = service.communicate(timeout=60)
    assert service.returncode == 0
    first, *lines = written.splitlines()
    assert first == f"Serving http://127.0.0.1:{port}/"
    logged: list[dict[str, Any]] = [json.loads(line) for line in lines]
    routes = [(line["route"], line["status"]) for line in logged if "route" in line]
    assert routes == [
        ("POST /v1/mailbox/uploads", 404),
        ("GET /v1/mailbox/records", 400),
        ("DELETE /v1/mailbox", 204),
        ("none", 404),
        ("POST /v1/mailbox/uploads", 500),
    ], "issuing leaves no line, nor does /readyz"
    fault = next(line for line in logged if line["event"] == "request failed")
    assert (fault["error"], fault["sqlstate"]) == ("psycopg.errors.UndefinedFunction", "42883")
    assert {line["day"] for line in logged} <= {today.isoformat(), datetime.now(UTC).date().isoformat()}
    assert set().union(*logged) <= {
        "event", "level", "day", "logger", "version", "route", "status", "duration_ms", "error", "error_at", "sqlstate"
    }  # fmt: skip
    for secret in ("127.0.0.1", "10.9.8.7", "ada", mailbox, json.loads(body)["upload"]):
        assert secret not in "\n".join(lines)
    assert not [path for path in tmp_path.iterdir() if path.stat().st_mode & 0o077]


def wait_for(client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            assert client.get("/readyz").status_code == 200
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_an_error_is_its_class_and_a_field_not_on_the_list_is_its_name() -> None:
    line = keep_known_fields(None, "info", {"event": "request", "mailbox": "m", "address": "10.0.0.1"})
    assert line == {"event": "request", "left_out": ["address", "mailbox"]}
    told = describe_error(None, "error", {"event": "failed", "exc_info": ValueError("ada")})
    assert told["error"] == "builtins.ValueError"
    assert "ada" not in json.dumps(told)


def test_both_secrets_are_made_once_and_for_us_alone(tmp_path: Path) -> None:
    own = tmp_path / "own"
    seed, operator = ticket_seed(own), operator_secret(own)
    assert (ticket_seed(own), operator_secret(own)) == (seed, operator)
    assert len(seed) == 32
    assert len(operator) == 43
    assert {path.name: path.stat().st_mode & 0o777 for path in own.iterdir()} == {
        "ticket-seed": 0o600,
        "operator-secret": 0o600,
    }


def test_a_secret_that_others_can_read_or_that_is_damaged_is_refused_by_name(tmp_path: Path) -> None:
    ticket_seed(tmp_path)
    path = tmp_path / "ticket-seed"
    path.chmod(0o640)
    with pytest.raises(SecretFileNotUsable, match=f"chmod 600 {path}"):
        ticket_seed(tmp_path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(SecretFileNotUsable, match=r"damaged .* Restore it from your backup"):
        ticket_seed(tmp_path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(SecretFileNotUsable, match="cannot be used"):
        ticket_seed(tmp_path)
    (tmp_path / "operator-secret").write_text("short")
    (tmp_path / "operator-secret").chmod(0o600)
    with pytest.raises(SecretFileNotUsable, match="too short"):
        operator_secret(tmp_path)


def test_settings_are_refused_by_name_and_a_secret_is_not_repeated() -> None:
    with pytest.raises(InvalidPersonalSetting, match="TOKTRA_PERSONAL_DATABASE_URL is missing"):
        load_settings({})
    given = {"TOKTRA_PERSONAL_DATABASE_URL": URL}
    assert load_settings(given, {"port": 9000}).port == 9000
    for name, value in (
        ("PORT", "none"),
        ("DATABASE_URL", "mysql://root:hunter2@x"),
        ("OPERATOR_SECRET", "hunter2"),
        ("CERTIFICATE", "/c.pem"),
    ):
        with pytest.raises(InvalidPersonalSetting, match="TOKTRA_PERSONAL_") as refused:
            load_settings({**given, f"TOKTRA_PERSONAL_{name}": value})
        assert "hunter2" not in str(refused.value)
    with pytest.raises(InvalidPersonalSetting, match="--port"):
        load_settings(given, {"port": 70_000})


def test_plain_http_is_for_this_machine_alone(tmp_path: Path) -> None:
    with pytest.raises(InvalidPersonalSetting, match=r"others can reach 0\.0\.0\.0"):
        check_reach(PersonalSettings(database_url=URL, host="0.0.0.0"))
    pem = tmp_path / "nonsense.pem"
    pem.write_text("nonsense")
    with pytest.raises(InvalidPersonalSetting, match="not a certificate and its own key"):
        check_reach(PersonalSettings(database_url=URL, host="0.0.0.0", certificate=pem, key=pem))
    issued = trustme.CA().issue_cert("perks.example")
    issued.private_key_and_cert_chain_pem.write_to_path(pem)
    check_reach(PersonalSettings(database_url=URL, host="0.0.0.0", certificate=pem, key=pem))
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidPersonalSetting, match=f"port {port} of 127.0.0.1 is in use"):
            listen("127.0.0.1", port)
    with pytest.raises(InvalidPersonalSetting, match="no address of this machine"):
        listen("nowhere.invalid", 0)


def toktra_personal(*arguments: str, **environment: str) -> Result:
    names = ("DATABASE_URL", "OWNER_DATABASE_URL", "DATA", "PORT", "OPERATOR_SECRET")
    cleared = dict.fromkeys(f"TOKTRA_PERSONAL_{name}" for name in names)
    given = {f"TOKTRA_PERSONAL_{name}": value for name, value in environment.items()}
    return CliRunner(env=cleared | given).invoke(personal, arguments)


def test_the_tables_are_brought_up_to_date_by_a_command(own_urls: Urls) -> None:
    done = toktra_personal("migrate", DATABASE_URL=own_urls.app, OWNER_DATABASE_URL=own_urls.owner)
    assert (done.exit_code, done.output) == (0, "The tables were up to date already.\n")
    for environment, said in (
        ({}, "TOKTRA_PERSONAL_DATABASE_URL is missing"),
        ({"DATABASE_URL": own_urls.app}, "TOKTRA_PERSONAL_OWNER_DATABASE_URL is missing"),
        ({"DATABASE_URL": "postgresql:///x", "OWNER_DATABASE_URL": own_urls.owner}, "must name its user"),
        ({"DATABASE_URL": own_urls.owner, "OWNER_DATABASE_URL": own_urls.owner}, "plain role of its own"),
    ):
        refused = toktra_personal("migrate", **environment)
        assert refused.exit_code == 1
        assert said in refused.output


def test_a_service_that_cannot_run_ends_with_a_sentence(tmp_path: Path) -> None:
    ticket_seed(tmp_path)
    (tmp_path / "ticket-seed").chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    refused = subprocess.run(
        [sys.executable, "-m", "toktra", "personal", "run", "--port", str(port), "--data", str(tmp_path)],
        env={**os.environ, "TOKTRA_PERSONAL_DATABASE_URL": URL},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert "chmod 600" in refused.stderr
    assert "Traceback" not in refused.stderr
