"""Exchanges as they happen: how many, when they end, and the same as a replay of the same packets tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.lab.lab import SERVER_4, Lab
from tests.lab.watching import Watch, totals

from toktra.agent.capture import replay
from toktra.agent.capture.observed import ObservedExchange

pytestmark = pytest.mark.kernel

UID = 40_419


def python_client(lab: Lab, host: str, pause_s: float, *requests: str) -> None:
    lab.program("keep_alive", SERVER_4, "443", host, str(pause_s), *requests, uid=UID)


def test_requests_on_one_connection_are_told_apart(lab: Lab, domain: str, shared_watch: Callable[..., Watch]) -> None:
    host = f"api.{domain}"
    watching = shared_watch()
    with lab.serve(host) as server:
        python_client(lab, host, 0.1, "1000:/bytes/20000", "30000:/bytes/700", "10:/stream/5/2000/10")
        (served,) = server.wait_closed(1)
    observed = watching.for_bytes(served.received_bytes, served.sent_bytes)
    assert len(observed) == len(served.requests) == 3
    assert totals(observed) == (served.received_bytes, served.sent_bytes)
    assert [one.exchange.first_on_connection for one in observed] == [True, False, False]
    assert [one.exchange.request_bytes > size for one, size in zip(observed, (1000, 30000, 10), strict=True)]
    first, second, third = (one.exchange for one in observed)
    assert second.request_bytes > 30_000 > first.request_bytes > 1000
    assert first.response_bytes > 20_000 > third.response_bytes > 10_000 > second.response_bytes > 700


def test_the_kernel_knows_who_does_not_offer_http2(lab: Lab, domain: str, shared_watch: Callable[..., Watch]) -> None:
    """Small first requests, some as long as an HTTP/2 preface with its SETTINGS, which they cannot be."""
    host = f"api.{domain}"
    watching = shared_watch()
    urls = [f"https://{host}/bytes/{number}" for number in (100, 200, 300)]
    with lab.serve(host) as server:
        for agent in range(6):
            lab.curl("--http1.1", "-A", "a" * agent, *urls, "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null")
        served = server.wait_closed(6)
    observed = watching.for_bytes(sum(one.received_bytes for one in served), sum(one.sent_bytes for one in served))
    assert len(observed) == 18


def test_an_exchange_is_told_after_silence_and_its_rest_when_it_comes(
    lab: Lab, domain: str, shared_watch: Callable[..., Watch]
) -> None:
    host = f"api.{domain}"
    watching = shared_watch()
    with lab.serve(host) as server:
        client = lab.start(
            *("curl", "-sS", "--cacert", str(lab.ca_file), "--connect-to", f"::{SERVER_4}:"),
            *(f"https://{host}/stream/2/5000/5500", "-o", "/dev/null"),
        )
        watching.until(lambda observed: len(observed) == 1)
        assert client.poll() is None, "told while the stream was still open"
        (served,) = server.wait_closed(1)
    observed = watching.for_bytes(served.received_bytes, served.sent_bytes)
    assert [one.exchange.continued for one in observed] == [False, True]
    assert observed[1].exchange.request_bytes == 0
    assert totals(observed) == (served.received_bytes, served.sent_bytes)


def test_a_replay_of_the_same_packets_tells_the_same_exchanges(
    lab: Lab, domain: str, shared_watch: Callable[..., Watch]
) -> None:
    host, other = f"api.{domain}", f"other.{domain}"
    watching = shared_watch()
    with lab.recorded() as file, lab.serve(host, other) as server:
        python_client(lab, host, 0.05, "1000:/bytes/20000", "100:/stream/20/300/5", "70000:/bytes/100")
        lab.curl("--http2", f"https://{host}/bytes/40000", f"https://{host}/echo", "-d", "x" * 5000, "-o", "/dev/null")
        lab.curl("--http1.1", f"https://{other}/bytes/40000", f"https://{host}/bytes/10", "-o", "/dev/null")
        lab.curl("--http2", "--tls-max", "1.2", f"https://{host}/stream/3/3000/20", "-o", "/dev/null")
        served = [one for one in server.wait_closed(5) if one.host == host]
    live = watching.for_bytes(sum(one.received_bytes for one in served), sum(one.sent_bytes for one in served))
    replayed = list(replay.exchanges(file, lambda name: name if name == host else None))
    assert comparable(live) == comparable(replayed)
    assert len(live) >= 7


def comparable(observed: list[ObservedExchange]) -> list[object]:
    """Without the account, which a replay cannot know, and in order of time, to the nearest 50 ms."""
    in_order = sorted(observed, key=lambda one: one.exchange.started_at)
    return [
        replace(
            one.exchange,
            started_at=0.0,
            first_byte_at=None if one.exchange.first_byte_at is None else 0.0,
            ended_at=0.0,
        )
        for one in in_order
    ]
