"""How finely an organisation's use is attributed: to persons, to departments, or to nobody but the organisation.

More detail begins with the next day (UTC), so that everyone can have read of it before, and only for what happens from
then on. Less detail begins at once, and what was kept of more is deleted (see clearing).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection
from toktra.server.ingest.groups import close_days, wait_for_batches
from toktra.server.web.language import _

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("attribution.sql"), "apsycopg")

POLICY: Final = "attribution"


class Level(IntEnum):
    """From least detail to most."""

    ORGANISATION = 0
    DEPARTMENT = 1
    PERSON = 2

    @property
    def word(self) -> str:
        """As stored, in addresses and in the audit trail."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Level:
        """Raises ValueError for a word that is none of them."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(word) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What holds for an organisation now."""

    level: Level
    next_level: Level | None = None
    """What begins at `next_at`; None when nothing else is decided."""
    next_at: datetime | None = None
    is_clearing: bool = False
    """Whether detail that may no longer be kept is still being deleted."""

    @property
    def names_people(self) -> bool:
        return self.level is Level.PERSON

    @property
    def decided(self) -> Level:
        """The level in force, or the one that was decided and is to begin."""
        return self.level if self.next_level is None else self.next_level


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One decision about it, as every employee may read it."""

    changed_at: datetime
    former: Level
    level: Level
    effective_at: datetime
    reason: str

    @property
    def is_more(self) -> bool:
        """Whether more detail is kept since."""
        return self.level > self.former


class NotChanged(ValueError):
    """Nothing was changed; the text says why."""


class StillClearing(NotChanged):
    """The detail that may no longer be kept is not all deleted yet, so no more can be kept again."""

    def __init__(self) -> None:
        super().__init__(_("What was kept before is still being deleted. Try again later. Nothing was changed."))


class NothingToChange(NotChanged):
    """It is so already, or not of the kind that was asked for."""

    def __init__(self) -> None:
        super().__init__(_("It is so already. Nothing was changed."))


async def attribution_of(connection: Connection, tenant_id: UUID) -> Attribution:
    """What holds now. An organisation that never decided attributes to persons."""
    row = await _queries.find(connection, tenant_id=tenant_id)
    if row is None:
        return Attribution(level=Level.PERSON)
    level = Level.PERSON if row.is_person else Level.DEPARTMENT if row.is_department else Level.ORGANISATION
    return Attribution(
        level=level,
        next_level=Level.of(row.next_level) if row.next_level else None,
        next_at=row.next_at,
        is_clearing=row.is_clearing,
    )


async def changes(connection: Connection, tenant_id: UUID) -> list[Change]:
    """Every decision, newest first."""
    return [
        Change(
            changed_at=row.changed_at,
            former=Level.of(row.former),
            level=Level.of(row.level),
            effective_at=row.effective_at,
            reason=row.reason,
        )
        async for row in _queries.changes(connection, tenant_id=tenant_id)
    ]


async def change(
    connection: Connection, tenant_id: UUID, actor: audit.Actor, level: Level, reason: str, *, more: bool, now: datetime
) -> Change:
    """Decides it, within the caller's transaction. `more`: whether to keep more detail than before, which is another
    right than to keep less; who has it is the caller's to ask. `reason` is a usable one.

    After a change to less detail the caller has what was kept deleted (see clearing). Raises NothingToChange or
    StillClearing.
    """
    await wait_for_batches(connection, tenant_id)
    before = await attribution_of(connection, tenant_id)
    if level is before.decided or (level > before.decided) is not more:
        raise NothingToChange
    if more and before.is_clearing:
        raise StillClearing
    await close_days(connection, tenant_id)
    of = {"tenant_id": tenant_id}
    await _queries.begin(connection, **of)
    effective_at = _next_midnight(now) if more else now
    match level, more:
        case Level.ORGANISATION, _more:
            await _queries.lower_to_organisation(connection, **of)
        case Level.DEPARTMENT, False:
            await _queries.lower_to_department(connection, **of)
        case Level.DEPARTMENT, True:
            await _queries.raise_to_department(connection, **of, since=effective_at)
        case _:
            await _queries.raise_to_person(connection, **of, since=effective_at)
    made = Change(changed_at=now, former=before.decided, level=level, effective_at=effective_at, reason=reason)
    await _queries.add_change(
        connection,
        **of,
        changed_by=actor.person_id,
        former=made.former.word,
        level=level.word,
        effective_at=effective_at,
        reason=reason,
    )
    await audit.record(
        connection,
        tenant_id,
        Tag.POLICY_CHANGED,
        actor,
        reason=reason,
        before={"policy": POLICY, "value": made.former.word},
        after={"policy": POLICY, "value": level.word, "effective_at": f"{effective_at:%Y-%m-%d %H:%M}"},
    )
    return made


async def finish_clearing(connection: Connection, tenant_id: UUID) -> None:
    """Notes that nothing is left to delete."""
    await _queries.finish_clearing(connection, tenant_id=tenant_id)


def _next_midnight(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
