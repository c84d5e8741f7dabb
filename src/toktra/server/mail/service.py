"""Letters from the moment they are written until they are sent or given up.

A letter is sent once: its job claims it, and only the claimant sends it. Should a worker die between the relay's answer
and our note of it, the letter is sent again under the same Message-ID, by which mail programs know it for the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import UUID

import aiosql
import msgspec
from psycopg.types.json import Jsonb

from toktra.server.database.pool import Connection
from toktra.server.jobs import Backoff, GiveUp, Work, defer, job, periodic_job
from toktra.server.mail.letter import Letter, compose
from toktra.server.mail.relay import SEND_WITHIN_S, Refused, Unreachable, hand_over
from toktra.server.people.names import email_of

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")

_LEASE: Final = timedelta(seconds=2 * SEND_WITHIN_S)
_KEPT: Final = timedelta(days=30)


class Fault(StrEnum):
    """Why a letter was given up."""

    NO_RELAY = "no-relay"
    NO_ADDRESS = "no-address"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A letter in hand, and where to send it."""

    letter: Letter
    to: str | None
    written_at: datetime


class BeingSent(Exception):
    """Another worker has this letter in hand; if it died, its claim ends soon."""


async def post(
    connection: Connection,
    tenant_id: UUID,
    letter: Letter,
    *,
    person_id: UUID | None = None,
    address: str | None = None,
    once: str | None = None,
) -> UUID | None:
    """Has a letter sent to a person (where their mail goes on the day it is sent) or to an address, once committed.

    None when a letter with this `once` was written in the last month. Raises ValueError unless there is one reader.
    """
    if (person_id is None) == (address is None):
        raise ValueError("a letter goes either to a person or to an address")
    letter_id: UUID | None = await _queries.write_letter(
        connection,
        tenant_id=tenant_id,
        person_id=person_id,
        address=address,
        once=once,
        content=Jsonb(msgspec.to_builtins(letter, enc_hook=str)),  # texts of the page are more than str
    )
    if letter_id is not None:
        await defer(connection, send, tenant_id, letter_id=letter_id)
    return letter_id


@job("mail:send", backoff=Backoff(attempts=14, first_s=30, most_s=4 * 3600))
async def send(work: Work, *, letter_id: UUID) -> None:
    """Tried for about a day."""
    claimed = await _claim(work, letter_id)
    if claimed is None:
        return
    if work.settings.mail_relay is None:
        await _give_up(work, letter_id, Fault.NO_RELAY)
    if claimed.to is None:
        await _give_up(work, letter_id, Fault.NO_ADDRESS)
    try:
        message = compose(
            claimed.letter, letter_id=letter_id, to=claimed.to, written_at=claimed.written_at, settings=work.settings
        )
        await hand_over(message, work.settings)
    except (Refused, ValueError):
        await _give_up(work, letter_id, Fault.REFUSED)
    except Unreachable:
        if work.is_last_attempt:
            await _give_up(work, letter_id, Fault.UNREACHABLE)
        async with work.transaction() as connection:
            await _queries.release(connection, tenant_id=work.tenant_id, letter_id=letter_id)
        raise
    async with work.transaction() as connection:
        await _queries.sent(connection, tenant_id=work.tenant_id, letter_id=letter_id)


async def newest_fault(
    connection: Connection, tenant_id: UUID, *, person_id: UUID | None = None, address: str | None = None
) -> Fault | None:
    """Why the newest letter to somebody was given up; None when it was sent, waits, or there was none this month."""
    of = {"tenant_id": tenant_id, "person_id": person_id, "address": address}
    found = await _queries.newest_fault(connection, **of)
    return Fault(found) if found else None


async def _claim(work: Work, letter_id: UUID) -> _Claimed | None:
    """The letter, for us alone; None when it was sent, given up or deleted. Raises BeingSent."""
    async with work.transaction() as connection:
        row = await _queries.claim(connection, tenant_id=work.tenant_id, letter_id=letter_id, lease=_LEASE)
        if row is None:
            if await _queries.waits(connection, tenant_id=work.tenant_id, letter_id=letter_id):
                raise BeingSent
            return None
        to = row.address or await email_of(connection, work.tenant_id, row.person_id)
    return _Claimed(msgspec.convert(row.content, Letter), to, row.written_at)


async def _give_up(work: Work, letter_id: UUID, fault: Fault) -> NoReturn:
    """Raises GiveUp."""
    async with work.transaction() as connection:
        await _queries.failed(connection, tenant_id=work.tenant_id, letter_id=letter_id, fault=fault.value)
    raise GiveUp(fault.value)


@periodic_job("mail:forget", cron="40 2 * * *")
async def forget(work: Work) -> None:
    """That a letter was sent is of no use after a month."""
    async with work.transaction() as connection:
        await _queries.forget(connection, tenant_id=work.tenant_id, age=_KEPT)
