"""A bound on failures per source, held in memory: attackers wait, the honest do not notice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
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


@dataclass(slots=True)
class GrowingDelay:
    """After `free` failures of a source each further one doubles how long it must wait, up to `longest_s` and no more.

    So nobody is ever locked out; a guesser gets a few tries an hour. After `forget_after_s` of quiet, or a success, the
    source begins anew.
    """

    free: int
    first_s: float = 1.0
    longest_s: float = 300.0
    forget_after_s: float = 3600.0
    clock: Callable[[], float] = monotonic
    _failures: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict, repr=False)

    def retry_after_s(self, source: str) -> int:
        """Whole seconds until the source may try again; 0 when it may now."""
        last, failed = self._known(source)
        if failed <= self.free:
            return 0
        delay = min(self.longest_s, self.first_s * 2.0 ** min(failed - self.free - 1, 30))
        left = last + delay - self.clock()
        return max(1, ceil(left)) if left > 0 else 0

    def count_failure(self, source: str) -> None:
        """Remembers one failure. Counted before a try is checked, so that many at once are not one."""
        _last, failed = self._known(source)
        self._failures.pop(source, None)
        self._failures[source] = (self.clock(), failed + 1)
        if len(self._failures) > MAX_SOURCES:
            self._failures.popitem(last=False)

    def take_back(self, source: str) -> None:
        """One that was counted was no failure; the others stay: success with one account excuses no other guess."""
        last, failed = self._known(source)
        if failed:
            self._failures[source] = (last, failed - 1)

    def forget(self, source: str) -> None:
        """It was right after all, so those before were slips."""
        self._failures.pop(source, None)

    def _known(self, source: str) -> tuple[float, int]:
        last, failed = self._failures.get(source, (0.0, 0))
        return (0.0, 0) if failed and self.clock() - last >= self.forget_after_s else (last, failed)
