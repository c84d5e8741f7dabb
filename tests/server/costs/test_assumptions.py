"""What is in force on a day, and what an entry may not change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from toktra.server.costs.assumptions import Assumptions, Contract, Entry, ExchangeRate, Kind, Value

MONDAY = date(2026, 11, 2)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def entry(
    day: int, value: Value | None, *, set_at: int = 0, kind: Kind = Kind.CONTRACT, subject: str = "openai"
) -> Entry:
    return Entry(
        kind=kind,
        subject=subject,
        valid_from=MONDAY + timedelta(days=day),
        value=value,
        set_at=NOON + timedelta(minutes=set_at),
    )


def price_on(assumptions: Assumptions, day: int) -> float | None:
    contract = assumptions.contract("openai", MONDAY + timedelta(days=day))
    return contract.input_per_million if contract else None


def test_the_latest_valid_from_up_to_the_day_is_in_force() -> None:
    found = Assumptions.of([entry(10, Contract(3, 6)), entry(0, Contract(1, 2)), entry(5, Contract(2, 4))])
    assert [price_on(found, day) for day in (-1, 0, 4, 5, 9, 10, 99)] == [None, 1, 1, 2, 2, 3, 3]


def test_of_two_with_the_same_day_the_one_set_last_is_in_force() -> None:
    found = Assumptions.of([entry(0, Contract(2, 2), set_at=9), entry(0, Contract(1, 1), set_at=3)])
    assert price_on(found, 0) == 2


def test_an_assumption_taken_back_holds_until_then_and_can_return() -> None:
    found = Assumptions.of([entry(0, Contract(1, 2)), entry(5, None), entry(9, Contract(3, 6))])
    assert [price_on(found, day) for day in (4, 5, 8, 9)] == [1, None, None, 3]


def test_kinds_and_subjects_do_not_mix() -> None:
    found = Assumptions.of(
        [entry(0, Contract(1, 2)), entry(0, ExchangeRate(0.9), kind=Kind.EXCHANGE_RATE, subject="EUR")]
    )
    assert found.contract("anthropic", MONDAY) is None
    assert found.model_mix("openai", MONDAY) is None
    assert found.exchange_rate("EUR", MONDAY) == ExchangeRate(0.9)
    assert found.exchange_rate("GBP", MONDAY) is None
    assert found.subjects(Kind.CONTRACT) == ["openai"]


def test_nothing_assumed_is_dollars() -> None:
    assert Assumptions().currency(MONDAY) == "USD"


def test_the_history_keeps_everything_that_was_said() -> None:
    said = [entry(0, Contract(1, 2)), entry(0, Contract(2, 2), set_at=5), entry(3, None)]
    assert len(Assumptions.of(said).history(Kind.CONTRACT, "openai")) == 3


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=8), st.integers(0, 30), st.integers(1, 9))
def test_an_entry_changes_no_day_before_its_own(said: list[tuple[int, int]], day: int, price: int) -> None:
    before = [entry(at, Contract(amount, amount), set_at=place) for place, (at, amount) in enumerate(said)]
    after = [*before, entry(day, Contract(price, price), set_at=99)]
    for earlier in range(-1, day):
        assert price_on(Assumptions.of(before), earlier) == price_on(Assumptions.of(after), earlier)
    assert price_on(Assumptions.of(after), day) == price
