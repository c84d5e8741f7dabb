"""A conversation on the loopback, watched by a capture of its own: counted to the byte, named, and not read.

Uses names that cannot exist (RFC 6761) and a port of its own, so it disturbs and is disturbed by nothing.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from contextlib import closing, suppress
from typing import Final

from toktra.agent.capture.linux.source import LinuxCapture

PROVIDER: Final = "provider.toktra-self-test.invalid"
OTHER: Final = "other.toktra-self-test.invalid"
_FINISHED: Final = bytes([20, 3, 3, 0, 1, 1]) + bytes([23, 3, 3, 0, 53]) + bytes(53)
_SERVER_FLIGHT: Final = bytes([22, 3, 3, 0, 90]) + bytes(90) + bytes([23, 3, 3, 4, 0]) + bytes(1024)
_TIMEOUT_S: Final = 10.0


class SelfTestFailed(AssertionError):
    """The capture saw something else than what was sent."""


def run_self_test() -> str:
    """What was shown, in a sentence. Raises SelfTestFailed, or CannotCapture when nothing can be loaded."""
    secret = secrets.token_bytes(32)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        capture = LinuxCapture.open([listener.getsockname()[1]], lambda host: host if host == PROVIDER else None)
        with closing(capture):
            _converse(listener, OTHER, secret)
            sent, received = _converse(listener, PROVIDER, secret)
            observed = capture.poll(0.1)
            deadline = time.monotonic() + _TIMEOUT_S
            while not observed and time.monotonic() < deadline:
                observed = capture.poll(0.1)
            if secret in capture.raw_memory():
                raise SelfTestFailed("a secret sent through the connection was found in the ring or the maps")
            forgotten = capture.status().forgotten
    exchanges = [one.exchange for one in observed]
    counted = [(one.request_bytes + one.control_bytes, one.response_bytes) for one in exchanges]
    if counted != [(sent, received)]:
        raise SelfTestFailed(f"sent {sent} and received {received} bytes, but {counted} was counted")
    if forgotten != 1:
        raise SelfTestFailed(f"{forgotten} connections were forgotten, not the one to another host")
    return (
        f"{sent} bytes out and {received} in, counted exactly; the connection to another host forgotten; "
        "a secret in both found neither in the ring nor in the maps"
    )


def _converse(listener: socket.socket, host: str, secret: bytes) -> tuple[int, int]:
    """Bytes a client sent and received: hello, server's flight, Finished, a request and a response with the secret."""
    content = bytes([23, 3, 3, 2, 0]) + secret.ljust(512, b".")
    hello = _client_hello(host)
    with socket.create_connection(listener.getsockname(), _TIMEOUT_S) as client:
        server, _ = listener.accept()
        with server:
            for sender, receiver, data in (
                (client, server, hello),
                (server, client, _SERVER_FLIGHT),
                (client, server, _FINISHED + content),
                (server, client, content * 4),
            ):
                sender.sendall(data)
                _receive(receiver, len(data))
    return len(hello) + len(_FINISHED) + len(content), len(_SERVER_FLIGHT) + 4 * len(content)


def _client_hello(host: str) -> bytes:
    out = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=host)
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def _receive(connection: socket.socket, count: int) -> None:
    while count:
        count -= len(connection.recv(count)) or count
