"""Connections that were open before watching began are told of in the status, as a number, and not counted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

import pytest
from tests.lab.lab import SERVER_4, SERVER_6, Lab
from tests.lab.watching import Watch

from toktra.agent.capture.linux.earlier import count_lines

PORT = 44_447

TABLE = """
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17 1 0 100 0 0 10 0
   1: 0100630A:A2F2 0200630A:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 23 1 0 20 4 30 10 -1
   2: 0100630A:A2F4 0200630A:01BB 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
   3: 0200630A:01BB 0100630A:A2F2 01 00000000:00000000 00:00000000 00000000     0        0 29 1 0 20 4 30 10 -1
   4: 0100630A:A2F6 0200630A:0050 01 00000000:00000000 00:00000000 00000000     0        0 31 1 0 20 4 30 10 -1
   5: short
"""


@pytest.mark.parametrize(("ports", "count"), [({443}, 1), ({80}, 1), ({443, 80}, 2), ({22}, 0), (set(), 0)])
def test_clients_of_a_watched_port_are_counted(ports: set[int], count: int) -> None:
    assert count_lines(TABLE.splitlines(), ports) == count


@pytest.mark.kernel
def test_status_tells_of_connections_in_every_namespace(lab: Lab, watch: Callable[..., Watch]) -> None:
    listeners = [lab.listen(address, PORT) for address in (SERVER_4, SERVER_6)]
    clients = [
        lab.in_namespace(lab.client, partial(socket.create_connection, listener.getsockname()[:2]))
        for listener in listeners
    ]
    inhabitant = lab.start("sleep", "60")
    watching = watch(ports=(PORT,))
    inhabitant.kill()
    for client in clients:
        client.sendall(b"q" * 1000)
    watching.settle()
    status = watching.capture.status()
    assert (status.opened_before, status.connections) == (2, 0)
    assert watching.observed == []
    for one in (*clients, *listeners):
        one.close()
