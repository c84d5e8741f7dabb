"""A conversation that looks like TLS to whoever counts it and carries no secrets: for exact counts of odd transports.

The client's part is programs/converse.py, which runs in a namespace under any account; the server's part is here.
Sizes are those of TLS 1.3: hello, answer, Finished, one request of records, one response.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field

FINISHED = bytes([20, 3, 3, 0, 1, 1]) + bytes([23, 3, 3, 0, 53]) + bytes(53)
SERVER_FLIGHT = bytes([22, 3, 3, 0, 90]) + bytes(90) + bytes([23, 3, 3, 4, 0]) + bytes(1024)


def client_hello(host: str) -> bytes:
    """A real ClientHello of OpenSSL, record header included."""
    out = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=host)
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def records(payload_bytes: int) -> bytes:
    """Application data records holding at least `payload_bytes`."""
    full = bytes([23, 3, 3, 64, 0]) + b"r" * 16384
    return full * -(-payload_bytes // 16384)


@dataclass(slots=True)
class Counted:
    """What the server's socket received and sent."""

    received_bytes: int = 0
    sent_bytes: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def wait(self, timeout_s: float = 30) -> Counted:
        assert self.over.wait(timeout_s), f"the conversation is not over: {self}"
        return self


class Sink:
    """Holds conversations: reads `request_bytes` in all, answers, reads until the client ends; all of them counted
    together. `full_duplex`: the answer is sent while the request is read.
    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        hello_bytes: int,
        request_bytes: int,
        response_bytes: int,
        conversations: int = 1,
        full_duplex: bool = False,
    ) -> None:
        self._listener = listener
        self._hello_bytes, self._request_bytes = hello_bytes, request_bytes
        self._response = records(response_bytes) if response_bytes else b""
        self._left = conversations
        self._full_duplex = full_duplex
        self._lock = threading.Lock()
        self.counted = Counted()
        threading.Thread(target=self._accept, args=(conversations,), daemon=True).start()

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self, conversations: int) -> None:
        for _ in range(conversations):
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._read(connection, self._hello_bytes)
                self._send(connection, SERVER_FLIGHT)
                answer = threading.Thread(target=self._send, args=(connection, self._response))
                if self._full_duplex:
                    answer.start()
                self._read(connection, len(FINISHED) + self._request_bytes)
                if not self._full_duplex:
                    answer.start()
                answer.join()
                while self._read_some(connection, 1 << 20):
                    pass
            except ConnectionError:
                pass  # a reset is one of the things conversations do
        with self._lock:
            self._left -= 1
            if not self._left:
                self.counted.over.set()

    def _read(self, connection: socket.socket, count: int) -> None:
        while count:
            got = self._read_some(connection, count)
            if not got:
                return
            count -= got

    def _read_some(self, connection: socket.socket, count: int) -> int:
        got = len(connection.recv(min(count, 1 << 20)))
        with self._lock:
            self.counted.received_bytes += got
        return got

    def _send(self, connection: socket.socket, data: bytes) -> None:
        connection.sendall(data)
        with self._lock:
            self.counted.sent_bytes += len(data)
