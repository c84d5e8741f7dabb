"""What tokens cost: dated list prices per provider, and the assumption of a model behind the figure.

A price is a list price per million tokens in US dollars: without discounts for cached input, batches or long contexts,
without a contract. No price is None, "unpriced", and is never taken for 0. The data is genai-prices' (see prices.json);
scripts/build_prices.py makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from toktra.catalogue.loading import load_catalogue
from toktra.catalogue.providers import Catalogue

SHIPPED: Final = Path(__file__).with_name("prices.json")

_Dollars = Annotated[float, Meta(ge=0, le=1_000_000)]


class PricesError(ValueError):
    """A price file cannot be used."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What one million tokens of one model cost from `since` until a later price."""

    input_usd_per_million: float
    output_usd_per_million: float
    """0 where only input is charged, as for embeddings."""
    model: str
    list_name: str
    """Whose list it is on."""
    page: str | None = None
    """Where the list is published."""
    since: date | None = None
    """None: for as long as the list knows the model."""


class _Dated(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    since: date | None
    input_usd_per_million: _Dollars
    output_usd_per_million: _Dollars


class _PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    page: str | None
    models: dict[str, tuple[_Dated, ...]]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    about: str
    license: tuple[str, ...]
    genai_prices: str
    """The version of genai-prices."""
    built_on: date
    price_lists: dict[str, _PriceList]


class PriceBook:
    """All price lists of one price file. Immutable; get one from `load_prices`."""

    __slots__ = ("_lists", "built_on", "version")

    def __init__(self, file: _File) -> None:
        self.version: Final = file.genai_prices
        self.built_on: Final = file.built_on
        self._lists: Mapping[str, _PriceList] = file.price_lists

    def models(self, price_key: str) -> tuple[str, ...]:
        """The models this price list knows, for an organisation's own choice of model mix."""
        found = self._lists.get(price_key)
        return tuple(found.models) if found else ()

    def price_of(self, price_key: str, model: str, day: date) -> Price | None:
        """What `model` costs on `day` by this list; None when the list has no price for it then."""
        found = self._lists.get(price_key)
        if found is None:
            return None
        for dated in reversed(found.models.get(model, ())):
            if dated.since is None or dated.since <= day:
                return Price(
                    input_usd_per_million=dated.input_usd_per_million,
                    output_usd_per_million=dated.output_usd_per_million,
                    model=model,
                    list_name=found.name,
                    page=found.page,
                    since=dated.since,
                )
        return None


@cache
def load_prices(file: Path | None = None) -> PriceBook:
    """The shipped prices, or those of a refreshed file. Read once per file and process.

    Raises PricesError for a file that is not of this form, and OSError when it cannot be read.
    """
    file = file or SHIPPED
    try:
        written = msgspec.json.decode(file.read_bytes(), type=_File)
    except msgspec.DecodeError as error:
        raise PricesError(file, f"is not a price file: {error}") from error
    for price_key, price_list in written.price_lists.items():
        for model, prices in price_list.models.items():
            days = [dated.since or date.min for dated in prices]
            if not days or any(earlier >= later for earlier, later in pairwise(days)):
                raise PricesError(file, f'"{price_key}", "{model}": needs at least one price, oldest first')
    return PriceBook(written)


def price_on(
    provider_id: str, day: date, *, catalogue: Catalogue | None = None, prices: PriceBook | None = None
) -> Price | None:
    """What a provider's tokens cost on `day` if all use is of its assumed model; None is "unpriced", never 0.

    Unpriced are providers that do not sell tokens (web chats, pictures, seats) and those whose list is not known.
    """
    provider = (catalogue or load_catalogue()).get(provider_id)
    if provider is None or provider.price_key is None or provider.assumed_model is None:
        return None
    return (prices or load_prices()).price_of(provider.price_key, provider.assumed_model, day)
