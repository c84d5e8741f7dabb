"""Through a proxy on a watched port the host is that of the hello inside the tunnel, and every byte counts."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from tests.lab.lab import SERVER_4, Lab
from tests.lab.proxy import Proxy
from tests.lab.watching import Watch, totals

from toktra.agent.capture import replay

pytestmark = pytest.mark.kernel

PORT = 3128


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_tunnel_is_named_by_the_hello_inside_it(
    lab: Lab, domain: str, watch: Callable[..., Watch], scheme: str
) -> None:
    host = f"api.{domain}"
    watching = watch(ports=(PORT,))
    with lab.serve(host), lab.recorded() as file:
        upstream = lab.in_namespace(lab.server, lambda: socket.create_connection((SERVER_4, 443)))
        with Proxy(lab.listen(SERVER_4, PORT), upstream) as proxy:
            lab.run(
                *("curl", "-sS", "--cacert", str(lab.ca_file), "--proxy", f"{scheme}://{SERVER_4}:{PORT}"),
                *("-d", "x" * 4000, f"https://{host}/bytes/30000", "-o", "/dev/null"),
            )
            assert proxy.over.wait(10)
    observed = watching.for_bytes(proxy.received_bytes, proxy.sent_bytes)
    assert totals(observed) == (proxy.received_bytes, proxy.sent_bytes)
    assert [one.provider_host for one in observed] == [host]
    replayed = list(replay.exchanges(file, lambda name: name if name == host else None, ports=frozenset({PORT})))
    assert totals(replayed) == totals(observed)
    assert len(replayed) == len(observed)


@pytest.mark.parametrize(
    "first", [b"CONNECT", b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-OpenSSH_9.9\r\n", b"\x16\x03\x01\x00"]
)
def test_what_is_neither_tunnel_nor_tls_is_forgotten_or_never_named(
    lab: Lab, watch: Callable[..., Watch], first: bytes
) -> None:
    watching = watch(ports=(PORT,))
    with lab.listen(SERVER_4, PORT):
        lab.program("many_hellos", SERVER_4, str(PORT), first.hex(), "3", "1")
        watching.settle()
    status = watching.capture.status()
    assert status.unnamed == 3
    assert status.connections == 3
    assert watching.capture._flows.list_keys() == []
