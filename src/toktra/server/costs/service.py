"""An organisation's assumptions, and what its use costs under them."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import msgspec
from psycopg.types.json import Jsonb

from toktra.catalogue import Catalogue, load_catalogue
from toktra.catalogue.prices import load_prices
from toktra.server.costs.assumptions import TYPES, Assumptions, Entry, Kind
from toktra.server.costs.entering import Entered, Entering
from toktra.server.costs.projection import Pricing, Projection, project
from toktra.server.costs.rates import Rates
from toktra.server.costs.seats import SeatCost, seat_costs
from toktra.server.database.pool import Connection, Database
from toktra.server.reconciliation.service import findings
from toktra.server.usage.sums import daily_sums

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


async def assumptions_of(connection: Connection, tenant_id: UUID) -> Assumptions:
    """Everything the organisation assumes, and ever assumed."""
    rows = _queries.entries(connection, tenant_id=tenant_id)
    return Assumptions.of([_entry(row) async for row in rows])


async def assumptions(database: Database, tenant_id: UUID) -> Assumptions:
    """The same, in a transaction of its own."""
    async with database.tenant(tenant_id) as connection:
        return await assumptions_of(connection, tenant_id)


async def entering(database: Database, tenant_id: UUID, today: date) -> Entering:
    """What a new entry is checked against."""
    return Entering(catalogue(), load_prices(), await assumptions(database, tenant_id), today)


async def assume(database: Database, tenant_id: UUID, by: UUID, entered: Entered) -> None:
    """Adds an entry that `Entering` has checked. Nothing that was said before is changed."""
    async with database.tenant(tenant_id) as connection:
        await _queries.add_entry(
            connection,
            tenant_id=tenant_id,
            kind=entered.kind.value,
            subject=entered.subject,
            valid_from=entered.valid_from,
            value=None if entered.value is None else Jsonb(msgspec.to_builtins(entered.value)),
            set_by=by,
        )


async def pricing(connection: Connection, tenant_id: UUID, first: date, last: date) -> Pricing:
    """All that turns rows of these days into cost. Figures are in the currency of the last day."""
    found = await assumptions_of(connection, tenant_id)
    return Pricing(
        rates=Rates(found, catalogue(), load_prices()),
        currency=found.currency(last),
        finding_on=await findings(connection, tenant_id, first, last),
    )


async def cost(
    database: Database, tenant_id: UUID, first: date, last: date
) -> tuple[Projection, list[SeatCost], Pricing]:
    """What the use of these days costs by tokens, what seats cost beside it, and under which assumptions.

    Raises NoExchangeRate when a currency has no rate on one of the days.
    """
    async with database.tenant(tenant_id) as connection:
        under = await pricing(connection, tenant_id, first, last)
        projected = project(await daily_sums(connection, tenant_id, first, last), under)
    seats = seat_costs(under.rates.assumptions, under.rates.catalogue, first, last, under.currency)
    return projected, seats, under


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


def _entry(row: Any) -> Entry:
    kind = Kind(row.kind)
    return Entry(
        kind=kind,
        subject=row.subject,
        valid_from=row.valid_from,
        value=None if row.value is None else msgspec.convert(row.value, TYPES[kind]),
        set_at=row.set_at,
        set_by=row.set_by,
    )
