"""A proxy for the lab that speaks HTTP CONNECT and SOCKS5, and counts the bytes of its clients' sockets."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Proxy:
    """Passes everything on to one server, whatever name was asked for."""

    def __init__(self, listener: socket.socket, server: socket.socket) -> None:
        """`server` is a socket of the server's namespace, not yet connected; it serves the one connection of a test."""
        self.received_bytes = self.sent_bytes = 0
        self.over = threading.Event()
        self._listener, self._server = listener, server
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._server.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client, suppress(ConnectionError):
            first = self._receive(client)
            if first.startswith(b"CONNECT "):
                while b"\r\n\r\n" not in first:
                    first += self._receive(client)
                self._send(client, b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:  # SOCKS5: greeting, then a request for a name
                self._send(client, b"\x05\x00")
                self._receive(client)
                self._send(client, b"\x05\x00\x00\x01" + bytes(6))
            back = threading.Thread(target=self._back, args=(client,))
            back.start()
            while data := self._receive(client):
                self._server.sendall(data)
            self._server.shutdown(socket.SHUT_WR)
            back.join()
        self.over.set()

    def _back(self, client: socket.socket) -> None:
        with suppress(OSError):
            while data := self._server.recv(65536):
                self._send(client, data)

    def _receive(self, client: socket.socket) -> bytes:
        data = client.recv(65536)
        self.received_bytes += len(data)
        return data

    def _send(self, client: socket.socket, data: bytes) -> None:
        client.sendall(data)
        self.sent_bytes += len(data)
