"""HTTP/3 as the kernel sees it: names, accounts, bytes and exchanges of real QUIC."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from aioquic.quic.packet import QuicProtocolVersion
from tests.lab.lab import SERVER_4, SERVER_6, Lab
from tests.lab.watching import Watch, totals

from toktra.agent.capture import replay

pytestmark = pytest.mark.kernel

UID = 40_420


@pytest.mark.parametrize("version", [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2])
@pytest.mark.parametrize("address", [SERVER_4, SERVER_6])
def test_quic_is_counted_by_datagram_under_the_right_account(
    lab: Lab, domain: str, watch: Callable[..., Watch], address: str, version: QuicProtocolVersion
) -> None:
    host = f"api.{domain}"
    watching = watch()
    with lab.recorded() as file, lab.serve_quic(host, address=address, version=version) as server:
        lab.program(
            "quic_client",
            *(address, "443", host, str(UID), str(int(version)), "2000:/bytes/30000", "20:/bytes/5000"),
            python=sys.executable,
        )
        observed = watching.until(lambda observed: len(observed) >= 2)
        watching.settle()
    assert totals(observed) == (server.received_bytes, server.sent_bytes)
    assert {one.uid for one in observed} == {UID}
    assert len(observed) == 2
    replayed = list(replay.exchanges(file, lambda name: name if name == host else None))
    assert [one.exchange.request_bytes for one in replayed] == [one.exchange.request_bytes for one in observed]
    assert totals(replayed) == totals(observed)


def test_quic_to_another_host_is_forgotten_once(lab: Lab, domain: str, watch: Callable[..., Watch]) -> None:
    """Its later Initial packets, to the id the server chose, must not make a second connection of it."""
    host, port = f"other.{domain}", 44_443
    watching = watch(ports=(port,))
    with lab.serve_quic(host, port=port):
        lab.program("quic_client", SERVER_4, str(port), host, str(UID), "1", "2000:/bytes/3000", python=sys.executable)
    watching.settle()
    assert watching.observed == []
    status = watching.capture.status()
    assert (status.connections, status.forgotten, status.unnamed) == (1, 1, 0)
    assert watching.capture._flows.list_keys() == []
