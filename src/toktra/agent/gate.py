"""May this moment be observed, and for which ledger? Asked before anything of an exchange is written.

Pure: time comes in as an argument. Everything observed is for the corporate ledger; Privacy Hours and personal mode
decide here when they come, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum


class Decision(Enum):
    """What becomes of an exchange that began at a given moment."""

    CORPORATE = "corporate"
    """It is recorded and goes to the organisation's server."""
    PRIVATE = "private"
    """It is forgotten: not written, not counted, not logged."""


Gate = Callable[[datetime], Decision]
"""Asked with the moment an exchange began (UTC)."""


def decide(at: datetime) -> Decision:
    """The decision for an exchange that began `at`."""
    del at  # there is no schedule yet: every moment is observed
    return Decision.CORPORATE
