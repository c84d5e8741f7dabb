"""Spending tickets: once each, for use or to open a mailbox, and never with a word about who spends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from toktra.personal.clock import Clock
from toktra.personal.database.pool import Connection, Ledger, queries
from toktra.personal.months import month_called, month_of, name_of, open_months
from toktra.personal.noise import EPSILON
from toktra.personal.tickets import TicketOffice, digest_of
from toktra.wire.personal import RedemptionCount, Redemptions, Ticket, TicketKeys, TicketsAsked, TicketsIssued


class Forged(Exception):
    """The ticket was not issued here, or not for what it says."""


class SpentBefore(Exception):
    """The ticket was good, once."""


class MonthClosed(Exception):
    """Tickets of this month are not good any more, or not yet. `open` are the months whose tickets are."""

    def __init__(self, open_: tuple[date, ...]) -> None:
        super().__init__()
        self.open = " and ".join(map(name_of, open_))


class NotOffered(Exception):
    """There is no such programme, tier or month."""


@dataclass(slots=True)
class TicketCounter:
    """Where tickets are issued and spent."""

    ledger: Ledger
    office: TicketOffice
    clock: Clock

    async def keys(self, programme: str, month: str) -> TicketKeys:
        """The same for everybody. Raises NotOffered."""
        first = month_called(month)
        if first not in open_months(self.clock()):
            raise NotOffered
        async with self.ledger.connection() as connection:
            tiers = [row.tier async for row in queries.tiers(connection, programme=programme, month=first)]
        if not tiers:
            raise NotOffered
        return TicketKeys(month=month, keys={tier: self.office.public_key(programme, tier, month) for tier in tiers})

    async def issue(self, asked: TicketsAsked) -> TicketsIssued:
        """For the running month only. Nothing about it is kept. Raises MonthClosed, NotOffered or InvalidMessage."""
        running = open_months(self.clock())[:1]
        if month_called(asked.month) not in running:
            raise MonthClosed(running)
        async with self.ledger.connection() as connection:
            if not await queries.is_issuing(connection, programme=asked.programme, tier=asked.tier):
                raise NotOffered
        return TicketsIssued(evaluated=self.office.issue(asked))

    async def redeem(self, ticket: Ticket) -> None:
        """Spends it for use. Raises MonthClosed, Forged or SpentBefore."""
        async with self.ledger.transaction() as connection:
            await self._spend(connection, ticket, opening=False)

    async def open_mailbox(self, mailbox: bytes, ticket: Ticket) -> bool:
        """Spends it for a mailbox; False: there is one already, and the ticket was left alone.

        Raises MonthClosed, Forged or SpentBefore; then there is none.
        """
        async with self.ledger.transaction() as connection:
            await queries.lock_mailbox(connection, mailbox=mailbox)
            if await queries.mailbox_exists(connection, mailbox=mailbox):
                return False
            await self._spend(connection, ticket, opening=True)
            await queries.open_mailbox(connection, mailbox=mailbox)
            return True

    async def _spend(self, connection: Connection, ticket: Ticket, *, opening: bool) -> None:
        month = month_called(ticket.month)
        open_ = open_months(self.clock())
        if month not in open_:
            raise MonthClosed(open_)
        tiers = [row.tier async for row in queries.tiers(connection, programme=ticket.programme, month=month)]
        if ticket.tier not in tiers or not self.office.is_good(ticket):
            raise Forged
        spent = await queries.spend(
            connection,
            digest=digest_of(ticket),
            programme=ticket.programme,
            tier=ticket.tier,
            month=month,
            opening=opening,
        )
        if spent != 1:
            raise SpentBefore

    async def offer(self, programme: str, tiers: Mapping[str, int]) -> None:
        """From now on tickets are issued for these tiers alone; each with the most that one person gets in a month."""
        month = month_of(self.clock().date())
        async with self.ledger.transaction() as connection:
            for tier, most_tickets in sorted(tiers.items()):
                await queries.offer_tier(
                    connection, programme=programme, tier=tier, most_tickets=most_tickets, month=month
                )
            await queries.end_tiers_but(connection, programme=programme, tiers=list(tiers), month=month)

    async def close(self, programme: str) -> None:
        """No more tickets are issued; those that are out stay good as long as any."""
        await self.offer(programme, {})

    async def published(self, programme: str) -> Redemptions:
        """The closed months' counts, with the noise that was drawn when each was closed."""
        async with self.ledger.connection() as connection:
            rows = [row async for row in queries.closed_months(connection, programme=programme)]
        counts = tuple(
            RedemptionCount(month=name_of(row.month), tier=row.tier, tickets=row.tickets, most_tickets=row.most_tickets)
            for row in rows
        )
        return Redemptions(epsilon=EPSILON, counts=counts)
