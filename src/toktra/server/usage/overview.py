"""What the Overview page says, as data: every figure with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto

from toktra.catalogue.uncertainty import Range
from toktra.server.usage.coverage import Coverage
from toktra.server.usage.period import Span
from toktra.server.usage.totals import DayTokens, ProviderUse, Totals


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest record: its minute where that may be said (see discretion), else only its day."""

    day: date
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ChartDay:
    """One day of the chart. `tokens` is None when no device reported: silence is not zero."""

    coverage: Coverage
    tokens: DayTokens | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastExchange:
    """A line of the list: one exchange with its minute, or what fewer than five people did on one day together."""

    day: date
    at: datetime | None
    """None for a sum."""
    provider: str
    is_own: bool
    exchanges: int
    tokens: Range
    request_bytes: int
    response_bytes: int


class Standing(Enum):
    """How much there is to show."""

    NO_DEVICE = auto()
    """Nothing is enrolled yet."""
    NO_RECORD = auto()
    """Devices are enrolled; nothing has been recorded so far."""
    NONE_IN_PERIOD = auto()
    """There are records, but none in the period."""
    FIGURES = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything on the page, as of `made_at`."""

    span: Span
    made_at: datetime
    version: str
    """Changes whenever the page would."""
    standing: Standing
    totals: Totals
    totals_before: Totals | None
    """None when no device reported in the period before: there is nothing to compare with."""
    is_comparable: bool
    """Whether both periods rest on about as many devices; else a change would be one of devices, not of use."""
    names_people: bool
    """Whether use is kept with its persons; else everything ends with yesterday and is only by day."""
    people: int | None
    """Who had any use in the period; None where that is not kept."""
    people_before: int | None
    people_known: int
    newest: Newest | None
    reporting: Coverage
    """Of yesterday for an organisation, of the last day for a person's own devices."""
    days: list[ChartDay]
    middles_before: list[float | None]
    """For each day of the chart the same day of the period before; None where no device reported."""
    providers: list[ProviderUse]
    currency_fault: str
    """Why costs are in US dollars and not in the currency that was chosen; empty when they are as chosen."""
    last: list[LastExchange] | None
    """None for readers who may not see single exchanges."""
