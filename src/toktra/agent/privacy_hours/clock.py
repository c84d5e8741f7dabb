"""How far the clock can be trusted. A clock that was set leaves two times that could be right, and all between them.

The caller reads two clocks at once: the wall clock, which people and programs set, and one that only ever runs forward
and counts through suspend (Linux CLOCK_BOOTTIME, macOS mach_continuous_time, Windows QueryInterruptTime). As long as
both run alike, the wall clock is right. When it steps, the right time lies somewhere between the clock that would have
run on and every clock shown since; that lasts until the clock is set back to where it would have been, or the owner
says that it is right.

A restart leaves only the wall clock. It may not be behind what it last showed, nor before this program was written.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Final

import msgspec

from toktra.agent.privacy_hours.timeline import Slack

TOLERANCE_S: Final = 5.0
"""What a network time service corrects at a time without anyone noticing."""
DRIFT: Final = 500e-6
"""The most a system's clock is slewed against its oscillator: 500 ppm (RFC 5905, section 11.3)."""
BELIEF_RENEWED_AFTER_S: Final = 3600.0
"""So that the slewing allowed for adds up to seconds, not to minutes over a month."""
SLEPT_AT_MOST_S: Final = 12 * 3600.0
"""Slewing is allowed for over this long without a reading: a night's suspend."""
WRITTEN_S: Final = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""No right clock shows an earlier time: this program did not exist."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Both clocks, read at the same moment."""

    wall_s: float
    """Unix time."""
    monotonic_s: float
    """Counts through suspend; starts anywhere."""
    boot: str
    """Names the run of the monotonic clock: the same text until the system restarts (Linux boot_id)."""


class Settled(Enum):
    """What it takes until the wall clock alone is believed after a restart."""

    YES = "yes"
    WHEN_IT_HAS_CAUGHT_UP = "when it has caught up"
    WHEN_THE_OWNER_SAYS_SO = "when the owner says so"


class Trust(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known about the wall clock. Kept on disk between runs; a lost one is replaced by `trust_at_first`."""

    settled: Settled
    boot: str
    anchor_wall_s: float
    anchor_monotonic_s: float
    """At these two readings the clock was believed."""
    earliest_s: float = 0.0
    latest_s: float = 0.0
    """How far the clocks shown since were set from the one that ran on: ≤ 0 and ≥ 0."""
    seen_s: float = WRITTEN_S
    """The latest wall clock that was believed."""


def trust_at_first(reading: Reading) -> Trust:
    """For a device that has no earlier trust on its disk."""
    return _anew(reading, seen_s=WRITTEN_S)


def trust_confirmed(reading: Reading) -> Trust:
    """The owner looked at the clock and says it is right."""
    return Trust(
        settled=Settled.YES,
        boot=reading.boot,
        anchor_wall_s=reading.wall_s,
        anchor_monotonic_s=reading.monotonic_s,
        seen_s=reading.wall_s,
    )


def trust_after(trust: Trust, reading: Reading) -> Trust:
    """What is known once the clocks were read again."""
    if trust.settled is Settled.WHEN_THE_OWNER_SAYS_SO:
        return trust
    if reading.boot != trust.boot or reading.monotonic_s < trust.anchor_monotonic_s:
        if trust.earliest_s or trust.latest_s:  # the doubt was open; which clock was right is now lost
            return msgspec.structs.replace(trust, settled=Settled.WHEN_THE_OWNER_SAYS_SO)
        return _anew(reading, seen_s=trust.seen_s)
    if trust.settled is Settled.WHEN_IT_HAS_CAUGHT_UP:
        return _anew(reading, seen_s=trust.seen_s)
    return _steadily(trust, reading)


def slack(trust: Trust, reading: Reading) -> Slack | None:
    """How far the right time may lie from the wall clock; None when nothing bounds it. `trust` is of this reading."""
    if trust.settled is not Settled.YES:
        return None
    set_by_s = reading.wall_s - _ran_on_to(trust, reading)
    if trust.earliest_s == trust.latest_s == 0.0:
        return Slack()
    behind_s, ahead_s = set_by_s - trust.earliest_s, trust.latest_s - set_by_s
    return Slack(behind_s=max(0, _rounded_up(behind_s)), ahead_s=max(0, _rounded_up(ahead_s)))


def _anew(reading: Reading, *, seen_s: float) -> Trust:
    if reading.wall_s >= seen_s - TOLERANCE_S:
        confirmed = trust_confirmed(reading)
        return msgspec.structs.replace(confirmed, seen_s=max(seen_s, reading.wall_s))
    return Trust(
        settled=Settled.WHEN_IT_HAS_CAUGHT_UP,
        boot=reading.boot,
        anchor_wall_s=reading.wall_s,
        anchor_monotonic_s=reading.monotonic_s,
        seen_s=seen_s,
    )


def _steadily(trust: Trust, reading: Reading) -> Trust:
    set_by_s = reading.wall_s - _ran_on_to(trust, reading)
    elapsed_s = reading.monotonic_s - trust.anchor_monotonic_s
    in_doubt = trust.earliest_s or trust.latest_s
    slewed_s = 0.0 if in_doubt else DRIFT * min(elapsed_s, SLEPT_AT_MOST_S)
    if abs(set_by_s) <= TOLERANCE_S + slewed_s:
        if elapsed_s >= BELIEF_RENEWED_AFTER_S:
            return _anew(reading, seen_s=trust.seen_s)
        return msgspec.structs.replace(trust, earliest_s=0.0, latest_s=0.0, seen_s=max(trust.seen_s, reading.wall_s))
    return msgspec.structs.replace(
        trust, earliest_s=min(trust.earliest_s, set_by_s), latest_s=max(trust.latest_s, set_by_s)
    )


def _ran_on_to(trust: Trust, reading: Reading) -> float:
    """What the wall clock would show, had nobody set it since it was believed."""
    return trust.anchor_wall_s + reading.monotonic_s - trust.anchor_monotonic_s


def _rounded_up(seconds: float) -> int:
    return -int(-seconds // 1)
