"""Cost as a projection: rows of tokens, prices in force, factors in force; out come ranges and what they rest on. Pure.

The same rows with other prices or factors give other costs, for past days too; nothing of it is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Final, Protocol, TypedDict, TypeVar

from toktra.catalogue.providers import Provider
from toktra.server.costs.currency import per_usd
from toktra.server.costs.memory import Memory
from toktra.server.costs.parts import INPUT, OUTPUT, Part, Side, total
from toktra.server.costs.ranges import Interval
from toktra.server.costs.rates import Rate, Rates, Reason, Unpriced
from toktra.server.reconciliation.method import Finding


class Use(Protocol):
    """A row of the ledger: what one host was used for on one day, as one version of the estimator saw it."""

    @property
    def day(self) -> date: ...
    @property
    def provider_host(self) -> str: ...
    @property
    def estimator_version(self) -> str: ...
    @property
    def exchanges(self) -> int: ...
    @property
    def request_bytes(self) -> int: ...
    @property
    def response_bytes(self) -> int: ...
    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...


Result = TypeVar("Result")
Amount = Callable[[Side], float]
ESTIMATED: Final[Amount] = attrgetter("estimated")
CORRECTED: Final[Amount] = attrgetter("corrected")
PRICED: Final[Amount] = attrgetter("priced")
COST: Final[Amount] = attrgetter("cost")

FindingOn = Callable[[str, date], Finding | None]
"""What reconciliation knows of a provider (by id) on a day."""


def not_reconciled(provider_id: str, day: date) -> Finding | None:
    """For organisations that have connected no provider."""
    del provider_id, day
    return None


@dataclass(frozen=True, slots=True)
class _Day:
    """One provider's price and factor on one day."""

    rate: Rate | Unpriced
    finding: Finding | None
    per_token: tuple[float, float] | None
    """For one token in and one out, in the currency of the projection; None without a price."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """Everything a projection needs besides the rows. It remembers what it looked up, so make one for each page."""

    rates: Rates
    currency: str
    finding_on: FindingOn = not_reconciled
    memory: Memory | None = field(default=None, compare=False, repr=False)
    """Where results are kept for later pages under the same rates and findings."""
    _days: dict[tuple[str, date], _Day] = field(init=False, default_factory=dict, compare=False, repr=False)
    _same: dict[_Day, _Day] = field(init=False, default_factory=dict, compare=False, repr=False)

    def of_day(self, host: str, day: date) -> _Day:
        """What every row of a host and a day needs, looked up once however many lines ask.

        Days that are equal in it are the same object.
        """
        found = self._days.get((host, day))
        if found is None:
            looked_up = self._look_up(self.rates.catalogue.find(host), day)
            found = self._days[host, day] = self._same.setdefault(looked_up, looked_up)
        return found

    def _look_up(self, provider: Provider | None, day: date) -> _Day:
        if provider is None:
            return _Day(Unpriced(Reason.NOT_IN_CATALOGUE), None, None)
        rate, finding = self.rates.on(provider, day), self.finding_on(provider.id, day)
        per_token = None
        if isinstance(rate, Rate):
            # The rate of exchange is that of the day, like the price.
            units = per_usd(self.currency, day, self.rates.assumptions) / 1e6
            per_token = (rate.input_usd_per_million * units, rate.output_usd_per_million * units)
        return _Day(rate, finding if finding is not None and finding.applies else None, per_token)


@dataclass(frozen=True, slots=True)
class PriceSpan:
    """A price, or the lack of one, and the first and last day with use on which it was in force."""

    first: date
    last: date
    rate: Rate | Unpriced


@dataclass(frozen=True, slots=True)
class FactorSpan:
    """What estimates were multiplied by on the last day with use that has a factor."""

    first: date
    last: date
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCost:
    """One provider's use, its cost, and every step between them."""

    provider_id: str | None
    """None for a host that is in the catalogue no more."""
    name: str
    hosts: tuple[str, ...]
    exchanges: int
    request_bytes: int
    response_bytes: int
    estimated_input: Interval
    estimated_output: Interval
    estimated_tokens: Interval
    """As the devices estimated."""
    factor: FactorSpan | None
    input_tokens: Interval
    output_tokens: Interval
    """After the factor."""
    tokens: Interval
    prices: tuple[PriceSpan, ...]
    cost: Interval | None
    """None when no exchange has a price: unpriced, or paid by the seat."""
    priced_exchanges: int
    seat_exchanges: int
    unpriced_exchanges: int

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why some or all of it has no price."""
        return tuple(dict.fromkeys(span.rate.reason for span in self.prices if isinstance(span.rate, Unpriced)))


class _Fields(TypedDict):
    """The fields of Together."""

    currency: str
    cost: Interval | None
    tokens: Interval
    tokens_middle: float
    exchanges: int
    priced_exchanges: int
    priced_bytes: int
    priced_tokens: Interval
    seat_exchanges: int
    unpriced_exchanges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Everything in the rows as one sum, without saying what each provider has in it."""

    currency: str
    cost: Interval | None
    tokens: Interval
    tokens_middle: float
    """The estimate itself, after the factor, for the line of a chart."""
    exchanges: int
    priced_exchanges: int
    priced_bytes: int
    priced_tokens: Interval
    seat_exchanges: int
    unpriced_exchanges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection(Together):
    """All providers together, and each by itself."""

    providers: tuple[ProviderCost, ...]
    """Most expensive first by the upper end, then the unpriced by exchanges."""
    prices: int
    """How many different prices entered the cost."""


def project(uses: Iterable[Use], pricing: Pricing) -> Projection:
    """What these rows cost. Raises NoExchangeRate when a currency has no rate on a day with use."""
    return _recalled(_project, uses, pricing)


def _project(uses: Iterable[Use], pricing: Pricing) -> Projection:
    lines = _lines(uses, pricing)
    found = sorted(
        (line.result() for line in lines),
        key=lambda line: (-(line.cost.high if line.cost else -1.0), -line.exchanges, line.name),
    )
    return Projection(
        **_together(lines, pricing),
        providers=tuple(found),
        prices=len({span.rate for line in found for span in line.prices if isinstance(span.rate, Rate)}),
    )


def project_together(uses: Iterable[Use], pricing: Pricing) -> Together:
    """The sums of `project`, figure by figure the same, for a quarter of its work: for the many points of a chart."""
    return _recalled(_project_together, uses, pricing)


def _project_together(uses: Iterable[Use], pricing: Pricing) -> Together:
    return Together(**_together(_lines(uses, pricing), pricing))


def _recalled(work: Callable[[Iterable[Use], Pricing], Result], uses: Iterable[Use], pricing: Pricing) -> Result:
    if pricing.memory is None:
        return work(uses, pricing)
    rows = tuple(uses)
    return pricing.memory.recall((work, pricing.currency), rows, lambda: work(rows, pricing))


def _lines(uses: Iterable[Use], pricing: Pricing) -> list[_Line]:
    lines: dict[str, _Line] = {}
    providers: dict[str, Provider | None] = {}
    find = pricing.rates.catalogue.find
    for whole in _folded(uses, pricing):
        host = whole.provider_host
        if host not in providers:
            providers[host] = find(host)
        provider = providers[host]
        key = provider.id if provider else host
        line = lines.get(key)
        if line is None:
            line = lines[key] = _Line(provider)
        line.add(whole)
    return list(lines.values())


def _together(lines: list[_Line], pricing: Pricing) -> _Fields:
    parts = [part for line in lines for part in line.parts.values()]
    with_price = [part for part in parts if part.priced_exchanges]
    return _Fields(
        currency=pricing.currency,
        cost=total(with_price, COST) if with_price else None,
        tokens=total(parts, CORRECTED),
        tokens_middle=sum(part.input.corrected + part.output.corrected for part in parts),
        exchanges=sum(part.exchanges for part in parts),
        priced_exchanges=sum(part.priced_exchanges for part in parts),
        priced_bytes=sum(part.priced_bytes for part in with_price),
        priced_tokens=total(with_price, PRICED),
        seat_exchanges=sum(line.seat_exchanges for line in lines),
        unpriced_exchanges=sum(line.unpriced_exchanges for line in lines),
    )


@dataclass(slots=True)
class _Sum:
    """The rows of one host and version on days with one price and one factor together, whoever they are of."""

    provider_host: str
    estimator_version: str
    known: _Day
    days: set[date] = field(default_factory=set)
    exchanges: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


def _folded(uses: Iterable[Use], pricing: Pricing) -> Iterable[_Sum]:
    """What shares host, version, price and factor is priced at once: a million rows become a few dozen."""
    sums: dict[tuple[int, str, str], _Sum] = {}
    of_day = pricing.of_day
    for use in uses:
        host, day, version = use.provider_host, use.day, use.estimator_version
        known = of_day(host, day)
        key = (id(known), host, version)
        so_far = sums.get(key)
        if so_far is None:
            so_far = sums[key] = _Sum(host, version, known)
        so_far.days.add(day)
        so_far.exchanges += use.exchanges
        so_far.request_bytes += use.request_bytes
        so_far.response_bytes += use.response_bytes
        so_far.input_tokens += use.input_tokens
        so_far.output_tokens += use.output_tokens
    return sums.values()


class _Line:
    """What is added up for one provider."""

    def __init__(self, provider: Provider | None) -> None:
        self._provider = provider
        self._days: dict[date, _Day] = {}
        self._unpriced: dict[Reason, int] = defaultdict(int)
        self.parts: dict[tuple[str, str, bool], Part] = {}

    def add(self, whole: _Sum) -> None:
        known = whole.known
        self._days.update(dict.fromkeys(whole.days, known))
        key = (whole.provider_host, whole.estimator_version, known.finding is not None)
        part = self.parts.get(key)
        if part is None:
            part = self.parts[key] = Part(*key)
        part.exchanges += whole.exchanges
        part.request_bytes += whole.request_bytes
        part.response_bytes += whole.response_bytes
        part.days |= whole.days
        part.add_tokens(whole.input_tokens, whole.output_tokens, known.finding, known.per_token)
        if isinstance(known.rate, Unpriced):
            self._unpriced[known.rate.reason] += whole.exchanges
        else:
            part.priced_exchanges += whole.exchanges
            part.priced_bytes += whole.request_bytes + whole.response_bytes

    @property
    def seat_exchanges(self) -> int:
        return self._unpriced.get(Reason.SEATS, 0)

    @property
    def unpriced_exchanges(self) -> int:
        return sum(self._unpriced.values()) - self.seat_exchanges

    def result(self) -> ProviderCost:
        parts = list(self.parts.values())
        with_price = [part for part in parts if part.priced_exchanges]
        return ProviderCost(
            provider_id=self._provider.id if self._provider else None,
            name=self._provider.name if self._provider else parts[0].host,
            hosts=tuple(sorted({part.host for part in parts})),
            exchanges=sum(part.exchanges for part in parts),
            request_bytes=sum(part.request_bytes for part in parts),
            response_bytes=sum(part.response_bytes for part in parts),
            estimated_input=total(parts, ESTIMATED, INPUT, as_estimated=True),
            estimated_output=total(parts, ESTIMATED, OUTPUT, as_estimated=True),
            estimated_tokens=total(parts, ESTIMATED, as_estimated=True),
            factor=self._factor(),
            input_tokens=total(parts, CORRECTED, INPUT),
            output_tokens=total(parts, CORRECTED, OUTPUT),
            tokens=total(parts, CORRECTED),
            prices=_spans({day: known.rate for day, known in self._days.items()}),
            cost=total(with_price, COST) if with_price else None,
            priced_exchanges=sum(part.priced_exchanges for part in parts),
            seat_exchanges=self.seat_exchanges,
            unpriced_exchanges=self.unpriced_exchanges,
        )

    def _factor(self) -> FactorSpan | None:
        known = [
            (day, one.finding) for day, one in sorted(self._days.items(), key=itemgetter(0)) if one.finding is not None
        ]
        return FactorSpan(known[0][0], known[-1][0], known[-1][1]) if known else None


def _spans(rates: dict[date, Rate | Unpriced]) -> tuple[PriceSpan, ...]:
    """Days in order, those with the same price in a row as one span."""
    spans = []
    for rate, days in groupby(sorted(rates.items()), key=lambda dated: dated[1]):
        dates = [day for day, _rate in days]
        spans.append(PriceSpan(dates[0], dates[-1], rate))
    return tuple(spans)


def days_between(first: date, last: date) -> list[date]:
    """Every day from first to last."""
    return [first + timedelta(days=place) for place in range((last - first).days + 1)]
