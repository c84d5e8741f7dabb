"""What a device and a server say to each other when a device is enrolled."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from toktra.wire.events import AccountName

PublicKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
"""A raw Ed25519 public key, base64url without padding."""


EMail = Annotated[str, Meta(min_length=3, max_length=254, pattern=r"^[^\s@]+@[^\s@]+\Z")]


class EnrolmentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Sent once, signed with the key it brings, so that only who holds the key can enrol it."""

    code: Annotated[str, Meta(min_length=8, max_length=128)]
    """The enrolment code as the administrator or the portal showed it."""
    public_key: PublicKey
    hostname: Annotated[str, Meta(min_length=1, max_length=253)]
    platform: Annotated[str, Meta(pattern=r"^(linux|windows|macos|chromeos)\Z")]
    agent_version: Annotated[str, Meta(min_length=1, max_length=32)]
    account: AccountName
    """The local account that enrolled the device; a code bound to a person links this account to them."""
    person: EMail | None = None
    """Whose the account is, where a code for a fleet does not say it: the device management knows it."""
    set_up_anew: bool = False
    """The machine was enrolled before and was set up anew: it goes on as the device it was, under a new epoch."""


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signed with the device's present key: from the answer on, another one is its key.

    When the answer was lost, the same message signed with the new key gets it again.
    """

    public_key: PublicKey


class KeyChanged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server's answer."""

    key_id: str
    """As before: it names the device, not the key."""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server's answer. `key_id` goes into every later signature; tenant and device are read from it alone."""

    tenant: str
    """The organisation's name, to show the person where the device reports to."""
    device: str
    """The device's id (UUID), which every event carries."""
    key_id: str
