"""Personal mode and the second ledger as sentences, for their owner."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from toktra.agent.control_messages import Told
from toktra.agent.perks.messages import PerksTold
from toktra.agent.privacy_hours.gate import Reason
from toktra.agent.privacy_hours.windows import format_window
from toktra.agent.privacy_hours.words import moment

NO_KEY = (
    "You have no Token Perks key on this device, so nothing could be sealed for you, and personal mode stays off."
    " First: toktra perks join"
)
DAMAGED = (
    "Personal mode on this device cannot be read, so it counts as on. Begin anew: toktra perks personal schedule remove"
    " --all"
)
CLOCK = "The clock was set, and by one of its times this is personal. If it is right now: toktra perks personal off"
ON_ALREADY = "It was on until you switch it off, and stays so. For an end: toktra perks personal off, then on again."


def mode_in_words(told: Told, zone: ZoneInfo) -> str:
    """Mode, until when, and why, on one line."""
    if not told.private:
        if told.until is None:
            return "Personal mode is off. What you use counts for your organisation."
        return f"Personal mode is off until {moment(told.until, zone)}, when a window of yours begins."
    until = "until you switch it off" if told.until is None else f"until {moment(told.until, zone)}"
    return f"Personal {until}. What you begin now is sealed for you and counts for nobody else. {_why(told)}".rstrip()


def at_length(told: PerksTold) -> str:
    """All that `toktra perks status` says."""
    lines = [told.in_words, *([told.note] if told.note else [])]
    if told.schedule and told.schedule.windows:
        lines += ["", f"Your windows, {told.schedule.zone}:"]
        lines += [f"  {format_window(window)}" for window in told.schedule.windows]
    lines += ["", *_part(told)]
    lines += [line for trouble in told.troubles for line in ("", trouble)]
    return "\n".join(lines)


def _part(told: PerksTold) -> list[str]:
    match told.part:
        case "none":
            return ["You take no part in Token Perks on this device. To begin: toktra perks join"]
        case "unreadable":
            return ["What this device keeps of your part cannot be read. See below."]
        case "leaving":
            return [f"You left. Your mailbox at {told.service} is still to be deleted."]
        case "joined":
            pass
    lines = [f"Sealed for {told.recipient}", f"Kept at {told.service}, for 90 days"]
    if told.opening_at is not None:
        lines.append(f"  Your mailbox is opened {told.opening_at:%A %d %B %Y} (UTC), together with others'.")
    lines.append(f"Records: {told.waiting} wait here, sealed; {told.dropped} lost because there was no room for them")
    if told.month:
        tokens = f"{told.tokens_per_ticket:,}".replace(",", "\u00a0")
        lines.append(
            f"Allowance of {told.month}, tier {told.tier}: {told.tickets} tickets of {tokens} tokens,"
            f" {told.tickets_left} of them here and unspent. When they run out, recording goes on."
        )
    return lines


def _why(told: Told) -> str:
    match told.reason:
        case Reason.CLOCK:
            return CLOCK
        case Reason.DAMAGED:
            return DAMAGED
        case Reason.ZONE:
            return "This device does not know its time zone."
        case Reason.WINDOW if told.window is not None:
            return f"Your window {format_window(told.window)} covers this time."
        case _:
            return ""
