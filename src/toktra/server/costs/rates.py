"""The price of a provider's tokens on a day, and where it comes from. Pure.

In this order: the organisation's contract; its model mix at list prices; the catalogue's one assumed model at its list
price. A provider paid by the seat has no price per token, unless contract or mix say otherwise. Whatever cannot be
priced is Unpriced with its reason, and never 0: a mix in which one model has no price is unpriced as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from toktra.catalogue import Catalogue
from toktra.catalogue.prices import Price, PriceBook
from toktra.catalogue.providers import Provider
from toktra.server.costs.assumptions import BASE_CURRENCY, Assumptions, Contract, Entry, Kind
from toktra.server.costs.currency import in_usd
from toktra.server.web import figures
from toktra.server.web.language import _


class Basis(Enum):
    """Why this price and no other."""

    CONTRACT = auto()
    MODEL_MIX = auto()
    ASSUMED_MODEL = auto()
    """The catalogue's one model for the provider."""


class Reason(Enum):
    """Why there is no price."""

    SEATS = auto()
    """Paid by the seat: not missing, but not by the token."""
    NO_LIST = auto()
    """No price list is known for the provider."""
    NOT_THAT_DAY = auto()
    """The list has no price for a model of the mix on that day."""
    NOT_IN_CATALOGUE = auto()
    """The host belongs to no provider of the catalogue any more."""


@dataclass(frozen=True, slots=True)
class Component:
    """One model's price and its share of the tokens; a contract is one component without a model."""

    share: float
    input_usd_per_million: float
    output_usd_per_million: float
    source: str
    model: str | None = None
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """What a million tokens cost, with everything that led to it."""

    basis: Basis
    components: tuple[Component, ...]

    @property
    def input_usd_per_million(self) -> float:
        return sum(one.share * one.input_usd_per_million for one in self.components)

    @property
    def output_usd_per_million(self) -> float:
        return sum(one.share * one.output_usd_per_million for one in self.components)


@dataclass(frozen=True, slots=True)
class Unpriced:
    """There is no price."""

    reason: Reason


class Rates:
    """Prices of one organisation. Remembers what it has worked out, so that a million rows cost a million look-ups."""

    def __init__(self, assumptions: Assumptions, catalogue: Catalogue, prices: PriceBook) -> None:
        self.assumptions = assumptions
        self.catalogue = catalogue
        self.prices = prices
        self._known: dict[tuple[str, date], Rate | Unpriced] = {}

    def on(self, provider: Provider, day: date) -> Rate | Unpriced:
        """What this provider's tokens cost on `day`. Raises NoExchangeRate for a contract whose currency has none."""
        key = (provider.id, day)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._work_out(provider, day)
        return known

    def _work_out(self, provider: Provider, day: date) -> Rate | Unpriced:
        if entry := self.assumptions.in_force(Kind.CONTRACT, provider.id, day):
            return Rate(Basis.CONTRACT, (self._contracted(entry, day),))
        if mix := self.assumptions.model_mix(provider.id, day):
            return self._mixed(provider, mix.shares, day, Basis.MODEL_MIX)
        if self.assumptions.seats(provider.id, day):
            return Unpriced(Reason.SEATS)
        if provider.price_key is None or provider.assumed_model is None:
            return Unpriced(Reason.NO_LIST)
        return self._mixed(provider, {provider.assumed_model: 1.0}, day, Basis.ASSUMED_MODEL)

    def _mixed(self, provider: Provider, shares: dict[str, float], day: date, basis: Basis) -> Rate | Unpriced:
        components = []
        for model, share in shares.items():
            price = list_price(provider, model, day, self.prices)
            if price is None:
                return Unpriced(Reason.NOT_THAT_DAY)
            components.append(
                Component(
                    share=share,
                    input_usd_per_million=price.input_usd_per_million,
                    output_usd_per_million=price.output_usd_per_million,
                    source=_list_price_source(price, self.prices),
                    model=model,
                    since=price.since,
                )
            )
        return Rate(basis, tuple(components))

    def _contracted(self, entry: Entry, day: date) -> Component:
        contract = entry.value
        if not isinstance(contract, Contract):
            raise TypeError(f"an entry of kind {entry.kind} holds {contract!r}")
        source = _("Your contract") if contract.currency == BASE_CURRENCY else _("Your contract, in %(currency)s")
        return Component(
            share=1.0,
            input_usd_per_million=in_usd(contract.input_per_million, contract.currency, day, self.assumptions),
            output_usd_per_million=in_usd(contract.output_per_million, contract.currency, day, self.assumptions),
            source=source % {"currency": contract.currency},
            since=entry.valid_from,
        )


def _list_price_source(price: Price, book: PriceBook) -> str:
    """Where a list price comes from, in words for whoever opens the figure."""
    words = _("List price of %(name)s (genai-prices %(version)s of %(day)s)") % {
        "name": price.list_name,
        "version": book.version,
        "day": figures.one_day(book.built_on),
    }
    return f"{words}, {price.page}" if price.page else words


def price_lists(provider: Provider) -> tuple[str, ...]:
    """The price lists a provider's models can be on."""
    return (*((provider.price_key,) if provider.price_key else ()), *provider.other_price_keys)


def list_price(provider: Provider, model: str, day: date, prices: PriceBook) -> Price | None:
    """What a model costs by the provider's own lists, the first that knows it."""
    found = (prices.price_of(price_key, model, day) for price_key in price_lists(provider))
    return next((price for price in found if price is not None), None)


def known_models(provider: Provider, prices: PriceBook) -> tuple[str, ...]:
    """Every model a mix can name for this provider."""
    return tuple(dict.fromkeys(model for price_key in price_lists(provider) for model in prices.models(price_key)))
