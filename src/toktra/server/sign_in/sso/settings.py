"""The organisation's provider: what an owner has set up, its client secret sealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.people.signed_in import SignedIn
from toktra.server.sign_in.sso.journey import Client
from toktra.server.tenants.service import Tenant
from toktra.server.vault import Vault
from toktra.server.web.access import Role

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("settings.sql"), "apsycopg")

GIVEN_ROLES: Final = (Role.ADMINISTRATOR, Role.FINANCE, Role.PRIVACY_OFFICER, Role.AUDITOR, Role.EMPLOYEE)
"""What a group can make of someone. Never an owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoSettings:
    """How an organisation's own sign-in is used."""

    issuer: str
    client_id: str
    email_domains: tuple[str, ...]
    """Only addresses in these are believed."""
    adds_people: bool
    """Whether someone who is not in the directory becomes an employee by signing in."""
    trusts_silence: bool
    """Whether an address about which the provider says nothing counts as verified."""
    group_claim: str = ""
    groups: tuple[tuple[str, Role], ...] = field(default=())
    """The first whose group someone is in gives their role."""


async def is_set_up(database: Database, tenant: Tenant) -> bool:
    """Whether the organisation has a sign-in of its own."""
    return await read(database, tenant.tenant_id) is not None


async def read(database: Database, tenant_id: UUID) -> SsoSettings | None:
    """The settings without their secret."""
    async with database.tenant(tenant_id) as connection:
        return await read_in(connection, tenant_id)


async def read_in(connection: Connection, tenant_id: UUID) -> SsoSettings | None:
    """The same within a transaction."""
    row = await _queries.find(connection, tenant_id=tenant_id)
    if row is None:
        return None
    groups = [(line.group_name, Role(line.role)) async for line in _queries.groups(connection, tenant_id=tenant_id)]
    return SsoSettings(
        issuer=row.issuer,
        client_id=row.client_id,
        email_domains=tuple(row.email_domains),
        adds_people=row.adds_people,
        trusts_silence=row.trusts_silence,
        group_claim=row.group_claim,
        groups=tuple(groups),
    )


async def client_of(database: Database, tenant_id: UUID, vault: Vault) -> Client | None:
    """Us at the organisation's provider, with the secret. Raises SealBroken."""
    async with database.tenant(tenant_id) as connection:
        row = await _queries.find(connection, tenant_id=tenant_id)
    if row is None:
        return None
    secret = vault.open(bytes(row.sealed_secret), tenant_id=tenant_id, purpose=_purpose(row.issuer))
    return Client(row.issuer, row.client_id, secret, row.group_claim)


async def save(database: Database, reader: SignedIn, vault: Vault, wanted: SsoSettings, client_secret: str) -> None:
    """Puts these settings in the place of those before, with this secret."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        before = await read_in(connection, tenant_id)
        await _queries.put(
            connection,
            tenant_id=tenant_id,
            issuer=wanted.issuer,
            client_id=wanted.client_id,
            sealed_secret=vault.seal(client_secret, tenant_id=tenant_id, purpose=_purpose(wanted.issuer)),
            email_domains=list(wanted.email_domains),
            adds_people=wanted.adds_people,
            trusts_silence=wanted.trusts_silence,
            group_claim=wanted.group_claim,
        )
        await _queries.forget_groups(connection, tenant_id=tenant_id)
        await _queries.put_groups(
            connection,
            tenant_id=tenant_id,
            groups=[group for group, _role in wanted.groups],
            roles=[role.value for _group, role in wanted.groups],
        )
        await audit.record(
            connection,
            tenant_id,
            Tag.SSO_CHANGED,
            reader.actor,
            before=_told(before) if before else None,
            after=_told(wanted),
        )


async def remove(database: Database, reader: SignedIn) -> None:
    """Forgets the provider. Who is connected to it stays known, should it come back. Safe to repeat."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        before = await read_in(connection, tenant_id)
        if before is not None:
            await _queries.remove(connection, tenant_id=tenant_id)
            await audit.record(connection, tenant_id, Tag.SSO_REMOVED, reader.actor, before={"issuer": before.issuer})


def _told(settings: SsoSettings) -> dict[str, str | int | bool | None]:
    groups = "; ".join(f"{group} → {role.value}" for group, role in settings.groups)
    return {
        "issuer": settings.issuer,
        "client_id": settings.client_id,
        "email_domains": ", ".join(settings.email_domains),
        "adds_people": settings.adds_people,
        "groups": groups[:900],
    }


def _purpose(issuer: str) -> str:
    return f"sso:{issuer}"
