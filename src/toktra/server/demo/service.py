"""Fills the sample organisation: people by the directory, devices by codes, use batch by batch through ingest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

import aiosql
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import toktra
from toktra.catalogue import load_catalogue
from toktra.catalogue.estimate import ESTIMATOR_VERSION
from toktra.server.database.pool import Database
from toktra.server.demo.habits import Year, amounts, uses_of
from toktra.server.demo.organisation import Person, Tool, people
from toktra.server.devices.service import create_enrolment_code, enrol
from toktra.server.directory import service as directory
from toktra.server.directory.details import Details
from toktra.server.ingest.service import Ingest
from toktra.server.people.signed_in import SignedIn
from toktra.server.tenants.service import Tenant
from toktra.server.web.access import Role
from toktra.wire.columns import in_columns
from toktra.wire.enrolment import EnrolmentRequest
from toktra.wire.events import MAX_BATCH_EVENTS, Batch, UsageEvent
from toktra.wire.signatures import KeyId, encode_public_key

SEED: Final = 2026
OLDEST_DAYS: Final = 399
"""The server refuses older events."""
_ACCOUNT: Final = "sample"

_queries: Final[Any] = aiosql.from_path(Path(__file__).with_name("queries.sql"), "apsycopg")


class AlreadyFilled(ValueError):
    """The sample organisation has devices already; filling it twice would double its use."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What there is now."""

    people: int
    events: int


async def fill(
    database: Database,
    tenant: Tenant,
    owner_id: UUID,
    *,
    number: int,
    days: int,
    now: datetime,
    told: Callable[[int], None] = lambda done: None,
) -> Filled:
    """Fills an empty organisation with so many people and their use of so many days. `told` hears of each person.

    Raises AlreadyFilled; then nothing was changed.
    """
    async with database.tenant(tenant.tenant_id) as connection:
        if await _queries.is_filled(connection, tenant_id=tenant.tenant_id):
            raise AlreadyFilled(f"the organisation {tenant.slug} has devices already")
    filling = _Filling(
        ingest=Ingest(database, load_catalogue(), OLDEST_DAYS + 1),
        owner=SignedIn(tenant, owner_id, "", Role.OWNER),
        year=Year(now.astimezone(UTC).date(), days),
        now=now,
        draw=Random(SEED),  # noqa: S311 - the same sample every time is the purpose
    )
    events = 0
    for done, person in enumerate(people(number, filling.draw), 1):
        events += await filling.add(person)
        told(done)
    return Filled(number, events)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filling:
    ingest: Ingest
    owner: SignedIn
    year: Year
    now: datetime
    draw: Random

    async def add(self, person: Person) -> int:
        """One person, their device and all it reported. How many events that were."""
        details = Details(name=person.name, email=person.email, department=person.department.name)
        entry = directory.Entry(details=details, manager_email="")
        person_id = await directory.add_person(self.ingest.database, self.owner, entry)
        device = await self._enrol(person, person_id)
        days = list(self.year)
        uses = [use for day in days for use in uses_of(person, day, self.year, self.draw) if use[0] < self.now]
        await self._report(device, uses)
        # A laptop is on most working days, whether or not anything is used on it.
        on = {day for day in days[:-1] if self.draw.random() < (0.94 if day.weekday() < 5 else 0.25)}
        async with self.ingest.database.tenant(device.tenant) as connection:
            named = {"tenant_id": device.tenant, "device_id": device.device}
            begun = datetime.combine(days[0], time(8), UTC) - timedelta(days=1)
            await _queries.pretend_enrolled(connection, **named, at=begun)
            await _queries.pretend_reported(connection, **named, days=sorted(on.union(at.date() for at, _tool in uses)))
        return len(uses)

    async def _enrol(self, person: Person, person_id: UUID) -> KeyId:
        database = self.ingest.database
        code = await create_enrolment_code(database, self.owner.tenant, person_id=person_id)
        key = Ed25519PrivateKey.generate().public_key()
        request = EnrolmentRequest(
            code=str(code),
            public_key=encode_public_key(key),
            hostname=f"sample-{person.number:03}",
            platform="linux",
            agent_version=toktra.__version__,
            account=_ACCOUNT,
        )
        return KeyId.parse((await enrol(database, request, key)).key_id)

    async def _report(self, device: KeyId, uses: Sequence[tuple[datetime, Tool]]) -> None:
        events = [
            UsageEvent(
                sequence=sequence,
                provider_host=tool.host,
                at=at,
                device=str(device.device),
                user=_ACCOUNT,
                **amounts(tool, self.draw),
            )
            for sequence, (at, tool) in enumerate(uses, 1)
        ]
        for first in range(0, len(events), MAX_BATCH_EVENTS):
            batch = Batch(
                epoch=1,
                prev_seq=first,
                agent_version=toktra.__version__,
                estimator_version=ESTIMATOR_VERSION,
                events=events[first : first + MAX_BATCH_EVENTS],
            )
            await self.ingest.take_in(device, in_columns(batch))
