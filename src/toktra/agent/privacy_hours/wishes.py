"""What the owner of a device wants private, what others added, and the acts that change it. Pure; kept on disk as text.

Only the owner's acts take private time away. What comes from a server, a works agreement or a change made in the
portal, goes through `add` and through `portal`, and they cannot.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from toktra.agent.privacy_hours.calendar import Calendar
from toktra.agent.privacy_hours.zones import find_zone
from toktra.wire.events import InvalidMessage, decode, encode
from toktra.wire.schedule import Pause, Resumption, Schedule, Window, by_day

MAX_ADDED: Final = 16
MAX_PAUSE_MINUTES: Final = 31 * 24 * 60


class FromServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a server said last, and what it would take away; see `portal`."""

    version: int = 0
    """Of the owner's week in the portal; 0: none came yet. Never goes back."""
    week: Schedule | None = None
    """That week."""
    leaving: tuple[Window, ...] = ()
    """Windows of the owner's, day by day, which the newest week does not have. They hold until the owner confirms."""
    moved: Annotated[tuple[Schedule, ...], Meta(max_length=MAX_ADDED)] = ()
    """Weeks written in another zone than the owner's schedule. They hold beside it until the owner confirms."""
    agreement_version: int = 0
    agreement: Schedule | None = None
    """The works agreement's private time, as it stood last. It is in `Wishes.added`, as are earlier ones until the
    owner confirms."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decides over private time on one device, for one account."""

    schedule: Schedule
    """The owner's own."""
    added: Annotated[tuple[Schedule, ...], Meta(max_length=MAX_ADDED)] = ()
    """Private time from elsewhere, beside the owner's."""
    pause: Pause | None = None
    resumption: Resumption | None = None
    server: FromServer = FromServer()
    used: bool = True
    """Whether the owner ever set anything. False: all that is here was added by a works agreement."""

    @property
    def own(self) -> tuple[Schedule, ...]:
        """The owner's windows, wherever they wrote them; the rest is `added`."""
        return (self.schedule, *self.server.moved)


class Damaged(ValueError):
    """The Privacy Hours kept on this device cannot be read, so all time is private until the owner sets them again."""


class TooManyAdded(ValueError):
    """There is no room for another added schedule; those already there stay."""


def plan(wishes: Wishes, schedule: Schedule) -> Wishes:
    """The owner's new schedule. What they ended early counts for the old one only. Raises UnknownZone."""
    find_zone(schedule.zone)
    there = set(by_day(schedule.windows))
    leaving = tuple(window for window in wishes.server.leaving if window in there)
    server = msgspec.structs.replace(wishes.server, leaving=leaving)
    return msgspec.structs.replace(wishes, schedule=schedule, resumption=None, server=server, used=True)


def add(wishes: Wishes, schedule: Schedule) -> Wishes:
    """One more schedule from elsewhere, beside all that is there. Raises UnknownZone and TooManyAdded."""
    find_zone(schedule.zone)
    if schedule in wishes.added:
        return wishes
    if len(wishes.added) >= MAX_ADDED:
        raise TooManyAdded(f"{MAX_ADDED} schedules are added already; confirm on the device which of them still hold")
    return msgspec.structs.replace(wishes, added=(*wishes.added, schedule))


def pause_until(wishes: Wishes, until: datetime | None) -> Wishes:
    """Private from now until an instant, or until the owner resumes. A pause that is longer already stays."""
    if until is None:
        return msgspec.structs.replace(wishes, pause=Pause(), used=True)
    whole = -(-until.timestamp() // 1)
    until = datetime.fromtimestamp(whole, UTC)
    if wishes.pause is not None and (wishes.pause.until is None or wishes.pause.until >= until):
        return wishes
    return msgspec.structs.replace(wishes, pause=Pause(until=until), used=True)


def pause_for(wishes: Wishes, minutes: int, now: datetime) -> Wishes:
    """Private from `now` for 1 to 44,640 minutes (31 days). Raises ValueError outside that."""
    if not 1 <= minutes <= MAX_PAUSE_MINUTES:
        raise ValueError(f"a pause lasts 1 to {MAX_PAUSE_MINUTES} minutes, not {minutes}")
    return pause_until(wishes, now + timedelta(minutes=minutes))


def end_pause(wishes: Wishes) -> Wishes:
    """The owner's "end now" where only a pause can be ended."""
    return msgspec.structs.replace(wishes, pause=None)


def resume(wishes: Wishes, now: datetime, device_zone: ZoneInfo) -> Wishes:
    """The owner's "end now": ends a pause, and each of their own windows that covers `now`, this once.

    A window that begins later counts in full, even one that overlaps what was ended. Added time stays private.
    Raises UnknownZone.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    ends_s = [
        covering.span.end_s
        for schedule in wishes.own
        for zone in (find_zone(schedule.zone), device_zone)
        for covering in Calendar(schedule, zone, added=False).covering(int(now.timestamp()))
    ]
    resumption = Resumption(at=now, until=datetime.fromtimestamp(max(ends_s), UTC)) if ends_s else wishes.resumption
    return msgspec.structs.replace(end_pause(wishes), resumption=resumption)


_decoder = msgspec.json.Decoder(Wishes)


def to_disk(wishes: Wishes) -> bytes:
    """Two lines: a SHA-256 over the second, which is JSON. The sum finds damage; it is no protection against intent."""
    body = encode(wishes)
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n"


def from_disk(content: bytes) -> Wishes:
    """What `to_disk` wrote. Raises Damaged for anything else, down to a single changed bit."""
    checksum, _, line = content.partition(b"\n")
    body, newline, rest = line.partition(b"\n")
    if not newline or rest or hashlib.sha256(body).hexdigest().encode() != checksum:
        raise Damaged("the Privacy Hours kept on this device were damaged; set them again")
    try:
        return decode(body, _decoder)
    except InvalidMessage as error:
        raise Damaged(f"the Privacy Hours kept on this device are of another kind ({error}); set them again") from None
