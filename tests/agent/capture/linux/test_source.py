"""Real clients against a server that counts: what the kernel saw must be what the server's sockets saw."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.lab.lab import Lab
from tests.lab.watching import Watch, totals

pytestmark = pytest.mark.kernel

UID = 40_417


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_bytes_and_account_of_a_curl_request_are_the_servers_own(
    lab: Lab, domain: str, shared_watch: Callable[..., Watch], version: str
) -> None:
    host = f"api.{domain}"
    watching = shared_watch()
    with lab.serve(host) as server:
        lab.curl(version, "-d", "x" * 3000, f"https://{host}/bytes/50000", "-o", "/dev/null", uid=UID)
        (served,) = server.wait_closed(1)
    observed = watching.for_bytes(served.received_bytes, served.sent_bytes)
    assert totals(observed) == (served.received_bytes, served.sent_bytes)
    assert [one.uid for one in observed] == [UID]
    assert observed[0].provider_host == host
    assert observed[0].exchange.first_on_connection
