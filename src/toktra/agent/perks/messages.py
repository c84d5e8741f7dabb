"""What an account and the agent say to each other about Token Perks over the control socket; see `control_messages`.

No message holds a key that could read anything: the owner's program makes it, and tells the agent its public part.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from toktra.agent.privacy_hours.gate import Reason
from toktra.agent.privacy_hours.wishes import MAX_PAUSE_MINUTES
from toktra.wire.personal import Secret
from toktra.wire.schedule import MAX_WINDOWS, Schedule, Window, ZoneName

_Windows = Annotated[tuple[Window, ...], Meta(min_length=1, max_length=MAX_WINDOWS)]
Recipient = Annotated[str, Meta(max_length=80, pattern=r"^age1[0-9a-z]+\Z")]

MAX_MINUTES: Final = MAX_PAUSE_MINUTES


class ShowPerks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="perks"):
    """How do I stand with Token Perks on this device?"""


class AskStanding(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="perks-standing"
):
    """What does my organisation say about my allowance? The agent asks its server."""


class Join(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="perks-join"):
    """Seal for me from now on."""

    recipient: Recipient
    mailbox: Secret
    service: Annotated[str, Meta(max_length=300)]
    opened: bool
    """The key was in use before, on another device: its mailbox may be open."""


class ChangeKey(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="perks-key"
):
    """Seal for another key of mine from now on; the mailbox stays."""

    recipient: Recipient


class Leave(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="perks-leave"):
    """I opt out: delete my records, here and at the service."""


class PersonalOn(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="personal-on"
):
    """Personal from now."""

    minutes: Annotated[int, Meta(ge=1, le=MAX_MINUTES)] | None = None
    """None: until I switch it off."""


class PersonalOff(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="personal-off"
):
    """Not personal any more: also my windows that run, this once."""


class PersonalAdd(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="personal-add"
):
    """Personal in these windows."""

    windows: _Windows
    zone: ZoneName | None = None


class PersonalRemove(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="personal-remove"
):
    """Not in these windows any more; none named: in no window, also in place of a schedule that cannot be read."""

    windows: Annotated[tuple[Window, ...], Meta(max_length=MAX_WINDOWS)] = ()


ModeRequest = PersonalOn | PersonalOff | PersonalAdd | PersonalRemove
PerksAct = ShowPerks | Join | ChangeKey | Leave | ModeRequest
PerksRequest = PerksAct | AskStanding
"""What is about Token Perks of the account that asks."""


class PerksTold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="answer", tag="perks"):
    """How it stands with the account that asked, after what it asked for was done."""

    part: Literal["none", "joined", "leaving", "unreadable"]
    """`leaving`: all that is left is to have the mailbox deleted. `unreadable`: what this device kept is damaged."""
    personal: bool
    until: datetime | None
    """When that changes next, as far as anything is planned; UTC."""
    in_words: str
    """Mode, until when and why, on one line."""
    reason: Reason
    window: Window | None = None
    schedule: Schedule | None = None
    """None: it cannot be read."""
    service: str = ""
    recipient: str = ""
    """The public part of the key this device seals with."""
    opening_at: datetime | None = None
    """When the mailbox is opened; None: it is open."""
    waiting: int = 0
    """Sealed records that have not left yet."""
    dropped: int = 0
    """Records that were lost, because too many waited or could not be sealed."""
    tier: str = ""
    month: str = ""
    tickets: int = 0
    """Of the month."""
    tickets_left: int = 0
    """That this device holds and has no use for yet."""
    tokens_per_ticket: int = 0
    troubles: tuple[str, ...] = ()
    note: str = ""
    """What the owner has to know beside it."""


class Standing(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="answer", tag="perks-standing"
):
    """What the organisation's server says about the account that asked."""

    standing: Literal["no-programme", "not-invited", "invited", "enrolled"]
    service: str
    tier: str
    month: str
    tickets: int
    tokens_per_ticket: int
    portal: str
    """Where the person reads what it does and opts in."""


PerksAnswer = PerksTold | Standing
