"""Secrets sent through real TLS are nowhere in the agent: not in its memory, not in the ring it reads."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable

import pytest
from tests.lab.canary import encodings, new_secret, read_memory, scan_bytes, scan_process
from tests.lab.holding import Holder
from tests.lab.lab import SERVER_4, Lab

pytestmark = pytest.mark.kernel


def by_curl(lab: Lab, host: str, secret: str, path: str) -> bytes:
    """OpenSSL's TLS; HTTP/1.1, then HTTP/2. Answers what was answered."""
    sent = ["-H", f"Authorization: Bearer {secret}", "-d", secret * 30, f"https://{host}{path}"]
    return lab.curl("--http1.1", *sent) + lab.curl("--http2", *sent)


def by_node(lab: Lab, host: str, secret: str, path: str) -> bytes:
    """The same by Node's own clients of both."""
    if shutil.which("node") is None:
        pytest.skip("a conversation by Node needs node")
    return lab.node("say", SERVER_4, "443", host, secret, path)


@pytest.mark.parametrize("converse", [by_curl, by_node])
def test_secrets_of_a_conversation_are_nowhere_in_the_agent(
    lab: Lab, domain: str, holder: Holder, converse: Callable[[Lab, str, str, str], bytes]
) -> None:
    host = f"api.{domain}"
    asked, path = new_secret(), new_secret()
    with lab.serve(host) as server:
        answer = converse(lab, host, asked, f"/say/{path}")
        assert answer.count(path.encode()) == 200
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
