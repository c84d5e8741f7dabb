"""Reads the rollups and says what an organisation's use was, with its ranges and what they rest on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

import toktra
from toktra.catalogue import Catalogue, load_catalogue
from toktra.catalogue.prices import price_on
from toktra.catalogue.uncertainty import Part, Range, tokens_range
from toktra.server.database.pool import Connection, Database
from toktra.server.usage import totals
from toktra.server.usage.discretion import Exchange, Place, minute_may_be_shown, split
from toktra.server.usage.overview import (
    ChartDay,
    Coverage,
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
    """The Overview of one organisation for one reader. `with_exchanges`: whether they may see single exchanges."""
    chosen = span(period, now)
    async with database.tenant(tenant_id) as connection:
        ledger = _Ledger(connection, tenant_id, reader, now)
        uses = await ledger.sums(chosen.current)
        uses_before = await ledger.sums(chosen.before)
        coverage = await ledger.coverage(chosen.current)
        coverage_before = await ledger.coverage(chosen.before)
        comparable = any(day.reported for day in coverage_before)
        state = await ledger.state()
        newest = await ledger.newest()
        return Overview(
            span=chosen,
            made_at=now,
            standing=_standing(state, newest, uses),
            totals=totals.totals(uses, _catalogue(), price_on),
            totals_before=totals.totals(uses_before, _catalogue(), price_on) if comparable else None,
            people=await ledger.people(chosen.current),
            people_before=await ledger.people(chosen.before) if comparable else None,
            people_known=state.people,
            newest=newest,
            today=coverage[-1],
            days=_chart(uses, coverage),
            middles_before=_middles(chosen, uses_before, coverage_before),
            providers=totals.by_provider(uses, _catalogue(), price_on),
            last=await ledger.last_exchanges() if with_exchanges else None,
        )


async def ledger_version(database: Database, tenant_id: UUID, reader: UUID, period: Period, now: datetime) -> str:
    """Changes whenever the page would. One cheap query, so that open pages may ask every few seconds."""
    async with database.tenant(tenant_id) as connection:
        state = await _Ledger(connection, tenant_id, reader, now).state()
    minute = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M}"  # ages are said in minutes
    said = repr((toktra.__version__, tuple(state), reader, period, minute))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


class _Ledger:
    """The queries of this room for one organisation, one reader and one moment."""

    def __init__(self, connection: Connection, tenant_id: UUID, reader: UUID, now: datetime) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._reader = reader
        self._now = now

    async def sums(self, window: Window) -> list[HostDay]:
        rows = _queries.sums(self._connection, tenant_id=self._tenant_id, first=window.start, last=window.end)
        return [HostDay(**row._asdict()) async for row in rows]

    async def coverage(self, window: Window) -> list[Coverage]:
        rows = _queries.devices_by_day(self._connection, tenant_id=self._tenant_id, days=window.days)
        # A device revoked since may have reported; more than all is all.
        return [Coverage(row.day, row.reported, max(row.enrolled, row.reported)) async for row in rows]

    async def people(self, window: Window) -> int:
        number: int = await _queries.people_with_use(
            self._connection, tenant_id=self._tenant_id, first=window.first_day, last=window.last_day
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
        people = 0 if row.is_own else (await self._people_on({row.day})).get((row.day, row.provider_host), 0)
        at = row.at if minute_may_be_shown(is_own=row.is_own, people=people) else None
        return Newest(row.day, at)

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
        days = {exchange.at.date() for exchange in exchanges if not exchange.is_own}
        used_on = await self._use_on(days)
        shown, summed = split(exchanges, {place: row.people for place, row in used_on.items()})
        lines = [_shown(exchange) for exchange in shown] + [_summed(place, used_on[place]) for place in summed]
        # Stable: within a day single exchanges stay in order and stand before the sums.
        lines.sort(key=lambda line: line.day, reverse=True)
        return lines[:SHOWN_LINES]

    async def _people_on(self, days: set[date]) -> dict[Place, int]:
        return {place: row.people for place, row in (await self._use_on(days)).items()}

    async def _use_on(self, days: set[date]) -> dict[Place, Any]:
        if not days:
            return {}
        rows = _queries.people_with_use_on(
            self._connection, tenant_id=self._tenant_id, reader=self._reader, days=sorted(days)
        )
        return {(row.day, row.provider_host): row async for row in rows}


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()


def _standing(state: Any, newest: Newest | None, uses: Sequence[HostDay]) -> Standing:
    if uses:
        return Standing.FIGURES
    if newest is not None:
        return Standing.NONE_IN_PERIOD
    return Standing.NO_RECORD if state.devices else Standing.NO_DEVICE


def _chart(uses: Sequence[HostDay], coverage: Sequence[Coverage]) -> list[ChartDay]:
    of_day = totals.by_day(uses)
    nothing = totals.DayTokens(0, Range(0, 0))
    return [
        # Records can be of a day on which nothing reported: the device was offline and sent them later.
        ChartDay(day, of_day.get(day.day, nothing if day.reported else None))
        for day in coverage
    ]


def _middles(chosen: Span, uses_before: Sequence[HostDay], coverage: Sequence[Coverage]) -> list[float | None]:
    """The period before laid under the chart's days, the last day left out where it is longer."""
    of_day = totals.by_day(uses_before)
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
