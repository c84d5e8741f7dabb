"""What an organisation assumes about prices, and since when. Pure: entries in, what is in force on a day out.

In force on a day is the entry with the latest `valid_from` up to that day; of several with the same, the one set last.
An entry without a value takes the assumption back from its day on. So a new entry never changes days before its own
`valid_from`, and what was in force can be said of every past day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

BASE_CURRENCY: Final = "USD"
"""List prices are in it, and figures are unless an organisation chooses another."""
WHOLE_ORGANISATION: Final = "organisation"
"""The subject of what is assumed once and not for each provider: the currency of figures."""

Price = Annotated[float, Meta(ge=0, le=1_000_000)]
Code = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
_T = TypeVar("_T")


class Kind(StrEnum):
    """What an assumption is about; also how it is stored."""

    MODEL_MIX = "model_mix"
    """Subject: a provider."""
    CONTRACT = "contract"
    """Subject: a provider."""
    SEATS = "seats"
    """Subject: a provider."""
    CURRENCY = "currency"
    """Subject: WHOLE_ORGANISATION."""
    EXCHANGE_RATE = "exchange_rate"
    """Subject: a currency code other than BASE_CURRENCY."""
    COST_CENTRE = "cost_centre"
    """Subject: a department. From the first of a month on."""


class ModelMix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which models a provider's tokens are of, in shares that add up to 1."""

    shares: dict[str, Annotated[float, Meta(gt=0, le=1)]]


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a contract says that a million tokens cost, whatever the model."""

    input_per_million: Price
    output_per_million: Price
    currency: Code = BASE_CURRENCY


class Seats(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subscription: so much for each seat and month, however many tokens are used."""

    price_per_month: Price
    seats: Annotated[int, Meta(ge=0, le=1_000_000)]
    currency: Code = BASE_CURRENCY


class Currency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The currency figures are shown in."""

    code: Code


class ExchangeRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many units of the subject's currency one US dollar is."""

    per_usd: Annotated[float, Meta(gt=0, le=1_000_000)]


class CostCentre(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a department's cost is booked, as the organisation's own books have it."""

    code: Annotated[str, Meta(min_length=1, max_length=40)]
    name: Annotated[str, Meta(max_length=100)] = ""


Value = ModelMix | Contract | Seats | Currency | ExchangeRate | CostCentre

TYPES: Final[Mapping[Kind, type[Value]]] = {
    Kind.MODEL_MIX: ModelMix,
    Kind.CONTRACT: Contract,
    Kind.SEATS: Seats,
    Kind.CURRENCY: Currency,
    Kind.EXCHANGE_RATE: ExchangeRate,
    Kind.COST_CENTRE: CostCentre,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing someone said about prices."""

    kind: Kind
    subject: str
    valid_from: date
    value: Value | None
    """None takes the assumption back."""
    set_at: datetime
    set_by: str | None = None
    """The name of who said it; None when that person is no longer known."""


@dataclass(frozen=True, slots=True)
class _Line:
    """The entries of one kind and subject, in the order in which they come into force."""

    days: list[date]
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Everything an organisation assumes."""

    _lines: Mapping[tuple[Kind, str], _Line] = field(default_factory=dict)

    @staticmethod
    def of(entries: Iterable[Entry]) -> Assumptions:
        by_line: dict[tuple[Kind, str], list[Entry]] = defaultdict(list)
        for entry in sorted(entries, key=lambda entry: (entry.valid_from, entry.set_at)):
            by_line[entry.kind, entry.subject].append(entry)
        return Assumptions({key: _Line([entry.valid_from for entry in line], line) for key, line in by_line.items()})

    def in_force(self, kind: Kind, subject: str, day: date) -> Entry | None:
        """The entry that holds on `day`; None when there is none, or it was taken back."""
        line = self._lines.get((kind, subject))
        if line is None:
            return None
        place = bisect_right(line.days, day)
        entry = line.entries[place - 1] if place else None
        return entry if entry is not None and entry.value is not None else None

    def model_mix(self, provider_id: str, day: date) -> ModelMix | None:
        return _as(ModelMix, self.in_force(Kind.MODEL_MIX, provider_id, day))

    def contract(self, provider_id: str, day: date) -> Contract | None:
        return _as(Contract, self.in_force(Kind.CONTRACT, provider_id, day))

    def seats(self, provider_id: str, day: date) -> Seats | None:
        return _as(Seats, self.in_force(Kind.SEATS, provider_id, day))

    def currency(self, day: date) -> str:
        """The currency figures of `day` are shown in."""
        chosen = _as(Currency, self.in_force(Kind.CURRENCY, WHOLE_ORGANISATION, day))
        return chosen.code if chosen else BASE_CURRENCY

    def exchange_rate(self, currency: str, day: date) -> ExchangeRate | None:
        return _as(ExchangeRate, self.in_force(Kind.EXCHANGE_RATE, currency, day))

    def cost_centre(self, department: str, day: date) -> CostCentre | None:
        return _as(CostCentre, self.in_force(Kind.COST_CENTRE, department, day))

    def subjects(self, kind: Kind) -> list[str]:
        """Everything that has ever been said of this kind, by name."""
        return sorted(subject for of, subject in self._lines if of is kind)

    def history(self, kind: Kind, subject: str) -> list[Entry]:
        """All that was said, the latest `valid_from` first."""
        line = self._lines.get((kind, subject))
        return list(reversed(line.entries)) if line else []


def _as(kind: type[_T], entry: Entry | None) -> _T | None:
    return entry.value if entry is not None and isinstance(entry.value, kind) else None
