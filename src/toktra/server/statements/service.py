"""Reads a month from the ledger and divides it into statements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from itertools import chain
from uuid import UUID

from toktra.server.costs import service as costs
from toktra.server.costs.seats import seat_costs
from toktra.server.database.pool import Connection, Database
from toktra.server.directory.service import departments_of
from toktra.server.ingest.groups import close_days
from toktra.server.statements.month import Month
from toktra.server.statements.statement import (
    Of,
    SeatShare,
    Showback,
    Statement,
    Subject,
    centres_of,
    exchanges_by_provider,
    rows_of_departments,
    seat_shares,
)
from toktra.server.usage.breakdown.departments import OTHERS, by_department, departments_shown
from toktra.server.usage.coverage import coverage_of
from toktra.server.usage.sums import oldest_day, sums_of_all


async def oldest_use(database: Database, tenant_id: UUID) -> date | None:
    """The day (UTC) from which there are statements; None when there is no use yet."""
    async with database.tenant(tenant_id) as connection:
        return await oldest_day(connection, tenant_id)


async def showback(database: Database, tenant_id: UUID, month: Month, now: datetime) -> Showback:
    """Every statement of a month, as of now: what devices report late and what is corrected later is in it then."""
    window = month.window
    async with database.tenant(tenant_id) as connection:
        await close_days(connection, tenant_id)
        everything = await sums_of_all(connection, tenant_id, month.first, month.last)
        divided = await by_department(connection, tenant_id, [window], everything)
        shown = await departments_shown(connection, tenant_id, month.first, month.last)
        coverage = await coverage_of(connection, tenant_id, window.days, now)
        pricing = await costs.shared_pricing(connection, tenant_id, month.first, month.last)
    rows = rows_of_departments(divided)
    every_centre = centres_of(pricing.rates.assumptions, month, {*shown, *rows} - {OTHERS})
    centres = [one for one in every_centre if one.shown]
    of_centres = [list(chain.from_iterable(rows.get(name, ()) for name in one.shown)) for one in centres]
    (whole, *projected), under, fault = costs.projections(
        pricing, everything, *of_centres, *rows.values(), first=month.first, last=month.last
    )
    assumptions, catalogue = under.rates.assumptions, under.rates.catalogue
    seats = seat_costs(assumptions, catalogue, month.first, month.last, under.currency)
    exchanges = exchanges_by_provider(divided, catalogue)
    centre_of = {name: one.subject for one in centres for name in one.shown}
    departments = {
        name: Statement(
            subject=Subject(Of.DEPARTMENT, name) if name != OTHERS else Subject(Of.OTHERS),
            departments=(),
            withheld=(),
            centre=centre_of.get(name),
            projection=projection,
            seats=seat_shares(seats, own, exchanges, catalogue),
        )
        for (name, own), projection in zip(rows.items(), projected[len(centres) :], strict=True)
    }
    return Showback(
        month=month,
        currency=under.currency,
        currency_fault=fault,
        assumptions=assumptions,
        coverage=coverage,
        estimator_versions=tuple(sorted({use.estimator_version for use in everything})),
        whole=Statement(
            subject=Subject(Of.ORGANISATION),
            departments=(),
            withheld=(),
            centre=None,
            projection=whole,
            seats=tuple(
                SeatShare(one, exchanges.get(one.provider_id, 0), exchanges.get(one.provider_id, 0), one.amount)
                for one in seats
            ),
        ),
        centres=tuple(
            Statement(
                subject=one.subject,
                departments=one.shown,
                withheld=one.withheld,
                centre=None,
                projection=projection,
                seats=seat_shares(seats, own, exchanges, catalogue),
            )
            for one, own, projection in zip(centres, of_centres, projected, strict=False)
        ),
        centres_withheld=tuple(one.subject for one in every_centre if not one.shown),
        departments=tuple(one for name, one in departments.items() if name != OTHERS),
        others=departments.get(OTHERS),
        by_department=any(name != OTHERS for name in rows),
    )


async def known_departments(connection: Connection, tenant_id: UUID, said: Iterable[str]) -> list[str]:
    """The departments that a cost centre can be given to: those with people, and those that have had one."""
    return sorted({*await departments_of(connection, tenant_id), *said}, key=str.casefold)
