"""Decisions as sentences, for the owner of the device."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from toktra.agent.privacy_hours.gate import Decision, Reason, State
from toktra.agent.privacy_hours.portal import Waiting
from toktra.agent.privacy_hours.windows import format_window

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_BECAUSE = {
    Reason.DAMAGED: "The Privacy Hours on this device cannot be read. Set them again.",
    Reason.ZONE: "The time zone is not known on this device. Choose one.",
    Reason.CLOCK: "The clock was set, and by one of its times this is private. Say whether it is right.",
    Reason.PAUSE: "You paused.",
    Reason.ZONE_CHANGE: "It was private when the time zone changed.",
    Reason.NOTHING_PLANNED: "No window covers this time.",
}


def because(decision: Decision) -> str:
    """Why, in one or two sentences."""
    if decision.window is None:
        return _BECAUSE[decision.reason]
    window = f"The window {format_window(decision.window)}"
    if decision.reason is Reason.ADDED:
        window += ", added by a works agreement,"
    if decision.in_doubt:
        return f"{window} could mean this time, because the clock changes. In doubt, private."
    return f"{window} covers this time."


def sentence(decision: Decision, zone: ZoneInfo) -> str:
    """State, until when, and why, on one line."""
    until = None if decision.until is None else moment(decision.until, zone)
    if decision.state is State.PRIVATE:
        state = "Private, with no end planned." if until is None else f"Private until {until}."
    else:
        state = "Observed. No private time is planned." if until is None else f"Observed until {until}."
    return f"{state} {because(decision)}"


def what_waits(waiting: Waiting) -> list[str]:
    """What would take private time away, a line each."""
    lines = []
    if waiting.moves_to is not None:
        windows = "; ".join(format_window(window) for window in waiting.moves_to.windows)
        lines.append(
            f"Your week in the portal takes the place of all your windows: {windows} ({waiting.moves_to.zone})."
        )
    lines += [f"You took out of your week in the portal: {format_window(window)}" for window in waiting.removes]
    for schedule in waiting.agreements:
        windows = "; ".join(format_window(window) for window in schedule.windows)
        lines.append(f"A works agreement adds no more: {windows} ({schedule.zone})")
    return lines


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """An instant as the clock in a zone shows it: Mon 29 Mar 2027, 13:00 (Europe/Berlin, +02:00)."""
    local = instant.astimezone(zone)
    clock = local.strftime("%H:%M:%S" if local.second else "%H:%M")
    offset = local.isoformat()[19:]
    day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{day}, {clock} ({zone.key}, {offset})"
