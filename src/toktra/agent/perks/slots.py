"""When a device speaks for the second ledger: the hours it fills, and the day on which a mailbox is opened. Pure.

Every mailbox gets one upload for every hour of every day since the Monday on which it was opened, whenever its device
was on. What was missed is filled later under the day it belongs to, so none shows when its owner works or is away.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from toktra.wire.personal import KEPT_DAYS, UPLOAD_EVERY_S

MINUTES_A_DAY: Final = 24 * 60
HOURS_A_DAY: Final = 24 * 3600 // UPLOAD_EVERY_S


def hour_of(moment: datetime) -> int:
    """The hour a moment lies in, counted from 1970."""
    return int(moment.timestamp()) // UPLOAD_EVERY_S


def day_of(hour: int) -> date:
    """The UTC day an hour belongs to."""
    return datetime.fromtimestamp(hour * UPLOAD_EVERY_S, UTC).date()


def next_hour(filled: int, now: datetime, upload_second: int) -> int | None:
    """The oldest hour that is to be filled now, `filled` being the last one that was; None: none is due.

    An hour is due from its `upload_second` on. Hours of days that are no longer kept are passed over.
    """
    last = hour_of(now - timedelta(seconds=upload_second))
    oldest_day = now.date() - timedelta(days=KEPT_DAYS - 1)
    oldest = hour_of(datetime(oldest_day.year, oldest_day.month, oldest_day.day, tzinfo=UTC))
    due = max(filled + 1, oldest)
    return due if due <= last else None


def seconds_to_next(now: datetime, upload_second: int) -> float:
    """Until an hour becomes due again."""
    return UPLOAD_EVERY_S - (now.timestamp() - upload_second) % UPLOAD_EVERY_S


def opening_day(joined: datetime, chance: Callable[[], float]) -> datetime:
    """A minute by chance on the first Monday after a moment, UTC: mailboxes are opened in crowds."""
    monday = joined.astimezone(UTC).date() + timedelta(days=7 - joined.astimezone(UTC).weekday())
    midnight = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
    return midnight + timedelta(minutes=int(MINUTES_A_DAY * chance()))


def opens_now(opening_at: datetime, now: datetime) -> bool:
    """Whether it is that day, and that minute has come."""
    return opening_at <= now and opening_at.date() == now.date()
