"""How many tokens an exchange carried and how sure that is, from its host and its byte and segment counts."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

HANDSHAKE_OUT_BYTES: Final = 1000
HANDSHAKE_IN_BYTES: Final = 4000
STREAMED_MIN_SEGMENTS: Final = 5
STREAMED_MAX_SEGMENT_BYTES: Final = 1100
ABSURD_BYTES: Final = 1 << 40
"""No exchange is a tebibyte; larger counts are treated as this many, so that arithmetic stays finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What capture sees of an exchange. TCP or UDP payload, TLS included; the handshake's too when first."""

    provider_host: str
    request_bytes: int
    response_bytes: int
    segments_out: int
    segments_in: int
    first_on_connection: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Tokens with a 90 % interval each; low ≤ tokens ≤ high, never negative. Output is visible output."""

    input_tokens: int
    input_low: int
    input_high: int
    output_tokens: int
    output_low: int
    output_high: int
    regime: str
    """Which coefficients answered, for example "streamed" or "whole"."""


_tables: Final[Mapping[str, Any]] = tomllib.loads((files(__package__) / "coefficients.toml").read_text("utf-8"))
_by_host: Final[Mapping[str, Any]] = {host: row for row in _tables["provider"] for host in row["hosts"]}

ESTIMATOR_VERSION: Final[str] = _tables["version"]
"""Travels with every batch, so that the server knows which intervals belong to its estimates."""


def estimate(observation: Observation) -> Estimate:
    """Tokens of one exchange. Pure; raises ValueError naming the field for a negative count."""
    for field in ("request_bytes", "response_bytes", "segments_out", "segments_in"):
        if getattr(observation, field) < 0:
            raise ValueError(f"{field}: must not be negative")
    provider = _by_host.get(observation.provider_host, _by_host["*"])
    request = min(observation.request_bytes, ABSURD_BYTES)
    response = min(observation.response_bytes, ABSURD_BYTES)
    segments_in = observation.segments_in
    if observation.first_on_connection:
        request = min(request, max(request // 8, request - HANDSHAKE_OUT_BYTES))
        response = min(response, max(response // 8, response - HANDSHAKE_IN_BYTES))
        segments_in = max(1, segments_in - 4)
    per_segment = response / max(1, segments_in)
    streamed = segments_in >= STREAMED_MIN_SEGMENTS and per_segment < STREAMED_MAX_SEGMENT_BYTES
    regime = "streamed" if streamed else "whole"
    return Estimate(
        **_side("input", request, provider["input"], 1.0),
        **_side("output", response, provider[regime], per_segment / 300),
        regime=regime,
    )


def _side(side: str, size: int, row: Mapping[str, float], density: float) -> dict[str, int]:
    if size == 0:
        return {f"{side}_tokens": 0, f"{side}_low": 0, f"{side}_high": 0}
    body = max(size - row["overhead_bytes"], size / 50)
    tokens = body * max(density, 0.01) ** -row.get("segment_exponent", 0.0) / row["bytes_per_token"]
    middle = max(1, round(tokens))
    return {
        f"{side}_tokens": middle,
        f"{side}_low": min(middle, int(tokens * row["low"])),
        f"{side}_high": max(middle, int(tokens * row["high"]) + 20),
    }
