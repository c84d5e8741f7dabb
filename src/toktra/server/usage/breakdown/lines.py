"""What a period comes to, line by line: amounts of rows, and rows divided by provider, kind or host. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from toktra.catalogue import Catalogue, load_catalogue
from toktra.server.costs.projection import Pricing, Together, project_together
from toktra.server.costs.ranges import Interval
from toktra.server.usage.breakdown.divided_days import DepartmentDay
from toktra.server.usage.breakdown.view import Grouping, Measure, View
from toktra.server.usage.kinds import KIND_WORDS
from toktra.server.usage.totals import HostDay
from toktra.server.web.language import _


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a set of rows comes to. Exchanges and bytes are counted, tokens and cost have ranges."""

    exchanges: int
    request_bytes: int
    response_bytes: int
    tokens: Interval
    tokens_middle: float
    cost: Interval | None
    """None when no price is put on it."""
    seat_exchanges: int
    unpriced_exchanges: int

    @property
    def size(self) -> int:
        """Bytes both ways."""
        return self.request_bytes + self.response_bytes

    @property
    def by_seat(self) -> bool:
        """All of it is paid by the seat."""
        return self.seat_exchanges > 0 and not self.unpriced_exchanges and self.cost is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One provider, kind or host of the period, beside the period it is compared with."""

    key: str
    """Its provider's id, its kind, or its host, as the address names it."""
    name: str
    hosts: tuple[str, ...]
    now: Amounts
    before: Amounts | None
    """None when nothing is compared, or no device reported then."""


class Summing:
    """Rows to amounts, under one set of prices."""

    def __init__(self, pricing: Pricing) -> None:
        self._pricing = pricing

    def __call__(self, uses: Sequence[HostDay]) -> Amounts:
        return amounts_of(project_together(uses, self._pricing), uses)


def amounts_of(projected: Together, uses: Sequence[HostDay]) -> Amounts:
    """A projection and the rows it was made of, together."""
    return Amounts(
        exchanges=projected.exchanges,
        request_bytes=sum(use.request_bytes for use in uses),
        response_bytes=sum(use.response_bytes for use in uses),
        tokens=projected.tokens,
        tokens_middle=projected.tokens_middle,
        cost=projected.cost,
        seat_exchanges=projected.seat_exchanges,
        unpriced_exchanges=projected.unpriced_exchanges,
    )


def is_drawable(amounts: Amounts, measure: Measure) -> bool:
    """Whether there is anything to draw: what has no price has no cost, which is not a cost of 0."""
    return measure is not Measure.COST or amounts.cost is not None


def wanted(uses: Iterable[HostDay], view: View) -> list[HostDay]:
    """The rows that the view's filters leave."""
    if not (view.provider or view.kind or view.department):
        return list(uses)
    found = []
    for use in uses:
        provider = catalogue().find(use.provider_host)
        if view.provider and view.provider != (provider.id if provider else use.provider_host):
            continue
        if view.kind and (provider is None or provider.kind is not view.kind):
            continue
        if view.department and not (isinstance(use, DepartmentDay) and use.department == view.department):
            continue
        found.append(use)
    return found


def lines_of(uses: Sequence[HostDay], before: Sequence[HostDay] | None, view: View, of: Summing) -> list[Line]:
    """Most tokens first by the upper end. `before`: the rows it is compared with, None when there is nothing to."""
    key = key_of(view.by)
    earlier = parted(before or (), key)
    lines = []
    for one, own in parted(uses, key).items():
        hosts = tuple(sorted({use.provider_host for use in own}))
        then = None if before is None else of(earlier.get(one, []))
        lines.append(Line(key=one, name=_name(view.by, one, hosts[0]), hosts=hosts, now=of(own), before=then))
    return sorted(lines, key=lambda line: (-line.now.tokens.high, -line.now.exchanges, line.name))


def parted(uses: Iterable[HostDay], key: Callable[[HostDay], str]) -> dict[str, list[HostDay]]:
    """Rows by the line they belong to."""
    parts: dict[str, list[HostDay]] = defaultdict(list)
    for use in uses:
        parts[key(use)].append(use)
    return parts


def key_of(by: Grouping) -> Callable[[HostDay], str]:
    """What line a row belongs to."""

    def key(use: HostDay) -> str:
        if isinstance(use, DepartmentDay) and by is Grouping.DEPARTMENT:
            return use.department
        provider = catalogue().find(use.provider_host)
        if provider is None or by is Grouping.HOST:
            return use.provider_host
        return provider.kind.value if by is Grouping.KIND else provider.id

    return key


def _name(by: Grouping, key: str, host: str) -> str:
    if by is Grouping.DEPARTMENT:
        return key or _("All others together")
    provider = catalogue().find(host)
    if provider is None or by is Grouping.HOST:
        return key
    return str(KIND_WORDS[provider.kind]) if by is Grouping.KIND else provider.name


def names_of(hosts: Iterable[str]) -> list[str]:
    """The names of the providers that these hosts belong to."""
    found = {(provider.name if (provider := catalogue().find(host)) else host) for host in hosts}
    return sorted(found, key=str.casefold)


@cache
def catalogue() -> Catalogue:
    return load_catalogue()
