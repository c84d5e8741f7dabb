"""Subscriptions by the seat: fixed costs, known exactly, that no number of tokens changes. Pure."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from toktra.catalogue import Catalogue
from toktra.server.costs.assumptions import Assumptions, Kind
from toktra.server.costs.currency import per_usd
from toktra.server.costs.projection import days_between


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatCost:
    """What one provider's seats cost in a period."""

    provider_id: str
    name: str
    first: date
    last: date
    """The days of the period on which seats were assumed."""
    seats: int
    """On the last of them."""
    amount: float
    """In the currency of the figures."""


def seat_costs(
    assumptions: Assumptions, catalogue: Catalogue, first: date, last: date, currency: str
) -> list[SeatCost]:
    """Each day is its share of its month's price. Most expensive first. Raises NoExchangeRate."""
    found = []
    for provider_id in assumptions.subjects(Kind.SEATS):
        amount, days, seats = 0.0, [], 0
        for day in days_between(first, last):
            held = assumptions.seats(provider_id, day)
            if held is None:
                continue
            days.append(day)
            seats = held.seats
            in_own = held.price_per_month * held.seats / monthrange(day.year, day.month)[1]
            if held.currency != currency:
                in_own *= per_usd(currency, day, assumptions) / per_usd(held.currency, day, assumptions)
            amount += in_own
        if days:
            provider = catalogue.get(provider_id)
            found.append(
                SeatCost(
                    provider_id=provider_id,
                    name=provider.name if provider else provider_id,
                    first=days[0],
                    last=days[-1],
                    seats=seats,
                    amount=amount,
                )
            )
    return sorted(found, key=lambda one: (-one.amount, one.name))
