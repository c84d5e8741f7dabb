"""Passkeys (WebAuthn Level 3): discoverable, verified by the device's own lock, and no attestation asked for.

The site is named by its host name, so a passkey works where it was made; at a bare IP address browsers make none.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql
import msgspec
from starlette.requests import Request
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from toktra.server.audit import service as audit
from toktra.server.audit.service import Actor
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people import sessions
from toktra.server.people.candidates import Candidate, candidate
from toktra.server.people.signed_in import SignedIn
from toktra.server.sign_in import attempts
from toktra.server.sign_in.attempts import Purpose
from toktra.server.tenants.service import Tenant

LONGEST_NAME: Final = 60
MOST: Final = 20
"""Passkeys of one person."""
_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("passkeys.sql"), "apsycopg")


class PasskeyRefused(Exception):
    """What the browser brought proves nothing here: of another site or organisation, too late, used, or not whole.

    `person_id` is whose passkey it names, for the trail alone; None for nobody's.
    """

    def __init__(self, person_id: UUID | None = None) -> None:
        super().__init__()
        self.person_id = person_id


class PasskeyCopied(PasskeyRefused):
    """The passkey counted backwards, as it would if there were two of it (WebAuthn, 6.1.1)."""


class TooManyPasskeys(Exception):
    """The person has as many passkeys as one may have."""


@dataclass(frozen=True, slots=True)
class Place:
    """The site as a passkey knows it."""

    host: str
    origin: str

    @classmethod
    def of(cls, request: Request) -> Place | None:
        """None where browsers make no passkeys: at an IP address, and over plain HTTP anywhere but on localhost."""
        host = request.url.hostname or ""
        try:
            ip_address(host.strip("[]"))
        except ValueError:
            is_local = host == "localhost" or host.endswith(".localhost")
            if request.url.scheme == "https" or is_local:
                return cls(host, f"{request.url.scheme}://{request.url.netloc}")
        return None


async def sign_in_options(database: Database, tenant: Tenant, place: Place) -> str:
    """What the browser needs to ask for any passkey of this site, as JSON. It names nobody."""
    async with database.tenant(tenant.tenant_id) as connection:
        challenge = await attempts.begin(connection, tenant.tenant_id, Purpose.PASSKEY_SIGN_IN)
    return _question(place, challenge, [])


async def confirm_options(database: Database, reader: SignedIn, place: Place) -> str:
    """What the browser needs to ask for one of the reader's passkeys, as JSON."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        challenge = await attempts.begin(connection, tenant_id, Purpose.PASSKEY_CONFIRM, person_id=reader.person_id)
        known = await _credential_ids(connection, tenant_id, reader.person_id)
    return _question(place, challenge, known)


async def add_options(database: Database, reader: SignedIn, place: Place) -> str:
    """What the browser needs to make a passkey for the reader, as JSON. Raises TooManyPasskeys."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        known = await _credential_ids(connection, tenant_id, reader.person_id)
        if len(known) >= MOST:
            raise TooManyPasskeys
        person = await candidate(connection, tenant_id, reader.person_id)
        challenge = await attempts.begin(connection, tenant_id, Purpose.PASSKEY_ADD, person_id=reader.person_id)
    options = generate_registration_options(
        rp_id=place.host,
        rp_name=f"Toktra · {reader.tenant.name}",
        user_id=reader.person_id.bytes,  # random, and says nothing
        user_name=(person.email if person else None) or reader.display_name,
        user_display_name=reader.display_name,
        challenge=base64url_to_bytes(challenge),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return options_to_json(options)


async def add(database: Database, reader: SignedIn, place: Place, credential: dict[str, Any], name: str) -> None:
    """Keeps a passkey the browser has made for the reader. Raises PasskeyRefused."""
    tenant_id = reader.tenant.tenant_id
    challenge = _challenge(credential)
    async with database.tenant(tenant_id) as connection:
        began = await attempts.take(connection, tenant_id, Purpose.PASSKEY_ADD, challenge, person_id=reader.person_id)
    if began is None:
        raise PasskeyRefused
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=place.host,
            expected_origin=place.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise PasskeyRefused from None
    shown = " ".join(name.split())[:LONGEST_NAME] or "Passkey"
    async with database.tenant(tenant_id) as connection:
        added = await _queries.add(
            connection,
            tenant_id=tenant_id,
            credential_id=made.credential_id,
            person_id=reader.person_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=shown,
        )
        if added is None:  # the same credential twice
            raise PasskeyRefused
        await audit.record(
            connection,
            tenant_id,
            Tag.PASSKEY_ADDED,
            reader.actor,
            subject_id=reader.person_id,
            after={"passkey": str(added)},
        )


async def who_signs_in(database: Database, tenant: Tenant, place: Place, credential: dict[str, Any]) -> Candidate:
    """Whose passkey answered. Raises PasskeyRefused or PasskeyCopied."""
    return await _check(database, tenant, place, credential, purpose=Purpose.PASSKEY_SIGN_IN)


async def confirm(database: Database, reader: SignedIn, place: Place, credential: dict[str, Any]) -> None:
    """Returns when one of the reader's passkeys answered. Raises PasskeyRefused or PasskeyCopied."""
    purpose = Purpose.PASSKEY_CONFIRM
    await _check(database, reader.tenant, place, credential, purpose=purpose, person_id=reader.person_id)


async def remove(database: Database, reader: SignedIn, passkey_id: UUID) -> None:
    """Forgets one of the reader's passkeys, and ends their other sessions. Safe to repeat."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        removed = await _queries.remove(
            connection, tenant_id=tenant_id, person_id=reader.person_id, passkey_id=passkey_id
        )
        if removed:
            await sessions.end_others(connection, reader)
            await audit.record(
                connection,
                tenant_id,
                Tag.PASSKEY_REMOVED,
                reader.actor,
                subject_id=reader.person_id,
                before={"passkey": str(passkey_id)},
            )


async def _check(
    database: Database,
    tenant: Tenant,
    place: Place,
    credential: dict[str, Any],
    *,
    purpose: Purpose,
    person_id: UUID | None = None,
) -> Candidate:
    """The attempt is over whatever comes of it, so nothing can be tried twice against one challenge."""
    challenge = _challenge(credential)
    async with database.tenant(tenant.tenant_id) as connection:
        began = await attempts.take(connection, tenant.tenant_id, purpose, challenge, person_id=person_id)
        row = await _queries.find(connection, tenant_id=tenant.tenant_id, credential_id=_credential_id(credential))
        person = await candidate(connection, tenant.tenant_id, row.person_id) if row else None
    if began is None or row is None or person is None or not person.is_active:
        raise PasskeyRefused(person.person_id if person else None)
    if person_id is not None and person.person_id != person_id:
        raise PasskeyRefused
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=place.host,
            expected_origin=place.origin,
            credential_public_key=bytes(row.public_key),
            credential_current_sign_count=0,  # compared below, where a signature is known to be right
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise PasskeyRefused(person.person_id) from None
    async with database.tenant(tenant.tenant_id) as connection:
        counted = await _queries.count_on(
            connection,
            tenant_id=tenant.tenant_id,
            credential_id=verified.credential_id,
            sign_count=verified.new_sign_count,
        )
        if not counted:
            await audit.record(
                connection,
                tenant.tenant_id,
                Tag.PASSKEY_REFUSED,
                Actor.system(),
                subject_id=person.person_id,
                after={"passkey": str(row.passkey_id)},
            )
    if not counted:
        raise PasskeyCopied(person.person_id)
    return person


def _question(place: Place, challenge: str, known: list[bytes]) -> str:
    options = generate_authentication_options(
        rp_id=place.host,
        challenge=base64url_to_bytes(challenge),
        allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


async def _credential_ids(connection: Connection, tenant_id: UUID, person_id: UUID) -> list[bytes]:
    rows = _queries.credential_ids(connection, tenant_id=tenant_id, person_id=person_id)
    return [bytes(row.credential_id) async for row in rows]


def _challenge(credential: dict[str, Any]) -> str:
    """The challenge the browser says it answers; the signature is checked against the same. Raises PasskeyRefused."""
    try:
        client_data = msgspec.json.decode(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        # Decoded and encoded again: one challenge has one way to be written.
        return bytes_to_base64url(base64url_to_bytes(client_data["challenge"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise PasskeyRefused from None


def _credential_id(credential: dict[str, Any]) -> bytes:
    try:
        return base64url_to_bytes(credential["id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise PasskeyRefused from None
