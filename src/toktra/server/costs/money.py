"""Amounts as the visual language writes them: the currency once, in front; both ends of a range on one step."""

from __future__ import annotations

from typing import Final

from toktra.server.web import figures
from toktra.server.web.figures import Interval

_SIGNS: Final = {"USD": "$", "EUR": "€", "GBP": "£"}


def sign(currency: str) -> str:
    """The currency as it stands before an amount: its sign where there is one in no doubt, else its code."""
    return _SIGNS.get(currency, currency)


def amount_range(interval: Interval, currency: str) -> str:
    """€ 7 800 – 10 000."""
    return figures.money(interval, sign(currency))


def exact_amount(amount: float, currency: str) -> str:
    """€ 1 240.00: a fixed cost, not an estimate."""
    return figures.with_currency(figures.decimal(amount, 2), sign(currency))


def round_amount(amount: float, currency: str) -> str:
    """€ 1 240: what was decided, with cents only where it has some."""
    return figures.with_currency(figures.decimal(amount, 2 if round(amount * 100) % 100 else 0), sign(currency))


def price(amount: float, currency: str = "USD") -> str:
    """A price per million tokens, with as many decimals as it has, two at least: $ 0.075."""
    decimals = len(f"{amount:.6f}".rstrip("0").partition(".")[2])
    return figures.with_currency(figures.decimal(amount, max(2, decimals)), sign(currency))
