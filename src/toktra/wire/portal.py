"""What a device asks about the weeks that its owners wrote in the portal, and what it is told.

Each device asks on its timetable whatever its owners' Privacy Hours say. Question and answer have a fixed size, filled
up with a text that means nothing, so that neither their times nor their sizes say anything about a week. A device takes
nothing from an answer but more private time; see `toktra.agent.privacy_hours.portal`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from toktra.wire.events import AccountName, InvalidMessage, Version, decode, encode
from toktra.wire.schedule import DatedWindow, Schedule, Window, by_day

QUESTION_BYTES: Final = 4096
BLOCK_BYTES: Final = 4096
"""An answer holds one block for the works agreement and one for each account the device has, used or not."""
MOST_ACCOUNTS: Final = 8
"""In one answer; a device with more is told of the others in turn."""
MOST_STANDINGS: Final = 16

MOST_A_DAY: Final = 4
MOST_DATES: Final = 12
"""A week in the portal holds this many windows on a day, and this many single dates: it fits its block at its longest.
On a device there may be more."""

Revision = Annotated[int, Meta(ge=0, le=2**53)]
"""Grows with every change of what it numbers; 0 is before the first."""
Standing = Literal["nothing", "applied", "waits", "differs"]
"""How a week stands on a device: not there yet, in force as it was written, in force but for a removal that waits for
the owner, or changed by the owner on the device itself."""


class AccountStanding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the device has of one account's week, for the portal to show to its owner."""

    account: AccountName
    version: Revision
    standing: Standing


class WeeksQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the device, with its signature."""

    agent_version: Version
    in_use: bool
    """Whether any of its accounts ever used Privacy Hours: all that administrators learn."""
    turn: Annotated[int, Meta(ge=0, le=2**31)] = 0
    """Which of many accounts are to be answered about."""
    standings: Annotated[tuple[AccountStanding, ...], Meta(max_length=MOST_STANDINGS)] = ()
    filling: str = ""


class AccountWeek(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest week of the person whose account this is."""

    account: AccountName
    version: Annotated[int, Meta(ge=1, le=2**53)]
    schedule: Schedule


class WeeksAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the server. An account that is not named has no week here."""

    agreement_version: Revision
    agreement: Schedule | None = None
    """The private time that the works agreement adds for everybody; None: none."""
    weeks: Annotated[tuple[AccountWeek, ...], Meta(max_length=MOST_ACCOUNTS)] = ()
    filling: str = ""


_Message = TypeVar("_Message", WeeksQuestion, WeeksAnswer)
_questions = msgspec.json.Decoder(WeeksQuestion)
_answers = msgspec.json.Decoder(WeeksAnswer)


def check_fits(windows: tuple[Window, ...]) -> None:
    """Raises ValueError for more windows than a week in the portal may hold."""
    days: dict[object, int] = {}
    dates = 0
    for window in by_day(windows):
        if isinstance(window, DatedWindow):
            dates += 1
        else:
            days[window.days] = days.get(window.days, 0) + 1
    if dates > MOST_DATES or any(count > MOST_A_DAY for count in days.values()):
        raise ValueError(f"a week may hold {MOST_A_DAY} windows on a day and {MOST_DATES} single dates")


def filled(message: _Message, size: int) -> bytes:
    """The JSON bytes of a message, exactly `size` of them. Raises ValueError when it is longer."""
    missing = size - len(encode(message))
    if missing < 0:
        raise ValueError(f"a message of {size - missing} bytes does not fit into {size}")
    return encode(msgspec.structs.replace(message, filling="." * missing))


def answer_bytes(accounts: int) -> int:
    """How long an answer is to a device with so many accounts, whatever it says."""
    return BLOCK_BYTES * (1 + max(1, min(accounts, MOST_ACCOUNTS)))


def decode_question(body: bytes) -> WeeksQuestion:
    """Raises InvalidMessage naming the field at fault."""
    if len(body) != QUESTION_BYTES:
        raise InvalidMessage("filling", f"a question has {QUESTION_BYTES} bytes, this one has {len(body)}")
    return decode(body, _questions)


def decode_answer(body: bytes) -> WeeksAnswer:
    """Raises InvalidMessage naming the field at fault."""
    return decode(body, _answers)
