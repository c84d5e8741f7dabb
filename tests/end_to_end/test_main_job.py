"""The main job: real traffic of this machine becomes rows in the ledger, byte for byte, and nothing else does."""

from __future__ import annotations

import getpass
import os
import signal
import socket
from collections.abc import Iterator

import pytest
from tests.end_to_end.installation import Installation, until
from tests.lab.lab import SERVER_4, Lab
from tests.lab.server import Served, TlsServer

pytestmark = pytest.mark.kernel

PROVIDERS = ("api.openai.com", "api.anthropic.com", "chatgpt.com")
OTHERS = ("www.example.org", "accounts.google.com", "update.googleapis.com")
UID = 4321

TOTALS = """
    select provider_host, sum(request_bytes)::bigint, sum(response_bytes)::bigint,
           count(*) filter (where estimated_input_tokens > 0)
    from usage_event group by 1 order by 1
"""


def talk(lab: Lab) -> None:
    """curl and Python, HTTP/1.1 and HTTP/2, one request after another, to providers and to others, two accounts."""
    lab.curl("--http1.1", *(f"https://api.openai.com/bytes/{size}" for size in (1000, 20_000, 3)))
    lab.curl("--http2", "-d", "x" * 60_000, "https://api.anthropic.com/bytes/5000", uid=UID)
    lab.curl("--http2", "https://www.example.org/bytes/4000")
    lab.curl("--http2", "https://accounts.google.com/bytes/700", uid=UID)
    for host in ("chatgpt.com", "update.googleapis.com"):
        lab.program("keep_alive", SERVER_4, "443", host, "0.05", "900:/stream/40/180/2", "1500:/bytes/2500", uid=UID)


CONNECTIONS = 6
"""How many connections `talk` makes."""


def counted(served: list[Served]) -> dict[str, tuple[int, int, int]]:
    """Bytes received, bytes sent and requests by provider host, as the server's own sockets saw them."""
    sums: dict[str, tuple[int, int, int]] = {}
    for one in served:
        if one.host in PROVIDERS:
            received, sent, requests = sums.get(one.host, (0, 0, 0))
            sums[one.host] = received + one.received_bytes, sent + one.sent_bytes, requests + len(one.requests)
    return sums


def in_ledger(here: Installation) -> dict[str, tuple[int, int, int]]:
    return {host: (sent, received, exchanges) for host, sent, received, exchanges in here.query(TOTALS)}


def arrives(here: Installation, truth: dict[str, tuple[int, int, int]]) -> None:
    """Fails unless the ledger comes to hold exactly this."""
    until(
        lambda: in_ledger(here) == truth,
        why=lambda: f"{in_ledger(here)} is not {truth}\n{here.log('agent')}\n{here.log('server')[-2000:]}",
    )


@pytest.fixture
def server(lab: Lab) -> Iterator[TlsServer]:
    """A server of this test's own for all the names."""
    with lab.serve(*PROVIDERS, *OTHERS) as running:
        yield running


def test_provider_exchanges_arrive_exactly_and_nothing_else_anywhere(
    here: Installation, lab: Lab, server: TlsServer
) -> None:
    here.start()
    talk(lab)
    truth = counted(server.wait_closed(CONNECTIONS))
    assert {host: requests for host, (_, _, requests) in truth.items()} == {
        "api.anthropic.com": 1,
        "api.openai.com": 3,
        "chatgpt.com": 2,
    }
    arrives(here, truth)

    # The right person: the owner who enrolled this device, and the other account under its number.
    people = dict(
        here.query(
            "select provider_host, min(p.display_name) from usage_event e join person p using (tenant_id, person_id) "
            "group by 1 having count(distinct person_id) = 1"
        )
    )
    assert people["api.openai.com"] == getpass.getuser()
    assert people["api.anthropic.com"] == people["chatgpt.com"] == f"uid-{UID} on {socket.gethostname()}"

    # The sums beside the events are the events' own.
    assert here.query(TOTALS) == here.query(
        "select provider_host, sum(request_bytes)::bigint, sum(response_bytes)::bigint, sum(exchanges)::bigint "
        "from usage_daily group by 1 order by 1"
    )

    # Nothing of the others: not in the database's files, not in the agent's, not in a log.
    here.stop()
    for path in here.data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for name in OTHERS:
                assert name.encode() not in content, f"{name} in {path}"


@pytest.mark.parametrize("victim", ["agent", "server", "postgres"])
def test_a_kill_of_any_process_loses_and_doubles_nothing(
    here: Installation, lab: Lab, server: TlsServer, victim: str
) -> None:
    here.start()
    talk(lab)
    first = counted(server.wait_closed(CONNECTIONS))
    arrives(here, first)
    os.kill(here.children()[victim], signal.SIGKILL)
    here.stop()

    here.start()
    assert in_ledger(here) == first
    talk(lab)
    both = counted(server.wait_closed(2 * CONNECTIONS))
    arrives(here, both)


def test_a_kill_of_everything_loses_and_doubles_nothing(here: Installation, lab: Lab, server: TlsServer) -> None:
    here.start()
    talk(lab)
    first = counted(server.wait_closed(CONNECTIONS))
    arrives(here, first)
    here.end_with(signal.SIGKILL)
    here.start()
    assert in_ledger(here) == first


def test_what_is_recorded_while_the_server_is_away_arrives_later(
    here: Installation, lab: Lab, server: TlsServer
) -> None:
    here.start()
    os.kill(here.children()["server"], signal.SIGSTOP)
    talk(lab)
    truth = counted(server.wait_closed(CONNECTIONS))
    assert in_ledger(here) == {}
    os.kill(here.children()["server"], signal.SIGCONT)
    arrives(here, truth)
