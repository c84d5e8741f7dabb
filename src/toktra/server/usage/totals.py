"""Sums of usage with their ranges. Pure: rows, a catalogue and prices in, figures out.

Ranges of sums are computed from the parts, one for each provider host and version of the estimator, and never added:
errors that parts share move together, others cancel in part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from toktra.catalogue import Catalogue
from toktra.catalogue.uncertainty import Part, Range, tokens_range
from toktra.server.usage.costs import Dollars, PricedPart, PriceOn, cost_range


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDay:
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
    tokens: Range
    cost: Dollars | None
    """None when nothing had a price, or there was nothing."""
    unpriced_exchanges: int
    priced_bytes: int
    """Request and response bytes of the exchanges that have a price."""
    priced_tokens: Range
    prices: int
    """How many different prices entered the cost."""

    @property
    def priced_exchanges(self) -> int:
        return self.exchanges - self.unpriced_exchanges


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderUse:
    """One provider's share of a period."""

    name: str
    hosts: tuple[str, ...]
    exchanges: int
    tokens: Range
    cost: Dollars | None
    """None when the provider has no price: unpriced."""


@dataclass(frozen=True, slots=True)
class DayTokens:
    """One day's tokens: the estimate, and its range."""

    middle: int
    interval: Range


def totals(uses: Sequence[HostDay], catalogue: Catalogue, price_on: PriceOn) -> Totals:
    """Everything in the rows, together."""
    priced, unpriced = _price(uses, catalogue, price_on)
    parts = _parts(uses)
    return Totals(
        exchanges=sum(use.exchanges for use in uses),
        tokens=tokens_range(parts),
        cost=cost_range(priced.parts) if priced.parts else None,
        unpriced_exchanges=sum(use.exchanges for use in unpriced),
        priced_bytes=sum(use.request_bytes + use.response_bytes for use in priced.uses),
        priced_tokens=tokens_range(_parts(priced.uses)),
        prices=priced.prices,
    )


def by_provider(uses: Sequence[HostDay], catalogue: Catalogue, price_on: PriceOn) -> list[ProviderUse]:
    """One line for each provider; most tokens first by the upper end, which is what the bars show."""
    of_provider: dict[str, list[HostDay]] = defaultdict(list)
    names: dict[str, str] = {}
    for use in uses:
        provider = catalogue.find(use.provider_host)
        # A host may have left the catalogue since; its use is shown under its own name.
        key = provider.id if provider else use.provider_host
        names[key] = provider.name if provider else use.provider_host
        of_provider[key].append(use)
    lines = []
    for key, own in of_provider.items():
        priced, _unpriced = _price(own, catalogue, price_on)
        lines.append(
            ProviderUse(
                name=names[key],
                hosts=tuple(sorted({use.provider_host for use in own})),
                exchanges=sum(use.exchanges for use in own),
                tokens=tokens_range(_parts(own)),
                cost=cost_range(priced.parts) if priced.parts else None,
            )
        )
    return sorted(lines, key=lambda line: (-line.tokens.high, -line.exchanges, line.name))


def by_day(uses: Iterable[HostDay]) -> dict[date, DayTokens]:
    """Tokens of each day that has any row."""
    of_day: dict[date, list[HostDay]] = defaultdict(list)
    for use in uses:
        of_day[use.day].append(use)
    return {
        day: DayTokens(sum(use.input_tokens + use.output_tokens for use in own), tokens_range(_parts(own)))
        for day, own in of_day.items()
    }


@dataclass(frozen=True, slots=True)
class _Priced:
    uses: list[HostDay]
    parts: list[PricedPart]
    prices: int


def _price(uses: Iterable[HostDay], catalogue: Catalogue, price_on: PriceOn) -> tuple[_Priced, list[HostDay]]:
    """The rows that have a price, with the cost of their parts, and those that have none."""
    with_price: list[HostDay] = []
    without: list[HostDay] = []
    usd: dict[_PartKey, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    prices = set()
    for use in uses:
        provider = catalogue.find(use.provider_host)
        price = price_on(provider.id, use.day) if provider else None
        if price is None:
            without.append(use)
            continue
        with_price.append(use)
        prices.add((price.input_usd_per_million, price.output_usd_per_million))
        key = _part_key(use)
        input_usd, output_usd = usd[key]
        usd[key] = (
            input_usd + use.input_tokens * price.input_usd_per_million / 1e6,
            output_usd + use.output_tokens * price.output_usd_per_million / 1e6,
        )
    parts = [PricedPart(part, *usd[part.provider_host, part.estimator_version]) for part in _parts(with_price)]
    return _Priced(with_price, parts, len(prices)), without


_PartKey = tuple[str, str]
"""Provider host and version of the estimator: what estimates have in common."""


def _part_key(use: HostDay) -> _PartKey:
    return use.provider_host, use.estimator_version


def _parts(uses: Iterable[HostDay]) -> list[Part]:
    alike: dict[_PartKey, list[HostDay]] = defaultdict(list)
    for use in uses:
        alike[_part_key(use)].append(use)
    return [
        Part(
            provider_host=host,
            exchanges=sum(use.exchanges for use in own),
            input_tokens=sum(use.input_tokens for use in own),
            output_tokens=sum(use.output_tokens for use in own),
            estimator_version=version,
        )
        for (host, version), own in alike.items()
    ]
