"""Totals come from the projection: each host once, what has no price counted and never 0, days with their range."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from toktra.catalogue import load_catalogue
from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.catalogue.prices import load_prices
from toktra.server.costs.assumptions import Assumptions, Contract, Entry, Kind
from toktra.server.costs.projection import Pricing, Projection, project
from toktra.server.costs.rates import Rates
from toktra.server.usage.totals import HostDay, by_day, by_provider, totals

CATALOGUE = load_catalogue()
DAY = date(2026, 11, 20)
HALVED = [
    Entry(
        kind=Kind.CONTRACT, subject="anthropic", valid_from=day, value=price, set_at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    for day, price in ((date(2026, 11, 1), Contract(3, 15)), (date(2026, 11, 21), Contract(1.5, 7.5)))
]
"""Anthropic halves its prices on the 21st."""
PRICING = Pricing(rates=Rates(Assumptions.of(HALVED), CATALOGUE, load_prices()), currency="USD")


def of(*uses: HostDay) -> Projection:
    return project(uses, PRICING)


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
    found = totals(of())
    assert (found.exchanges, found.tokens.high, found.cost, found.unpriced_exchanges) == (0, 0, None, 0)
    assert by_provider(of()) == []


def test_what_has_no_price_is_in_tokens_and_not_in_cost() -> None:
    priced, unpriced = use(), use("chatgpt.com")
    both = totals(of(priced, unpriced))
    alone = totals(of(priced))
    assert both.cost == alone.cost
    assert both.tokens.low > alone.tokens.low
    assert (both.unpriced_exchanges, both.priced_exchanges) == (10, 10)
    assert both.priced_bytes == 130_000
    assert both.priced_tokens == alone.tokens
    assert totals(of(unpriced)).cost is None


def test_each_day_has_its_price() -> None:
    before, after = use(), use(day=date(2026, 11, 21))
    dear = totals(of(before, before))
    mixed = totals(of(before, after))
    assert dear.cost is not None
    assert mixed.cost is not None
    assert mixed.cost.high == pytest.approx(dear.cost.high * 0.75)
    assert (dear.prices, mixed.prices) == (1, 2)
    assert dear.cost.low <= 2 * (3 + 3) <= dear.cost.high


def test_days_of_one_host_are_one_part() -> None:
    """The same host's errors do not cancel because its use is spread over days."""
    once = totals(of(use(times=2)))
    twice = totals(of(use(), use(day=date(2026, 11, 19))))
    assert twice.tokens == once.tokens


def test_hosts_of_one_provider_are_one_line_and_an_unknown_host_keeps_its_name() -> None:
    lines = by_provider(of(use("api.anthropic.com"), use("gone.example")))
    assert {line.name for line in lines} == {"Anthropic API", "gone.example"}
    unpriced = next(line for line in lines if line.name == "gone.example")
    assert unpriced.cost is None


def test_a_day_is_told_with_its_range() -> None:
    days = by_day([use(), use("chatgpt.com"), use(day=date(2026, 11, 21))], PRICING)
    assert days[DAY].middle == 2_400_000
    assert days[DAY].interval.low < 2_400_000 < days[DAY].interval.high
    assert set(days) == {DAY, date(2026, 11, 21)}


def test_estimates_of_an_older_estimator_are_a_part_of_their_own() -> None:
    old = replace(use(), estimator_version="0")
    assert totals(of(use(), old)).tokens != totals(of(use(times=2))).tokens
