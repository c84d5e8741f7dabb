"""What several resources say alike: ranges, amounts, coverage, and lists that go on."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, Field

from toktra.server.costs.ranges import Interval
from toktra.server.usage.breakdown.lines import Amounts as LineAmounts
from toktra.server.usage.coverage import Coverage as DayCoverage

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _as_written(said: Any) -> Any:
    """Dates are read as they are documented; by itself the framework takes a number for seconds since 1970."""
    if (isinstance(said, str) and not _DAY.fullmatch(said)) or isinstance(said, int | float):
        raise ValueError("write a day as year, month and day: 2026-11-20")
    return said


Day = Annotated[date, BeforeValidator(_as_written)]
"""A day that a request names."""


class TokenRange(BaseModel):
    """Estimated tokens: the 90 % interval. There is no single number."""

    low: Annotated[int, Field(ge=0, examples=[7_800_000])]
    high: Annotated[int, Field(ge=0, examples=[10_000_000])]

    @classmethod
    def of(cls, interval: Interval) -> Self:
        return cls(low=round(interval.low), high=round(interval.high))


class MoneyRange(BaseModel):
    """Cost by tokens: the 90 % interval, in one currency."""

    low: Annotated[float, Field(ge=0, examples=[41.2])]
    high: Annotated[float, Field(ge=0, examples=[63.9])]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]

    @classmethod
    def of(cls, interval: Interval | None, currency: str) -> Self | None:
        if interval is None:
            return None
        return cls(low=round(interval.low, 4), high=round(interval.high, 4), currency=currency)


class Amounts(BaseModel):
    """What a part of the use comes to. Exchanges and bytes are counted; tokens and cost are estimated."""

    exchanges: Annotated[int, Field(ge=0, description="Requests with their responses", examples=[1204])]
    request_bytes: Annotated[int, Field(ge=0, examples=[18_200_000])]
    response_bytes: Annotated[int, Field(ge=0, examples=[9_400_000])]
    tokens: TokenRange
    cost: Annotated[MoneyRange | None, Field(description="Null where no exchange has a price; never 0 for that")]
    seat_exchanges: Annotated[int, Field(ge=0, description="Exchanges paid by the seat", examples=[0])]
    unpriced_exchanges: Annotated[int, Field(ge=0, description="Exchanges without a known price", examples=[12])]

    @classmethod
    def of(cls, amounts: LineAmounts, currency: str) -> Self:
        return cls(
            exchanges=amounts.exchanges,
            request_bytes=amounts.request_bytes,
            response_bytes=amounts.response_bytes,
            tokens=TokenRange.of(amounts.tokens),
            cost=MoneyRange.of(amounts.cost, currency),
            seat_exchanges=amounts.seat_exchanges,
            unpriced_exchanges=amounts.unpriced_exchanges,
        )


class Coverage(BaseModel):
    """On how many of the enrolled devices a figure rests, in device-days. Nobody's Privacy Hours lower it."""

    device_days_reported: Annotated[int, Field(ge=0, examples=[2870])]
    device_days_enrolled: Annotated[int, Field(ge=0, examples=[3000])]

    @classmethod
    def of(cls, days: list[DayCoverage]) -> Self:
        return cls(
            device_days_reported=sum(day.reported for day in days),
            device_days_enrolled=sum(day.enrolled for day in days),
        )


class Days(BaseModel):
    """A period of whole days (UTC), both included."""

    first: Annotated[date, Field(examples=["2026-11-01"])]
    last: Annotated[date, Field(examples=["2026-11-30"])]
