"""Waiting for what a capture sees of a lab's traffic, among whatever else this machine is doing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from toktra.agent.capture.linux import LinuxCapture
from toktra.agent.capture.observed import ObservedExchange


class Watch:
    """A running capture and everything of the given hosts it has yielded."""

    def __init__(self, capture: LinuxCapture, hosts: Iterable[str]) -> None:
        self.capture = capture
        self._hosts = frozenset(hosts)
        self.observed: list[ObservedExchange] = []

    def until(self, done: Callable[[list[ObservedExchange]], bool], timeout_s: float = 10) -> list[ObservedExchange]:
        """Polls until `done` says so of what was yielded for our hosts; fails after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not done(self.observed):
            assert time.monotonic() < deadline, f"only saw {self.observed} and {self.capture.status()}"
            self._take(0.1)
        return self.observed

    def for_bytes(self, sent: int, received: int, timeout_s: float = 10) -> list[ObservedExchange]:
        """Polls until both totals are reached, then a little longer, so that a byte too many would show."""

        def reached(observed: list[ObservedExchange]) -> bool:
            return totals(observed) >= (sent, received)

        self.until(reached, timeout_s)
        self.settle()
        return self.observed

    def settle(self, quiet_s: float = 0.3) -> list[ObservedExchange]:
        """Polls on for a moment."""
        deadline = time.monotonic() + quiet_s
        while time.monotonic() < deadline:
            self._take(0.1)
        return self.observed

    def _take(self, timeout_s: float) -> None:
        self.observed += [one for one in self.capture.poll(timeout_s) if one.provider_host in self._hosts]


def totals(observed: Iterable[ObservedExchange]) -> tuple[int, int]:
    """Bytes sent and received over all exchanges."""
    exchanges = [one.exchange for one in observed]
    return (
        sum(exchange.request_bytes + exchange.control_bytes for exchange in exchanges),
        sum(exchange.response_bytes for exchange in exchanges),
    )
