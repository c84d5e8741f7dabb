"""An organisation's assumptions, and what its use costs under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import msgspec
from psycopg.types.json import Jsonb

from toktra.catalogue import Catalogue, load_catalogue
from toktra.catalogue.prices import PriceBook, load_prices
from toktra.server.costs.assumptions import BASE_CURRENCY, TYPES, Assumptions, Entry, Kind
from toktra.server.costs.currency import NoExchangeRate
from toktra.server.costs.entering import Entered, Entering
from toktra.server.costs.memory import Memory, Shelf
from toktra.server.costs.projection import Pricing, Projection, Use, project
from toktra.server.costs.rates import Rates
from toktra.server.costs.seats import SeatCost, seat_costs
from toktra.server.database.pool import Connection, Database
from toktra.server.reconciliation.service import findings
from toktra.server.usage.sums import sums_of_all
from toktra.server.web.language import _

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


_shared: Final[Shelf[Pricing]] = Shelf()


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


async def shared_pricing(connection: Connection, tenant_id: UUID, first: date, last: date) -> Pricing:
    """The same, with what earlier pages worked out under it. For sums of an organisation, never of one person."""
    reconciled = await findings(connection, tenant_id, first, last)
    rows = [row async for row in _queries.entries(connection, tenant_id=tenant_id)]
    found = Assumptions.of([_entry(row) for row in rows])

    def make() -> Pricing:
        return Pricing(Rates(found, catalogue(), load_prices()), found.currency(last), reconciled, Memory())

    if reconciled.evidence:
        return make()
    said = tuple((row.kind, row.subject, row.valid_from, row.set_at, repr(row.value)) for row in rows)
    return _shared.take((tenant_id, found.currency(last), said), make)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a period cost, and what that rests on."""

    projection: Projection
    seats: list[SeatCost]
    pricing: Pricing
    fault: str
    """Why the figures are in US dollars and not in the currency that was chosen; empty when they are as chosen."""

    @property
    def seats_amount(self) -> float:
        return sum(one.amount for one in self.seats)


async def cost(database: Database, tenant_id: UUID, first: date, last: date) -> Cost:
    """What the use of these days costs by tokens, and beside it what seats cost.

    When the chosen currency has no rate on one of the days, figures are in US dollars, and `fault` says so.
    """
    async with database.tenant(tenant_id) as connection:
        under = await shared_pricing(connection, tenant_id, first, last)
        uses = await sums_of_all(connection, tenant_id, first, last)
    (projected,), under, fault = projections(under, uses, first=first, last=last)
    seats = seat_costs(under.rates.assumptions, under.rates.catalogue, first, last, under.currency)
    return Cost(projected, seats, under, fault)


def projections(
    under: Pricing, *several: Sequence[Use], first: date, last: date
) -> tuple[list[Projection], Pricing, str]:
    """The projections of several sets of rows, all in one currency, and what they were made under.

    In US dollars when the chosen currency has no rate on one of the days; the text then says so, else it is empty.
    """
    try:
        seat_costs(under.rates.assumptions, under.rates.catalogue, first, last, under.currency)
        return [project(uses, under) for uses in several], under, ""
    except NoExchangeRate as fault:
        sentence = _("%(fault)s Until then figures are in US dollars.") % {"fault": fault}
        in_dollars = replace(under, currency=BASE_CURRENCY)
        return [project(uses, in_dollars) for uses in several], in_dollars, sentence


async def providers_used(database: Database, tenant_id: UUID, first: date, last: date) -> set[str]:
    """The ids of the providers with any use on these days."""
    async with database.tenant(tenant_id) as connection:
        hosts = {use.provider_host for use in await sums_of_all(connection, tenant_id, first, last)}
    return {provider.id for host in hosts if (provider := catalogue().find(host))}


def price_book() -> PriceBook:
    """The list prices of this Toktra."""
    return load_prices()


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
