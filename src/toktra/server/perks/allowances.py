"""What a device is told about an account's allowance, and the tickets it is given blind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import msgspec

from toktra.server.database.pool import Database
from toktra.server.perks.aggregates import count_months_before
from toktra.server.perks.enrolling import Standing, member
from toktra.server.perks.personal_service import NotKnownThere, NotReached, PersonalService
from toktra.server.perks.service import queries, tell
from toktra.wire.personal import Allowance, AllowanceAsked, TicketsAsked
from toktra.wire.signatures import KeyId


class DeviceRefused(Exception):
    """Nothing is told to this device. `outcome` is unknown_device, revoked or suspended."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Allowances:
    """Answers devices, with the personal service behind; None: there is none, and so no programme."""

    database: Database
    service: PersonalService | None
    address: str
    """By which devices and browsers reach the service."""

    async def of(self, key: KeyId, asked: AllowanceAsked, today: date) -> Allowance:
        """How the person of this account stands, with tickets if some were asked for and are left.

        `key` is whose signature was verified, `today` is UTC. Raises DeviceRefused; NotReached, MonthOver or
        InvalidMessage when no tickets could be issued, and then none are counted.
        """
        person_id = await self._person(key, asked.account)
        if self.service is None:
            return Allowance(standing="no-programme")
        if person_id is None:
            return Allowance(standing="not-invited")
        month = today.replace(day=1)
        of = {"tenant_id": key.tenant, "person_id": person_id, "month": month}
        async with self.database.tenant(key.tenant) as connection:
            stands = await member(connection, key.tenant, person_id)
            tier = stands.tier
            if stands.standing is not Standing.ENROLLED or tier is None:
                return Allowance(standing=stands.standing.value)
            await count_months_before(connection, key.tenant, month)
            taken: int | None = None
            if asked.blinded:  # counted before they are issued: two devices at once get no more than one alone
                taken = await queries.draw(connection, **of, tickets=len(asked.blinded), most=tier.tickets)
            drawn: int = taken if taken is not None else (await queries.drawn(connection, **of) or 0)
        told = Allowance(
            standing="enrolled",
            service=self.address,
            programme=stands.programme,
            tier=tier.tier,
            month=f"{month:%Y-%m}",
            tokens_per_ticket=tier.tokens_per_ticket,
            tickets=tier.tickets,
            left=max(0, tier.tickets - drawn),
        )
        if taken is None:
            return told
        try:
            return msgspec.structs.replace(
                told, evaluated=await self._issue(self.service, key.tenant, told, asked.blinded)
            )
        except BaseException:
            async with self.database.tenant(key.tenant) as connection:
                await queries.give_back(connection, **of, tickets=len(asked.blinded))
            raise

    async def _issue(
        self, service: PersonalService, tenant_id: UUID, told: Allowance, blinded: tuple[bytes, ...]
    ) -> tuple[bytes, ...]:
        wanted = TicketsAsked(programme=told.programme, tier=told.tier, month=told.month, blinded=blinded)
        try:
            return (await service.issue(wanted)).evaluated
        except NotKnownThere:  # its database was set up anew: it is told once more what there is
            async with self.database.tenant(tenant_id) as connection:
                await tell(connection, tenant_id, service)
        try:
            return (await service.issue(wanted)).evaluated
        except NotKnownThere:
            raise NotReached from None

    async def _person(self, key: KeyId, account: str) -> UUID | None:
        async with self.database.tenant(key.tenant) as connection:
            row = await queries.person_of_account(
                connection, tenant_id=key.tenant, device_id=key.device, account=account
            )
        if row is None:
            raise DeviceRefused("unknown_device")
        if row.device != "active" or row.tenant != "active":
            raise DeviceRefused("revoked" if row.device != "active" else "suspended")
        person_id: UUID | None = row.person_id
        return person_id
