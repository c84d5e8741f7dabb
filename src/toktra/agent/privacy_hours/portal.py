"""What a server says about an owner's private time, taken in so that it can only add. Pure.

An answer names the owner's newest week in the portal and the works agreement. Each is held against what the same server
said last: what is new since then is added at once, what is gone since then stays in force and waits until the owner
confirms on this device. Windows that the owner set on the device are nobody else's and are not touched.

A version that is not newer says nothing: it is an old answer, or a server that was set back. One that is newer can ask
for nothing but the above, whoever made it up.
"""

from __future__ import annotations

import msgspec

from toktra.agent.privacy_hours.wishes import MAX_ADDED as MOST_BESIDE
from toktra.agent.privacy_hours.wishes import TooManyAdded, Wishes, add, plan
from toktra.agent.privacy_hours.zones import find_zone
from toktra.wire.portal import Standing
from toktra.wire.schedule import MAX_WINDOWS, Schedule, Window, by_day, joined, lies_within


class TooManyWindows(ValueError):
    """There is no room for the windows of the week; what is there stays."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the owner is asked to confirm on the device: all of it would take private time away."""

    removes: tuple[Window, ...] = ()
    """Windows of theirs."""
    moves_to: Schedule | None = None
    """Takes the place of all their windows: their week in the portal is in another zone."""
    agreements: tuple[Schedule, ...] = ()
    """Private time that a works agreement added and does not add any more."""


def receive_week(wishes: Wishes, version: int, week: Schedule) -> Wishes:
    """The owner's newest week. Raises UnknownZone, TooManyWindows or TooManyAdded, and then nothing was changed."""
    if version <= wishes.server.version:
        return wishes
    find_zone(week.zone)
    if week.windows and wishes.schedule.windows and week.zone != wishes.schedule.zone:
        return _beside(wishes, version, week)
    return _among(wishes, version, week)


def receive_agreement(wishes: Wishes, version: int, agreement: Schedule | None) -> Wishes:
    """The works agreement as it stands now, None for none. Raises UnknownZone or TooManyAdded."""
    if version <= wishes.server.agreement_version:
        return wishes
    if agreement is not None and agreement.windows:
        wishes = add(wishes, agreement)
    server = msgspec.structs.replace(wishes.server, agreement_version=version, agreement=agreement)
    return msgspec.structs.replace(wishes, server=server)


def waiting(wishes: Wishes) -> Waiting | None:
    """What waits for the owner; None when nothing does."""
    server = wishes.server
    staying = [one for one in by_day(wishes.schedule.windows) if one not in server.leaving]
    removes = [one for one in server.leaving if not any(lies_within(one, other) for other in staying)]
    agreements = tuple(added for added in wishes.added if added != server.agreement)
    if not (removes or server.moved or agreements):
        return None
    return Waiting(removes=joined(removes), moves_to=server.week if server.moved else None, agreements=agreements)


def confirm(wishes: Wishes) -> Wishes:
    """The owner agrees, on the device, to all that waits. Raises UnknownZone."""
    server = wishes.server
    if server.moved and server.week is not None and server.week.zone != wishes.schedule.zone:
        schedule = server.week
    else:
        windows = _without(wishes.schedule.windows, server.leaving)
        schedule = msgspec.structs.replace(wishes.schedule, windows=windows)
    in_force = server.agreement is not None and server.agreement.windows
    agreed = msgspec.structs.replace(
        plan(wishes, schedule), added=(server.agreement,) if server.agreement and in_force else ()
    )
    settled = msgspec.structs.replace(agreed.server, leaving=(), moved=())
    return msgspec.structs.replace(agreed, server=settled, used=wishes.used)


def keep(wishes: Wishes, windows: tuple[Window, ...]) -> Wishes:
    """The owner says on the device that these windows are to stay, whatever the portal said."""
    kept = set(by_day(windows))
    leaving = tuple(one for one in wishes.server.leaving if one not in kept)
    return msgspec.structs.replace(wishes, server=msgspec.structs.replace(wishes.server, leaving=leaving))


def standing(wishes: Wishes) -> Standing:
    """How the newest week stands here, as the portal tells its owner."""
    server = wishes.server
    if server.week is None:
        return "nothing"
    if waiting(wishes) is not None:
        return "waits"
    same_zone = server.week.zone == wishes.schedule.zone or not server.week.windows
    there = set(by_day(wishes.schedule.windows)) - set(server.leaving)
    return "applied" if same_zone and there == set(by_day(server.week.windows)) else "differs"


def _among(wishes: Wishes, version: int, week: Schedule) -> Wishes:
    """Into the owner's schedule: what the week before did not have joins it, what only that had begins to wait."""
    server, schedule = wishes.server, wishes.schedule
    known = server.week is not None and (server.week.zone == week.zone or not week.windows)
    before = set(by_day(server.week.windows)) if server.week and known else set()
    after, there = set(by_day(week.windows)), set(by_day(schedule.windows))
    new = [one for one in by_day(week.windows) if one not in before and one not in there]
    gone = [one for one in by_day(schedule.windows) if one in before and one not in after]
    leaving = [*(one for one in server.leaving if one not in after), *gone]
    windows = (*schedule.windows, *joined(new))
    if len(windows) > MAX_WINDOWS:
        raise TooManyWindows(f"a schedule may hold {MAX_WINDOWS} windows, with this week it would be {len(windows)}")
    if new:
        zone = schedule.zone if schedule.windows else week.zone
        wishes = plan(wishes, Schedule(zone=zone, windows=windows))
    said = msgspec.structs.replace(wishes.server, version=version, week=week, leaving=tuple(dict.fromkeys(leaving)))
    return msgspec.structs.replace(wishes, server=said, used=wishes.used or bool(week.windows))


def _beside(wishes: Wishes, version: int, week: Schedule) -> Wishes:
    """In another zone it cannot join the schedule, so it holds beside it; what the owner has waits to be replaced."""
    server = wishes.server
    moved = server.moved if week in server.moved else (*server.moved, week)
    if len(moved) > MOST_BESIDE:
        raise TooManyAdded(f"{MOST_BESIDE} weeks in other zones wait already; confirm on the device which is right")
    said = msgspec.structs.replace(server, version=version, week=week, moved=moved)
    return msgspec.structs.replace(wishes, server=said, resumption=None, used=True)


def _without(windows: tuple[Window, ...], leaving: tuple[Window, ...]) -> tuple[Window, ...]:
    """A window of several days of which some leave stays for the others."""
    left: list[Window] = []
    for window in windows:
        days = by_day([window])
        staying = [day for day in days if day not in leaving]
        left += [window] if len(staying) == len(days) else joined(staying)
    return tuple(left)
