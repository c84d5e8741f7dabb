"""Sums of usage with their ranges, as pages show them. Pure: rows and what prices and corrects them in, figures out.

Ranges of sums are computed from the parts, one for each provider host and version of the estimator, and never added:
errors that parts share move together, others cancel in part. The arithmetic is that of the projection (costs room).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import msgspec

from toktra.server.costs.projection import Pricing, Projection, project_together
from toktra.server.costs.ranges import Interval


class HostDay(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider host was used for on one day (UTC), as one version of the estimator saw it."""

    day: date
    provider_host: str
    estimator_version: str
    exchanges: int
    request_bytes: int
    response_bytes: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sums of a period."""

    exchanges: int
    tokens: Interval
    currency: str
    """Of every cost."""
    cost: Interval | None
    """None when nothing had a price, or there was nothing."""
    seat_exchanges: int
    """Paid by the seat: not by the token, and not unpriced."""
    unpriced_exchanges: int
    priced_bytes: int
    """Request and response bytes of the exchanges that have a price."""
    priced_tokens: Interval
    prices: int
    """How many different prices entered the cost."""

    @property
    def priced_exchanges(self) -> int:
        return self.exchanges - self.unpriced_exchanges - self.seat_exchanges


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderUse:
    """One provider's share of a period."""

    name: str
    hosts: tuple[str, ...]
    exchanges: int
    tokens: Interval
    cost: Interval | None
    """None when no price is put on its tokens: unpriced, or paid by the seat."""
    by_seat: bool
    """All of it is paid by the seat."""


@dataclass(frozen=True, slots=True)
class DayTokens:
    """One day's tokens: the estimate, and its range."""

    middle: int
    interval: Interval


def totals(projected: Projection) -> Totals:
    """Everything in a projection, together."""
    return Totals(
        exchanges=projected.exchanges,
        tokens=projected.tokens,
        currency=projected.currency,
        cost=projected.cost,
        seat_exchanges=projected.seat_exchanges,
        unpriced_exchanges=projected.unpriced_exchanges,
        priced_bytes=projected.priced_bytes,
        priced_tokens=projected.priced_tokens,
        prices=projected.prices,
    )


def by_provider(projected: Projection) -> list[ProviderUse]:
    """One line for each provider; most tokens first by the upper end, which is what the bars show."""
    lines = [
        ProviderUse(
            name=line.name,
            hosts=line.hosts,
            exchanges=line.exchanges,
            tokens=line.tokens,
            cost=line.cost,
            by_seat=line.seat_exchanges > 0 and not line.unpriced_exchanges,
        )
        for line in projected.providers
    ]
    return sorted(lines, key=lambda line: (-line.tokens.high, -line.exchanges, line.name))


def by_day(uses: Iterable[HostDay], pricing: Pricing) -> dict[date, DayTokens]:
    """Tokens of each day that has any row."""
    of_day: dict[date, list[HostDay]] = defaultdict(list)
    for use in uses:
        of_day[use.day].append(use)
    projected = {day: project_together(own, pricing) for day, own in of_day.items()}
    return {day: DayTokens(round(one.tokens_middle), one.tokens) for day, one in projected.items()}
