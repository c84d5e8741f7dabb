"""When a job that failed is tried again: later each time, and not for ever."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

_SPREAD: Final = 0.2
"""Up to a fifth more or less, so that jobs which failed together do not come back together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How often a job is tried in all, and how it waits in between: first_s seconds, then twice that, up to most_s."""

    attempts: int = 10
    first_s: float = 10
    most_s: float = 3600

    def wait_s(self, failed: int) -> float | None:
        """Seconds until the next attempt after `failed` of them (1 or more); None when there is none."""
        if failed >= self.attempts:
            return None
        wait_s: float = min(self.most_s, self.first_s * 2.0 ** min(failed - 1, 32))
        return wait_s * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - spreads load, keeps no secret
