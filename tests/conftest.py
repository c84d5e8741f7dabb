"""How the tests share a machine: two workers, and what must not meet stays with one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

WHOLE_MACHINE = ("agent/capture/linux", "end_to_end/test_")
"""Tests that watch or load the whole machine; run side by side they would count each other's traffic."""


@pytest.hookimpl(tryfirst=True)  # before the workers' plugin reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix().startswith(WHOLE_MACHINE):
            item.add_marker(pytest.mark.xdist_group("whole machine"))
