"""What a device and a server say to each other when somebody at the device says that their account on it is theirs."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from toktra.wire.events import AccountName

CLAIMS_PATH = "/ingest/v1/claims"


class ClaimAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signed by the device: the kernel says that this account asks."""

    account: AccountName


class ClaimOffered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server's answer. Whoever is signed in at the portal and confirms the code has the account from then on."""

    code: Annotated[str, Meta(min_length=8, max_length=128)]
    path: Annotated[str, Meta(pattern=r"^/claim/[a-z0-9-]{1,128}\Z")]
    """The page of the server's own site that asks to confirm it."""
    valid_minutes: Annotated[int, Meta(ge=1, le=24 * 60)]
