"""Totals come from parts, prices from their day; what has no price is counted and never 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.catalogue import load_catalogue
from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.catalogue.uncertainty import Part, tokens_range
from toktra.server.usage.costs import PricedPart, TokenPrice, cost_range
from toktra.server.usage.totals import HostDay, by_day, by_provider, totals

CATALOGUE = load_catalogue()
DAY = date(2026, 11, 20)


@dataclass(frozen=True)
class Price:
    input_usd_per_million: float
    output_usd_per_million: float


def price_on(provider_id: str, day: date) -> TokenPrice | None:
    """Anthropic halves its prices on the 21st; nobody else has one."""
    if provider_id != _id("api.anthropic.com"):
        return None
    return Price(3, 15) if day < date(2026, 11, 21) else Price(1.5, 7.5)


def _id(host: str) -> str:
    provider = CATALOGUE.find(host)
    assert provider is not None
    return provider.id


def use(host: str = "api.anthropic.com", day: date = DAY, *, times: int = 1) -> HostDay:
    return HostDay(
        day=day,
        provider_host=host,
        estimator_version=ESTIMATOR_VERSION,
        exchanges=10 * times,
        request_bytes=40_000 * times,
        response_bytes=90_000 * times,
        input_tokens=1_000_000 * times,
        output_tokens=200_000 * times,
    )


def test_nothing_is_nothing_and_costs_nothing_known() -> None:
    found = totals([], CATALOGUE, price_on)
    assert (found.exchanges, found.tokens.high, found.cost, found.unpriced_exchanges) == (0, 0, None, 0)
    assert by_provider([], CATALOGUE, price_on) == []


def test_what_has_no_price_is_in_tokens_and_not_in_cost() -> None:
    priced, unpriced = use(), use("chatgpt.com")
    both = totals([priced, unpriced], CATALOGUE, price_on)
    alone = totals([priced], CATALOGUE, price_on)
    assert both.cost == alone.cost
    assert both.tokens.low > alone.tokens.low
    assert (both.unpriced_exchanges, both.priced_exchanges) == (10, 10)
    assert both.priced_bytes == 130_000
    assert both.priced_tokens == alone.tokens
    assert totals([unpriced], CATALOGUE, price_on).cost is None


def test_each_day_has_its_price() -> None:
    before, after = use(), use(day=date(2026, 11, 21))
    dear = totals([before, before], CATALOGUE, price_on)
    mixed = totals([before, after], CATALOGUE, price_on)
    assert dear.cost is not None
    assert mixed.cost is not None
    assert mixed.cost.high == pytest.approx(dear.cost.high * 0.75)
    assert (dear.prices, mixed.prices) == (1, 2)
    assert dear.cost.low <= 2 * (3 + 3) <= dear.cost.high


def test_days_of_one_host_are_one_part() -> None:
    """The same host's errors do not cancel because its use is spread over days."""
    once = totals([use(times=2)], CATALOGUE, price_on)
    twice = totals([use(), use(day=date(2026, 11, 19))], CATALOGUE, price_on)
    assert twice.tokens == once.tokens


def test_hosts_of_one_provider_are_one_line_and_an_unknown_host_keeps_its_name() -> None:
    lines = by_provider([use("api.anthropic.com"), use("gone.example")], CATALOGUE, price_on)
    assert {line.name for line in lines} == {"Anthropic API", "gone.example"}
    unpriced = next(line for line in lines if line.name == "gone.example")
    assert unpriced.cost is None


def test_a_day_is_told_with_its_range() -> None:
    days = by_day([use(), use("chatgpt.com"), use(day=date(2026, 11, 21))])
    assert days[DAY].middle == 2_400_000
    assert days[DAY].interval.low < 2_400_000 < days[DAY].interval.high
    assert set(days) == {DAY, date(2026, 11, 21)}


def test_estimates_of_an_older_estimator_are_a_part_of_their_own() -> None:
    old = replace(use(), estimator_version="0")
    assert totals([use(), old], CATALOGUE, price_on).tokens != totals([use(times=2)], CATALOGUE, price_on).tokens


parts = st.builds(
    Part,
    provider_host=st.sampled_from(["api.anthropic.com", "api.openai.com", "chatgpt.com"]),
    exchanges=st.integers(0, 10**6),
    input_tokens=st.integers(0, 10**12),
    output_tokens=st.integers(0, 10**12),
)


@given(st.lists(parts, max_size=5), st.floats(0.01, 100))
def test_at_one_price_for_all_tokens_cost_is_the_range_of_tokens(several: list[Part], usd: float) -> None:
    priced = [PricedPart(part, part.input_tokens * usd / 1e6, part.output_tokens * usd / 1e6) for part in several]
    cost, tokens = cost_range(priced), tokens_range(several)
    one_token = usd / 1e6
    assert cost.low == pytest.approx(tokens.low * one_token, abs=2 * one_token, rel=1e-6)
    assert cost.high == pytest.approx(tokens.high * one_token, abs=2 * one_token, rel=1e-6)
