"""What is typed is taken whole or refused with the name of its field."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from toktra.catalogue import load_catalogue
from toktra.catalogue.prices import load_prices
from toktra.server.costs.assumptions import Assumptions, Contract, Currency, Entry, ExchangeRate, Kind, ModelMix, Seats
from toktra.server.costs.entering import Entering, InvalidAssumption, number

TODAY = date(2026, 11, 22)
RATE = Entry(
    kind=Kind.EXCHANGE_RATE,
    subject="EUR",
    valid_from=date(2026, 11, 1),
    value=ExchangeRate(0.9),
    set_at=datetime(2026, 11, 1, tzinfo=UTC),
)
ENTERING = Entering(load_catalogue(), load_prices(), Assumptions.of([RATE]), TODAY)
FROM = {"valid_from": "2026-11-22"}


def test_a_mix_is_taken_in_shares_of_one() -> None:
    entered = ENTERING.model_mix(
        "openai", {**FROM, "model_1": "gpt-5", "share_1": "60", "model_3": " gpt-5-nano ", "share_3": "40,0"}
    )
    assert (entered.kind, entered.subject, entered.valid_from) == (Kind.MODEL_MIX, "openai", TODAY)
    assert entered.value == ModelMix({"gpt-5": 0.6, "gpt-5-nano": 0.4})


def test_thirds_that_miss_a_hundred_a_little_are_taken() -> None:
    fields = {f"model_{row}": model for row, model in enumerate(("gpt-5", "gpt-5-nano", "gpt-5-mini"), 1)}
    entered = ENTERING.model_mix("openai", {**FROM, **fields, "share_1": "33.3", "share_2": "33.3", "share_3": "33.4"})
    assert isinstance(entered.value, ModelMix)
    assert sum(entered.value.shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({}, "model_1", "at least one"),
        ({"model_1": "gpt-5", "share_1": "60"}, "share_1", "add up to 60 %"),
        ({"model_1": "gpt-5", "share_1": "101"}, "share_1", "more than 100"),
        ({"model_1": "gpt-5", "share_1": "0"}, "share_1", "above 0"),
        ({"model_1": "gpt-5", "share_1": "-5"}, "share_1", "Give a number"),
        ({"model_1": "gpt-5", "share_1": "nan"}, "share_1", "Give a number"),
        ({"model_1": "gpt-5"}, "share_1", "Give a number"),
        ({"share_2": "100"}, "model_2", "not in the price list"),
        ({"model_1": "gpt-99", "share_1": "100"}, "model_1", "“gpt-99” is not in the price list of OpenAI API"),
        ({"model_1": "gpt-5", "share_1": "50", "model_2": "gpt-5", "share_2": "50"}, "model_2", "named twice"),
        ({"model_1": "gpt-5", "share_1": "100", "valid_from": "22.11.2026"}, "valid_from", "2026-11-22"),
        ({"model_1": "gpt-5", "share_1": "100", "valid_from": ""}, "valid_from", "year-month-day"),
        ({"model_1": "gpt-5", "share_1": "100", "valid_from": "2019-12-31"}, "valid_from", "from 2020-01-01"),
        ({"model_1": "gpt-5", "share_1": "100", "valid_from": "2099-01-01"}, "valid_from", "to 2028-11-22"),
    ],
)
def test_a_mix_is_refused_by_field(fields: dict[str, str], field: str, says: str) -> None:
    with pytest.raises(InvalidAssumption) as refusal:
        ENTERING.model_mix("openai", {**FROM, **fields})
    assert refusal.value.field == field
    assert says in refusal.value.reason


def test_a_contract_and_seats_are_taken() -> None:
    contract = ENTERING.contract("openai", {**FROM, "input": "2.50", "output": "10", "currency": "eur"})
    assert contract.value == Contract(2.5, 10.0, "EUR")
    seats = ENTERING.seats("openai", {**FROM, "price": "28,50", "seats": "120", "currency": "USD"})
    assert seats.value == Seats(28.5, 120, "USD")


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"input": "", "output": "1", "currency": "USD"}, "input", "Give a number"),
        ({"input": "1", "output": "1e9", "currency": "USD"}, "output", "Give a number"),
        ({"input": "1", "output": "1000001", "currency": "USD"}, "output", "more than"),
        ({"input": "1", "output": "1", "currency": "euro"}, "currency", "three letters"),
        ({"input": "1", "output": "1", "currency": "GBP"}, "currency", "no exchange rate for GBP"),
        (
            {"input": "1", "output": "1", "currency": "EUR", "valid_from": "2026-10-31"},
            "currency",
            "Give the rate first",
        ),
        ({"input": "1,000", "output": "1", "currency": "USD"}, "input", "two ways"),
    ],
)
def test_a_contract_is_refused_by_field(fields: dict[str, str], field: str, says: str) -> None:
    with pytest.raises(InvalidAssumption) as refusal:
        ENTERING.contract("openai", {**FROM, **fields})
    assert refusal.value.field == field
    assert says in refusal.value.reason


def test_half_a_seat_is_none() -> None:
    with pytest.raises(InvalidAssumption, match="whole number") as refusal:
        ENTERING.seats("openai", {**FROM, "price": "30", "seats": "1.5", "currency": "USD"})
    assert refusal.value.field == "seats"


def test_a_currency_needs_its_rate_first() -> None:
    assert ENTERING.currency({**FROM, "currency": "EUR"}).value == Currency("EUR")
    assert ENTERING.currency({**FROM, "currency": "USD"}).value == Currency("USD")
    with pytest.raises(InvalidAssumption, match="Give the rate first"):
        ENTERING.currency({**FROM, "currency": "CHF"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"currency": "USD", "per_usd": "1"}, "currency"),
        ({"currency": "EUR", "per_usd": "0"}, "per_usd"),
        ({"currency": "EUR", "per_usd": "0.0000000001"}, "per_usd"),
    ],
)
def test_a_rate_is_refused_by_field(fields: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidAssumption) as refusal:
        ENTERING.exchange_rate({**FROM, **fields})
    assert refusal.value.field == field


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(InvalidAssumption, match="no such provider"):
        ENTERING.contract("nobody", {**FROM, "input": "1", "output": "1", "currency": "USD"})


def test_nothing_can_be_taken_back_that_is_not_assumed() -> None:
    with pytest.raises(InvalidAssumption, match="nothing to end"):
        ENTERING.taken_back(Kind.CONTRACT, "openai", FROM)


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), (" 2.5 ", 2.5), ("2,5", 2.5), ("1000", 1000.0)])
def test_plain_numbers_are_read(text: str, value: float) -> None:
    assert number(text, "x") == value


@pytest.mark.parametrize("text", ["", "-1", "1e3", "inf", "nan", "0x10", "1 000", "1.2.3", "٣", ".5", "1_0", "1'000"])
def test_what_only_looks_like_a_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidAssumption):
        number(text, "x")
