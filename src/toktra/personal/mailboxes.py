"""Mailboxes and the sealed records in them. Nothing here can read a record, or knows whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import shake_256
from typing import Final
from uuid import UUID

import psycopg

from toktra.personal.arrivals import Arrival, Arrivals
from toktra.personal.clock import Clock
from toktra.personal.database.days import Days
from toktra.personal.database.pool import Ledger, queries
from toktra.wire.events import InvalidMessage
from toktra.wire.personal import KEPT_DAYS, RecordsPage, Resealed, StoredRecord, Upload

RECORDS_A_PAGE: Final = 240
"""2.8 MB: ten days of one device."""
AGE_INTRO: Final = b"age-encryption.org/v1\n"
"""How every age file begins (age-encryption.org/v1, section "Header"). What does not was not sealed."""


class NoMailbox(Exception):
    """There is none of this secret, or there is none any more."""


class DayNotKept(ValueError):
    """An upload for a day that has not come, or whose records are gone already. `today` is the service's."""

    def __init__(self, day: date, today: date) -> None:
        super().__init__(f"{day} is not one of the {KEPT_DAYS} days up to {today}")
        self.day = day
        self.today = today


@dataclass(slots=True)
class Mailboxes:
    """What their owners can do."""

    ledger: Ledger
    clock: Clock
    days: Days = field(init=False)
    arrivals: Arrivals = field(init=False)

    def __post_init__(self) -> None:
        self.days = Days(self.ledger)
        self.arrivals = Arrivals(self._store_some)

    @property
    def today(self) -> date:
        return self.clock().date()

    async def store(self, mailbox: bytes, upload: Upload) -> None:
        """Returns when all of the upload is on the disk, now or from an earlier try.

        Raises DayNotKept, InvalidMessage or NoMailbox; then nothing was stored.
        """
        today = self.today
        if not today - timedelta(days=KEPT_DAYS) < upload.day <= today:
            raise DayNotKept(upload.day, today)
        _check_sealed(upload.sealed, "sealed")
        await self.days.ensure((upload.day,))
        try:
            stored = await self._store(mailbox, upload)
        except psycopg.errors.CheckViolation:  # "no partition of relation found for row": it was dropped meanwhile
            self.days.forget()
            await self.days.ensure((upload.day,))
            stored = await self._store(mailbox, upload)
        if not stored:
            raise NoMailbox

    async def _store(self, mailbox: bytes, upload: Upload) -> bool:
        return await self.arrivals.put(upload.day, Arrival(mailbox, _record_id(mailbox, upload), upload.sealed))

    async def _store_some(self, day: date, some: Sequence[Arrival]) -> list[bool]:
        async with self.ledger.connection() as connection:
            stored: list[bool] = await queries.store_uploads(
                connection,
                day=day,
                mailboxes=[one.mailbox for one in some],
                records=[one.record for one in some],
                sealed=[one.sealed for one in some],
            )
        return stored

    async def page(self, mailbox: bytes, after: str) -> RecordsPage:
        """Up to RECORDS_A_PAGE records, newest day first; `after` is an earlier page's `next`, or empty.

        Raises InvalidMessage for another `after`, or NoMailbox.
        """
        kept = {"mailbox": mailbox, "oldest": self._oldest, "most": RECORDS_A_PAGE + 1}
        place = _place(after) if after else None
        async with self.ledger.connection() as connection:
            if not await queries.mailbox_exists(connection, mailbox=mailbox):
                raise NoMailbox
            if place is None:
                rows = [row async for row in queries.first_records(connection, **kept)]
            else:
                rows = [
                    row
                    async for row in queries.next_records(connection, **kept, after_day=place[0], after_record=place[1])
                ]
        shown = rows[:RECORDS_A_PAGE]
        return RecordsPage(
            records=tuple(StoredRecord(record=str(row.record), day=row.day, sealed=row.sealed) for row in shown),
            next=f"{shown[-1].day}.{shown[-1].record}" if len(rows) > len(shown) else None,
        )

    async def replace(self, mailbox: bytes, resealed: Sequence[Resealed]) -> int:
        """Puts each in the place of the record of its name, and says how many were there; the day stays.

        One whose record has lapsed meanwhile is left out. Raises InvalidMessage or NoMailbox; then nothing changed.
        """
        for place, one in enumerate(resealed):
            _check_sealed(one.sealed, f"[{place}].sealed")
        records = [_uuid(one.record, f"[{place}].record") for place, one in enumerate(resealed)]
        async with self.ledger.transaction() as connection:
            if not await queries.mailbox_exists(connection, mailbox=mailbox):
                raise NoMailbox
            return int(
                await queries.replace_records(
                    connection,
                    mailbox=mailbox,
                    oldest=self._oldest,
                    records=records,
                    sealed=[one.sealed for one in resealed],
                )
            )

    async def delete(self, mailbox: bytes) -> None:
        """Everything of it is gone when this returns, also what was being uploaded. Safe to repeat."""
        async with self.ledger.connection() as connection:
            await queries.delete_mailbox(connection, mailbox=mailbox)

    @property
    def _oldest(self) -> date:
        """Older records are not shown even where the daily drop is late."""
        return self.today - timedelta(days=KEPT_DAYS - 1)


def _record_id(mailbox: bytes, upload: Upload) -> UUID:
    """The same for the same upload sent again; random for anybody who does not know the upload's id."""
    return UUID(bytes=shake_256(mailbox + upload.upload.encode()).digest(16), version=4)


def _check_sealed(sealed: bytes, field: str) -> None:
    if not sealed.startswith(AGE_INTRO):
        raise InvalidMessage(field, "must be an age file (age-encryption.org/v1)")


def _place(after: str) -> tuple[date, UUID]:
    day, _, record = after.partition(".")
    try:
        return date.fromisoformat(day), UUID(record)
    except ValueError:
        raise InvalidMessage("after", "must be `next` of the page before") from None


def _uuid(text: str, field: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidMessage(field, "must be the id of a stored record") from None
