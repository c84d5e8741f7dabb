"""How long each kind of data is kept: what an organisation gets without choosing, and how far it may choose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """Kinds of data whose time the organisation chooses. That of the personal ledger is PERSONAL_LEDGER_DAYS."""

    EVENTS = "events"
    """Single uses of AI, with their time and person."""
    SUMS = "sums"
    """Use by person and day, by hour, and by department."""
    REQUESTS = "requests"
    """Requests people made under the law, and how they were answered; counted from the day they were closed."""
    AUDIT = "audit"
    """Who did what to whom and why; the oldest entries go first, and what is left proves itself as before."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Days."""

    least: int
    default: int
    most: int
    why: str
    """Where the least and the most come from."""


BOUNDS: Final = MappingProxyType(
    {
        Kind.EVENTS: Bounds(
            1, 400, 1100, "storage limitation, GDPR Art. 5(1)(e): three years are more than cost needs"
        ),
        Kind.SUMS: Bounds(1, 800, 1830, "storage limitation, GDPR Art. 5(1)(e): five years cover every usual budget"),
        Kind.REQUESTS: Bounds(731, 1100, 3660, "11 CCR § 7101(a): records of requests are kept for at least 24 months"),
        Kind.AUDIT: Bounds(
            731, 3660, 3660, "GDPR Art. 5(1)(e) and (2), 11 CCR § 7101(a): proof is kept for two to ten years"
        ),
    }
)
PERSONAL_LEDGER_DAYS: Final = 90


class DaysOutOfBounds(ValueError):
    """A kind of data cannot be kept for so long or so short. The message names the kind and its bounds."""


def check_days(kind: Kind, days: int) -> None:
    """Raises DaysOutOfBounds."""
    bounds = BOUNDS[kind]
    if not bounds.least <= days <= bounds.most:
        raise DaysOutOfBounds(f"{kind.value}: {days} days is outside {bounds.least} to {bounds.most} ({bounds.why})")
