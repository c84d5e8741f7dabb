"""Enrolment codes and the devices that came in with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.devices.codes import EnrolmentCode
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.wire.enrolment import Enrolled, EnrolmentRequest
from toktra.wire.signatures import KeyId

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

CODE_LIFETIME: Final = timedelta(days=7)
MOST_USES: Final = 100_000
_CODE_COMMAND: Final = Actor.by_command("server enrolment-code")


class CodeFault(Enum):
    """Why a code does not enrol a device, in a sentence for the person who typed it."""

    UNKNOWN = "This enrolment code is not known here. Check it letter by letter, or ask for a new one."
    EXPIRED = "This enrolment code has expired. Ask your administrator for a new one."
    USED = "This enrolment code has been used up. Ask your administrator for a new one."
    SUSPENDED = "This organisation is suspended, so no device can be enrolled. Ask your administrator."
    UNKNOWN_PERSON = (
        "Nobody in this organisation has the e-mail address that this device was to be enrolled for. Check it, or have "
        "the person added first; the code was not used."
    )
    OTHER_PERSON = (
        "This enrolment code is for another person than the one given. Leave the person out, or ask for a code."
    )
    REVOKED = "This device was enrolled before and has been revoked. Ask your administrator."


class InvalidTerms(ValueError):
    """A code cannot be made to these terms."""


class KeyNotChanged(Exception):
    """The device is revoked, its key was changed meanwhile, or the new key is another device's."""


class EnrolmentRefused(Exception):
    """The device was not enrolled and nothing was changed."""

    def __init__(self, fault: CodeFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


async def create_enrolment_code(
    database: Database,
    tenant: Tenant,
    *,
    person_id: UUID | None = None,
    valid_for: timedelta = CODE_LIFETIME,
    uses: int = 1,
    by: Actor = _CODE_COMMAND,
) -> EnrolmentCode:
    """A new code, shown once: only its hash is kept. With `person_id`, the enrolling account is that person's.

    Raises InvalidTerms for a lifetime or a number of uses that makes no sense.
    """
    if not timedelta(0) < valid_for <= timedelta(days=366):
        raise InvalidTerms("a code may be valid for up to 366 days")
    if not 1 <= uses <= MOST_USES:
        raise InvalidTerms(f"a code may be used 1 to {MOST_USES} times")
    code = EnrolmentCode.new(tenant.slug)
    async with database.tenant(tenant.tenant_id) as connection:
        await _queries.add_code(
            connection,
            tenant_id=tenant.tenant_id,
            code_hash=code.hash,
            person_id=person_id,
            valid_for=valid_for,
            uses=uses,
            made_by=by.person_id,
        )
        await audit.record(
            connection,
            tenant.tenant_id,
            Tag.ENROLMENT_CODE_CREATED,
            by,
            subject_id=person_id,
            after={"uses": uses, "expires_on": f"{datetime.now(UTC) + valid_for:%Y-%m-%d}"},
        )
    return code


async def enrol(database: Database, request: EnrolmentRequest, public_key: Ed25519PublicKey) -> Enrolled:
    """Enrols the holder of `public_key`, who has proven to hold its other half.

    The same key with the same code again gives the same answer without using the code: the first answer may have been
    lost on its way. Raises EnrolmentRefused.
    """
    code = EnrolmentCode.parse(request.code)
    tenant = await find_tenant(database, code.slug) if code else None
    if code is None or tenant is None:
        raise EnrolmentRefused(CodeFault.UNKNOWN)
    raw_key = public_key.public_bytes_raw()
    async with database.tenant(tenant.tenant_id) as connection:
        named = {"tenant_id": tenant.tenant_id, "code_hash": code.hash}
        found = await _queries.lock_code(connection, **named)
        if found is None:
            raise EnrolmentRefused(CodeFault.UNKNOWN)
        if not tenant.active:
            raise EnrolmentRefused(CodeFault.SUSPENDED)
        known = await _queries.device_by_key(connection, tenant_id=tenant.tenant_id, public_key=raw_key)
        if known is not None:
            if known.status != "active":
                raise EnrolmentRefused(CodeFault.REVOKED)
            return _enrolled(tenant, known.device_id)
        if found.expired:
            raise EnrolmentRefused(CodeFault.EXPIRED)
        if found.uses_left == 0:
            raise EnrolmentRefused(CodeFault.USED)
        person_id = await _person_of(connection, tenant.tenant_id, request, found.person_id)
        await _queries.use_code(connection, **named)
        return _enrolled(tenant, await _admit(connection, tenant.tenant_id, request, raw_key, person_id))


async def _person_of(
    connection: Connection, tenant_id: UUID, request: EnrolmentRequest, bound_to: UUID | None
) -> UUID | None:
    """Whose the enrolling account is: as the code says, or as the device does. Raises EnrolmentRefused."""
    if request.person is None:
        return bound_to
    said: UUID | None = await _queries.person_with_email(connection, tenant_id=tenant_id, email=request.person)
    if said is None:
        raise EnrolmentRefused(CodeFault.UNKNOWN_PERSON)
    if bound_to not in (None, said):
        raise EnrolmentRefused(CodeFault.OTHER_PERSON)
    return said


async def _admit(
    connection: Connection, tenant_id: UUID, request: EnrolmentRequest, raw_key: bytes, person_id: UUID | None
) -> UUID:
    """Adds the device, or lets the one it was go on with its new key. Answers its id."""
    machine = {"hostname": request.hostname, "platform": request.platform}
    former = None
    if request.set_up_anew and person_id is not None:
        former = await _queries.same_machine(connection, tenant_id=tenant_id, person_id=person_id, **machine)
    as_now = {"public_key": raw_key, "agent_version": request.agent_version}
    device_id: UUID
    if former is not None:
        device_id, tag, more = former.device_id, Tag.DEVICE_SET_UP_ANEW, {"epoch": former.epoch + 1}
        await _queries.set_up_anew(connection, tenant_id=tenant_id, device_id=device_id, **as_now)
    else:
        device_id = await _queries.add_device(connection, tenant_id=tenant_id, **machine, **as_now)
        tag, more = Tag.DEVICE_ENROLLED, {}
    if person_id is not None:
        await _queries.link_account(
            connection, tenant_id=tenant_id, device_id=device_id, name=request.account, person_id=person_id
        )
    after = {"device": str(device_id), "platform": request.platform, **more}
    await audit.record(connection, tenant_id, tag, Actor.system(), subject_id=person_id, after=after)
    return device_id


async def change_key(database: Database, key: KeyId, former: bytes, public_key: bytes) -> None:
    """Makes `public_key` the key of a device whose request was signed with `former`. Safe to repeat with the new one.

    Raises KeyNotChanged; then nothing was changed.
    """
    if former == public_key:
        return
    of = {"tenant_id": key.tenant, "device_id": key.device}
    try:
        async with database.tenant(key.tenant) as connection:
            if await _queries.change_key(connection, **of, former=former, public_key=public_key) is None:
                raise KeyNotChanged
            after = {"device": str(key.device)}
            await audit.record(connection, key.tenant, Tag.DEVICE_KEY_CHANGED, Actor.system(), after=after)
    except psycopg.errors.UniqueViolation:
        raise KeyNotChanged from None


async def public_key_of(database: Database, key: KeyId) -> Ed25519PublicKey | None:
    """The present key of a device. None when there is no such device in that tenant."""
    async with database.tenant(key.tenant) as connection:
        raw = await _queries.public_key_of(connection, tenant_id=key.tenant, device_id=key.device)
    return Ed25519PublicKey.from_public_bytes(bytes(raw)) if raw else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedDevice:
    """A device on which an account belongs to a person. Times are days: a minute of silence is nobody's business."""

    device_id: UUID
    hostname: str
    platform: str
    agent_version: str
    is_active: bool
    enrolled_on: date
    last_report_on: date | None
    accounts: list[str]
    """The person's accounts on it."""


async def devices_of(database: Database, tenant_id: UUID, person_id: UUID) -> list[OwnedDevice]:
    """The devices a person uses, active ones first, then by name."""
    async with database.tenant(tenant_id) as connection:
        rows = _queries.devices_of(connection, tenant_id=tenant_id, person_id=person_id)
        return [OwnedDevice(**row._asdict()) async for row in rows]


def _enrolled(tenant: Tenant, device_id: UUID) -> Enrolled:
    return Enrolled(tenant=tenant.name, device=str(device_id), key_id=str(KeyId(tenant.tenant_id, device_id)))
