"""The program a browser starts to reach the agent: messages of the extension in, its account's control socket out.

The browser starts it for the extensions that the host manifest names; who asks is looked at here once more. Each
message is a length of four bytes in the machine's order and that much JSON, at most a megabyte.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Final, Literal

import msgspec
from msgspec import Meta

from toktra.agent.control_client import NoAgentAnswers, ask
from toktra.agent.control_messages import (
    MAX_BROWSED,
    Browsed,
    BrowserUse,
    Log,
    PauseFor,
    PauseUntil,
    Resume,
    Show,
    Today,
    Told,
)
from toktra.agent.errors import AgentError
from toktra.agent.perks.messages import PersonalOff, PersonalOn, ShowPerks
from toktra.agent.privacy_hours.wishes import MAX_PAUSE_MINUTES
from toktra.wire.events import InvalidMessage, decode, encode

MAX_MESSAGE_BYTES: Final = 1 << 20
SHOWN_LEFT: Final = 5
_length: Final = struct.Struct("=I")


class _Uses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="uses"):
    uses: Annotated[tuple[BrowserUse, ...], Meta(max_length=MAX_BROWSED)]


class _Show(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="show"):
    pass


class _Pause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="pause"):
    minutes: Annotated[int, Meta(ge=1, le=MAX_PAUSE_MINUTES)] | None = None
    """None: until the owner resumes."""


class _Resume(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="resume"):
    pass


class _Personal(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="personal"
):
    on: bool
    minutes: Annotated[int, Meta(ge=1, le=MAX_PAUSE_MINUTES)] | None = None
    """None: until the owner switches it off."""


_Message = _Uses | _Show | _Pause | _Resume | _Personal


class _Left(msgspec.Struct, frozen=True, kw_only=True):
    at: int
    host: str


class _State(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="state"):
    """How it stands with the account; times in seconds since 1970."""

    state: Literal["observed", "private", "personal"]
    until: int | None
    exchanges: int
    tokens_low: int
    tokens_high: int
    waiting: int
    left: tuple[_Left, ...]
    perks: bool
    """Whether the account takes part in Token Perks, and so can switch personal mode."""


class _Absent(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="absent"):
    """No agent answers."""

    because: str


class _Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="refused"):
    """Nothing of the message was taken."""

    because: str


_messages: msgspec.json.Decoder[_Message] = msgspec.json.Decoder(_Message)


class NotOurExtension(AgentError):
    """Another extension, or no browser, started this."""


def check_caller(arguments: Sequence[str], allowed: Collection[str]) -> None:
    """Raises NotOurExtension. Chrome and Edge give the extension's origin first, Firefox its id after the manifest."""
    callers = {argument.removeprefix("chrome-extension://").rstrip("/") for argument in arguments[:2]}
    if not callers & set(allowed):
        raise NotOurExtension("This program is started by a browser, for the Toktra extension alone.")


def serve(incoming: BinaryIO, outgoing: BinaryIO, control: Path) -> None:
    """Answers one message after the other until the browser hangs up, or sends what is none."""
    while True:
        head = incoming.read(_length.size)
        if len(head) < _length.size:
            return
        (length,) = _length.unpack(head)
        body = incoming.read(length) if length <= MAX_MESSAGE_BYTES else b""
        if len(body) < length:  # cut short, or too long to find where the next one begins
            return
        answer = encode(_answer(body, control))
        outgoing.write(_length.pack(len(answer)) + answer)
        outgoing.flush()


def _answer(body: bytes, control: Path) -> _State | _Absent | _Refused:
    try:
        message = decode(body, _messages)
    except InvalidMessage as error:
        return _Refused(because=f"The agent does not understand this ({error}). Is the extension of another version?")
    try:
        return _done(message, control)
    except NoAgentAnswers as error:
        return _Absent(because=str(error))
    except AgentError as error:
        return _Refused(because=str(error))


def _done(message: _Message, control: Path) -> _State:
    match message:
        case _Uses(uses=uses):
            if uses:
                ask(control, Browsed(uses=uses))
            told = ask(control, Show())
        case _Pause(minutes=None):
            told = ask(control, PauseUntil())
        case _Pause(minutes=int(minutes)):
            told = ask(control, PauseFor(minutes=minutes))
        case _Resume():
            told = ask(control, Resume())
        case _Personal(on=on, minutes=minutes):
            ask(control, PersonalOn(minutes=minutes) if on else PersonalOff())
            told = ask(control, Show())
        case _:
            told = ask(control, Show())
    return _state(told, control)


def _state(told: Told, control: Path) -> _State:
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    today = ask(control, Today(since=midnight.astimezone(UTC)))
    left = ask(control, Log(limit=SHOWN_LEFT))
    perks = ask(control, ShowPerks())
    personal = perks.personal and not told.private  # Privacy Hours come first
    until = perks.until if personal else told.until
    return _State(
        state="private" if told.private else "personal" if personal else "observed",
        until=None if until is None else int(until.timestamp()),
        exchanges=today.exchanges,
        tokens_low=today.tokens.low,
        tokens_high=today.tokens.high,
        waiting=today.waiting,
        left=tuple(_Left(at=int(one.sent_at.timestamp()), host=one.event.provider_host) for one in left.events),
        perks=perks.personal or perks.part != "none",
    )
