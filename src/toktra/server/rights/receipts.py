"""The signed receipt of an erasure, made from the audit trail whenever it is asked for."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from toktra.compliance.receipts import Receipt, signed
from toktra.server.audit import service as audit
from toktra.server.audit.chain import Entry, Head
from toktra.server.audit.service import Search
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Database
from toktra.server.people.signed_in import SignedIn
from toktra.server.rights.requests import Request, UnknownRequest, find, queries
from toktra.server.vault import Vault

_PURPOSE: Final = "rights:receipts"


async def receipt_of(database: Database, reader: SignedIn, vault: Vault, request_id: UUID) -> bytes:
    """The receipt as a file. Raises UnknownRequest when nobody was erased by this request, or vault.SealBroken."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        request = await find(connection, tenant_id, request_id)
    search = Search(tag=Tag.PERSON_ERASED, people=(request.person_id,))
    entry = _entry(await audit.find(database, tenant_id, search, offset=0, most=100), request)
    details = entry.after or {}
    receipt = Receipt(
        organisation=reader.tenant.name,
        request=request.title,
        person=request.person_id,
        erased_at=entry.at,
        events=int(details["events"] or 0),
        devices=int(details["devices"] or 0),
        audit_entry=str(Head(entry.number, entry.hash)),
    )
    return signed(receipt, await _key(database, tenant_id, vault))


def _entry(entries: list[Entry], request: Request) -> Entry:
    """Raises UnknownRequest."""
    for entry in entries:
        if entry.after and entry.after.get("request") == request.number:
            return entry
    raise UnknownRequest


async def _key(database: Database, tenant_id: UUID, vault: Vault) -> Ed25519PrivateKey:
    """The organisation's own; made when it is first needed, and the one that came first when two were."""
    async with database.tenant(tenant_id) as connection:
        kept = await queries.receipt_key(connection, tenant_id=tenant_id)
        if kept is None:
            new = Ed25519PrivateKey.generate().private_bytes_raw().hex()
            sealed = vault.seal(new, tenant_id=tenant_id, purpose=_PURPOSE)
            await queries.add_receipt_key(connection, tenant_id=tenant_id, sealed_private=sealed)
            kept = await queries.receipt_key(connection, tenant_id=tenant_id)
    return Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex(vault.open(bytes(kept), tenant_id=tenant_id, purpose=_PURPOSE))
    )
