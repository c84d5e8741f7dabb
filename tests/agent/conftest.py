"""A small real server on loopback, and what several test files need to make an identity."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Reply = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


@dataclass
class Request:
    """A request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class LoopbackServer:
    """Answers every POST with what `answer` says, and remembers the requests."""

    answer: Callable[[Request], Reply]
    url: str = ""
    requests: list[Request] = field(default_factory=list)


class Listener(ThreadingHTTPServer):
    """Takes it calmly when a client hangs up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Request], Reply]], LoopbackServer]]:
    """Starts a server for the duration of the test."""
    with ExitStack() as stack:

        def start(answer: Callable[[Request], Reply]) -> LoopbackServer:
            server = LoopbackServer(answer)

            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def do_POST(self) -> None:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                    server.requests.append(request)
                    status, headers, content = server.answer(request)
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

                def log_message(self, *args: object) -> None:
                    """Says nothing."""

            listener = Listener(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            stack.callback(thread.join)
            stack.callback(listener.server_close)
            stack.callback(listener.shutdown)
            server.url = f"http://127.0.0.1:{listener.server_port}"
            return server

        yield start
