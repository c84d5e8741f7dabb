"""Ranges of totals: own errors cancel with number, shared ones do not, and sums of measured exchanges lie inside."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.catalogue.estimate import Observation, estimate
from toktra.catalogue.uncertainty import Part, Range, input_range, output_range, tokens_range

EXCHANGES = Path(__file__).parents[1] / "data/tokens/exchanges.jsonl"

parts = st.builds(
    Part,
    provider_host=st.sampled_from(["api.openai.com", "chatgpt.com", "claude.ai", "unknown.example"]),
    exchanges=st.integers(0, 10**6),
    input_tokens=st.integers(0, 10**12),
    output_tokens=st.integers(0, 10**12),
)


def part(exchanges: int, host: str = "api.openai.com", mean: int = 2_000, **changes: Any) -> Part:
    tokens = exchanges * mean
    return Part(provider_host=host, exchanges=exchanges, input_tokens=tokens, output_tokens=tokens, **changes)


def width(found: Range) -> int:
    return found.high - found.low


def ratio(found: Range) -> float:
    return found.high / found.low


@given(st.lists(parts, max_size=6))
def test_a_range_holds_its_total(several: list[Part]) -> None:
    inputs, outputs = sum(p.input_tokens for p in several), sum(p.output_tokens for p in several)
    for found, total in (
        (input_range(several), inputs),
        (output_range(several), outputs),
        (tokens_range(several), inputs + outputs),
    ):
        assert 0 <= found.low <= total <= found.high


def test_nothing_has_a_range_of_nothing() -> None:
    assert tokens_range([]) == Range(0, 0)
    assert tokens_range([part(0)]) == Range(0, 0)


def test_more_exchanges_are_surer() -> None:
    ratios = [ratio(output_range([part(n)])) for n in (1, 10, 100, 10_000)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 2 * ratios[2]


@pytest.mark.parametrize("host", ["api.openai.com", "api.anthropic.com", "unknown.example"])
def test_short_exchanges_are_less_sure_than_long_ones(host: str) -> None:
    ratios = [ratio(input_range([part(1_000, host, mean)])) for mean in (50, 200, 450, 1_000, 5_000)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == pytest.approx(ratios[1], rel=0.01)
    assert ratios[1] > ratios[2] > ratios[3] == pytest.approx(ratios[4], rel=0.01)


def test_the_shared_error_never_cancels() -> None:
    many, more = ratio(output_range([part(10**6)])), ratio(output_range([part(10**9)]))
    assert more > 1 + 0.9 * (many - 1) > 1


def test_errors_of_different_providers_partly_cancel() -> None:
    one, other = part(100), part(100, host="api.anthropic.com")
    assert width(output_range([one, other])) < width(output_range([one])) + width(output_range([other]))


def test_totals_by_an_earlier_version_are_wider() -> None:
    assert width(input_range([part(100, estimator_version="1")])) > width(input_range([part(100)]))


@pytest.mark.parametrize("side", ["input", "output"])
def test_ranges_hold_sums_of_a_hundred_measured_exchanges(side: str) -> None:
    rows = [json.loads(line) for line in EXCHANGES.read_text().splitlines()]
    rows = [row for row in rows if row["source"] == "simulated" and not row["has_image"]]
    chance = random.Random(5)
    held = 0
    for _ in range(200):
        truth, by_host = 0, defaultdict(list)
        for row in chance.sample(rows, 100):
            found = estimate(Observation(**{field: row[field] for field in Observation.__slots__}))
            by_host[row["provider_host"]].append((found.input_tokens, found.output_tokens))
            truth += row[f"{side}_tokens"]
        several = [
            Part(
                provider_host=host,
                exchanges=len(sums),
                input_tokens=sum(tokens for tokens, _ in sums),
                output_tokens=sum(tokens for _, tokens in sums),
            )
            for host, sums in by_host.items()
        ]
        found_range = input_range(several) if side == "input" else output_range(several)
        held += found_range.low <= truth <= found_range.high
    assert held >= 170
