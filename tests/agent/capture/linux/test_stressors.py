"""The scenarios that counters get wrong, each exact to the byte. docs/capture.md has the table of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab.lab import Lab
from tests.lab.stressors import MORE, OTHER_PORT, STRESSORS, Left, Stressor
from tests.lab.watching import Watch, totals

from toktra.agent.capture.linux import CannotCapture, LinuxCapture

pytestmark = pytest.mark.kernel

WORKING = [one for one in (*STRESSORS, *MORE) if not isinstance(one.work, Left)]


@pytest.fixture(scope="module")
def domain() -> str:
    """One name for all of them."""
    return f"{secrets.token_hex(4)}.test"


@pytest.fixture(scope="module")
def capture(domain: str) -> Iterator[LinuxCapture]:
    """One for all of them: a host each."""
    try:
        running = LinuxCapture.open([443, OTHER_PORT], lambda host: host if host.endswith(domain) else None)
    except CannotCapture as error:
        pytest.skip(str(error))
    yield running
    running.close()


@pytest.mark.parametrize("stressor", WORKING, ids=lambda one: f"{one.number} {one.name}")
def test_every_byte_counts_once(lab: Lab, domain: str, capture: LinuxCapture, stressor: Stressor) -> None:
    assert not isinstance(stressor.work, Left)
    host = f"{stressor.number}.{domain}"
    watching = Watch(capture, [host])
    counted = stressor.work.run(lab, host)
    observed = watching.for_bytes(counted.received, counted.sent)
    assert totals(observed) == (counted.received, counted.sent)


def test_the_bench_is_told_in_full() -> None:
    page = (Path(__file__).parents[4] / "docs" / "capture.md").read_text("utf-8")
    assert [one.number for one in STRESSORS] == [f"s{number:02}" for number in range(1, 25)]
    for one in (*STRESSORS, *MORE):
        assert f"| {one.number} | {one.name} |" in page, one
        if isinstance(one.work, Left):
            assert one.work.why in page, one
