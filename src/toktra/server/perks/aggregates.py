"""What administrators see of Token Perks: sums of months that are over, and nothing of fewer than ten people.

The number who take part is frozen when a month is over and shown in steps of ten, so that nobody can watch it move. The
counts of redemptions come from the personal service with noise in them (see `noise` there) and never change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from toktra.server.database.pool import Connection
from toktra.server.perks.service import queries
from toktra.wire.personal import Redemptions

FEWEST: Final = 10
STEP: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many took part in a tier by the end of a month."""

    month: date
    tier: str
    name: str
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """The tickets of one tier that were spent in a month, as the interval in which they lie with 90 %."""

    month: date
    tier: str
    name: str
    low: float
    high: float
    is_shown: bool
    """False: fewer than ten people; low and high say nothing then."""


async def count_months_before(connection: Connection, tenant_id: UUID, month: date) -> None:
    """Freezes how many took part by the end of the month before `month`, once. Within the caller's transaction."""
    before = (month - timedelta(days=1)).replace(day=1)
    if not await queries.is_counted(connection, tenant_id=tenant_id, month=before):
        await queries.count_month(connection, tenant_id=tenant_id, month=before, next_month=month)
        await queries.forget_drawn(connection, tenant_id=tenant_id, month=month)


async def counted(connection: Connection, tenant_id: UUID) -> list[Counted]:
    """Every frozen count, newest month first."""
    return [
        Counted(month=row.month, tier=row.tier, name=row.name or row.tier, people=row.people)
        async for row in queries.counted(connection, tenant_id=tenant_id)
    ]


def step_of(people: int) -> tuple[int, int] | None:
    """The step of ten in which a number lies: 57 is 50 to 59. None: fewer than ten, which is not shown."""
    return None if people < FEWEST else (people // STEP * STEP, people // STEP * STEP + STEP - 1)


def enrolled(counts: list[Counted]) -> tuple[date, tuple[int, int] | None] | None:
    """The newest month that is over, and the step of all who took part; None where no month is over yet."""
    if not counts:
        return None
    newest = counts[0].month
    return newest, step_of(sum(one.people for one in counts if one.month == newest))


def redeemed(published: Redemptions, counts: list[Counted]) -> list[Redeemed]:
    """Each month and tier. Discrete Laplace noise of scale s is under s × ln 10 with 90 %, either way."""
    known = {(one.month, one.tier): one for one in counts}
    rows = []
    for one in published.counts:
        month = date.fromisoformat(f"{one.month}-01")
        took_part = known.get((month, one.tier))
        is_shown = took_part is not None and took_part.people >= FEWEST
        give = one.most_tickets / published.epsilon * math.log(10)
        rows.append(
            Redeemed(
                month=month,
                tier=one.tier,
                name=took_part.name if took_part else one.tier,
                low=max(0.0, one.tickets - give),
                high=one.tickets + give,
                is_shown=is_shown,
            )
        )
    return rows
