"""Amounts in other currencies, at the rates the organisation gave. Pure; there is no other source of rates."""

from __future__ import annotations

from datetime import date

from toktra.server.costs.assumptions import BASE_CURRENCY, Assumptions
from toktra.server.web import figures
from toktra.server.web.language import _


class NoExchangeRate(LookupError):
    """A currency has no exchange rate on a day. The text says so to the person who reads the figures."""

    def __init__(self, currency: str, day: date) -> None:
        super().__init__(
            _("There is no exchange rate for %(currency)s on %(day)s. Give one that is valid from that day or earlier.")
            % {"currency": currency, "day": figures.days(day, day)}
        )
        self.currency = currency
        self.day = day


def per_usd(currency: str, day: date, assumptions: Assumptions) -> float:
    """How many units of `currency` one US dollar is on `day`. Raises NoExchangeRate."""
    if currency == BASE_CURRENCY:
        return 1.0
    rate = assumptions.exchange_rate(currency, day)
    if rate is None:
        raise NoExchangeRate(currency, day)
    return rate.per_usd


def in_usd(amount: float, currency: str, day: date, assumptions: Assumptions) -> float:
    """An amount of `currency` in US dollars of `day`. Raises NoExchangeRate."""
    return amount / per_usd(currency, day, assumptions)
