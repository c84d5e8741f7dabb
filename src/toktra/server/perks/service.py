"""The programme's settings. Each change is told to the personal service first: where it cannot be, nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people.signed_in import SignedIn
from toktra.server.perks.personal_service import PersonalService
from toktra.server.perks.programme import Invitation, Programme, Tier, check_room_for

queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


class UnknownTier(LookupError):
    """No such tier is offered."""


async def programme_of(connection: Connection, tenant_id: UUID) -> Programme:
    """All that this organisation offers."""
    row = await queries.programme(connection, tenant_id=tenant_id)
    tiers = [Tier(**one._asdict()) async for one in queries.tiers(connection, tenant_id=tenant_id)]
    invited = [Invitation(**one._asdict()) async for one in queries.invitations(connection, tenant_id=tenant_id)]
    return Programme(
        programme=row.programme if row else None,
        is_on=bool(row and row.is_on),
        tiers=tuple(tiers),
        invitations=tuple(invited),
    )


async def switch(database: Database, reader: SignedIn, service: PersonalService, *, on: bool) -> None:
    """Switches the programme on or off; what was enrolled stays so while it is off. Raises NotReached."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        before = await queries.lock_programme(connection, tenant_id=tenant_id)
        if (before is not None and before.is_on) == on:
            return
        await queries.switch(connection, tenant_id=tenant_id, is_on=on)
        await _record(connection, reader, done="switched on" if on else "switched off")
        await tell(connection, tenant_id, service)


async def set_tier(database: Database, reader: SignedIn, service: PersonalService, tier: Tier) -> None:
    """Offers a tier, or changes the one of the same name. Raises InvalidTier or NotReached."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await _lock(connection, tenant_id)
        check_room_for(tier, (await programme_of(connection, tenant_id)).tiers)
        await queries.set_tier(
            connection,
            tenant_id=tenant_id,
            tier=tier.tier,
            name=tier.name,
            tokens_per_ticket=tier.tokens_per_ticket,
            tickets=tier.tickets,
        )
        await _record(
            connection,
            reader,
            done="tier set",
            tier=tier.name,
            tokens_per_ticket=tier.tokens_per_ticket,
            tickets=tier.tickets,
        )
        await tell(connection, tenant_id, service)


async def end_tier(database: Database, reader: SignedIn, service: PersonalService, tier: str) -> None:
    """No more tickets of it, and no invitation to it. Who is in it stays, without tickets. Raises NotReached."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await _lock(connection, tenant_id)
        name = await queries.end_tier(connection, tenant_id=tenant_id, tier=tier)
        if name is None:
            return
        await queries.end_invitations_to(connection, tenant_id=tenant_id, tier=tier)
        await _record(connection, reader, done="tier ended", tier=name)
        await tell(connection, tenant_id, service)


async def invite(
    database: Database, reader: SignedIn, tier: str, *, department: str | None = None, person_id: UUID | None = None
) -> None:
    """Invites a department, a person or, with neither, everybody; again, to another tier. Raises UnknownTier."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await _lock(connection, tenant_id)
        offered = {one.tier: one.name for one in (await programme_of(connection, tenant_id)).tiers}
        if tier not in offered:
            raise UnknownTier
        await queries.invite(connection, tenant_id=tenant_id, tier=tier, department=department, person_id=person_id)
        whom = department or ("" if person_id else "everybody")
        await _record(connection, reader, subject_id=person_id, done="invited", tier=offered[tier], department=whom)


async def withdraw(database: Database, reader: SignedIn, invitation_id: UUID) -> None:
    """Nobody new comes by this invitation; who took part already goes on. Safe to repeat."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        row = await queries.withdraw(connection, tenant_id=tenant_id, invitation_id=invitation_id)
        if row is not None:
            whom = row.department or ("" if row.person_id else "everybody")
            await _record(
                connection,
                reader,
                subject_id=row.person_id,
                done="invitation withdrawn",
                tier=row.tier,
                department=whom,
            )


async def tell(connection: Connection, tenant_id: UUID, service: PersonalService) -> None:
    """Says to the personal service what may be issued, as it stands in this transaction. Raises NotReached."""
    found = await programme_of(connection, tenant_id)
    if found.programme is not None:
        offered = {tier.tier: tier.tickets for tier in found.tiers} if found.is_on else {}
        await service.offer(str(found.programme), offered)


async def _lock(connection: Connection, tenant_id: UUID) -> None:
    """One change of the settings at a time, and a programme, still off, to hang them on."""
    if await queries.lock_programme(connection, tenant_id=tenant_id) is None:
        await queries.switch(connection, tenant_id=tenant_id, is_on=False)


async def _record(
    connection: Connection, reader: SignedIn, *, subject_id: UUID | None = None, **after: str | int
) -> None:
    await audit.record(
        connection, reader.tenant.tenant_id, Tag.PERKS_CHANGED, reader.actor, subject_id=subject_id, after=after
    )
