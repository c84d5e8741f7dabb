"""What the clocks decide for every account of this device at one moment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from toktra.agent.privacy_hours.clock import Reading
from toktra.agent.privacy_hours.gate import Decision, State

EVERYBODY: Final = 2**32 - 1
"""Stands for all accounts that have no Privacy Hours of their own, once a works agreement gave them some. No account
has this user id: it is (uid_t)-1, which the system calls keep for "no account" (chown(2))."""


@dataclass(frozen=True, slots=True)
class Look:
    """The clocks at one moment, and what they decide for each account that has ever set Privacy Hours."""

    reading: Reading
    decisions: Mapping[int, Decision]
    """By user id. Who is not in here is as EVERYBODY is, and without that observed with no end in sight."""

    def of(self, uid: int) -> Decision | None:
        """What is decided for an account; None: observed."""
        return self.decisions.get(uid) or self.decisions.get(EVERYBODY)

    def is_private(self, uid: int) -> bool:
        """Whether this account is private at this moment."""
        found = self.of(uid)
        return found is not None and found.state is State.PRIVATE

    def observed_before(self, uid: int) -> float:
        """Until when this account is observed as far as this look can tell, on the monotonic clock."""
        found = self.of(uid)
        if found is None or (found.state is State.OBSERVED and found.until is None):
            return math.inf
        if found.state is State.PRIVATE or found.until is None:
            return -math.inf
        return self.reading.monotonic_s + found.until.timestamp() - self.reading.wall_s
