"""The estimator keeps its promises for every count a kernel could report, and lands near measured exchanges."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktra.catalogue.estimate import ESTIMATOR_VERSION, Estimate, InvalidObservation, Observation, estimate

EXCHANGES = Path(__file__).parents[1] / "data/tokens/exchanges.jsonl"
HOSTS = (
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "api.mistral.ai",
    "chatgpt.com",
    "claude.ai",
    "acme.openai.azure.com",
    "api.deepseek.com",
    "never.heard.of.example",
)

counts = st.one_of(st.integers(0, 5_000), st.integers(0, 10**7), st.integers(0, 2**70))
observations = st.builds(
    Observation,
    provider_host=st.sampled_from(HOSTS),
    request_bytes=counts,
    response_bytes=counts,
    segments_out=counts,
    segments_in=counts,
    first_on_connection=st.booleans(),
)


def observed(host: str = "api.openai.com", **changes: Any) -> Observation:
    """A streamed answer of middling length on an open connection."""
    counts = {"request_bytes": 6_000, "response_bytes": 40_000, "segments_out": 5, "segments_in": 100}
    return Observation(provider_host=host, **{**counts, "first_on_connection": False, **changes})


def measured() -> list[tuple[dict[str, Any], Estimate]]:
    rows = [json.loads(line) for line in EXCHANGES.read_text().splitlines()]
    fields = Observation.__slots__
    return [(row, estimate(Observation(**{field: row[field] for field in fields}))) for row in rows]


@given(observations)
def test_an_interval_holds_its_estimate_and_nothing_is_negative(observation: Observation) -> None:
    found = estimate(observation)
    assert all(isinstance(value, int) for name, value in asdict(found).items() if name != "regime")
    assert 0 <= found.input_low <= found.input_tokens <= found.input_high
    assert 0 <= found.output_low <= found.output_tokens <= found.output_high


@given(observations)
def test_an_estimate_depends_on_nothing_but_the_observation(observation: Observation) -> None:
    assert estimate(observation) == estimate(observation)


@pytest.mark.parametrize("field", ["request_bytes", "response_bytes", "segments_out", "segments_in"])
def test_a_negative_count_is_refused_by_name(field: str) -> None:
    change: dict[str, Any] = {field: -1}
    with pytest.raises(InvalidObservation, match=f"{field}: must not be negative") as refused:
        estimate(observed(**change))
    assert refused.value.field == field


def test_the_rest_of_an_exchange_already_reported_has_no_input() -> None:
    found = estimate(observed(request_bytes=0, segments_out=0))
    assert (found.input_tokens, found.input_low, found.input_high) == (0, 0, 0)
    assert found.output_tokens > 0


def test_no_response_has_no_output() -> None:
    found = estimate(observed(response_bytes=0, segments_in=0))
    assert (found.output_tokens, found.output_low, found.output_high) == (0, 0, 0)
    assert found.regime == "openai/no response"
    assert found.input_tokens > 0


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("first", [True, False])
def test_a_larger_request_never_has_fewer_input_tokens_by_more_than_a_header(host: str, first: bool) -> None:
    sizes = [1_448 * k + 700 for k in range(1, 120)]
    tokens = [
        estimate(observed(host, request_bytes=n, segments_out=-(-n // 1448), first_on_connection=first)).input_tokens
        for n in sizes
    ]
    assert tokens == sorted(tokens)


def test_twice_the_streamed_response_has_about_twice_the_tokens() -> None:
    once = estimate(observed(response_bytes=74_000, segments_in=200)).output_tokens
    twice = estimate(observed(response_bytes=146_000, segments_in=400)).output_tokens
    assert 1.8 < twice / once < 2.2


def test_a_streamed_answer_is_not_counted_by_the_ratio_of_text() -> None:
    found = estimate(observed(response_bytes=74_000, segments_in=200))
    assert found.regime == "openai/streamed"
    assert found.output_high < 74_000 / 6.4 / 10


def test_an_answer_in_one_piece_is_its_own_regime() -> None:
    assert estimate(observed(response_bytes=4_000, segments_in=3)).regime == "openai/whole"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("first", [True, False])
def test_a_large_answer_in_one_piece_may_be_all_text(host: str, first: bool) -> None:
    found = estimate(
        observed(host, request_bytes=2_600, response_bytes=30_000, segments_in=22, first_on_connection=first)
    )
    assert found.regime.endswith("/whole")
    assert found.output_high > 23_000 / 4


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("response_bytes", [1_300, 1_700, 2_400, 4_000])
def test_a_small_answer_in_one_piece_may_be_all_text(host: str, response_bytes: int) -> None:
    found = estimate(observed(host, request_bytes=1_600, response_bytes=response_bytes, segments_out=2, segments_in=3))
    assert found.regime.endswith("/whole")
    headers_and_envelope = 1_200
    assert found.output_high >= (response_bytes - headers_and_envelope) / 3.5


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("api.openai.com", "openai"),
        ("API.OpenAI.com.", "openai"),
        ("acme.openai.azure.com", "azure_openai"),
        ("europe-west4-aiplatform.googleapis.com", "google"),
        ("claude.ai", "other_web_chat"),
        ("notchatgpt.com", "pooled"),
        ("never.heard.of.example", "pooled"),
        ("", "pooled"),
    ],
)
def test_a_host_is_answered_by_its_family_or_by_the_pooled_one(host: str, family: str) -> None:
    assert estimate(observed(host)).regime == f"{family}/streamed"


def test_an_unknown_host_is_less_sure_than_a_measured_one() -> None:
    def width(host: str) -> float:
        found = estimate(observed(host))
        return found.output_high / found.output_low

    assert width("never.heard.of.example") > width("api.openai.com")


def test_an_unmeasured_web_chat_is_less_sure_than_the_measured_one() -> None:
    def width(host: str) -> float:
        found = estimate(observed(host, request_bytes=1_800, segments_out=2))
        return found.input_high / found.input_low

    assert width("claude.ai") > width("chatgpt.com") > 1.5


def test_a_very_large_request_may_be_a_picture_of_few_tokens() -> None:
    found = estimate(observed(request_bytes=400_000, segments_out=277))
    assert found.input_low < 2_000
    assert found.input_tokens > 50_000


def test_half_of_the_recorded_and_generated_exchanges_are_estimated_closely() -> None:
    errors: dict[tuple[str, str], list[float]] = {}
    for row, found in measured():
        if row["has_image"] or row["server_side_input"]:
            continue
        for side in ("input", "output"):
            truth = max(1, row[f"{side}_tokens"])
            errors.setdefault((row["source"], side), []).append(abs(getattr(found, f"{side}_tokens") / truth - 1))
    medians = {key: statistics.median(values) for key, values in errors.items()}
    assert medians["simulated", "input"] < 0.10
    assert medians["simulated", "output"] < 0.30
    assert medians["recorded", "input"] < 0.35
    assert medians["recorded", "output"] < 0.50


def test_nine_in_ten_intervals_hold_the_truth() -> None:
    rows = [(row, found) for row, found in measured() if not row["has_image"] and not row["server_side_input"]]
    for source in ("simulated", "recorded"):
        for side in ("input", "output"):
            held = [
                getattr(found, f"{side}_low") <= row[f"{side}_tokens"] <= getattr(found, f"{side}_high")
                for row, found in rows
                if row["source"] == source
            ]
            assert sum(held) / len(held) >= 0.85, (source, side)


def test_a_picture_in_a_request_does_not_leave_the_interval() -> None:
    pictures = [(row, found) for row, found in measured() if row["has_image"] and row["request_bytes"] > 150_000]
    held = [found.input_low <= row["input_tokens"] <= found.input_high for row, found in pictures]
    assert held
    assert sum(held) / len(held) >= 0.9


def test_the_version_fits_into_a_batch() -> None:
    assert 1 <= len(ESTIMATOR_VERSION) <= 32
    assert ESTIMATOR_VERSION.isascii()
