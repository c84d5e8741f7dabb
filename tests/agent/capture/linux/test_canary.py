"""Secrets sent through real TLS are nowhere in the agent: not in its memory, not in the ring it reads."""

from __future__ import annotations

import base64

import pytest
from tests.lab.canary import encodings, new_secret, read_memory, scan_bytes, scan_process
from tests.lab.holding import Holder
from tests.lab.lab import Lab

pytestmark = pytest.mark.kernel


def test_secrets_of_a_conversation_are_nowhere_in_the_agent(lab: Lab, domain: str, holder: Holder) -> None:
    host = f"api.{domain}"
    asked, path = new_secret(), new_secret()
    with lab.serve(host) as server:
        for version in ("--http1.1", "--http2"):
            lab.curl(
                *(version, "-H", f"Authorization: Bearer {asked}", "-d", asked * 20),
                *(f"https://{host}/bytes/20000?prompt={path}", "-o", "/dev/null"),
            )
        assert any(path in request for one in server.wait_closed(2) for request in one.requests)
    assert len(holder.until(2)) == 2
    assert not scan_process(holder.process.pid, [asked, path])
    # What the agent may hold it does hold, so the scan looks where the hellos are: its ring included.
    mappings = {where for where, memory in read_memory(holder.process.pid, overlap=300) if host.encode() in memory}
    assert any("bpf-map" in where or "bpf_ringbuf" in where for where in mappings), mappings


def test_the_scan_finds_a_secret_planted_on_purpose(holder: Holder) -> None:
    secret = new_secret()
    assert not scan_process(holder.process.pid, [secret])
    holder.ask(f"plant {secret}")
    assert "plain" in {finding.encoding for finding in scan_process(holder.process.pid, [secret])}


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_the_scan_sees_through_encodings(before: str) -> None:
    secret = new_secret()
    text = before + secret + "tail"
    encoded = base64.b64encode(text.encode())
    assert any(one.encoding.startswith("Base64") for one in scan_bytes("x", b"..." + encoded, [secret]))
    for name, pattern in encodings(secret).items():
        assert scan_bytes("x", b"--" + pattern + b"--", [secret]), name
    assert not scan_bytes("x", new_secret().encode(), [secret])
