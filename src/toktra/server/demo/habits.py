"""What an invented person did with AI on one day: working hours, quiet weekends and summers, growth. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import exp
from random import Random
from typing import Final

from toktra.catalogue.estimate import SEGMENT_BYTES, Estimate, Observation, estimate
from toktra.server.demo.organisation import Person, Tool

_QUIET_MONTHS: Final = {7: 0.8, 8: 0.65, 12: 0.75}
_WEEKEND: Final = 0.06
_ABSENT: Final = 0.12
"""Days of holiday and illness among working days."""
_STREAMED_SEGMENT_BYTES: Final = 260
_WIDTH: Final = 0.9
"""Of the spread of sizes around their median, in log."""


@dataclass(frozen=True, slots=True)
class Year:
    """The time shown: `days` days up to and including `last`."""

    last: date
    days: int

    def share(self, day: date) -> float:
        """How much of it is over by a day."""
        return 1 - (self.last - day).days / self.days

    def __iter__(self) -> Iterator[date]:
        return (self.last - timedelta(days=back) for back in range(self.days - 1, -1, -1))


def uses_of(person: Person, day: date, year: Year, draw: Random) -> list[tuple[datetime, Tool]]:
    """When a person used which tool on a day (UTC), in order."""
    share = year.share(day)
    tools = [tool for tool in person.tools if tool.from_share <= share]
    if share < person.starts_at_share or not tools or draw.random() < _ABSENT:
        return []
    growth = 0.5 + 0.9 * (share - person.starts_at_share)
    expected = person.department.exchanges_a_day * person.keenness * growth * _QUIET_MONTHS.get(day.month, 1.0)
    number = _poisson(expected * (_WEEKEND if day.weekday() >= 5 else 1.0), draw)
    midnight = datetime.combine(day, time(), UTC)
    times = sorted(midnight + timedelta(seconds=round(draw.triangular(6.5, 18.5, 11) * 3600)) for _ in range(number))
    return [(at, draw.choice(tools)) for at in times]


def amounts(tool: Tool, draw: Random) -> dict[str, int]:
    """The bytes of one use, and its tokens, estimated like any other's; by the names of the record's fields."""
    request_bytes = _about(tool.request_bytes, draw)
    response_bytes = _about(tool.response_bytes, draw)
    found = _estimated(tool, request_bytes, response_bytes)
    return {
        "request_bytes": request_bytes,
        "response_bytes": response_bytes,
        "estimated_input_tokens": max(1, found.input_tokens),
        "estimated_output_tokens": found.output_tokens,
    }


def _estimated(tool: Tool, request_bytes: int, response_bytes: int) -> Estimate:
    segment = _STREAMED_SEGMENT_BYTES if tool.is_streamed else SEGMENT_BYTES
    return estimate(
        Observation(
            provider_host=tool.host,
            request_bytes=request_bytes,
            response_bytes=response_bytes,
            segments_out=-(-request_bytes // SEGMENT_BYTES),
            segments_in=max(1, -(-response_bytes // segment)),
            first_on_connection=False,
        )
    )


def _about(median: int, draw: Random) -> int:
    return max(400, round(median * draw.lognormvariate(0, _WIDTH)))


def _poisson(expected: float, draw: Random) -> int:
    """Knuth's method, in steps so that the exponential stays in range."""
    number = 0
    while expected > 0:
        step = min(expected, 30.0)
        expected -= step
        product, limit = draw.random(), exp(-step)
        while product > limit:
            number += 1
            product *= draw.random()
    return number
