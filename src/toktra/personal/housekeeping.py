"""What is due by the clock: lapsed days dropped, days written anew, months closed and their counts published.

It runs in the service's own process. Every step is safe to repeat and catches up on whatever a stopped service missed;
of several processes over one database one does it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import structlog

from toktra.personal.clock import Clock
from toktra.personal.database.pool import Connection, Ledger, queries
from toktra.personal.months import newest_closed
from toktra.personal.noise import noised

EVERY_S: Final = 600.0
"""Soon enough after midnight; and a database that was away is asked again."""

SMALL_DAY: Final = 5_000
"""Records of a day that is written anew every hour, today's too: 42 MB, within a second. In a larger one, a crowd of
more than 200 hides each until the night."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Housekeeping:
    """Over one database."""

    ledger: Ledger
    clock: Clock
    _settled_in: datetime | None = None
    """The hour in which it was done last."""

    async def keep(self) -> None:
        """Until it is cancelled. A failure is logged, and what is due is due again."""
        while True:
            try:
                await self.once()
            except Exception as failure:
                _log.error("housekeeping failed", exc_info=failure)
            await asyncio.sleep(min(EVERY_S, _until_midnight_s(self.clock()) + 1))

    async def once(self) -> None:
        """All that is due now. The end of lapsed records comes first, whatever happens to the rest."""
        now = self.clock()
        async with self.ledger.connection() as connection:
            if not await queries.begin_housekeeping(connection):
                return
            try:
                await _drop_lapsed(connection, now.date())
                for ahead in (0, 1):
                    await queries.create_day(connection, day=now.date() + timedelta(days=ahead))
                hour = now.replace(minute=0, second=0, microsecond=0)
                if self._settled_in != hour:
                    is_night = self._settled_in is None or self._settled_in.date() != now.date()
                    await _settle(connection, now.date(), all_days=is_night)
                    self._settled_in = hour
                await _close_months(connection, now)
            finally:
                await queries.end_housekeeping(connection)


async def _drop_lapsed(connection: Connection, today: date) -> None:
    dropped = await queries.drop_lapsed_days(connection, today=today)
    if dropped:
        _log.info("lapsed days dropped", job="drop", days=dropped)


async def _settle(connection: Connection, today: date, *, all_days: bool) -> None:
    """What has no day, and days that have changed: every hour the small ones, once a day all that are over."""
    days = [row.day async for row in queries.unsettled_days(connection, before=today + timedelta(days=1))]
    for day in days:
        if (all_days and day < today) or await queries.has_at_most(connection, day=day, most=SMALL_DAY):
            await queries.settle_day(connection, day=day)
    await queries.settle_mailboxes_and_tickets(connection)


async def _close_months(connection: Connection, now: datetime) -> None:
    """For each month and tier that is due: the exact number is taken out, noise is drawn once, and that is kept."""
    newest = newest_closed(now)
    due = [row async for row in queries.unclosed_months(connection, newest=newest)]
    for row in due:
        of = {"programme": row.programme, "tier": row.tier, "month": row.month}
        async with connection.transaction():
            count = await queries.take_spent(connection, **of)
            tickets = await asyncio.to_thread(noised, count, row.most_tickets)
            await queries.publish(connection, **of, tickets=tickets, most_tickets=row.most_tickets)
    await queries.delete_late_spent(connection, newest=newest)
    if due:
        _log.info("months closed", job="close", months=len(due))


def _until_midnight_s(now: datetime) -> float:
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
    return (midnight - now).total_seconds()
