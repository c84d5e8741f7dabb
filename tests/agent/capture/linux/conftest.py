"""The lab, and a capture of this machine's kernel that knows the hosts a test names."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toktra.agent.capture.linux import CannotCapture, LinuxCapture

sys.path.insert(0, str(Path(__file__).parents[4]))

from tests.lab.holding import Holder
from tests.lab.lab import Lab, why_not
from tests.lab.own_cgroup import watch_only_ourselves
from tests.lab.watching import Watch


@pytest.fixture(scope="session", autouse=True)
def own_cgroup() -> None:
    watch_only_ourselves()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Lab() as running:
        yield running


@pytest.fixture
def domain() -> str:
    """A name of this test's own: other traffic of this machine, and other tests, never match it."""
    return f"{secrets.token_hex(4)}.test"


@pytest.fixture
def watch(domain: str) -> Iterator[Callable[..., Watch]]:
    """Opens a capture that takes the given hosts (api.DOMAIN unless told) for providers."""
    captures: list[LinuxCapture] = []

    def open_watch(*hosts: str, ports: tuple[int, ...] = (443,)) -> Watch:
        known = hosts or (f"api.{domain}",)
        try:
            capture = LinuxCapture.open(ports, lambda host: host if host in known else None)
        except CannotCapture as error:
            pytest.skip(str(error))
        captures.append(capture)
        return Watch(capture, known)

    yield open_watch
    for capture in captures:
        capture.close()


@pytest.fixture(scope="session")
def running_capture() -> Iterator[tuple[LinuxCapture, set[str]]]:
    """One capture for tests that leave it as it is, and the hosts it takes for providers: loading takes a second."""
    known: set[str] = set()
    try:
        capture = LinuxCapture.open([443], lambda host: host if host in known else None)
    except CannotCapture as error:
        pytest.skip(str(error))
    yield capture, known
    capture.close()


@pytest.fixture
def shared_watch(domain: str, running_capture: tuple[LinuxCapture, set[str]]) -> Callable[..., Watch]:
    """As `watch`, by a capture that others use too: only for looking at what it yields for one's own hosts."""
    capture, known = running_capture

    def join(*hosts: str) -> Watch:
        ours = hosts or (f"api.{domain}",)
        known.update(ours)
        capture.poll(0)  # whatever other tests have left in the ring
        return Watch(capture, ours)

    return join


@pytest.fixture
def holder(domain: str) -> Iterator[Holder]:
    running = Holder(f"api.{domain}")
    if not running.first.get("ready"):
        pytest.skip(running.first["sentence"])
    yield running
    running.end()
