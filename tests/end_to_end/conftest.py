"""An installation of its own for each test, and the lab for those that need a network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.end_to_end.installation import Installation, installation
from tests.lab.lab import Lab, why_not
from tests.lab.own_cgroup import watch_only_ourselves


@pytest.fixture(scope="session", autouse=True)
def own_cgroup() -> None:
    watch_only_ourselves()


@pytest.fixture
def here() -> Iterator[Installation]:
    with installation() as running:
        yield running


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Lab() as running:
        yield running
