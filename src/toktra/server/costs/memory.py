"""What rows came to, as long as nothing it was worked out of has changed.

A projection is pure, and nearly all days of a page are those of the page before. Nothing here can be out of date: the
rows themselves, each with all its figures, are what a result is found by.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

MOST_ROWS: Final = 100_000
"""Of one organisation, up to 300 bytes each; a view that has more at once is worked out every time."""
MOST_KEPT: Final = 8
"""Organisations, those whose pages were opened last."""
KEPT_S: Final = 3600.0
"""No longer than this once anybody opens a page, so that what was deleted from the ledger goes from here too."""

Result = TypeVar("Result")
Kept = TypeVar("Kept")


class Memory:
    """The results of one organisation."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._rows = 0
        self._results: dict[Hashable, Any] = {}

    def recall(self, of: Hashable, rows: tuple[Any, ...], work: Callable[[], Result]) -> Result:
        """What `work` gave for these rows the last time; `of` tells different works apart."""
        key = of, rows
        result: Result | None = self._results.get(key)
        if result is None:
            result = work()
            if len(rows) > self._most_rows:
                return result
            if self._rows + len(rows) > self._most_rows:
                self._results.clear()
                self._rows = 0
            self._results[key] = result
            self._rows += len(rows)
        return result


class Shelf(OrderedDict[Hashable, tuple[Kept, float]]):
    """Things by what they were made of, a few of them and for a while."""

    def take(self, made_of: Hashable, make: Callable[[], Kept]) -> Kept:
        """The one that is kept, or one made now."""
        now = time.monotonic()
        for one in [one for one, (_, since) in self.items() if now - since > KEPT_S]:
            del self[one]
        if made_of not in self:
            self[made_of] = make(), now
        self.move_to_end(made_of)
        while len(self) > MOST_KEPT:
            self.popitem(last=False)
        return self[made_of][0]
