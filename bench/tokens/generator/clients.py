"""HTTP as real clients and servers write it: header sets by client, HTTP/1.1 by hand, HTTP/2 through a library."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import brotli
import h2.config
import h2.connection
import h2.events
from bench.tokens.generator.connection import Connection

Header = tuple[str, str]
ACKNOWLEDGE_BYTES = 32768
"""An HTTP/2 client returns flow-control credit about this often."""


@dataclass(frozen=True)
class Client:
    """A client program: its protocol, the headers it sends and which encodings it takes."""

    name: str
    protocol: str
    headers: tuple[Header, ...]
    encodings: tuple[str, ...] = ()
    joins: bool = False
    """Writes headers and body in one packet."""
    spaced_json: bool = False


STAINLESS = tuple((f"x-stainless-{name}", value) for name, value in (
    ("lang", "python"), ("package-version", "1.109.1"), ("os", "Linux"), ("arch", "x64"), ("runtime", "CPython"),
    ("runtime-version", "3.12.4"), ("async", "false"), ("retry-count", "0"), ("read-timeout", "600"),
))  # fmt: skip
CLIENTS = (
    Client("py_sdk", "http/1.1", (("user-agent", "OpenAI/Python 1.109.1"), *STAINLESS), ("gzip",)),
    Client("requests", "http/1.1", (("user-agent", "python-requests/2.32.3"),), ("gzip",), spaced_json=True),
    Client("go", "h2", (("user-agent", "Go-http-client/2.0"),), ("gzip",)),
    Client("curl", "h2", (("user-agent", "curl/8.5.0"),)),
    Client("node_sdk", "http/1.1", (("user-agent", "OpenAI/JS 5.20.0"), *STAINLESS[:6]), ("br", "gzip"), joins=True),
    Client("java", "h2", (("user-agent", "Java-http-client/21.0.2"),)),
)
SERVER_HEADERS: tuple[Header, ...] = (
    ("date", "Sun, 22 Nov 2026 09:30:00 GMT"),
    ("server", "cloudflare"),
    ("cf-ray", "9a1b2c3d4e5f6789-FRA"),
    ("cf-cache-status", "DYNAMIC"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("x-content-type-options", "nosniff"),
    ("alt-svc", 'h3=":443"; ma=86400'),
)


def request_headers(client: Client, random: random.Random, key_bytes: int) -> list[Header]:
    """What this client sends besides method, path, host and length."""
    key = "".join(random.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=key_bytes))
    headers = [("accept", "application/json"), *client.headers, ("authorization", f"Bearer {key}")]
    if client.encodings:
        headers.append(("accept-encoding", ", ".join(client.encodings)))
    return [*headers, ("content-type", "application/json")]


def response_headers(random: random.Random, streamed: bool, encoding: str | None, more_bytes: int) -> list[Header]:
    """Headers of the answer: common ones and rate limits of about so many bytes."""
    kind = "text/event-stream; charset=utf-8" if streamed else "application/json"
    headers = [("content-type", kind), *SERVER_HEADERS, ("x-request-id", f"req_{random.getrandbits(96):024x}")]
    if encoding:
        headers.append(("content-encoding", encoding))
    limits = [(f"x-ratelimit-part-{n}", f"{random.randrange(10**7, 10**8)}") for n in range(more_bytes // 40)]
    return headers + limits


def encoded(parts: Sequence[bytes], encoding: str | None) -> Iterator[bytes]:
    """The parts as a server that compresses a stream sends them: flushed after each."""
    if encoding is None:
        yield from parts
    elif len(parts) == 1:
        yield gzip.compress(parts[0], 6) if encoding == "gzip" else brotli.compress(parts[0], quality=4)
    elif encoding == "gzip":
        deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
        for part in parts:
            yield deflate.compress(part) + deflate.flush(zlib.Z_SYNC_FLUSH)
        yield deflate.flush()
    else:
        compressor = brotli.Compressor(quality=4)
        for part in parts:
            yield compressor.process(part) + compressor.flush()
        yield compressor.finish()


class Http1:
    """One HTTP/1.1 connection."""

    def __init__(self, connection: Connection, host: str) -> None:
        self.connection = connection
        self.host = host

    def exchange(
        self, path: str, headers: list[Header], body: bytes, answer: list[Header], parts: Sequence[bytes], joins: bool
    ) -> None:
        """Sends the request, then the answer part by part."""
        lines = [f"POST {path} HTTP/1.1", f"Host: {self.host}", "Connection: keep-alive"]
        lines += [f"{name.title()}: {value}" for name, value in headers] + [f"Content-Length: {len(body)}", "", ""]
        head = "\r\n".join(lines).encode()
        for data in [head + body] if joins else [head, body]:
            self.connection.send(data, from_client=True)
        chunked = len(parts) > 1
        framing = ("transfer-encoding", "chunked") if chunked else ("content-length", str(len(parts[0])))
        reply = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in [*answer, framing]), "", ""])
        self.connection.send(reply.encode(), from_client=False)
        for part in parts:
            data = f"{len(part):x}\r\n".encode() + part + b"\r\n" if chunked else part
            self.connection.send(data, from_client=False)
        if chunked:
            self.connection.send(b"0\r\n\r\n", from_client=False)


class Http2:
    """One HTTP/2 connection."""

    def __init__(self, connection: Connection, host: str) -> None:
        self.connection = connection
        self.host = host
        self.client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.client.initiate_connection()
        self.server.initiate_connection()
        for side in (self.client, self.server):
            side.increment_flow_control_window(2**24)
        self._flush()

    def _flush(self) -> None:
        for _ in range(2):
            for side, other, from_client in ((self.client, self.server, True), (self.server, self.client, False)):
                data = side.data_to_send()
                if data:
                    self.connection.send(data, from_client=from_client)
                    other.receive_data(data)

    def exchange(
        self, path: str, headers: list[Header], body: bytes, answer: list[Header], parts: Sequence[bytes], joins: bool
    ) -> None:
        """Sends the request, then the answer part by part, with flow-control credit going back."""
        stream = self.client.get_next_available_stream_id()
        pseudo = [(":method", "POST"), (":scheme", "https"), (":authority", self.host), (":path", path)]
        self.client.send_headers(stream, [*pseudo, *headers, ("content-length", str(len(body)))])
        if not joins:
            self._flush()
        for start in range(0, len(body), 16384):
            if self.client.local_flow_control_window(stream) < 16384:
                self._flush()
                self.server.increment_flow_control_window(2**20, stream)
                self._flush()
            last = start + 16384 >= len(body)
            self.client.send_data(stream, body[start : start + 16384], end_stream=last)
        self._flush()
        self.server.send_headers(stream, [(":status", "200"), *answer])
        self._flush()
        owed = 0
        for place, part in enumerate(parts):
            for start in range(0, len(part), 16000):
                self.server.send_data(stream, part[start : start + 16000])
                self._flush()
            owed += len(part)
            if owed >= ACKNOWLEDGE_BYTES or place == 0:
                self.client.increment_flow_control_window(max(1, owed))
                self.client.increment_flow_control_window(max(1, owed), stream)
                self._flush()
                owed = 0
        self.server.end_stream(stream)
        self._flush()
