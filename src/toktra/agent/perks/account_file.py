"""What the device keeps of an account's part in Token Perks: enough to seal and to send, and nothing to read with.

One file for each account, readable to the agent alone.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from toktra.agent.durable_file import write_durably
from toktra.wire.events import Count, encode
from toktra.wire.personal import Element, Secret

MODE: Final = 0o600


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the organisation said last about this person's allowance."""

    programme: str
    tier: str
    month: str
    tokens_per_ticket: Count
    tickets: Count
    """Of the whole month."""


class Membership(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account's part."""

    recipient: str
    """The public part of the owner's key."""
    mailbox: Secret
    service: str
    """The personal service's address as it was when the owner joined. Another one is not followed."""
    upload_second: int
    """At which second of every hour records are uploaded; drawn once."""
    opening_at: datetime | None
    """When the mailbox is opened, together with others'; None: it is open, as far as this device knows."""
    missed_openings: int = 0
    """How often the device was off on the day."""
    filled_hour: int = 0
    """The last hour, counted from 1970, for which this device has sent an upload; 0 before the first."""
    terms: Terms | None = None
    ticket_keys: dict[str, Element] = {}
    """The public keys of tickets of a month, by tier, as the personal service shows them to everybody."""
    keys_month: str = ""
    leaving: bool = False
    """The owner opted out: all that is left to do is to have the mailbox deleted."""


class MembershipDamaged(ValueError):
    """The file is there and cannot be read."""


_decoder: Final = msgspec.json.Decoder(Membership)


class AccountFiles:
    """The accounts' files in one directory, which no other account can look into."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def all(self) -> list[int]:
        """The accounts that have one, by user id."""
        return sorted(int(path.stem) for path in self._directory.glob("*.json") if path.stem.isdecimal())

    def read(self, uid: int) -> Membership | None:
        """None: the account has none. Raises MembershipDamaged."""
        try:
            return _decoder.decode(self._path(uid).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise MembershipDamaged(str(error)) from None

    def keep(self, uid: int, membership: Membership) -> None:
        """On the disk when it returns. Raises OSError."""
        write_durably(self._path(uid), encode(membership) + b"\n", mode=MODE)

    def spool(self, uid: int) -> Path:
        """Where the account's sealed records and tickets wait; see `sealed_spool`."""
        return self._directory / f"{uid}.sqlite"

    def forget(self, uid: int) -> None:
        """Raises OSError."""
        self._path(uid).unlink(missing_ok=True)

    def _path(self, uid: int) -> Path:
        return self._directory / f"{uid}.json"
