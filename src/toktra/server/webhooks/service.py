"""Endpoints, and what is delivered to them.

A delivery keeps its id however often it is tried or replayed; receivers know it again by that (webhook-id).
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import aiosql
import msgspec
from standardwebhooks import Webhook

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.database.pool import Connection, Database
from toktra.server.jobs import Backoff, GiveUp, Work, defer, job, periodic_job
from toktra.server.people.signed_in import SignedIn
from toktra.server.vault import Vault, open_vault
from toktra.server.webhooks.guard import NotAllowed, look_up, parse
from toktra.server.webhooks.sending import ANSWER_WITHIN_S, TooSlow, Unreachable, send

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

_LEASE: Final = timedelta(seconds=4 * ANSWER_WITHIN_S)
_KEPT: Final = timedelta(days=30)
_GONE: Final = 410


class Fault(StrEnum):
    """Why an attempt did not deliver."""

    UNREACHABLE = "unreachable"
    TOO_SLOW = "too-slow"
    NOT_ALLOWED = "not-allowed"
    REFUSED = "refused"
    """The receiver answered something other than 2xx."""
    ENDED = "ended"
    """The endpoint was taken away, or the receiver said it is gone for good (410)."""


class BeingSent(Exception):
    """Another worker has this delivery in hand."""


class NotDelivered(Exception):
    """This attempt did not deliver."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where deliveries go."""

    endpoint_id: UUID
    url: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one endpoint."""

    delivery_id: UUID
    event: str
    made_at: datetime
    attempts: int
    last_status: int | None
    last_fault: str | None
    delivered_at: datetime | None
    failed_at: datetime | None
    url: str
    is_open: bool
    """Whether its endpoint is still there."""


async def announce(connection: Connection, tenant_id: UUID, event: str, data: Mapping[str, object]) -> int:
    """Has an event delivered to every endpoint once the caller's transaction is committed; answers how many."""
    said = {"type": event, "timestamp": datetime.now(UTC), "data": data}
    body = msgspec.json.encode(said, enc_hook=str).decode()  # texts of the page are more than str
    endpoints = await endpoints_of(connection, tenant_id)
    for endpoint in endpoints:
        delivery_id: UUID = await _queries.add_delivery(
            connection, tenant_id=tenant_id, endpoint_id=endpoint.endpoint_id, event=event, body=body
        )
        await defer(connection, deliver, tenant_id, delivery_id=delivery_id)
    return len(endpoints)


async def endpoints_of(connection: Connection, tenant_id: UUID) -> list[Endpoint]:
    return [Endpoint(**row._asdict()) async for row in _queries.endpoints(connection, tenant_id=tenant_id)]


async def deliveries_of(connection: Connection, tenant_id: UUID, most: int) -> list[Delivery]:
    """Newest first."""
    rows = _queries.deliveries(connection, tenant_id=tenant_id, most=most)
    return [Delivery(**row._asdict()) async for row in rows]


async def add_endpoint(database: Database, reader: SignedIn, url: str, vault: Vault, *, private_allowed: bool) -> str:
    """Adds an endpoint and answers its secret, which is shown once. Raises NotAllowed, or NotFound for a name."""
    await look_up(parse(url, private_allowed=private_allowed), private_allowed=private_allowed)
    endpoint_id = uuid4()
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        await _queries.add_endpoint(
            connection,
            tenant_id=tenant_id,
            endpoint_id=endpoint_id,
            url=url,
            sealed_secret=vault.seal(secret, tenant_id=tenant_id, purpose=_purpose(endpoint_id)),
            created_by=reader.person_id,
        )
        await audit.record(connection, tenant_id, Tag.WEBHOOK_ADDED, reader.actor, after={"endpoint": str(endpoint_id)})
    return secret


async def end_endpoint(database: Database, reader: SignedIn, endpoint_id: UUID) -> None:
    """Nothing is delivered there any more. Safe to repeat."""
    tenant_id = reader.tenant.tenant_id
    async with database.tenant(tenant_id) as connection:
        ended = await _queries.end_endpoint(connection, tenant_id=tenant_id, endpoint_id=endpoint_id)
        if ended is not None:
            after = {"endpoint": str(endpoint_id)}
            await audit.record(connection, tenant_id, Tag.WEBHOOK_ENDED, reader.actor, after=after)


async def replay(connection: Connection, tenant_id: UUID, delivery_id: UUID) -> bool:
    """Has a delivery that is over done again, under its own id. False when it is not over, or its endpoint is gone."""
    if await _queries.replay(connection, tenant_id=tenant_id, delivery_id=delivery_id) is None:
        return False
    return await defer(connection, deliver, tenant_id, delivery_id=delivery_id)


@job("webhooks:deliver", backoff=Backoff(attempts=12, first_s=10, most_s=6 * 3600))
async def deliver(work: Work, *, delivery_id: UUID) -> None:
    """Tried for about half a day."""
    of = {"tenant_id": work.tenant_id, "delivery_id": delivery_id}
    async with work.transaction() as connection:
        claimed = await _queries.claim(connection, **of, lease=_LEASE)
        if claimed is None:
            if await _queries.waits(connection, **of):
                raise BeingSent
            return
    status, fault = await _attempt(work, delivery_id, claimed)
    is_for_good = fault in (Fault.ENDED, Fault.NOT_ALLOWED)
    async with work.transaction() as connection:
        await _queries.attempted(
            connection,
            **of,
            status=status,
            fault=fault and fault.value,
            is_over=is_for_good or work.is_last_attempt,
        )
        if status == _GONE:
            await _queries.end_endpoint(connection, tenant_id=work.tenant_id, endpoint_id=claimed.endpoint_id)
    if is_for_good:
        raise GiveUp(str(fault))
    if fault is not None:
        raise NotDelivered(fault.value)


async def _attempt(work: Work, delivery_id: UUID, claimed: Any) -> tuple[int | None, Fault | None]:
    """What the receiver answered, and the fault there was, if any."""
    if claimed.is_ended:
        return None, Fault.ENDED
    vault = open_vault(work.settings.data_directory, os.environ)
    secret = vault.open(claimed.sealed_secret, tenant_id=work.tenant_id, purpose=_purpose(claimed.endpoint_id))
    now, private_allowed = datetime.now(UTC), work.settings.webhooks_to_private
    headers = {
        "webhook-id": str(delivery_id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(delivery_id), now, claimed.body),
    }
    try:
        target = parse(claimed.url, private_allowed=private_allowed)
        status = await send(target, headers, claimed.body.encode(), private_allowed=private_allowed)
    except NotAllowed:
        return None, Fault.NOT_ALLOWED
    except TooSlow:
        return None, Fault.TOO_SLOW
    except Unreachable:
        return None, Fault.UNREACHABLE
    if status == _GONE:
        return status, Fault.ENDED
    return status, None if 200 <= status < 300 else Fault.REFUSED


@periodic_job("webhooks:forget", cron="50 2 * * *")
async def forget(work: Work) -> None:
    """Deliveries are listed for a month."""
    async with work.transaction() as connection:
        await _queries.forget(connection, tenant_id=work.tenant_id, age=_KEPT)


def _purpose(endpoint_id: UUID) -> str:
    return f"webhook:{endpoint_id}"
