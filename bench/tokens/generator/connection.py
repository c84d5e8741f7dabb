"""A TLS 1.3 connection over loopback whose bytes and segments are those that the kernel's TCP says it sent."""

from __future__ import annotations

import select
import socket
import ssl
from dataclasses import dataclass, field
from struct import unpack_from

import trustme

SEGMENT_BYTES = 1448
"""What one segment carries on Ethernet, where the timestamps that Linux sends take 12 bytes."""
_TIMESTAMPS = 12
_SEGMENTS_AGAIN, _SEGMENTS, _BYTES, _BYTES_AGAIN = 100, 156, 200, 208
"""Places in `struct tcp_info` (linux/tcp.h): what was sent, and what of it was sent again."""


@dataclass
class Counted:
    """TCP payload bytes and link-independent segments of one direction."""

    payload_bytes: int = 0
    segments: int = 0


@dataclass
class End:
    """One end: its TLS, which reads and writes memory, and the socket that carries what it wrote."""

    tls: ssl.SSLObject
    received: ssl.MemoryBIO
    written: ssl.MemoryBIO
    socket: socket.socket
    count: Counted = field(default_factory=Counted)

    def sent(self) -> tuple[int, int]:
        """Payload bytes and the segments that carried any, each once, since the connection began."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        (sent,), (again,) = unpack_from("=Q", info, _BYTES), unpack_from("=Q", info, _BYTES_AGAIN)
        (segments,), (segments_again,) = unpack_from("=I", info, _SEGMENTS), unpack_from("=I", info, _SEGMENTS_AGAIN)
        return sent - again, segments - segments_again


class Connection:
    """Both ends of one connection. Every send is flushed at once: one TLS record or more, one packet."""

    def __init__(self, client: End, server: End) -> None:
        self._client, self._server = client, server

    def handshake(self) -> None:
        """Shakes hands, and has the server's tickets read."""
        finished = 0
        while finished < 2:
            finished = 0
            for end, other in ((self._client, self._server), (self._server, self._client)):
                try:
                    end.tls.do_handshake()
                    finished += 1
                except ssl.SSLWantReadError:
                    pass
                _carry(end, other)

    def send(self, data: bytes, *, from_client: bool) -> None:
        """Encrypts, sends and reads `data`."""
        sender, receiver = (self._client, self._server) if from_client else (self._server, self._client)
        sender.tls.write(data)
        _carry(sender, receiver)
        try:
            while receiver.tls.read(1 << 16):
                pass
        except ssl.SSLWantReadError:
            pass

    def take_counts(self) -> tuple[Counted, Counted]:
        """What was counted since the last call: out, and in."""
        taken = self._client.count, self._server.count
        self._client.count, self._server.count = Counted(), Counted()
        return taken

    def close(self) -> None:
        self._client.socket.close()
        self._server.socket.close()


class Endpoints:
    """Contexts for one provider host, with a certificate about as long as a real one's chain."""

    def __init__(self, host: str, other_names: int) -> None:
        authority = trustme.CA()
        names = [host, *(f"edge-{number:03d}.{host}" for number in range(other_names))]
        self.host = host
        self.server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.client_context = ssl.create_default_context()
        authority.issue_cert(*names).configure_cert(self.server_context)
        authority.configure_trust(self.client_context)
        for context in (self.server_context, self.client_context):
            context.minimum_version = ssl.TLSVersion.TLSv1_3

    def connect(self, protocol: str) -> Connection:
        """A connection whose handshake is done and counted."""
        for context in (self.server_context, self.client_context):
            context.set_alpn_protocols([protocol])
        client, server = _connected()
        to_server, to_client = (ssl.MemoryBIO(), ssl.MemoryBIO()), (ssl.MemoryBIO(), ssl.MemoryBIO())
        connection = Connection(
            End(
                self.client_context.wrap_bio(to_client[1], to_server[0], server_hostname=self.host),
                *(to_client[1], to_server[0], client),
            ),
            End(
                self.server_context.wrap_bio(to_server[1], to_client[0], server_side=True),
                *(to_server[1], to_client[0], server),
            ),
        )
        connection.handshake()
        return connection


def _connected() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection over loopback with Ethernet's segments, and none held back to be filled."""
    with socket.socket() as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES + _TIMESTAMPS)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client = socket.socket()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES + _TIMESTAMPS)
        client.connect(listener.getsockname())
        server = listener.accept()[0]
    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end.setblocking(False)
    return client, server


def _carry(sender: End, receiver: End) -> None:
    """Sends what was written and has the other end receive all of it, then counts what TCP sent of it."""
    wire = memoryview(sender.written.read())
    before = sender.sent()
    at, left = 0, len(wire)
    while left:
        writable = [sender.socket] if at < len(wire) else []
        readable, ready, _ = select.select([receiver.socket], writable, [])
        if ready:
            at += sender.socket.send(wire[at:])
        if readable:
            left -= receiver.received.write(receiver.socket.recv(1 << 18))
    after = sender.sent()
    sender.count.payload_bytes += after[0] - before[0]
    sender.count.segments += after[1] - before[1]
