"""`toktra server run` with an embedded database starts the second ledger's service, looks after it and stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.end_to_end.installation import free_port

from toktra.server import second_ledger as room
from toktra.server.database.source import DatabaseUrls
from toktra.server.second_ledger import running_beside, second_ledger
from toktra.server.settings import ServerSettings


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def process_of(server: int) -> int | None:
    for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split():
        if b"personal\0run" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    return None


def test_it_runs_beside_the_server_comes_back_and_ends_with_it(open_directory: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "toktra", "server", "run", "--data", str(open_directory / "data")]
    server = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port + 1}/readyz"))
        first = process_of(server.pid)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until(lambda: process_of(server.pid) not in (None, first))
        until(lambda: answers(f"http://127.0.0.1:{port + 1}/readyz"))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    assert not answers(f"http://127.0.0.1:{port + 1}/healthz")


def test_it_is_not_started_where_it_runs_elsewhere_or_the_database_is_not_ours(open_directory: Path) -> None:
    ours = DatabaseUrls("postgresql://a@/x", None, personal=("postgresql://b@/y", "postgresql://c@/y"))
    elsewhere = ServerSettings(data=open_directory, personal_url="https://perks.example.org")
    with running_beside(elsewhere, ours) as personal:
        assert personal is None
    theirs = DatabaseUrls("postgresql://a@/x", None)
    with running_beside(ServerSettings(data=open_directory), theirs) as personal:
        assert personal is None
    assert list(open_directory.iterdir()) == []


def test_the_server_is_told_its_address_by_the_name_in_the_certificate(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "toktra_command", lambda *arguments: [sys.executable, "-c", "pass", *arguments])
    ours = DatabaseUrls("postgresql://a@/x", None, personal=("postgresql://b@/y", "postgresql://c@/y"))
    pem = open_directory / "both.pem"
    settings = ServerSettings(data=open_directory, certificate=pem, key=pem, site_address="https://ai.example.org")
    with running_beside(settings, ours) as personal:
        assert personal is not None
        told = personal.told(settings)
    assert told.personal_url == f"https://ai.example.org:{settings.port + 1}"
    assert told.personal_operator_secret == personal.secret
    assert "--certificate" in personal.child.command
    assert "b@" not in repr(told)


def test_one_that_cannot_run_is_given_up_once_and_the_server_goes_on(open_directory: Path) -> None:
    ours = DatabaseUrls("postgresql://a@/x", None, personal=("nonsense", "nonsense"))
    personal = second_ledger(ours, data=open_directory, host="127.0.0.1", port=0)
    assert personal is not None
    personal.child.command = [sys.executable, "-c", "raise SystemExit(3)"]
    personal.child.start()
    said: list[str] = []
    while not personal.given_up:
        personal.child.wait(60)
        said.append(personal.look_after(now=1.0))
    assert [words for words in said if words] == [said[-1]]
    assert "Token Perks is not available" in said[-1]
    assert "personal.log" in said[-1]
    assert personal.look_after(now=2.0) == ""
