"""Taking part: by one's own word only, with the month as all that is kept of when.

Nothing of it goes into the audit trail, whose entries have a time; and the table is written anew at every change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from toktra.server.database.pool import Connection
from toktra.server.perks.programme import Tier
from toktra.server.perks.service import queries

NOTICE_VERSION: Final = 1
"""Of the text on the page "Token Perks" that is read before opting in; raised whenever what it promises changes."""


class Standing(StrEnum):
    """What a person is to the programme, as devices are told."""

    NO_PROGRAMME = "no-programme"
    NOT_INVITED = "not-invited"
    INVITED = "invited"
    ENROLLED = "enrolled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """How one person stands."""

    standing: Standing
    programme: str = ""
    tier: Tier | None = None
    """Offered to them, or the one they are in."""
    since: date | None = None
    """The first day of the month in which they opted in."""


async def member(connection: Connection, tenant_id: UUID, person_id: UUID) -> Member:
    """How a person stands."""
    of = {"tenant_id": tenant_id, "person_id": person_id}
    programme = await queries.programme(connection, tenant_id=tenant_id)
    if programme is None or not programme.is_on:
        return Member(standing=Standing.NO_PROGRAMME)
    enrolled = await queries.enrolment(connection, **of)
    if enrolled is not None:
        tier = _tier(enrolled)
        return Member(standing=Standing.ENROLLED, programme=str(programme.programme), tier=tier, since=enrolled.since)
    invited = await queries.invited_to(connection, **of)
    if invited is None:
        return Member(standing=Standing.NOT_INVITED)
    return Member(standing=Standing.INVITED, programme=str(programme.programme), tier=_tier(invited))


@dataclass(frozen=True, slots=True, kw_only=True)
class TakesPart:
    """All that is kept about somebody who takes part, whether the programme is on or not."""

    tier: str
    since: date
    """The first day of the month."""
    notice_version: int
    drawn: int
    """Tickets that their devices drew this month, used or not."""


async def takes_part(connection: Connection, tenant_id: UUID, person_id: UUID, today: date) -> TakesPart | None:
    """For the copy of somebody's data; None when they do not take part."""
    of = {"tenant_id": tenant_id, "person_id": person_id}
    row = await queries.enrolment(connection, **of)
    if row is None:
        return None
    drawn = await queries.drawn(connection, **of, month=today.replace(day=1))
    return TakesPart(tier=row.name, since=row.since, notice_version=row.notice_version, drawn=drawn or 0)


async def opt_in(connection: Connection, tenant_id: UUID, person_id: UUID, today: date) -> Member:
    """Takes part from now on, when invited; answers how the person stands then. Safe to repeat."""
    now = await member(connection, tenant_id, person_id)
    if now.standing is not Standing.INVITED or now.tier is None:
        return now
    await queries.lock_programme(connection, tenant_id=tenant_id)
    await queries.opt_in(
        connection,
        tenant_id=tenant_id,
        person_id=person_id,
        tier=now.tier.tier,
        notice_version=NOTICE_VERSION,
        since=today.replace(day=1),
    )
    await queries.write_anew(connection, tenant_id=tenant_id)
    return await member(connection, tenant_id, person_id)


async def opt_out(connection: Connection, tenant_id: UUID, person_id: UUID) -> None:
    """Takes part no more. What was drawn this month stays counted, so that nobody draws a month twice. Repeatable."""
    await queries.lock_programme(connection, tenant_id=tenant_id)
    await queries.opt_out(connection, tenant_id=tenant_id, person_id=person_id)
    await queries.write_anew(connection, tenant_id=tenant_id)


def _tier(row: object) -> Tier:
    return Tier(**{name: getattr(row, name) for name in ("tier", "name", "tokens_per_ticket", "tickets")})
