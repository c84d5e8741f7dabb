"""A real TLS server for the lab, HTTP/1.1 and HTTP/2, that counts what its sockets receive and send to the byte.

Paths say what to answer: /bytes/N (N bytes at once), /stream/COUNT/SIZE/PAUSE_MS (events of SIZE bytes), /echo (as
many bytes as the request had).
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h11
import trustme


@dataclass(slots=True)
class Served:
    """One connection as the server's socket saw it."""

    host: str | None = None
    client: tuple[str, int] = ("", 0)
    received_bytes: int = 0
    sent_bytes: int = 0
    requests: list[str] = field(default_factory=list)
    answered: int = 0
    closed: bool = False


class TlsServer:
    """Serves connections of `listener` in threads until closed. `connections` has what was counted, oldest first."""

    def __init__(
        self, listener: socket.socket, authority: trustme.CA, hosts: Sequence[str], *, alpn: Sequence[str]
    ) -> None:
        self._listener = listener
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*hosts).configure_cert(self._context)
        self._context.set_alpn_protocols(list(alpn))
        self._context.sni_callback = self._note_name
        self.connections: list[Served] = []
        self._names: dict[int, str | None] = {}
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> TlsServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def wait_closed(self, count: int, timeout_s: float = 15) -> list[Served]:
        """The connections, once `count` of them are over."""
        with self._changed:
            over = self._changed.wait_for(lambda: sum(c.closed for c in self.connections) >= count, timeout_s)
            assert over, f"{self.connections} of {count}"
            return list(self.connections)

    def close(self) -> None:
        """Stops listening and cuts what is still open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listener.close()
        self._accepting.join()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _note_name(self, tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        self._names[id(tls)] = name

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            served = Served(client=(address[0], address[1]))
            with self._changed:
                self.connections.append(served)
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, served), daemon=True).start()

    def _serve(self, connection: socket.socket, served: Served) -> None:
        channel = Channel(connection, self._context, served)
        try:
            if not channel.shake_hands():
                return
            served.host = self._names.pop(id(channel.tls), None)
            if channel.tls.selected_alpn_protocol() == "h2":
                _serve_http2(channel, served)
            else:
                _serve_http1(channel, served)
            channel.end()
        except (OSError, ssl.SSLError):
            pass  # the client went away; what was counted until then stands
        finally:
            with self._changed:
                self._open.discard(connection)
                connection.close()
                served.closed = True
                self._changed.notify_all()


class Channel:
    """TLS over a socket whose every byte is counted."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, served: Served) -> None:
        self._connection, self._served = connection, served
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)

    def shake_hands(self) -> bool:
        """False when the client left before the handshake was done."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    return False
            else:
                self._flush()
                return True

    def receive(self) -> bytes:
        """Decrypted bytes; empty at the end of the stream."""
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    def send(self, data: bytes) -> None:
        """Encrypts and sends."""
        for start in range(0, len(data), 1 << 20):
            self.tls.write(data[start : start + (1 << 20)])
            self._flush()

    def end(self) -> None:
        """Reads what the client still sends, so that the kernel does not reset the connection.

        No close_notify: the client has closed, and whether its kernel still takes one in is a matter of luck.
        """
        self._connection.shutdown(socket.SHUT_WR)
        while self._fill():
            pass

    def _fill(self) -> bool:
        data = self._connection.recv(65536)
        self._served.received_bytes += len(data)
        self._in.write(data)
        return bool(data)

    def _flush(self) -> None:
        data = memoryview(self._out.read())
        while data:
            sent = self._connection.send(data)
            self._served.sent_bytes += sent
            data = data[sent:]


def _serve_http1(channel: Channel, served: Served) -> None:
    parser = h11.Connection(h11.SERVER)
    while True:
        size, target = 0, ""
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                if parser.they_are_waiting_for_100_continue:
                    channel.send(parser.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                parser.receive_data(channel.receive())
            elif isinstance(event, h11.Request):
                target = event.target.decode()
            elif isinstance(event, h11.Data):
                size += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return
        served.requests.append(target)
        pieces = _answer(target, size)
        first = next(pieces)
        streamed = target.startswith("/stream/")
        framing = ("transfer-encoding", "chunked") if streamed else ("content-length", str(len(first)))
        channel.send(
            (parser.send(h11.Response(status_code=200, headers=[framing])) or b"")
            + (parser.send(h11.Data(data=first)) or b"")
        )
        for piece in pieces:
            channel.send(parser.send(h11.Data(data=piece)) or b"")
        channel.send(parser.send(h11.EndOfMessage()) or b"")
        served.answered += 1
        if parser.our_state is not h11.DONE or parser.their_state is not h11.DONE:
            return
        parser.start_next_cycle()


def _serve_http2(channel: Channel, served: Served) -> None:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    channel.send(connection.data_to_send())
    targets: dict[int, str] = {}
    sizes: dict[int, int] = {}
    while data := channel.receive():
        asked: list[int] = []
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                targets[event.stream_id] = dict(event.headers)[b":path"].decode()
                sizes[event.stream_id] = 0
            elif isinstance(event, h2.events.DataReceived):
                sizes[event.stream_id] += len(event.data)
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                asked.append(event.stream_id)
            elif isinstance(event, h2.events.ConnectionTerminated):
                return
        channel.send(connection.data_to_send())
        for stream in asked:
            served.requests.append(targets[stream])
            _answer_http2(channel, connection, stream, _answer(targets[stream], sizes[stream]))
            served.answered += 1


def _answer_http2(
    channel: Channel, connection: h2.connection.H2Connection, stream: int, pieces: Iterator[bytes]
) -> None:
    connection.send_headers(stream, [(":status", "200")])
    for piece in pieces:
        left = memoryview(piece)
        while left:
            room = min(connection.local_flow_control_window(stream), connection.max_outbound_frame_size, len(left))
            if room:
                connection.send_data(stream, bytes(left[:room]))
                left = left[room:]
                channel.send(connection.data_to_send())
            else:
                connection.receive_data(channel.receive())
    connection.end_stream(stream)
    channel.send(connection.data_to_send())


def _answer(target: str, request_bytes: int) -> Iterator[bytes]:
    _, kind, *numbers = target.split("?", maxsplit=1)[0].split("/")
    if kind == "bytes":
        yield b"a" * int(numbers[0])
    elif kind == "say":
        yield numbers[0].encode() * 100
    elif kind == "echo":
        yield b"e" * request_bytes
    elif kind == "stream":
        count, size, pause_ms = map(int, numbers)
        for place in range(count):
            if place:
                time.sleep(pause_ms / 1000)
            yield b"data: " + b"s" * (size - 8) + b"\n\n"
    else:
        yield b"not here"
