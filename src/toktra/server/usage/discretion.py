"""When a time may be said to the minute: whoever sees *when* something happened also sees when nothing did.

The rule
--------
A minute may be shown to a reader in two cases only:

1. the exchange is the reader's own, or
2. at least `CROWD` people used that provider on that day, so that the minute points to none of them.

Every other exchange appears only as part of the sum of its provider and day, in an order that does not depend on its
minute. The age of the newest record follows the same rule; where it may not be said in minutes it is "today",
"yesterday" or a date. No list names a device or a person.

What the rule does not do: totals include the current day, so someone who keeps a page open all day in an organisation
of two to four people sees that one of the others used something just now, though not who.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

CROWD: Final = 5
"""People among whom one is not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One stored exchange as the rule needs to see it."""

    at: datetime
    is_own: bool
    provider_host: str
    estimator_version: str
    request_bytes: int
    response_bytes: int
    input_tokens: int
    output_tokens: int

    @property
    def place(self) -> Place:
        return self.at.date(), self.provider_host


Place = tuple[date, str]
"""A day (UTC) and a provider host: the unit in which people are counted and minutes are withheld."""


def minute_may_be_shown(*, is_own: bool, people: int) -> bool:
    """Whether a time may be said to the minute; `people` counts those who used that provider that day."""
    return is_own or people >= CROWD


def split(exchanges: Iterable[Exchange], people: Mapping[Place, int]) -> tuple[list[Exchange], list[Place]]:
    """The exchanges whose minute may be shown, and the places of those that are only part of a sum.

    The first keep their order; the second are sorted by day, newest first, then by name, which says nothing of minutes.
    """
    shown: list[Exchange] = []
    summed: set[Place] = set()
    for exchange in exchanges:
        if minute_may_be_shown(is_own=exchange.is_own, people=people.get(exchange.place, 0)):
            shown.append(exchange)
        else:
            summed.add(exchange.place)
    by_name = sorted(summed, key=lambda place: place[1])
    return shown, sorted(by_name, key=lambda place: place[0], reverse=True)
