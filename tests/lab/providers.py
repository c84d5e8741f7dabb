"""Local servers under the names of AI providers, for browsers: pages, answers at once, streamed ones, WebSockets.

What was asked is kept by host, method and path, so that what an observer says can be held against it.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import trustme

PAGE = b"<!doctype html><meta charset=utf-8><title>page</title><link rel=icon href=data:,>"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it."""

    host: str
    method: str
    path: str
    request_bytes: int
    """Of its body."""
    response_bytes: int
    streamed: bool


@dataclass
class Providers:
    """Listens on loopback under every name there is; its certificate is nobody's."""

    port: int
    asked: list[Asked] = field(default_factory=list)

    def of(self, *hosts: str) -> list[Asked]:
        """What was asked of these hosts, but for pages."""
        return [one for one in self.asked if one.host in hosts and one.method != "GET"]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers hang up as they like."""


@contextmanager
def providers() -> Iterator[Providers]:
    """Serves until the end of the block."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    asked: list[Asked] = []
    slowly = threading.Event()  # never set: it only takes time

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        answers: ClassVar[list[Asked]] = asked

        def do_GET(self) -> None:
            if self.headers.get("Upgrade", "").lower() == "websocket":
                self._open_websocket()
                return
            self._answer(PAGE, "text/html")
            self._note(0, len(PAGE), streamed=False)

        def do_POST(self) -> None:
            size = len(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            if "stream" in self.path:
                pieces = [b"data: " + b"s" * 192 + b"\n\n"] * 20
                self._headers("text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                for piece in pieces:
                    self.wfile.write(piece)
                    if "slow" in self.path:
                        slowly.wait(0.15)
                self._note(size, 20 * 200, streamed=True)
            elif "never" in self.path:
                self._note(size, 0, streamed=False)
                self.rfile.read(1)  # until the browser hangs up
                self.close_connection = True
            else:
                self._answer(b"a" * 1000, "application/json")
                self._note(size, 1000, streamed=False)

        def _open_websocket(self) -> None:
            """Says hello and closes (RFC 6455)."""
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            accept = hashlib.sha1(key.encode(), usedforsecurity=False).digest()
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
            self.end_headers()
            self.wfile.write(b"\x81\x05hello\x88\x02\x03\xe8")
            self.close_connection = True

        def _headers(self, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Access-Control-Allow-Origin", "*")

        def _answer(self, body: bytes, kind: str) -> None:
            self._headers(kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _note(self, request_bytes: int, response_bytes: int, *, streamed: bool) -> None:
            host = self.headers.get("Host", "").partition(":")[0]
            self.answers.append(Asked(host, self.command, self.path, request_bytes, response_bytes, streamed))

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = _Quiet(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Providers(server.server_port, asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
