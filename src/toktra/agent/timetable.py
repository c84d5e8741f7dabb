"""When a device speaks to its server: at fixed times with some chance in them, whatever happens on the device.

A device that sent what it records at once would show when its owner works, and when their Privacy Hours begin and end.
So it speaks every quarter of an hour, private or not, and each time up to five minutes later than the last quarter by
chance: two devices that were started together do not speak together.

Where the server is this same machine nobody stands in between, and whoever uses it wants to see that it works: there
events go out after seconds. No setting chooses between the two. The address of the server does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from toktra.agent.server_address import is_loopback

EVERY_S: Final = 900.0
SPREAD_S: Final = 300.0
ASK_HERE_EVERY_S: Final = 60.0


class Timetable:
    """The times at which one thing is due. The first is now."""

    def __init__(self, *, every_s: float, spread_s: float, monotonic: Callable[[], float], chance: Callable[[], float]):
        """`chance` draws evenly from [0, 1)."""
        self._every_s = every_s
        self._spread_s = spread_s
        self._chance = chance
        self._began = monotonic()
        self._due = self._began

    def due_in_s(self, now: float) -> float:
        """0 when it is due."""
        return max(0.0, self._due - now)

    def done(self, now: float) -> None:
        """It was done; it is due again at the next fixed time, and a chance later."""
        place = math.floor((now - self._began) / self._every_s) + 1
        self._due = self._began + place * self._every_s + self._spread_s * self._chance()


def is_this_machine(server: str) -> bool:
    """Whether a server's URL is one of this machine by definition."""
    return is_loopback(urlsplit(server).hostname or "")


def upload_times(server: str, *, monotonic: Callable[[], float], chance: Callable[[], float]) -> Timetable | None:
    """When events are uploaded; None: as they come."""
    if is_this_machine(server):
        return None
    return Timetable(every_s=EVERY_S, spread_s=SPREAD_S, monotonic=monotonic, chance=chance)


def asking_times(server: str, *, monotonic: Callable[[], float], chance: Callable[[], float]) -> Timetable:
    """When the device asks for what its owners wrote in the portal."""
    if is_this_machine(server):
        return Timetable(every_s=ASK_HERE_EVERY_S, spread_s=0.0, monotonic=monotonic, chance=chance)
    return Timetable(every_s=EVERY_S, spread_s=SPREAD_S, monotonic=monotonic, chance=chance)
