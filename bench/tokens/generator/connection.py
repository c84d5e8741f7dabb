"""A real TLS 1.3 connection between two endpoints in memory that counts what TCP would have carried."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

import trustme

SEGMENT_BYTES = 1448


@dataclass
class Counted:
    """TCP payload bytes and link-independent segments of one direction."""

    payload_bytes: int = 0
    segments: int = 0

    def add(self, payload: bytes) -> None:
        if payload:
            self.payload_bytes += len(payload)
            self.segments += -(-len(payload) // SEGMENT_BYTES)


@dataclass
class Connection:
    """Both ends of one connection. Every send is flushed at once: one TLS record or more, one packet."""

    client: ssl.SSLObject
    server: ssl.SSLObject
    to_server: ssl.MemoryBIO
    to_client: ssl.MemoryBIO
    out: Counted = field(default_factory=Counted)
    into: Counted = field(default_factory=Counted)

    def send(self, data: bytes, *, from_client: bool) -> None:
        """Encrypts and delivers `data`, counting the packet."""
        sender, wire, count = (
            (self.client, self.to_server, self.out) if from_client else (self.server, self.to_client, self.into)
        )
        receiver = self.server if from_client else self.client
        before = wire.pending
        sender.write(data)
        grown = wire.pending - before
        count.add(b"\0" * grown)
        while grown:
            try:
                if not receiver.read(1 << 16):
                    break
            except ssl.SSLWantReadError:
                break

    def take_counts(self) -> tuple[Counted, Counted]:
        """What was counted since the last call."""
        taken = (self.out, self.into)
        self.out, self.into = Counted(), Counted()
        return taken


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
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        connection = Connection(
            self.client_context.wrap_bio(to_client, to_server, server_hostname=self.host),
            self.server_context.wrap_bio(to_server, to_client, server_side=True),
            to_server,
            to_client,
        )
        finished = 0
        while finished < 2:
            finished = 0
            for side, wire, count in (
                (connection.client, to_server, connection.out),
                (connection.server, to_client, connection.into),
            ):
                before = wire.pending
                try:
                    side.do_handshake()
                    finished += 1
                except ssl.SSLWantReadError:
                    pass
                count.add(b"\0" * max(0, wire.pending - before))
        return connection
