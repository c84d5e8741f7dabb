"""Every way a program can move bytes through TCP gives the counts of the server's own socket, to the byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.lab.conversation import FINISHED, SERVER_FLIGHT, Sink, client_hello, records
from tests.lab.lab import SERVER_4, SERVER_6, Lab
from tests.lab.watching import Watch, totals

pytestmark = pytest.mark.kernel

UID = 40_418
REQUEST = records(300_000)
RESPONSE_BYTES = 500_000

WAYS = [
    *("plain", "bytewise", "small", "sendfile", "splice", "zerocopy"),
    *("halfclose", "reset", "wrap", "fastopen", "child"),
]


@pytest.mark.parametrize("address", [SERVER_4, SERVER_6])
@pytest.mark.parametrize("way", WAYS)
def test_counts_are_exact(lab: Lab, domain: str, shared_watch: Callable[..., Watch], way: str, address: str) -> None:
    host = f"api.{domain}"
    hello = client_hello(host)
    request = lab.directory / "request"
    request.write_bytes(REQUEST)
    watching = shared_watch()
    listener = lab.listen(address, 443, fast_open=way == "fastopen")
    with Sink(listener, hello_bytes=len(hello), request_bytes=len(REQUEST), response_bytes=RESPONSE_BYTES) as sink:
        lab.program(
            "converse",
            *(address, "443", hello.hex(), FINISHED.hex(), str(len(SERVER_FLIGHT)), way),
            *(str(request), str(len(records(RESPONSE_BYTES)))),
            uid=0 if way == "wrap" else UID,
        )
        counted = sink.counted.wait()
    observed = watching.for_bytes(counted.received_bytes, counted.sent_bytes)
    assert totals(observed) == (counted.received_bytes, counted.sent_bytes)
    assert [one.exchange.continued for one in observed] == [False]
    assert observed[0].uid == (0 if way == "wrap" else UID)
