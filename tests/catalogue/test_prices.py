"""Dated prices: what is known, what is unpriced, and that the shipped file says what genai-prices says."""

from __future__ import annotations

import runpy
import sys
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from genai_prices import Usage
from genai_prices.data import providers as genai_prices

from toktra.catalogue import Kind, Provider, load_catalogue
from toktra.catalogue.prices import SHIPPED, PriceBook, PricesError, load_prices, price_on

TODAY = date(2026, 11, 22)
BOOK = load_prices()
PRICED = [provider for provider in load_catalogue().providers if provider.assumed_model]

BOOK_OF_TEST = """{
 "about": "For this test.", "license": [], "genai_prices": "9.9", "built_on": "2026-11-22",
 "price_lists": {"openai": {"name": "OpenAI", "page": null, "models": {
  "gpt-6.1-sol": [["2026-01-01", 4, 20], ["2026-07-01", 2.5, 10.25]],
  "always": [[null, 1, 0]]
 }}}
}"""


@pytest.fixture
def book(tmp_path: Path) -> PriceBook:
    file = tmp_path / "prices.json"
    file.write_text(BOOK_OF_TEST)
    return load_prices(file)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 12, 31), None),
        (date(2026, 1, 1), (4, 20, date(2026, 1, 1))),
        (date(2026, 6, 30), (4, 20, date(2026, 1, 1))),
        (date(2026, 7, 1), (2.5, 10.25, date(2026, 7, 1))),
        (date(2030, 1, 1), (2.5, 10.25, date(2026, 7, 1))),
    ],
)
def test_a_price_holds_from_its_day_until_the_next(
    book: PriceBook, day: date, expected: tuple[float, float, date] | None
) -> None:
    price = price_on("openai", day, prices=book)
    found = price and (price.input_usd_per_million, price.output_usd_per_million, price.since)
    assert found == expected


def test_an_undated_price_always_held(book: PriceBook) -> None:
    price = book.price_of("openai", "always", date(1999, 1, 1))
    assert price is not None
    assert (price.input_usd_per_million, price.output_usd_per_million, price.since) == (1, 0, None)


def test_a_price_says_where_it_comes_from(book: PriceBook) -> None:
    price = price_on("openai", TODAY, prices=book)
    assert price is not None
    assert price.model == "gpt-6.1-sol"
    assert (price.list_name, price.page) == ("OpenAI", None)
    assert (book.version, book.built_on) == ("9.9", date(2026, 11, 22))
    shipped = price_on("openai", TODAY)
    assert shipped is not None
    assert shipped.page is not None
    assert shipped.page.startswith("https://")


@pytest.mark.parametrize("provider_id", ["chatgpt", "claude", "midjourney", "elevenlabs", "replit", "nobody"])
def test_what_is_not_sold_by_the_token_is_unpriced(provider_id: str) -> None:
    assert price_on(provider_id, TODAY) is None


def test_no_chat_pretends_to_have_a_token_price() -> None:
    chats = [provider.id for provider in load_catalogue().providers if provider.kind is Kind.CHAT]
    assert [chat for chat in chats if price_on(chat, TODAY) is not None] == []


@pytest.mark.parametrize("provider", PRICED, ids=lambda provider: provider.id)
def test_every_assumed_model_has_a_price_today_that_is_not_zero(provider: Provider) -> None:
    price = price_on(provider.id, TODAY)
    assert price is not None
    assert price.model == provider.assumed_model
    assert price.input_usd_per_million > 0


@pytest.mark.parametrize("provider", PRICED, ids=lambda provider: provider.id)
@pytest.mark.parametrize("day", [date(2026, 9, 1), TODAY, date(2027, 1, 1)])
def test_prices_are_what_genai_prices_calculates(provider: Provider, day: date) -> None:
    """A thousand tokens each way stay below every long-context tier, 18:00 UTC outside every rate for hours."""
    listed = next(listed for listed in genai_prices if listed.id == provider.price_key)
    model = next(model for model in listed.models if model.id == provider.assumed_model)
    theirs = model.calc_price(
        Usage(input_tokens=1000, output_tokens=1000),
        listed,
        genai_request_timestamp=datetime.combine(day, time(18), UTC),
    )
    ours = price_on(provider.id, day)
    assert ours is not None
    assert ours.input_usd_per_million == pytest.approx(float(theirs.input_price) * 1000)
    assert ours.output_usd_per_million == pytest.approx(float(theirs.output_price) * 1000)


def test_the_shipped_file_is_what_the_build_makes_of_the_installed_genai_prices(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Path(__file__).parents[2] / "scripts" / "build_prices.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--check"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0, capsys.readouterr().out
    assert BOOK.version == version("genai-prices")
    assert BOOK.built_on <= datetime.now(UTC).date() + timedelta(days=1)


def test_a_model_mix_has_models_to_choose_from() -> None:
    assert {"gpt-5-mini", "gpt-6.1-sol"} <= set(BOOK.models("openai"))
    assert len(BOOK.models("anthropic")) > 10
    assert BOOK.models("nobody") == ()
    assert BOOK.price_of("nobody", "gpt-5-mini", TODAY) is None
    assert BOOK.price_of("openai", "gpt-0", TODAY) is None


def test_the_licence_of_the_data_travels_with_it() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert "The MIT License" in text
    assert "Copyright (c) Pydantic Services Inc." in text


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ('"about"', '"colour": 1, "about"', "unknown field"),
        ("[null, 1, 0]", "[null, -1, 0]", ">= 0"),
        ("[null, 1, 0]", '[null, "1", 0]', "Expected `float`"),
        ("[[null, 1, 0]]", "[]", "needs at least one price"),
        ('["2026-07-01"', '["2025-07-01"', "oldest first"),
        ('["2026-07-01"', '["2026-01-01"', "oldest first"),
        ('["2026-07-01"', "[null", "oldest first"),
        ('["2026-07-01"', '["July"', "date"),
        ("}}}", "", "is not a price file"),
    ],
)
def test_a_price_file_of_another_form_is_refused(tmp_path: Path, was: str, becomes: str, reason: str) -> None:
    assert was in BOOK_OF_TEST
    file = tmp_path / "prices.json"
    file.write_text(BOOK_OF_TEST.replace(was, becomes))
    with pytest.raises(PricesError, match=reason) as caught:
        load_prices(file)
    assert caught.value.file == file


def test_a_missing_price_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        load_prices(tmp_path / "absent.json")
