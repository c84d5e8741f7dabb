"""An account on a device that its owner says is theirs: asked for there, confirmed by who is signed in at the portal.

The device vouches that the account itself asked, and the page that a person of this organisation agreed; so nobody is
typed in by anyone. What was recorded while nobody was named stays apart until a second person hands it over: whoever
sits at an account now need not be who used it before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.devices.accounts import AccountTaken, take_account
from toktra.server.devices.codes import EnrolmentCode
from toktra.server.people.signed_in import SignedIn
from toktra.server.tenants.service import find_tenant_by_id
from toktra.wire.signatures import KeyId

VALID_FOR: Final = timedelta(minutes=15)

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("claims.sql"), "apsycopg")


class DeviceRefused(Exception):
    """No code for this device. `outcome` is unknown_device, revoked or suspended."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class ClaimFault(Enum):
    """Why a code leads to no account."""

    UNKNOWN = "unknown"
    """Never made, used, replaced by a newer one, too old, or another organisation's: which is not said."""
    TAKEN = "taken"
    """The account is somebody else's already."""


class ClaimRefused(Exception):
    """Nothing was changed; `fault` says why."""

    def __init__(self, fault: ClaimFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An account that waits for its owner to confirm."""

    device_id: UUID
    hostname: str
    platform: str
    account: str
    has_unnamed_records: bool


async def offer(database: Database, key: KeyId, account: str) -> EnrolmentCode:
    """A code for this account of the device whose signature was verified; a former one ends. Raises DeviceRefused."""
    tenant = await find_tenant_by_id(database, key.tenant)
    code = EnrolmentCode.new(tenant.slug)
    of = {"tenant_id": key.tenant, "device_id": key.device}
    async with database.tenant(key.tenant) as connection:
        status = await _queries.device_status(connection, **of)
        if status is None:
            raise DeviceRefused("unknown_device")
        if status != "active" or not tenant.active:
            raise DeviceRefused("revoked" if status != "active" else "suspended")
        await _queries.forget_old(connection, tenant_id=key.tenant)
        await _queries.put(connection, **of, name=account, code_hash=code.hash, valid_for=VALID_FOR)
    return code


async def look(database: Database, reader: SignedIn, text: str) -> Claim:
    """Which account a code stands for, without using it. Raises ClaimRefused."""
    code = _code_of(reader, text)
    async with database.tenant(reader.tenant.tenant_id) as connection:
        row = await _queries.look(connection, tenant_id=reader.tenant.tenant_id, code_hash=code.hash)
    if row is None:
        raise ClaimRefused(ClaimFault.UNKNOWN)
    if row.person_id not in (None, reader.person_id) and not row.from_account:
        raise ClaimRefused(ClaimFault.TAKEN)
    return Claim(
        device_id=row.device_id,
        hostname=row.hostname,
        platform=row.platform,
        account=row.name,
        has_unnamed_records=bool(row.has_unnamed_records),
    )


async def accept(database: Database, reader: SignedIn, text: str) -> Claim:
    """Makes the account the reader's from now on; the code is used up. Raises ClaimRefused."""
    claim = await look(database, reader, text)
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        if not await _queries.use(connection, tenant_id=tenant_id, code_hash=_code_of(reader, text).hash):
            raise ClaimRefused(ClaimFault.UNKNOWN)
        try:
            await take_account(connection, tenant_id, claim.device_id, claim.account, reader.person_id)
        except AccountTaken:
            raise ClaimRefused(ClaimFault.TAKEN) from None
        await audit.record(
            connection,
            tenant_id,
            Tag.ACCOUNT_ASSIGNED,
            reader.actor,
            subject_id=reader.person_id,
            after={"device": str(claim.device_id), "records_moved": False},
        )
    return claim


def _code_of(reader: SignedIn, text: str) -> EnrolmentCode:
    code = EnrolmentCode.parse(text)
    if code is None or code.slug != reader.tenant.slug:
        raise ClaimRefused(ClaimFault.UNKNOWN)
    return code
