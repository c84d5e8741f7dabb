"""Datagrams that look like QUIC to whoever counts them: real Initial packets of a client, then short headers.

The client's part is programs/datagrams.py, which runs in a namespace; the server's part is here and counts.
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any

from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

DATAGRAM_BYTES = 1200
BATCH = 32
_ASK = b"\x40ask"
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 16 << 20
_QUIET_S = 0.05


def client_initials(host: str) -> list[bytes]:
    """The first flight of a real QUIC client that asks for this host."""
    client = QuicConnection(configuration=QuicConfiguration(is_client=True, server_name=host, alpn_protocols=H3_ALPN))
    client.connect(("192.0.2.1", 443), now=0.0)
    return [datagram for datagram, _ in client.datagrams_to_send(now=0.0)]


class DatagramSink:
    """Counts what comes, confirms every batch, and sends as many datagrams back as it is asked for."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        bound.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        self.received_bytes = self.sent_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> DatagramSink:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        short = 0
        self._socket.settimeout(_QUIET_S)
        while True:
            try:
                data, client = self._socket.recvfrom(65536)
            except TimeoutError:
                if self._stop.is_set():  # and nothing is waiting any more
                    return
                continue
            self.received_bytes += len(data)
            if data.startswith(_ASK):
                (count,) = struct.unpack_from(">H", data, len(_ASK))
                for _ in range(count):
                    self._send(b"\x40" + b"a" * (DATAGRAM_BYTES - 1), client)
            elif not data[0] & 0x80:
                short += 1
                if not short % BATCH:
                    self._send(b"\x40" + b"c" * 30, client)

    def _send(self, data: bytes, client: Any) -> None:
        self.sent_bytes += self._socket.sendto(data, client)
