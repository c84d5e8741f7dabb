"""Connections that accounts of this machine hold open, and what the provider's own sockets counted of them."""

from __future__ import annotations

import ctypes
import http.client
import os
import socket
import ssl

from tests.end_to_end.installation import until
from tests.lab.lab import SERVER_4, Lab
from tests.lab.server import TlsServer


class Client:
    """One connection of an account, held open by the test."""

    def __init__(self, lab: Lab, uid: int, host: str) -> None:
        def connect() -> socket.socket:
            _this_thread_becomes(uid)
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.connect((SERVER_4, 443))
            return connection

        raw = lab.in_namespace(lab.client, connect)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context()
        lab.authority.configure_trust(context)
        self._http = http.client.HTTPConnection(host)
        self._http.sock = context.wrap_socket(raw, server_hostname=host)

    def ask(self, path: str, body_bytes: int) -> None:
        """One request, and its whole answer."""
        self._http.request("POST", path, b"q" * body_bytes)
        self._http.getresponse().read()

    def close(self) -> None:
        self._http.close()


def served(server: TlsServer, place: int, answered: int) -> tuple[int, int]:
    """What the server has received and sent on one connection once it has answered so many requests."""
    until(lambda: len(server.connections) > place and server.connections[place].answered >= answered)
    one = server.connections[place]
    return one.received_bytes, one.sent_bytes


def _this_thread_becomes(uid: int) -> None:
    """The raw system call: unlike os.setresuid it concerns the calling thread alone, which ends right after."""
    number = {"x86_64": 117, "aarch64": 147}[os.uname().machine]
    assert ctypes.CDLL(None, use_errno=True).syscall(number, uid, uid, uid) == 0
