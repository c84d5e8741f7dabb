"""What a person types about prices becomes an assumption, or a refusal that names the field. Pure.

Everything is checked before anything is stored: models have a price on the day, shares make a hundred, currencies have
a rate. What is refused changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final

from toktra.catalogue import Catalogue
from toktra.catalogue.prices import PriceBook
from toktra.catalogue.providers import Provider
from toktra.server.costs.assumptions import (
    BASE_CURRENCY,
    WHOLE_ORGANISATION,
    Assumptions,
    Contract,
    Currency,
    ExchangeRate,
    Kind,
    ModelMix,
    Seats,
    Value,
)
from toktra.server.costs.rates import known_models, list_price
from toktra.server.web import figures
from toktra.server.web.language import _

EARLIEST: Final = date(2020, 1, 1)
FURTHEST: Final = timedelta(days=731)
MIX_ROWS: Final = 6
"""Models a mix can name; more would be false exactness."""
MOST: Final = 1_000_000.0
_HUNDRED: Final = 0.05
"""How far shares may miss 100 %, for those who round thirds."""


class InvalidAssumption(ValueError):
    """What was typed cannot be taken. `field` names the field, the text says what it needs."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entered:
    """What is to be stored. A value of None takes the assumption back."""

    kind: Kind
    subject: str
    valid_from: date
    value: Value | None


@dataclass(frozen=True, slots=True)
class Entering:
    """What entries are checked against."""

    catalogue: Catalogue
    prices: PriceBook
    assumptions: Assumptions
    today: date

    def provider(self, provider_id: str) -> Provider:
        """Raises InvalidAssumption for one that is not in the catalogue."""
        provider = self.catalogue.get(provider_id)
        if provider is None:
            raise InvalidAssumption("provider", _("There is no such provider in the catalogue."))
        return provider

    def model_mix(self, provider_id: str, fields: Mapping[str, str]) -> Entered:
        """Fields: model_1, share_1 …, valid_from. Raises InvalidAssumption."""
        provider = self.provider(provider_id)
        valid_from = self.valid_from(fields)
        shares: dict[str, float] = {}
        for row in range(1, MIX_ROWS + 1):
            model, percent = fields.get(f"model_{row}", "").strip(), fields.get(f"share_{row}", "").strip()
            if not model and not percent:
                continue
            self._model(provider, model, valid_from, f"model_{row}")
            if model in shares:
                raise InvalidAssumption(f"model_{row}", _("%(model)s is named twice.") % {"model": model})
            share = number(percent, f"share_{row}", most=100.0)
            if share <= 0:
                raise InvalidAssumption(f"share_{row}", _("A share is above 0. Leave the row empty to leave it out."))
            shares[model] = share
        if not shares:
            raise InvalidAssumption("model_1", _("Name at least one model."))
        total = sum(shares.values())
        if abs(total - 100) > _HUNDRED:
            raise InvalidAssumption(
                "share_1",
                _("The shares add up to %(total)s %%; they must make 100 %%.")
                % {"total": figures.shortest(Decimal(f"{total:.6g}"))},
            )
        mix = ModelMix({model: share / total for model, share in shares.items()})
        return Entered(Kind.MODEL_MIX, provider.id, valid_from, mix)

    def contract(self, provider_id: str, fields: Mapping[str, str]) -> Entered:
        """Fields: input, output, currency, valid_from. Raises InvalidAssumption."""
        provider = self.provider(provider_id)
        valid_from = self.valid_from(fields)
        value = Contract(
            input_per_million=number(fields.get("input", ""), "input"),
            output_per_million=number(fields.get("output", ""), "output"),
            currency=self._with_rate(fields, valid_from),
        )
        return Entered(Kind.CONTRACT, provider.id, valid_from, value)

    def seats(self, provider_id: str, fields: Mapping[str, str]) -> Entered:
        """Fields: price, seats, currency, valid_from. Raises InvalidAssumption."""
        provider = self.provider(provider_id)
        valid_from = self.valid_from(fields)
        seats = number(fields.get("seats", ""), "seats")
        if seats != int(seats):
            raise InvalidAssumption("seats", _("Give a whole number of seats."))
        value = Seats(
            price_per_month=number(fields.get("price", ""), "price"),
            seats=int(seats),
            currency=self._with_rate(fields, valid_from),
        )
        return Entered(Kind.SEATS, provider.id, valid_from, value)

    def currency(self, fields: Mapping[str, str]) -> Entered:
        """Fields: currency, valid_from. Raises InvalidAssumption."""
        valid_from = self.valid_from(fields)
        code = self._with_rate(fields, valid_from)
        return Entered(Kind.CURRENCY, WHOLE_ORGANISATION, valid_from, Currency(code))

    def exchange_rate(self, fields: Mapping[str, str]) -> Entered:
        """Fields: currency, per_usd, valid_from. Raises InvalidAssumption."""
        valid_from = self.valid_from(fields)
        code = currency_code(fields)
        if code == BASE_CURRENCY:
            raise InvalidAssumption("currency", _("One US dollar is one US dollar. Name another currency."))
        per_usd = number(fields.get("per_usd", ""), "per_usd")
        if per_usd <= 0:
            raise InvalidAssumption("per_usd", _("An exchange rate is above 0."))
        return Entered(Kind.EXCHANGE_RATE, code, valid_from, ExchangeRate(per_usd))

    def taken_back(self, kind: Kind, provider_id: str, fields: Mapping[str, str]) -> Entered:
        """Ends an assumption about a provider from a day on. Raises InvalidAssumption when there is none then."""
        provider = self.provider(provider_id)
        valid_from = self.valid_from(fields)
        if self.assumptions.in_force(kind, provider.id, valid_from) is None:
            raise InvalidAssumption("valid_from", _("Nothing is assumed on that day, so there is nothing to end."))
        return Entered(kind, provider.id, valid_from, None)

    def valid_from(self, fields: Mapping[str, str]) -> date:
        """Raises InvalidAssumption."""
        text = fields.get("valid_from", "").strip()
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise InvalidAssumption("valid_from", _("Give a date as year-month-day, such as 2026-11-22.")) from None
        if not EARLIEST <= day <= self.today + FURTHEST:
            raise InvalidAssumption(
                "valid_from",
                _("Give a date from %(first)s to %(last)s.")
                % {"first": EARLIEST.isoformat(), "last": (self.today + FURTHEST).isoformat()},
            )
        return day

    def _model(self, provider: Provider, model: str, day: date, field: str) -> None:
        if model not in known_models(provider, self.prices):
            raise InvalidAssumption(
                field,
                _("“%(model)s” is not in the price list of %(name)s.") % {"model": model[:60], "name": provider.name},
            )
        if list_price(provider, model, day, self.prices) is None:
            raise InvalidAssumption(
                field,
                _("%(model)s has no price on %(day)s.") % {"model": model, "day": figures.days(day, day)},
            )

    def _with_rate(self, fields: Mapping[str, str], valid_from: date) -> str:
        code = currency_code(fields)
        if code != BASE_CURRENCY and self.assumptions.exchange_rate(code, valid_from) is None:
            raise InvalidAssumption(
                "currency",
                _("There is no exchange rate for %(currency)s on %(day)s. Give the rate first.")
                % {"currency": code, "day": figures.days(valid_from, valid_from)},
            )
        return code


def currency_code(fields: Mapping[str, str]) -> str:
    """The three letters in the field `currency`. Raises InvalidAssumption."""
    code = fields.get("currency", "").strip().upper()
    if not re.fullmatch("[A-Z]{3}", code):
        raise InvalidAssumption("currency", _("Give the three letters of a currency, such as EUR."))
    return code


def number(text: str, field: str, *, most: float = MOST) -> float:
    """A plain decimal number, with point or comma. Raises InvalidAssumption, also for what only looks like one."""
    if re.fullmatch(r"[0-9]{1,3},[0-9]{3}", text.strip()):
        raise InvalidAssumption(
            field, _("“%(text)s” can be read in two ways. Write it without a comma.") % {"text": text}
        )
    plain = text.strip().replace(",", ".")
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,8})?", plain) or not isfinite(value := float(plain)):
        raise InvalidAssumption(field, _("Give a number such as 2.50, not below 0 and without separators."))
    if value > most:
        raise InvalidAssumption(field, _("That is more than %(most)s.") % {"most": figures.count(int(most))})
    return value
