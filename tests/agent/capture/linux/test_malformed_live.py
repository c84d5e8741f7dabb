"""A hello that names no host, or more than one, names none: the kernel's way and a replay's agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.lab.conversation import FINISHED, SERVER_FLIGHT, Sink, records
from tests.lab.lab import SERVER_4, Lab
from tests.lab.watching import Watch, totals

from toktra.agent.capture.names import Hello, TlsReader

pytestmark = pytest.mark.kernel

REQUEST = records(10_000)
RESPONSE_BYTES = 5_000


def hello(wire: Any, kind: str, host: bytes) -> bytes:
    name = wire.server_name(host)
    entry = b"\0" + len(host).to_bytes(2, "big") + host
    extensions = {
        "name twice": [name, name],
        "another name later": [wire.server_name(b"other.example"), wire.extension(10, b"\0\0"), name],
        "three names": [name, name, name],
        "two entries": [wire.extension(0, (2 * len(entry)).to_bytes(2, "big") + 2 * entry)],
        "empty name": [wire.server_name(b"")],
        "empty list": [wire.extension(0, b"\0\0")],
        "empty extension": [wire.extension(0, b"")],
        "NUL": [wire.server_name(host + b"\0.evil.example")],
        "not ASCII": [wire.server_name("é.".encode() + host)],
        "address": [wire.server_name(b"10.77.0.10")],
        "address of IPv6": [wire.server_name(b"[::1]")],
    }
    message: bytes = wire.message(*extensions.get(kind, [name]))
    behind = {"a byte behind the hello": b"\x0b", "a hello behind the hello": message}
    stream: bytes = wire.records(message + behind.get(kind, b""))
    return stream


KINDS = [
    *("name twice", "another name later", "three names", "two entries", "empty name", "empty list", "empty extension"),
    *("NUL", "not ASCII", "address", "address of IPv6", "a byte behind the hello", "a hello behind the hello"),
]


@pytest.mark.parametrize("way", ["plain", "bytewise"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_name_is_invented(
    lab: Lab, domain: str, wire: Any, shared_watch: Callable[..., Watch], kind: str, way: str
) -> None:
    host = f"api.{domain}".encode()
    malformed, sound = hello(wire, kind, host), hello(wire, "one name", host)
    answer = TlsReader().feed(malformed)
    assert not isinstance(answer, Hello) or answer.host is None
    known = (host.decode(), "other.example", "10.77.0.10", "[::1]", f"é.{host.decode()}")
    watching = shared_watch(*known)
    converse(lab, malformed, way)
    counted = converse(lab, sound, way)
    observed = watching.for_bytes(*counted)
    assert totals(observed) == counted
    assert [one.provider_host for one in observed] == [host.decode()]


def converse(lab: Lab, hello: bytes, way: str) -> tuple[int, int]:
    """Bytes the server received and sent in a conversation that begins with this hello."""
    request = lab.directory / "request"
    request.write_bytes(REQUEST)
    listener = lab.listen(SERVER_4, 443)
    with Sink(listener, hello_bytes=len(hello), request_bytes=len(REQUEST), response_bytes=RESPONSE_BYTES) as sink:
        lab.program(
            "converse",
            *(SERVER_4, "443", hello.hex(), FINISHED.hex(), str(len(SERVER_FLIGHT)), way),
            *(str(request), str(len(records(RESPONSE_BYTES)))),
        )
        counted = sink.counted.wait()
    return counted.received_bytes, counted.sent_bytes
