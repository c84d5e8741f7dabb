"""Loss, duplication and reordering change no count: every byte is counted once, however often it travelled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.lab.impaired import impaired_path
from tests.lab.lab import Lab
from tests.lab.watching import Watch, totals

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("impairment", [{"lose": 0.05}, {"double": 0.2}, {"swap": 0.2}], ids=str)
def test_counts_are_exact_on_a_bad_network(
    lab: Lab, domain: str, shared_watch: Callable[..., Watch], impairment: dict[str, float]
) -> None:
    host = f"api.{domain}"
    upload = lab.directory / "upload"
    upload.write_bytes(b"x" * 200_000)
    watching = shared_watch()
    with impaired_path(lab, **impairment) as address, lab.serve(host, address=address) as server:
        lab.curl(
            *("--http1.1", "--data-binary", f"@{upload}", f"https://{host}/bytes/400000", "-o", "/dev/null"),
            address=address,
        )
        (served,) = server.wait_closed(1)
        observed = watching.for_bytes(served.received_bytes, served.sent_bytes)
        statistics = retransmitted(lab)
    assert totals(observed) == (served.received_bytes, served.sent_bytes)
    assert len(observed) == 1
    assert statistics or "lose" not in impairment, "nothing was lost: the network was not bad enough"


def retransmitted(lab: Lab) -> int:
    """Segments either side sent again so far."""

    def read() -> int:
        with open("/proc/thread-self/net/snmp", encoding="ascii") as counters:  # noqa: PTH123 - not a file
            names, values = [line.split() for line in counters if line.startswith("Tcp:")]
        return int(values[names.index("RetransSegs")])

    return lab.in_namespace(lab.client, read) + lab.in_namespace(lab.server, read)
