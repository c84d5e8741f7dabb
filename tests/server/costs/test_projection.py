"""Cost is tokens times the prices of their day; what has no price is counted and never 0; every step can be shown."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from math import hypot, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.catalogue import load_catalogue
from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.catalogue.prices import load_prices, price_on
from toktra.catalogue.uncertainty import Part, input_range, output_range, tokens_range
from toktra.server.costs import parts
from toktra.server.costs.assumptions import (
    WHOLE_ORGANISATION,
    Assumptions,
    Contract,
    Currency,
    Entry,
    ExchangeRate,
    Kind,
    ModelMix,
    Seats,
    Value,
)
from toktra.server.costs.currency import NoExchangeRate
from toktra.server.costs.explanation import explain_provider, explain_total
from toktra.server.costs.projection import Pricing, Projection, ProviderCost, Together, project, project_together
from toktra.server.costs.ranges import Interval
from toktra.server.costs.rates import Basis, Rate, Rates, Reason, known_models, list_price
from toktra.server.costs.seats import seat_costs
from toktra.server.reconciliation.method import Factor, Finding, Fit, Share
from toktra.server.usage.totals import HostDay

CATALOGUE, PRICES = load_catalogue(), load_prices()
DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPENAI_HOST, CHAT_HOST, UNLISTED_HOST = "api.openai.com", "chatgpt.com", "api.stepfun.com"


def use(host: str = OPENAI_HOST, day: date = DAY, *, times: int = 1) -> HostDay:
    return HostDay(
        day=day,
        provider_host=host,
        estimator_version=ESTIMATOR_VERSION,
        exchanges=100 * times,
        request_bytes=4_000_000 * times,
        response_bytes=9_000_000 * times,
        input_tokens=1_000_000 * times,
        output_tokens=200_000 * times,
    )


def assumed(*said: tuple[Kind, str, date, Value | None]) -> Assumptions:
    return Assumptions.of(
        Entry(kind=kind, subject=subject, valid_from=day, value=value, set_at=NOON + timedelta(minutes=place))
        for place, (kind, subject, day, value) in enumerate(said)
    )


def pricing(
    assumptions: Assumptions | None = None, *, currency: str = "USD", finding: Finding | None = None
) -> Pricing:
    return Pricing(
        rates=Rates(assumptions or Assumptions(), CATALOGUE, PRICES),
        currency=currency,
        finding_on=lambda _provider_id, _day: finding,
    )


def only(projection: Projection) -> ProviderCost:
    assert len(projection.providers) == 1
    return projection.providers[0]


def cost_of(projection: Projection) -> Interval:
    assert projection.cost is not None
    return projection.cost


def middle(interval: Interval | None) -> float:
    """Ranges are wider above; their geometric middle is near the estimate."""
    assert interval is not None
    return sqrt(interval.low * interval.high)


def test_the_price_is_the_list_price_of_the_assumed_model() -> None:
    price = price_on("openai", DAY)
    assert price is not None
    exact = price.input_usd_per_million + 0.2 * price.output_usd_per_million
    cost = cost_of(project([use()], pricing()))
    assert cost.low < exact < cost.high
    line = only(project([use()], pricing()))
    rate = line.prices[0].rate
    assert isinstance(rate, Rate)
    assert (rate.basis, rate.components[0].model) == (Basis.ASSUMED_MODEL, price.model)


def test_ranges_without_a_factor_are_the_catalogues() -> None:
    part = Part(provider_host=OPENAI_HOST, exchanges=100, input_tokens=1_000_000, output_tokens=200_000)
    line = only(project([use()], pricing()))
    for found, known in (
        (line.input_tokens, input_range([part])),
        (line.output_tokens, output_range([part])),
        (line.tokens, tokens_range([part])),
    ):
        assert found.low == pytest.approx(known.low, rel=1e-4)
        assert found.high == pytest.approx(known.high, rel=1e-4)


def test_a_contract_goes_before_mix_and_list_from_its_day_on() -> None:
    contract = assumed((Kind.CONTRACT, "openai", DAY, Contract(10, 100)))
    before, after = (project([use(day=day)], pricing(contract)) for day in (DAY - timedelta(days=1), DAY))
    assert cost_of(before) == cost_of(project([use(day=DAY - timedelta(days=1))], pricing()))
    assert cost_of(after).low < 30 < cost_of(after).high
    rate = only(after).prices[0].rate
    assert isinstance(rate, Rate)
    assert rate.basis is Basis.CONTRACT


def test_a_model_mix_is_weighted_and_named() -> None:
    provider = CATALOGUE.get("openai")
    assert provider is not None
    cheap, dear = (model for model in known_models(provider, PRICES) if model in {"gpt-5-nano", "gpt-5"})
    prices = [list_price(provider, model, DAY, PRICES) for model in (cheap, dear)]
    mix = assumed((Kind.MODEL_MIX, "openai", DAY, ModelMix({cheap: 0.75, dear: 0.25})))
    rate = only(project([use()], pricing(mix))).prices[0].rate
    assert isinstance(rate, Rate)
    assert rate.basis is Basis.MODEL_MIX
    assert prices[0] is not None
    assert prices[1] is not None
    weighted = 0.75 * prices[0].input_usd_per_million + 0.25 * prices[1].input_usd_per_million
    assert rate.input_usd_per_million == pytest.approx(weighted)


def test_a_mix_with_an_unknown_model_is_unpriced_as_a_whole() -> None:
    mix = assumed((Kind.MODEL_MIX, "openai", DAY, ModelMix({"gpt-5": 0.9, "not-a-model": 0.1})))
    found = project([use()], pricing(mix))
    assert found.cost is None
    assert found.unpriced_exchanges == 100
    assert only(found).reasons == (Reason.NOT_THAT_DAY,)


def test_no_price_is_unpriced_counted_and_never_zero() -> None:
    found = project([use(UNLISTED_HOST), use("gone.example"), use()], pricing())
    assert (found.exchanges, found.priced_exchanges, found.unpriced_exchanges) == (300, 100, 200)
    assert cost_of(found) == cost_of(project([use()], pricing()))
    unpriced = [line for line in found.providers if line.cost is None]
    assert {line.reasons for line in unpriced} == {(Reason.NO_LIST,), (Reason.NOT_IN_CATALOGUE,)}
    assert found.providers[0].cost is not None


def test_nothing_costs_nothing_known() -> None:
    found = project([], pricing())
    assert (found.cost, found.exchanges, found.providers) == (None, 0, ())


def test_seats_are_fixed_shown_apart_and_never_multiplied_by_tokens() -> None:
    chat = CATALOGUE.find(CHAT_HOST)
    assert chat is not None
    seats = assumed((Kind.SEATS, chat.id, DAY - timedelta(days=9), Seats(30, 20)))
    for times in (1, 1000):
        found = project([use(CHAT_HOST, times=times)], pricing(seats))
        assert found.cost is None
        assert (found.seat_exchanges, found.unpriced_exchanges) == (100 * times, 0)
    fixed = seat_costs(seats, CATALOGUE, DAY - timedelta(days=19), DAY, "USD")
    assert [(one.seats, one.first, one.last) for one in fixed] == [(20, DAY - timedelta(days=9), DAY)]
    assert fixed[0].amount == pytest.approx(10 * 30 * 20 / 30)  # ten days of a month of thirty


def test_a_whole_month_of_seats_is_its_price() -> None:
    seats = assumed((Kind.SEATS, "openai", date(2026, 1, 1), Seats(30, 20)))
    for month, last in ((2, 28), (11, 30), (12, 31)):
        fixed = seat_costs(seats, CATALOGUE, date(2026, month, 1), date(2026, month, last), "USD")
        assert fixed[0].amount == pytest.approx(600)


EUR = (Kind.EXCHANGE_RATE, "EUR", DAY, ExchangeRate(0.5))


def test_another_currency_is_converted_at_the_rate_of_the_day() -> None:
    rates = assumed(EUR, (Kind.EXCHANGE_RATE, "EUR", DAY + timedelta(days=1), ExchangeRate(2.0)))
    dollars, first, second = (
        middle(project([use(day=day)], pricing(rates, currency=currency)).cost)
        for day, currency in ((DAY, "USD"), (DAY, "EUR"), (DAY + timedelta(days=1), "EUR"))
    )
    assert first == pytest.approx(dollars * 0.5)
    assert second == pytest.approx(dollars * 2.0)


def test_a_currency_without_a_rate_is_an_error_that_names_it_and_the_day() -> None:
    with pytest.raises(NoExchangeRate, match=r"no exchange rate for EUR on 19\xa0Nov\xa02026"):
        project([use(day=DAY - timedelta(days=1))], pricing(assumed(EUR), currency="EUR"))
    with pytest.raises(NoExchangeRate, match="GBP"):
        project([use()], pricing(assumed((Kind.CONTRACT, "openai", DAY, Contract(1, 1, "GBP")))))


def test_a_contract_in_the_currency_of_the_figures_is_exact() -> None:
    found = project(
        [use()], pricing(assumed(EUR, (Kind.CONTRACT, "openai", DAY, Contract(10, 100, "EUR"))), currency="EUR")
    )
    cost = cost_of(found)
    assert cost.low < 30 < cost.high


def test_seats_in_another_currency_are_converted() -> None:
    seats = assumed(EUR, (Kind.SEATS, "openai", DAY, Seats(30, 1, "EUR")))
    in_dollars = seat_costs(seats, CATALOGUE, DAY, DAY, "USD")[0].amount
    in_euro = seat_costs(seats, CATALOGUE, DAY, DAY, "EUR")[0].amount
    assert in_euro == pytest.approx(1.0)
    assert in_dollars == pytest.approx(2.0)


FINDING = Finding(
    day=DAY,
    first=DAY - timedelta(days=13),
    last=DAY,
    days=14,
    input=Factor(1.02, 0.99, 1.05, 0.03),
    output=Factor(1.5, 1.4, 1.6, 0.1),
    coverage=Share(0.8, 0.75, 0.85),
    complete=0.1,
    fit=Fit.FITS,
)


def test_a_factor_moves_and_narrows_and_never_fills_in_what_is_missing() -> None:
    month = [use(day=DAY - timedelta(days=place)) for place in range(30)]
    plain, corrected = only(project(month, pricing())), only(project(month, pricing(finding=FINDING)))
    assert corrected.estimated_output == plain.output_tokens
    assert middle(corrected.output_tokens) == pytest.approx(30 * 1.5 * 200_000, rel=0.1)
    relative = [(one.high - one.low) / middle(one) for one in (plain.output_tokens, corrected.output_tokens)]
    assert relative[1] < relative[0]
    assert middle(corrected.input_tokens) == pytest.approx(30 * 1.02e6, rel=0.05), "coverage is no factor"


def test_a_finding_that_does_not_fit_changes_nothing() -> None:
    stranger = replace(FINDING, fit=Fit.MORE_SEEN_THAN_BILLED)
    assert project([use()], pricing(finding=stranger)).cost == project([use()], pricing()).cost


def test_more_days_with_a_factor_are_surer_than_one() -> None:
    one = only(project([use(times=10)], pricing(finding=FINDING))).output_tokens
    ten = only(
        project([use(day=DAY - timedelta(days=place)) for place in range(10)], pricing(finding=FINDING))
    ).output_tokens
    assert (ten.high - ten.low) < (one.high - one.low)


@given(
    st.lists(
        st.tuples(st.sampled_from([OPENAI_HOST, CHAT_HOST, UNLISTED_HOST, "api.anthropic.com"]), st.integers(0, 9)),
        max_size=12,
    )
)
def test_totals_count_every_exchange_once_and_ranges_hold_the_parts(rows: list[tuple[str, int]]) -> None:
    uses = [use(host, DAY - timedelta(days=place)) for host, place in rows]
    found = project(uses, pricing())
    assert found.exchanges == 100 * len(rows) == sum(line.exchanges for line in found.providers)
    assert found.exchanges == found.priced_exchanges + found.unpriced_exchanges + found.seat_exchanges
    widths = [line.cost.high - line.cost.low for line in found.providers if line.cost]
    if found.cost is None:
        assert widths == []
    else:
        assert found.cost.high - found.cost.low == pytest.approx(hypot(*widths), rel=0.1), (
            "independent errors add as squares"
        )


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([OPENAI_HOST, CHAT_HOST, UNLISTED_HOST, "api.anthropic.com", "no.longer.example"]),
            st.integers(0, 40),
            st.integers(0, 900),
        ),
        max_size=12,
    ),
    is_reconciled=st.booleans(),
)
def test_sums_without_their_providers_are_the_same_sums(rows: list[tuple[str, int, int]], is_reconciled: bool) -> None:
    seats = assumed((Kind.SEATS, "openai", DAY - timedelta(days=20), Seats(30, 20)))
    under = pricing(seats if is_reconciled else None, finding=FINDING if is_reconciled else None)
    uses = [use(host, DAY - timedelta(days=days), times=times) for host, days, times in rows]
    whole, together = project(uses, under), project_together(uses, under)
    assert {field.name: getattr(whole, field.name) for field in fields(Together)} == {
        field.name: getattr(together, field.name) for field in fields(Together)
    }


def test_a_range_already_asked_for_does_not_outlive_what_is_added_later() -> None:
    part, other = (parts.Part(OPENAI_HOST, ESTIMATOR_VERSION, reconciled=False) for _ in range(2))
    for one in (part, other):
        one.exchanges += 1
        one.add_tokens(4_000, 800, None, None)
    asked = part.deviation(output=True)
    for one in (part, other):
        one.exchanges += 99
        one.add_tokens(400_000, 80_000, None, None)
    assert asked != part.deviation(output=True) == other.deviation(output=True)


def test_every_step_of_a_figure_can_be_read() -> None:
    both = assumed(EUR, (Kind.CURRENCY, WHOLE_ORGANISATION, DAY, Currency("EUR")))
    found = project([use()], pricing(both, currency="EUR", finding=FINDING))
    explained = explain_provider(only(found), found, both)
    labels = [step.label for step in explained.steps]
    assert labels == [
        "Bytes of 100 exchanges",
        "Estimated tokens",
        "Corrected by what was billed",
        "Prices in force, per million tokens",
        "EUR for one US dollar",
        "Cost",
    ]
    assert explained.steps[0].value == "13.0\xa0MB"
    assert "Output × 1.40–1.60" in explained.steps[2].details
    assert "gpt-6.1-sol" in explained.steps[3].details[0]
    assert "List price of OpenAI (genai-prices" in explained.steps[3].details[0]
    assert explained.steps[4].value == "0.5"
    assert explained.figure.startswith("€")
    assert "hidden reasoning is not seen" in explained.steps[1].note


def test_an_unpriced_figure_says_why() -> None:
    found = project([use(UNLISTED_HOST)], pricing())
    explained = explain_provider(only(found), found, Assumptions())
    assert explained.figure == "unpriced"
    assert "No price per token is known" in explained.steps[-2].note


def test_the_total_says_what_it_leaves_out() -> None:
    chat = CATALOGUE.find(CHAT_HOST)
    assert chat is not None
    seats = assumed((Kind.SEATS, chat.id, DAY, Seats(30, 20)))
    found = project([use(), use(UNLISTED_HOST), use(CHAT_HOST)], pricing(seats))
    explained = explain_total(found, DAY, DAY, seats)
    assert "100 exchanges unpriced" in explained.steps[-1].note.replace("\xa0", " ")
    assert "100 exchanges paid by the seat" in explained.steps[-1].note.replace("\xa0", " ")
    assert "devices that are missing" in explained.steps[-1].note
