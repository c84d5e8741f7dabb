"""The one clock of the service; a test brings its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""The present, in UTC."""


def utc_now() -> datetime:
    return datetime.now(UTC)
