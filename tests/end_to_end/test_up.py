"""`toktra up` where something is missing or in the way: without rights, with a capture file, with a port in use."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.end_to_end.installation import Installation, until

CAPTURE = Path(__file__).parents[1] / "data" / "captures"


def refusal(here: Installation, *options: str) -> str:
    """What it says on standard error when it does not start."""
    command = [sys.executable, "-m", "toktra", "up", "--data", str(here.data), "--port", str(here.port)]
    ended = subprocess.run(
        [*command, "--no-browser", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_port_in_use_is_named_with_the_remedy(here: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", here.port))
        other.listen()
        said = refusal(here)
    assert f"port {here.port} is in use" in said
    assert "--port" in said
    assert not here.data.exists()


def test_a_capture_file_that_is_not_there_is_named(here: Installation) -> None:
    assert "nothing.pcap is not a file" in refusal(here, "--replay", "nothing.pcap")
    assert not here.data.exists()


def test_a_second_one_on_the_same_data_is_refused(here: Installation) -> None:
    here.start("--sample")
    other = Installation(here.data)
    assert str(here.pid) in refusal(other, "--sample")


def test_a_capture_file_is_read_once_however_often_it_is_given(here: Installation) -> None:
    capture = next(CAPTURE.rglob("o01_curl_h1.pcap"))
    truth = [("api.openai.com", 3877, 49711, 3)]
    totals = """
        select provider_host, sum(request_bytes)::bigint, sum(response_bytes)::bigint,
               count(*) filter (where estimated_input_tokens > 0)
        from usage_event group by 1
    """
    for _ in range(2):
        here.start("--replay", str(capture))
        until(lambda: here.query(totals) == truth, why=lambda: (here.query(totals), here.log("agent")))
        until(lambda: "new usage events" in here.log("agent"))
        assert here.query(totals) == truth
        here.stop()


def test_the_sample_is_an_organisation_of_its_own_and_ends_now(here: Installation) -> None:
    here.start("--sample")
    until(lambda: "new usage events" in here.log("agent"), why=lambda: here.log("agent"))
    assert here.query("select slug from tenant") == [("sample",)]
    [(hosts, newest)] = here.query("select count(distinct provider_host), now() - max(at) from usage_event")
    assert hosts == 6
    assert newest.total_seconds() < 600


@pytest.mark.parametrize("missing", ["server", "agent"])
def test_a_part_that_is_killed_is_started_again(here: Installation, missing: str) -> None:
    here.start() if missing == "agent" else here.start("--sample")
    before = here.children()
    if missing not in before:
        pytest.skip("watching this machine takes root")
    os.kill(before[missing], signal.SIGKILL)
    until(lambda: here.children().get(missing, before[missing]) != before[missing])


def test_the_second_ledger_has_a_service_of_its_own_at_the_next_port(here: Installation) -> None:
    here.start("--sample")
    url = f"http://127.0.0.1:{here.port + 1}"
    until(lambda: _answers(f"{url}/readyz"), why=lambda: here.log("personal"))
    environment = Path(f"/proc/{here.children()['personal']}/environ").read_bytes().split(b"\0")
    values = dict(line.split(b"=", 1) for line in environment if b"=" in line)
    assert b"toktra_personal_app" in values[b"TOKTRA_PERSONAL_DATABASE_URL"]
    assert not values.get(b"TOKTRA_DATABASE_URL"), "nothing of the first ledger"
    assert b"TOKTRA_PERSONAL_OWNER_DATABASE_URL" not in values, "nor of who may change tables"
    server = Path(f"/proc/{here.children()['server']}/environ").read_bytes()
    assert f"TOKTRA_PERSONAL_URL={url}".encode() in server
    assert b"toktra_personal_app" not in server
    assert stat.S_IMODE((here.data / "personal" / "ticket-seed").stat().st_mode) == 0o600
    killed = here.children()["personal"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: here.children().get("personal", killed) != killed)


def test_without_its_port_the_rest_runs_and_says_so(here: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", here.port + 1))
        other.listen()
        here.start("--sample")
        assert "personal" not in here.children()
        assert any(f"port {here.port + 1} is in use" in line for line in here.said)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
