"""Bounds on requests, counted in memory alone: nothing of it is kept or logged."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Final

MOST_REMEMBERED: Final = 50_000
"""Sources remembered at a time; the one whose window began first is forgotten first."""


@dataclass(slots=True)
class RequestLimit:
    """At most `most` requests per source in `window_s` seconds."""

    most: int
    window_s: float
    clock: Callable[[], float] = monotonic
    _windows: OrderedDict[bytes, tuple[float, int]] = field(default_factory=OrderedDict, repr=False)

    def wait_s(self, source: bytes) -> int:
        """Counts one request: 0 when it may go on, otherwise whole seconds until the source may ask again."""
        now = self.clock()
        began, asked = self._windows.get(source, (now, 0))
        if now - began >= self.window_s:
            del self._windows[source]
            began, asked = now, 0
        if asked >= self.most:
            return max(1, ceil(began + self.window_s - now))
        self._windows[source] = (began, asked + 1)
        if len(self._windows) > MOST_REMEMBERED:
            self._windows.popitem(last=False)
        return 0
