"""How the tests share a machine: two workers, and what must not meet stays with one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

WHOLE_MACHINE = ("agent/capture/linux", "end_to_end/test_")
"""Tests that watch or load the whole machine; run side by side they would count each other's traffic."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks it at once: when all are collected, the workers have read the groups already."""
    if item.path.relative_to(Path(__file__).parent).as_posix().startswith(WHOLE_MACHINE):
        item.add_marker(pytest.mark.xdist_group("whole machine"))
