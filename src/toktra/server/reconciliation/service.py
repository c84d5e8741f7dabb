"""Connections to providers' usage APIs, the totals fetched from them, and what these say of the estimates.

Stored are keys (sealed) and billed totals; factors and coverage are worked out from them and the ledger whenever they
are asked for. So records that arrive late, and a provider that corrects its bill, change past factors by themselves.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.catalogue import load_catalogue
from toktra.server.audit import service as audit
from toktra.server.audit.chain import Detail
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.reconciliation.fetching import Fetched, Fetcher, FetchFailed
from toktra.server.reconciliation.method import HORIZON_DAYS, Evidence, Finding, Share, coverage_of, learn
from toktra.server.reconciliation.usage_api import USAGE_APIS, UsageApi
from toktra.server.usage.coverage import reporting_shares
from toktra.server.usage.sums import sums_of_all
from toktra.server.vault import SealBroken, Vault
from toktra.server.web.language import _

FIRST_FETCH_DAYS: Final = 90
"""How far back the first fetch goes: a quarter of past days is re-projected at once."""
SETTLING_DAYS: Final = 3
"""Days a provider may still correct; they are fetched again."""
_HINT_LETTERS: Final = 4

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


class UnknownUsageApi(LookupError):
    """There is no usage API of this provider that we know how to ask."""

    def __init__(self, provider_id: str) -> None:
        super().__init__(_("There is no usage API for “%(provider)s” here.") % {"provider": provider_id[:40]})


class NotConnected(LookupError):
    """This provider is not connected."""


class OtherOrganisation(FetchFailed):
    """The key belongs to another organisation than the totals that are stored."""

    def __init__(self, name: str, stored: str, found: str) -> None:
        super().__init__(
            _(
                "This key is of the organisation %(found)s at %(name)s; the totals stored so far are of %(stored)s. "
                "Nothing was taken. To change the organisation, disconnect first."
            )
            % {"name": name, "found": found, "stored": stored}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedApi:
    """A connection as it may be shown: never with its key."""

    provider_id: str
    name: str
    key_hint: str
    """The last letters of the key, to tell two apart."""
    organisation: str | None
    connected_by: str | None
    connected_at: datetime
    fetched_at: datetime | None
    first: date | None
    last: date | None
    """The days whose totals are stored."""
    fault: str | None
    """Why the last fetch failed; None when it did not."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """What one fetch did: how many days it brought, or why it did not."""

    provider_id: str
    name: str
    days: int
    first: date | None
    last: date | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class DayCoverage:
    """One day: billed, seen, and how much of the one the other is."""

    evidence: Evidence
    finding: Finding | None
    coverage: Share | None


@dataclass(slots=True)
class Findings:
    """What is known of each provider on each day. Call it with a provider id and a day; it remembers its answers."""

    evidence: dict[str, list[Evidence]]
    _known: dict[tuple[str, date], Finding | None] = field(default_factory=dict)

    def __call__(self, provider_id: str, day: date) -> Finding | None:
        if provider_id not in self.evidence:
            return None
        key = (provider_id, day)
        if key not in self._known:
            self._known[key] = learn(self.evidence[provider_id], day)
        return self._known[key]

    def days(self, provider_id: str, first: date, last: date) -> list[DayCoverage]:
        """Every day with a bill from `first` to `last`, oldest first."""
        found = []
        for one in self.evidence.get(provider_id, []):
            if first <= one.day <= last:
                finding = self(provider_id, one.day)
                found.append(DayCoverage(one, finding, coverage_of(one, finding) if finding else None))
        return found


async def connections(database: Database, tenant_id: UUID) -> list[ConnectedApi]:
    """Every provider that is connected."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.connections(connection, tenant_id=tenant_id)
        return [ConnectedApi(name=_api(row.provider_id).name, **row._asdict()) async for row in rows]


async def connect(
    database: Database,
    tenant_id: UUID,
    *,
    provider_id: str,
    key: str,
    by: Actor,
    vault: Vault,
    fetcher: Fetcher,
    today: date,
) -> Fetch:
    """Connects a provider, or gives a connection a new key: fetches with it first, and stores only if that worked.

    Raises UnknownUsageApi, FetchFailed or OtherOrganisation; then nothing has changed.
    """
    api = _api(provider_id)
    key = key.strip()
    async with database.tenant(tenant_id) as connection:
        stored = await _queries.sealed_key(connection, tenant_id=tenant_id, provider_id=provider_id)
    first, last = today - timedelta(days=FIRST_FETCH_DAYS), today - timedelta(days=1)
    fetched = await asyncio.to_thread(fetcher.fetch, api, key, first, last)
    _same_organisation(api, stored.organisation if stored else None, fetched)
    async with database.tenant(tenant_id) as connection:
        await _queries.connect(
            connection,
            tenant_id=tenant_id,
            provider_id=provider_id,
            sealed_key=vault.seal(key, tenant_id=tenant_id, purpose=f"usage-api:{provider_id}"),
            key_hint=key[-_HINT_LETTERS:],
            organisation=fetched.organisation,
            connected_by=by.person_id,
        )
        await _store(connection, tenant_id, api, fetched)
        after: Detail = {"provider": provider_id, "days": len(fetched.days)}
        await audit.record(connection, tenant_id, Tag.USAGE_API_CONNECTED, by, after=after)
    return _done(api, fetched)


async def disconnect(database: Database, tenant_id: UUID, provider_id: str, *, by: Actor) -> None:
    """Forgets the key and the totals fetched with it: estimates stand uncorrected again. Raises NotConnected."""
    async with database.tenant(tenant_id) as connection:
        if not await _queries.disconnect(connection, tenant_id=tenant_id, provider_id=provider_id):
            raise NotConnected(provider_id)
        before: Detail = {"provider": provider_id}
        await audit.record(connection, tenant_id, Tag.USAGE_API_DISCONNECTED, by, before=before)


async def reconcile(database: Database, tenant_id: UUID, *, vault: Vault, fetcher: Fetcher, today: date) -> list[Fetch]:
    """Fetches what is new of every connected provider. Safe to repeat; one that fails stops no other.

    Only whole UTC days are taken, so the last is yesterday.
    """
    return [
        await _fetch_new(database, tenant_id, connected, vault=vault, fetcher=fetcher, today=today)
        for connected in await connections(database, tenant_id)
    ]


async def findings(connection: Connection, tenant_id: UUID, first: date, last: date) -> Findings:
    """What the bills around these days say of the estimates. Cheap for an organisation that has connected nothing."""
    reach = timedelta(days=HORIZON_DAYS)
    billed: dict[str, list[Any]] = defaultdict(list)
    rows = _queries.reported_days(connection, tenant_id=tenant_id, first=first - reach, last=last + reach)
    async for row in rows:
        billed[row.provider_id].append(row)
    if not billed:
        return Findings({})
    days = sorted({row.day for rows_of in billed.values() for row in rows_of})
    seen = await _seen(connection, tenant_id, days)
    reporting = await reporting_shares(connection, tenant_id, days)
    return Findings(
        {
            provider_id: [_evidence(row, seen.get((provider_id, row.day), (0, 0, 0)), reporting) for row in rows_of]
            for provider_id, rows_of in billed.items()
        }
    )


async def _fetch_new(
    database: Database, tenant_id: UUID, connected: ConnectedApi, *, vault: Vault, fetcher: Fetcher, today: date
) -> Fetch:
    api, last = _api(connected.provider_id), today - timedelta(days=1)
    first = today - timedelta(days=FIRST_FETCH_DAYS)
    if connected.last is not None:
        first = max(first, min(connected.last, last) - timedelta(days=SETTLING_DAYS - 1))
    async with database.tenant(tenant_id) as connection:
        stored = await _queries.sealed_key(connection, tenant_id=tenant_id, provider_id=api.provider_id)
    if stored is None:  # disconnected in the meantime
        return Fetch(api.provider_id, api.name, 0, None, None, _("It is not connected any more."))
    try:
        key = vault.open(stored.sealed_key, tenant_id=tenant_id, purpose=f"usage-api:{api.provider_id}")
        fetched = await asyncio.to_thread(fetcher.fetch, api, key, first, last)
        _same_organisation(api, stored.organisation, fetched)
    except (FetchFailed, SealBroken) as error:
        async with database.tenant(tenant_id) as connection:
            await _queries.note_fault(connection, tenant_id=tenant_id, provider_id=api.provider_id, fault=str(error))
        return Fetch(api.provider_id, api.name, 0, None, None, str(error))
    async with database.tenant(tenant_id) as connection:
        # Nothing is stored for a connection that was ended while the provider was asked.
        if await _queries.sealed_key(connection, tenant_id=tenant_id, provider_id=api.provider_id):
            await _store(connection, tenant_id, api, fetched)
    return _done(api, fetched)


async def _store(connection: Connection, tenant_id: UUID, api: UsageApi, fetched: Fetched) -> None:
    await _queries.store_days(
        connection,
        tenant_id=tenant_id,
        provider_id=api.provider_id,
        days=[day.day for day in fetched.days],
        input_tokens=[day.input_tokens for day in fetched.days],
        output_tokens=[day.output_tokens for day in fetched.days],
        requests=[day.requests for day in fetched.days],
    )
    await _queries.note_fetch(
        connection, tenant_id=tenant_id, provider_id=api.provider_id, organisation=fetched.organisation
    )


async def _seen(
    connection: Connection, tenant_id: UUID, days: Sequence[date]
) -> dict[tuple[str, date], tuple[int, int, int]]:
    """Estimated input, output, and exchanges of each provider and day."""
    catalogue = load_catalogue()
    seen: dict[tuple[str, date], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for use in await sums_of_all(connection, tenant_id, days[0], days[-1]):
        provider = catalogue.find(use.provider_host)
        if provider is not None and provider.id in USAGE_APIS:
            so_far = seen[provider.id, use.day]
            seen[provider.id, use.day] = (
                so_far[0] + use.input_tokens,
                so_far[1] + use.output_tokens,
                so_far[2] + use.exchanges,
            )
    return seen


def _evidence(row: Any, seen: tuple[int, int, int], reporting: dict[date, float]) -> Evidence:
    return Evidence(
        day=row.day,
        billed_input=row.input_tokens,
        billed_output=row.output_tokens,
        billed_requests=row.requests,
        seen_input=seen[0],
        seen_output=seen[1],
        seen_exchanges=seen[2],
        reporting=reporting.get(row.day, 1.0),
    )


def _same_organisation(api: UsageApi, stored: str | None, fetched: Fetched) -> None:
    if stored and fetched.organisation and stored != fetched.organisation:
        raise OtherOrganisation(api.name, stored, fetched.organisation)


def _done(api: UsageApi, fetched: Fetched) -> Fetch:
    days = [day.day for day in fetched.days]
    return Fetch(api.provider_id, api.name, len(days), days[0] if days else None, days[-1] if days else None, None)


def _api(provider_id: str) -> UsageApi:
    if provider_id not in USAGE_APIS:
        raise UnknownUsageApi(provider_id)
    return USAGE_APIS[provider_id]


def today_utc() -> date:
    """The day providers count by."""
    return datetime.now(UTC).date()
