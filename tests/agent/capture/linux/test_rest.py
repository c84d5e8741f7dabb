"""Privacy Hours: between pause and resume nothing is seen, and nothing of it is counted afterwards."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable

import pytest
from tests.lab.lab import SERVER_4, Lab
from tests.lab.server import Served, TlsServer
from tests.lab.watching import Watch, totals

from toktra.agent.capture.linux import inspection
from toktra.agent.capture.linux.program import HOOKS, root_cgroup

pytestmark = pytest.mark.kernel


class Client:
    """One connection held open by the test itself."""

    def __init__(self, lab: Lab, host: str) -> None:
        raw = lab.in_namespace(lab.client, lambda: socket.create_connection((SERVER_4, 443)))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context()
        lab.authority.configure_trust(context)
        self._http = http.client.HTTPConnection(host)
        self._http.sock = context.wrap_socket(raw, server_hostname=host)

    def ask(self, path: str, body_bytes: int) -> None:
        self._http.request("POST", path, b"q" * body_bytes)
        self._http.getresponse().read()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()


def counted(server: TlsServer, answered: int) -> tuple[int, int]:
    """What the server has received and sent once it has answered so many requests."""
    served: Served = server.connections[0]
    while served.answered < answered:
        threading.Event().wait(0.01)
    return served.received_bytes, served.sent_bytes


def test_a_connection_held_over_privacy_hours_is_counted_before_and_after_but_not_within(
    lab: Lab, domain: str, watch: Callable[..., Watch]
) -> None:
    host = f"api.{domain}"
    watching = watch()
    with lab.serve(host) as server:
        with Client(lab, host) as client:
            client.ask("/bytes/5000", 300)
            before = counted(server, 1)
            watching.observed += watching.capture.pause()
            assert totals(watching.observed) == before
            client.ask("/bytes/777777", 70_000)
            private = counted(server, 2)
            assert watching.settle() == watching.observed
            watching.capture.resume()
            client.ask("/bytes/9000", 1000)
            client.ask("/bytes/100", 2000)
        server.wait_closed(1)
        after = counted(server, 4)
    expected = (before[0] + after[0] - private[0], before[1] + after[1] - private[1])
    observed = watching.for_bytes(*expected)
    assert totals(observed) == expected
    assert [one.exchange.first_on_connection for one in observed] == [True, False, False]
    assert [one.exchange.continued for one in observed] == [False, False, False]
    assert max(one.exchange.response_bytes for one in observed) < 20_000


def test_while_resting_the_watching_programs_are_attached_nowhere(watch: Callable[..., Watch]) -> None:
    watching = watch()
    programs = watching.capture._program.programs
    numbers = {name: inspection.by_fd(fd).id for name, fd in programs.items()}
    watching.capture.pause()
    for hook in HOOKS:
        attached = {program.id for program in inspection.attached(root_cgroup(), HOOKS[hook])}
        assert numbers[f"toktra_{hook}"] not in attached
        assert numbers[f"rest_{hook}"] in attached
    watching.capture.resume()
    for hook in HOOKS:
        attached = {program.id for program in inspection.attached(root_cgroup(), HOOKS[hook])}
        assert numbers[f"toktra_{hook}"] in attached


def test_connections_opened_within_privacy_hours_stay_unknown(
    lab: Lab, domain: str, watch: Callable[..., Watch]
) -> None:
    host = f"api.{domain}"
    watching = watch()
    with lab.serve(host) as server:
        watching.capture.pause()
        with Client(lab, host) as client:
            client.ask("/bytes/5000", 300)
            watching.capture.resume()
            client.ask("/bytes/5000", 300)
        server.wait_closed(1)
        watching.settle()
    assert watching.observed == []
    assert watching.capture.status().watching
