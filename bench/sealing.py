"""How long a device takes to seal one record of the second ledger, and an hour's upload of sixteen."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from toktra.agent.perks.age import Sealer, new_identity, recipient_of
from toktra.wire.personal import RECORDS_IN_UPLOAD, Filling, PersonalRecord

LIMIT_MS = 1.0
ROUNDS = 2_000
RECORD = PersonalRecord(
    at=datetime(2027, 1, 4, 12, tzinfo=UTC),
    provider_host="api.anthropic.com",
    request_bytes=1200,
    response_bytes=34_000,
    estimated_input_tokens=300,
    estimated_output_tokens=900,
    estimator_version="1",
)


def measure() -> dict[str, object]:
    """Milliseconds; the limit is for one record."""
    sealer = Sealer(recipient_of(new_identity()))
    each_ms = [_timed(lambda: sealer.seal(RECORD)) for _ in range(ROUNDS)]
    return {
        "limit_ms": LIMIT_MS,
        "record_ms": round(statistics.median(each_ms), 3),
        "record_p99_ms": round(statistics.quantiles(each_ms, n=100)[98], 3),
        "upload_of_nothing_ms": round(_timed(lambda: [sealer.seal(Filling()) for _ in range(RECORDS_IN_UPLOAD)]), 2),
    }


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    act()
    return (time.perf_counter_ns() - started) / 1e6


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
