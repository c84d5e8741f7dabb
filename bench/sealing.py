"""How long a device takes to seal a use for the second ledger: the open record, empty, with one use and full.

With every use the whole record it goes into is sealed anew, so a full one is the most that a use ever costs.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from toktra.agent.perks.age import Sealer, new_identity, recipient_of
from toktra.wire.personal import PersonalRecord, PersonalUse, fits

LIMIT_MS = 1.0
ROUNDS = 2_000
USE = PersonalUse(
    at=datetime(2027, 1, 4, 12, tzinfo=UTC),
    provider_host="api.anthropic.com",
    request_bytes=1200,
    response_bytes=34_000,
    estimated_input_tokens=300,
    estimated_output_tokens=900,
    estimator_version="1",
)


def measure() -> dict[str, object]:
    """Milliseconds."""
    sealer = Sealer(recipient_of(new_identity()))
    uses = [USE]
    while fits([*uses, USE]):
        uses.append(USE)
    found: dict[str, object] = {"limit_ms": LIMIT_MS}
    for name, record in (
        ("empty", PersonalRecord()),
        ("one_use", PersonalRecord(uses=(USE,))),
        (f"full_of_{len(uses)}_uses", PersonalRecord(uses=tuple(uses))),
    ):
        each_ms = [_timed(partial(sealer.seal, record)) for _ in range(ROUNDS)]
        found[f"{name}_ms"] = round(statistics.median(each_ms), 3)
        found[f"{name}_p99_ms"] = round(statistics.quantiles(each_ms, n=100)[98], 3)
    return found


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    act()
    return (time.perf_counter_ns() - started) / 1e6


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
