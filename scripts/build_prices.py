"""Writes src/toktra/catalogue/prices.json from the installed genai-prices; run it after raising that package's version.

Usage: .venv/bin/python scripts/build_prices.py [--check]

Kept are, of every list, the models that are sold today and charged by the token. Left away are cached, batch and
priority rates, prices of long contexts (the base tier is taken) and rates for hours of the day (the rate outside them
is taken), because none of them can be told from byte counts. With --check nothing is written and the exit code says
whether the committed file holds these same prices.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import distribution, version
from typing import Any

from genai_prices.data import providers as lists
from genai_prices.types import ConditionalPrice, ModelInfo, StartDateConstraint, TieredPrices

from toktra.catalogue import load_catalogue
from toktra.catalogue.prices import SHIPPED

ABOUT = (
    "List prices in US dollars per million tokens, per model: [since, input, output], oldest first; since null: for as "
    "long as the list knows the model. Made by scripts/build_prices.py from genai-prices "
    "(https://github.com/pydantic/genai-prices), whose licence follows."
)

RESELLER_VENDORS = """
    amazon anthropic cohere deepseek google meta meta-llama minimax mistralai moonshotai nvidia openai perplexity qwen
    x-ai z-ai
"""
"""OpenRouter lists nearly a thousand models; these makers' are the ones a model mix names."""

Row = tuple[str | None, float, float]


def main() -> int:
    written = _file(built_on=datetime.now(UTC).date())
    missing = _assumed_models_without_price(written["price_lists"])
    if missing:
        print("providers.toml assumes models that genai-prices does not price today:", *missing, sep="\n  ")
        return 1
    if "--check" in sys.argv[1:]:
        committed = json.loads(SHIPPED.read_text(encoding="utf-8"))
        same = {**committed, "built_on": ""} == {**json.loads(_text(written)), "built_on": ""}
        print("prices.json is current" if same else "prices.json differs; run scripts/build_prices.py")
        return 0 if same else 1
    SHIPPED.write_text(_text(written), encoding="utf-8")
    count = sum(len(price_list["models"]) for price_list in written["price_lists"].values())
    print(
        f"{SHIPPED.name}: {count} models in {len(written['price_lists'])} lists, genai-prices {written['genai_prices']}"
    )
    return 0


def _file(*, built_on: date) -> dict[str, Any]:
    return {
        "about": ABOUT,
        "license": _license(),
        "genai_prices": version("genai-prices"),
        "built_on": built_on.isoformat(),
        "price_lists": {
            listed.id: {
                "name": listed.name,
                "page": listed.pricing_urls[0] if listed.pricing_urls else None,
                "models": {
                    model.id: rows
                    for model in sorted(listed.models, key=lambda model: model.id)
                    if _wanted(listed.id, model) and (rows := _rows(model))
                },
            }
            for listed in sorted(lists, key=lambda listed: listed.id)
        },
    }


def _wanted(list_id: str, model: ModelInfo) -> bool:
    if model.deprecated:
        return False
    return list_id != "openrouter" or model.id.partition("/")[0] in RESELLER_VENDORS.split()


def _rows(model: ModelInfo) -> list[Row]:
    """The model's prices, oldest first, without repeats; empty when it is free or not charged by the token."""
    rows: list[Row] = []
    for since, price in _dated(model.prices):
        charged = _per_million(price.input_mtok)
        if charged is None:
            return []
        row = (since, charged, _per_million(price.output_mtok) or 0.0)
        if not rows or rows[-1][1:] != row[1:]:
            rows.append(row)
    return rows


def _dated(prices: Any) -> Iterable[tuple[str | None, Any]]:
    if not isinstance(prices, list):
        return [(None, prices)]
    by_start: dict[str | None, Any] = {}
    conditional: ConditionalPrice
    for conditional in prices:
        if conditional.constraint is None:
            by_start[None] = conditional.prices
        elif isinstance(conditional.constraint, StartDateConstraint):
            by_start[conditional.constraint.start_date.isoformat()] = conditional.prices
    return sorted(by_start.items(), key=lambda dated: dated[0] or "")


def _per_million(price: Decimal | TieredPrices | None) -> float | None:
    if isinstance(price, TieredPrices):
        price = price.base
    return float(round(price, 6)) if price else None


def _assumed_models_without_price(price_lists: dict[str, Any]) -> list[str]:
    return [
        f"{provider.id}: {provider.assumed_model} in {provider.price_key}"
        for provider in load_catalogue().providers
        if provider.price_key
        and provider.assumed_model
        and provider.assumed_model not in price_lists[provider.price_key]["models"]
    ]


def _license() -> list[str]:
    text = next(file for file in distribution("genai-prices").files or () if file.name == "LICENSE").read_text()
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()]


def _text(file: dict[str, Any]) -> str:
    """JSON with one model a line, so that a diff shows which price changed."""
    whole = json.dumps({**file, "price_lists": None}, indent=1, ensure_ascii=False)
    parts = []
    for list_id, price_list in file["price_lists"].items():
        head = json.dumps({**price_list, "models": None}, ensure_ascii=False).removesuffix("null}")
        models = [f"   {json.dumps(model)}: {json.dumps(rows)}" for model, rows in price_list["models"].items()]
        body = "{\n" + ",\n".join(models) + "\n  }}" if models else "{}}"
        parts.append(f"  {json.dumps(list_id)}: {head}{body}")
    return whole.removesuffix("null\n}") + "{\n" + ",\n".join(parts) + "\n }\n}\n"


if __name__ == "__main__":
    sys.exit(main())
