"""Reads the rollups and says what an organisation's use was, with its ranges and what they rest on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

import toktra
from toktra.catalogue import Catalogue, load_catalogue
from toktra.catalogue.uncertainty import Part, tokens_range
from toktra.server.costs import service as costs
from toktra.server.costs.projection import Pricing
from toktra.server.costs.ranges import Interval
from toktra.server.database.pool import Connection, Database
from toktra.server.ingest.groups import close_days
from toktra.server.tenants.attribution import Attribution, attribution_of
from toktra.server.usage import totals
from toktra.server.usage.coverage import Coverage, coverage_of, rest_on_alike
from toktra.server.usage.discretion import CROWD, Exchange, Place, minute_may_be_shown, split
from toktra.server.usage.overview import (
    ChartDay,
    LastExchange,
    Newest,
    Overview,
    Standing,
)
from toktra.server.usage.period import Period, Span, Window, span
from toktra.server.usage.totals import HostDay

SHOWN_LINES: Final = 15
_LOOKED_AT: Final = 60
"""Exchanges read for the list; those of others become sums."""
_LOOKED_BACK: Final = timedelta(days=7)

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


async def overview(
    database: Database, tenant_id: UUID, reader: UUID, period: Period, now: datetime, *, with_exchanges: bool
) -> Overview:
    """The Overview of one organisation for one reader. `with_exchanges`: whether they may see single exchanges.

    Where use is not kept with its persons it ends with yesterday, and tells of no person and no time.
    """
    async with database.tenant(tenant_id) as connection:
        attribution = await attribution_of(connection, tenant_id)
        if not attribution.names_people:
            await close_days(connection, tenant_id)
        chosen = span(period, _told_up_to(attribution, now))
        ledger = _Ledger(connection, tenant_id, reader, now)
        # First, so that what comes in meanwhile is fetched once more by an open page, and never missed.
        state = await ledger.state()
        uses = await ledger.sums(chosen.current)
        uses_before = await ledger.sums(chosen.before)
        yesterday = now.astimezone(UTC).date() - timedelta(days=1)
        days = [*chosen.before.days, *chosen.current.days, yesterday]
        *coverage, reporting = await coverage_of(connection, tenant_id, days, now)
        coverage_before, coverage = coverage[: len(chosen.before.days)], coverage[-len(chosen.current.days) :]
        had_devices = any(day.reported for day in coverage_before)
        first, last = chosen.before.first_day, chosen.current.last_day
        pricing = await costs.shared_pricing(connection, tenant_id, first, last)
        (current, before), under, fault = costs.projections(pricing, uses, uses_before, first=first, last=last)
        by_person = attribution.names_people
        newest = await ledger.newest() if by_person else await ledger.newest_day()
        return Overview(
            span=chosen,
            made_at=now,
            version=_version(state, attribution, reader, period, now),
            standing=_standing(state, newest, uses),
            totals=totals.totals(current),
            totals_before=totals.totals(before) if had_devices else None,
            is_comparable=rest_on_alike(coverage, coverage_before),
            names_people=by_person,
            people=await ledger.people(chosen.current) if by_person else None,
            people_before=await ledger.people(chosen.before) if by_person and had_devices else None,
            people_known=state.people,
            newest=newest,
            reporting=reporting,
            days=_chart(uses, coverage, under),
            middles_before=_middles(chosen, uses_before, coverage_before, under),
            providers=totals.by_provider(current),
            currency_fault=fault,
            last=await ledger.last_exchanges() if with_exchanges and by_person else None,
        )


async def current_version(database: Database, tenant_id: UUID, reader: UUID, period: Period, now: datetime) -> str:
    """The `Overview.version` that a page made now would have. One cheap query: open pages ask every few seconds."""
    async with database.tenant(tenant_id) as connection:
        attribution = await attribution_of(connection, tenant_id)
        state = await _Ledger(connection, tenant_id, reader, now).state()
    return _version(state, attribution, reader, period, now)


def _version(state: Any, attribution: Attribution, reader: UUID, period: Period, now: datetime) -> str:
    """Where no times are told, it must not tell that something was reported just now either."""
    if attribution.names_people:
        changes_with = (tuple(state), f"{now.astimezone(UTC):%Y-%m-%dT%H:%M}")  # ages are said in minutes
    else:
        changes_with = (state.devices, f"{now.astimezone(UTC):%Y-%m-%d}")
    said = repr((toktra.__version__, attribution.level, changes_with, reader, period))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _told_up_to(attribution: Attribution, now: datetime) -> datetime:
    """Now, or the end of yesterday (UTC) where a figure that grew would be somebody's."""
    if attribution.names_people:
        return now
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC) - timedelta(microseconds=1)


class _Ledger:
    """The queries of this room for one organisation, one reader and one moment."""

    def __init__(self, connection: Connection, tenant_id: UUID, reader: UUID, now: datetime) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._reader = reader
        self._now = now
        self._used_at: dict[Place, Any] = {}
        """Places asked for already: the newest record is mostly one of the last exchanges."""

    async def sums(self, window: Window) -> list[HostDay]:
        rows = _queries.sums(self._connection, tenant_id=self._tenant_id, first=window.start, last=window.end)
        return [HostDay(**row._asdict()) async for row in rows]

    async def people(self, window: Window) -> int:
        number: int = await _queries.people_with_use(
            self._connection, tenant_id=self._tenant_id, days=window.days[::-1]
        )
        return number

    async def state(self) -> Any:
        return await _queries.ledger_state(self._connection, tenant_id=self._tenant_id)

    async def newest(self) -> Newest | None:
        row = await _queries.newest_record(
            self._connection, tenant_id=self._tenant_id, reader=self._reader, now=self._now
        )
        if row is None:
            return None
        place = row.day, row.provider_host
        people = 0 if row.is_own else (await self._use_at({place}))[place].people
        at = row.at if minute_may_be_shown(is_own=row.is_own, people=people) else None
        return Newest(row.day, at)

    async def newest_day(self) -> Newest | None:
        """The newest day with use, for readers who are told no time."""
        day: date | None = await _queries.newest_day(self._connection, tenant_id=self._tenant_id)
        return Newest(day, None) if day else None

    async def last_exchanges(self) -> list[LastExchange]:
        rows = _queries.last_exchanges(
            self._connection,
            tenant_id=self._tenant_id,
            reader=self._reader,
            now=self._now,
            since=self._now - _LOOKED_BACK,
            most=_LOOKED_AT,
        )
        exchanges = [Exchange(**{**row._asdict(), "at": row.at.astimezone(UTC)}) async for row in rows]
        used_at = await self._use_at({exchange.place for exchange in exchanges if not exchange.is_own})
        shown, summed = split(exchanges, {place: row.people for place, row in used_at.items()})
        lines = [_shown(exchange) for exchange in shown] + [_summed(place, used_at[place]) for place in summed]
        # Stable: within a day single exchanges stay in order and stand before the sums.
        lines.sort(key=lambda line: line.day, reverse=True)
        return lines[:SHOWN_LINES]

    async def _use_at(self, places: set[Place]) -> dict[Place, Any]:
        if missing := sorted(places - self._used_at.keys()):
            rows = _queries.use_at_places(
                self._connection,
                tenant_id=self._tenant_id,
                reader=self._reader,
                days=[day for day, _host in missing],
                hosts=[host for _day, host in missing],
                crowd=CROWD,
            )
            async for row in rows:
                self._used_at[row.day, row.provider_host] = row
        return {place: self._used_at[place] for place in places}


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()


def _standing(state: Any, newest: Newest | None, uses: Sequence[HostDay]) -> Standing:
    if uses:
        return Standing.FIGURES
    if newest is not None:
        return Standing.NONE_IN_PERIOD
    return Standing.NO_RECORD if state.devices else Standing.NO_DEVICE


def _chart(uses: Sequence[HostDay], coverage: Sequence[Coverage], under: Pricing) -> list[ChartDay]:
    of_day = totals.by_day(uses, under)
    nothing = totals.DayTokens(0, Interval(0, 0))
    return [
        # Records can be of a day on which nothing reported: the device was offline and sent them later.
        ChartDay(day, of_day.get(day.day, nothing if day.reported else None))
        for day in coverage
    ]


def _middles(
    chosen: Span, uses_before: Sequence[HostDay], coverage: Sequence[Coverage], under: Pricing
) -> list[float | None]:
    """The period before laid under the chart's days, the last day left out where it is longer."""
    of_day = totals.by_day(uses_before, under)
    middles: list[float | None] = [
        float(of_day[day.day].middle) if day.day in of_day else 0.0 if day.reported else None for day in coverage
    ]
    length = len(chosen.current.days)
    return [*middles[:length], *[None] * (length - len(middles))]


def _provider_name(host: str) -> str:
    provider = _catalogue().find(host)
    return provider.name if provider else host


def _shown(exchange: Exchange) -> LastExchange:
    part = Part(
        provider_host=exchange.provider_host,
        exchanges=1,
        input_tokens=exchange.input_tokens,
        output_tokens=exchange.output_tokens,
        estimator_version=exchange.estimator_version,
    )
    return LastExchange(
        day=exchange.at.date(),
        at=exchange.at,
        provider=_provider_name(exchange.provider_host),
        is_own=exchange.is_own,
        exchanges=1,
        tokens=tokens_range([part]),
        request_bytes=exchange.request_bytes,
        response_bytes=exchange.response_bytes,
    )


def _summed(place: Place, row: Any) -> LastExchange:
    day, host = place
    part = Part(
        provider_host=host,
        exchanges=row.exchanges_of_others,
        input_tokens=row.input_tokens_of_others,
        output_tokens=row.output_tokens_of_others,
        estimator_version=row.estimator_version,  # the oldest where a day saw several
    )
    return LastExchange(
        day=day,
        at=None,
        provider=_provider_name(host),
        is_own=False,
        exchanges=row.exchanges_of_others,
        tokens=tokens_range([part]),
        request_bytes=row.request_bytes_of_others,
        response_bytes=row.response_bytes_of_others,
    )
