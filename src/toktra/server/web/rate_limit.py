"""A bound on failures per source, held in memory: attackers wait, the honest do not notice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

MAX_SOURCES: Final = 10_000
"""Sources remembered at a time; the longest quiet one is forgotten first."""


@dataclass(slots=True)
class FailureLimit:
    """At most `failures` per `window_s` seconds and source. Successes cost nothing."""

    failures: int
    window_s: float
    clock: Callable[[], float] = monotonic
    _windows: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict, repr=False)

    def retry_after_s(self, source: str) -> int:
        """Whole seconds until the source may try again; 0 when it may now."""
        started, failed = self._windows.get(source, (0.0, 0))
        left = started + self.window_s - self.clock()
        return max(1, round(left)) if failed >= self.failures and left > 0 else 0

    def count_failure(self, source: str) -> None:
        """Remembers one failure of the source."""
        started, failed = self._windows.pop(source, (self.clock(), 0))
        if self.clock() - started >= self.window_s:
            started, failed = self.clock(), 0
        self._windows[source] = (started, failed + 1)
        if len(self._windows) > MAX_SOURCES:
            self._windows.popitem(last=False)
