"""The links: one is a wish to ask until it is opened and confirmed, and then shows the request it made.

Whether anybody is known under an address is never said. Every address gets the same letter; who reads it learns nothing
but that somebody typed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosql

from toktra.server.database.pool import Connection, Database
from toktra.server.mail.letter import Letter, Link
from toktra.server.mail.service import post
from toktra.server.people.tokens import Token
from toktra.server.rights.kinds import Kind
from toktra.server.rights.presentation import KIND_WORDS
from toktra.server.tenants.service import Tenant, find_tenant
from toktra.server.web.language import _

VALID_FOR: Final = timedelta(days=1)
"""To open it and confirm."""
SHOWS_FOR: Final = timedelta(days=120)
"""Longer than any law lets an answer take."""
MOST_OF_ADDRESS: Final = 3
"""Letters a day that anybody can have sent to one address."""
MOST_IN_ALL: Final = 500
"""Letters a day that anybody can have an organisation send."""

queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("links.sql"), "apsycopg")


class Wished(Enum):
    """What came of a wish. Only TOO_MANY is told apart, which says nothing about the address."""

    SENT = "sent"
    NOT_SENT = "not sent"
    """The address has had its letters for today."""
    TOO_MANY = "too many"


class UnknownLink(LookupError):
    """There is no such link, or no longer."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that works, and what it stands for."""

    tenant: Tenant
    token: Token
    address: str
    kind: Kind
    request_id: UUID | None
    """None while it is a wish."""


async def wish(database: Database, tenant: Tenant, address: str, kind: Kind) -> Wished:
    """Has a link sent to this address, unless it or the organisation has had enough of them today."""
    tenant_id = tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await queries.wait_for_turn(connection, tenant_id=tenant_id)
        await queries.forget_expired(connection, tenant_id=tenant_id)
        asked = await queries.asked_today(connection, tenant_id=tenant_id, address=address)
        if asked.all >= MOST_IN_ALL:
            return Wished.TOO_MANY
        if asked.from_address >= MOST_OF_ADDRESS:
            return Wished.NOT_SENT
        link = NewLink(address=address, kind=kind, request_id=None, valid_for=VALID_FOR)
        token = await add_link(connection, tenant_id, tenant.slug, link)
        await post(connection, tenant_id, _letter(tenant, kind, token), address=address)
    return Wished.SENT


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """What a link is to be for."""

    address: str
    kind: Kind
    request_id: UUID | None
    valid_for: timedelta


async def add_link(connection: Connection, tenant_id: UUID, slug: str, link: NewLink) -> Token:
    """A link of which only the hash is kept."""
    token = Token.new(slug)
    await queries.add(
        connection,
        tenant_id=tenant_id,
        token_hash=token.hash,
        address=link.address,
        kind=link.kind.value,
        request_id=link.request_id,
        valid_for=link.valid_for,
    )
    return token


async def forget_expired(connection: Connection, tenant_id: UUID) -> None:
    """Deletes links, and the addresses they went to, that are past their time."""
    await queries.forget_expired(connection, tenant_id=tenant_id)


async def look(database: Database, text: str) -> Opened:
    """What a link stands for, without using it. Raises UnknownLink."""
    token = Token.parse(text)
    tenant = await find_tenant(database, token.slug) if token else None
    if token is None or tenant is None or not tenant.active:
        raise UnknownLink
    async with database.tenant(tenant.tenant_id) as connection:
        row = await queries.find(connection, tenant_id=tenant.tenant_id, token_hash=token.hash)
    if row is None:
        raise UnknownLink
    return Opened(tenant, token, row.address, Kind(row.kind), row.request_id)


def _letter(tenant: Tenant, kind: Kind, token: Token) -> Letter:
    return Letter(
        subject=_("Confirm your request to %(organisation)s") % {"organisation": tenant.name},
        paragraphs=[
            _(
                "Somebody typed this address to ask %(organisation)s for: %(kind)s. If it was you, open the link "
                "within a day and confirm. If not, do nothing: nothing has been asked."
            )
            % {"organisation": tenant.name, "kind": KIND_WORDS[kind]},
            _("Keep the link to yourself: later it shows how far your request is."),
        ],
        link=Link(_("Confirm the request"), f"/ask/{token}"),
        closing=_("Every address that is typed there gets this letter. It does not mean that you are known there."),
    )
