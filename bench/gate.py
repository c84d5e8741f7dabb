"""How long one decision of the Privacy Hours gate takes: asked again, first after an edge, and with 1,000 windows."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from toktra.agent.privacy_hours.clock import Reading, trust_at_first
from toktra.agent.privacy_hours.gate import Gate
from toktra.agent.privacy_hours.windows import parse_window
from toktra.agent.privacy_hours.wishes import Wishes
from toktra.wire.schedule import Schedule, Window

LIMIT_US = 20.0
BERLIN = ZoneInfo("Europe/Berlin")
START_S = datetime(2027, 3, 22, tzinfo=UTC).timestamp()
WEEK_S = 7 * 86_400

HANDFUL = ["mon-fri 12:00-13:00", "daily 19:00-07:00", "sat", "sun", "2027-03-26 15:00-24:00"]
THOUSAND = [
    f"{day} {hour:02}:{minute:02}-{hour:02}:{minute + 1:02}"
    for day in ("mon", "tue", "wed", "thu", "fri")
    for hour in range(10, 20)
    for minute in range(0, 40, 2)
]


def measure() -> dict[str, object]:
    """Microseconds per decision; `asked_again_us` is what an agent pays that asks all week, every few seconds."""
    handful, thousand = _windows(HANDFUL), _windows(THOUSAND)
    return {
        "limit_us": LIMIT_US,
        "handful": {"windows": len(handful), **_decisions(handful)},
        "thousand": {"windows": len(thousand), **_decisions(thousand)},
    }


def _decisions(windows: tuple[Window, ...]) -> dict[str, float]:
    gate = _gate(windows)
    first_us = _timed(partial(gate.decide, _reading(0), BERLIN))
    each_us = [_timed(partial(gate.decide, _reading(second), BERLIN)) for second in range(0, WEEK_S, 7)]
    return {
        "after_a_change_of_schedule_us": round(first_us, 1),
        "asked_again_us": round(statistics.median(each_us), 2),
        "asked_again_mean_us": round(statistics.fmean(each_us), 2),
        "worst_of_a_week_us": round(max(each_us), 1),
    }


def _windows(texts: list[str]) -> tuple[Window, ...]:
    return tuple(parse_window(text) for text in texts)


def _gate(windows: tuple[Window, ...]) -> Gate:
    return Gate(Wishes(schedule=Schedule(zone=BERLIN.key, windows=windows)), trust_at_first(_reading(0)))


def _reading(later_s: int) -> Reading:
    return Reading(wall_s=START_S + later_s, monotonic_s=float(later_s), boot="bench")


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    act()
    return (time.perf_counter_ns() - started) / 1000


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
