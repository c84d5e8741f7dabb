"""How long one token estimate takes, and how long reading the coefficient file.

Every kind of exchange for every family, each measured by itself: the slowest counts. `python -m bench.estimate` prints
JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Final

from toktra.catalogue.coefficient_file import load_coefficients
from toktra.catalogue.estimate import Observation, estimate

LIMIT_US: Final = 20.0
HOSTS: Final = (
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "chatgpt.com",
    "acme.openai.azure.com",
    "never.heard.of.example",
)
REQUESTS: Final = {"short": (1_100, 2), "long": (40_000, 29), "HTTP/2": (5_000, 7)}
"""Bytes and segments out."""
RESPONSES: Final = {"streamed": (40_000, 110), "whole": (1_900, 2)}
ROUNDS, TURNS = 40, 50


def measure() -> dict[str, object]:
    """Microseconds of wall clock per estimate: the best of many rounds, as the machine may be busy."""
    found = {
        f"{host}, {request} {response}, {'first' if first else 'later'}": _best_us(
            partial(estimate, _observation(host, request, response, first))
        )
        for host, request, response, first in product(HOSTS, REQUESTS, RESPONSES, (True, False))
    }
    slowest = max(found, key=lambda name: found[name])
    return {
        "median_us": sorted(found.values())[len(found) // 2],
        "slowest_us": found[slowest],
        "slowest": slowest,
        "load_ms": round(_best_us(load_coefficients, rounds=5, turns=1) / 1e3, 1),
        "limit_us": LIMIT_US,
        "holds": found[slowest] <= LIMIT_US,
    }


def _observation(host: str, request: str, response: str, first: bool) -> Observation:
    (request_bytes, segments_out), (response_bytes, segments_in) = REQUESTS[request], RESPONSES[response]
    return Observation(
        provider_host=host,
        request_bytes=request_bytes + 1_500 * first,
        response_bytes=response_bytes + 4_150 * first,
        segments_out=segments_out + 2 * first,
        segments_in=segments_in + 4 * first,
        first_on_connection=first,
    )


def _best_us(run: Callable[[], object], *, rounds: int = ROUNDS, turns: int = TURNS) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(turns):
            run()
        best = min(best, time.perf_counter() - start)
    return round(best / turns * 1e6, 2)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
