"""Sends what is due: plans every schedule's periods each night, and delivers each once, however often it is cut."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from psycopg.types.json import Jsonb

from toktra.server.audit.service import Actor
from toktra.server.database.pool import Connection
from toktra.server.exports import service as exports
from toktra.server.exports.datasets import SCHEMA_VERSION
from toktra.server.exports.scheduled import folder, making, service
from toktra.server.exports.scheduled.bucket import PART_BYTES, SHA256, Sending, UploadGone
from toktra.server.exports.scheduled.making import Made
from toktra.server.exports.scheduled.schedule import (
    CLEAR,
    LASTING,
    Bucket,
    Fault,
    Folder,
    Keys,
    NotDelivered,
    Sent,
)
from toktra.server.exports.service import Order, Standing
from toktra.server.jobs import Backoff, GiveUp, Work, defer, job, periodic_job
from toktra.server.residency.places import Inside, OutsideRegion, check_amazon_region, check_host
from toktra.server.settings import ServerSettings
from toktra.server.tenants.service import find_tenant_by_id
from toktra.server.vault import SealBroken, SecretKeyNotUsable, open_vault
from toktra.server.webhooks.guard import NotAllowed, NotFound, look_up, parse

_LEASE: Final = timedelta(minutes=5)
_RENEWED_EVERY_S: Final = 60.0


class BeingSent(Exception):
    """Another worker has this run in hand."""


@periodic_job("exports:plan", cron="40 1 * * *")
async def plan(work: Work) -> None:
    """Has every period sent that has become due."""
    await plan_due(work, datetime.now(UTC).date())


async def plan_due(work: Work, today: date) -> None:
    """The same as of a day (UTC). Safe to repeat: a period is planned once."""
    async with work.transaction() as connection:
        for schedule in await service.schedules_of(connection, work.tenant_id):
            await send_due(connection, work.tenant_id, schedule.schedule_id, today)


async def send_due(connection: Connection, tenant_id: UUID, schedule_id: UUID, today: date) -> None:
    """Has what is due of one schedule sent, once the connection's transaction is committed.

    Nobody changes it before that, so that no day is in a period of before and one of after.
    """
    schedule = await service.schedule_to_change(connection, tenant_id, schedule_id)
    if schedule is not None and schedule.is_open and schedule.paused_at is None:
        for first in await service.plan_runs(connection, tenant_id, schedule, today):
            await defer(connection, deliver, tenant_id, schedule_id=schedule_id, first_day=first)


@job("exports:deliver", backoff=Backoff(attempts=12, first_s=60, most_s=6 * 3600))
async def deliver(work: Work, *, schedule_id: UUID, first_day: date) -> None:
    """Sends one period. Tried for about a day, later each time, each time from where it was cut."""
    run = _Run(work, schedule_id, first_day)
    claimed = await run.claim()
    if claimed is None:
        return
    if claimed.ended_at is not None:
        await run.failed(NotDelivered(Fault.ENDED), is_over=True)
        return
    if claimed.paused_at is not None and not claimed.may_be_there:
        await run.put_back()  # resuming has it sent
        return
    try:
        async with run.held():
            await run.send(claimed)
    except NotDelivered as fault:
        is_over = fault.fault in LASTING or work.is_last_attempt
        await run.failed(fault, is_over=is_over)
        if is_over:
            raise GiveUp(str(fault)) from None
        raise


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A file, and where it goes with which keys."""

    sent: Sent
    sealed: bytes
    order: Order
    made: Made
    claimed: Any


@dataclass(frozen=True, slots=True)
class _Run:
    """One period in the hands of one worker."""

    work: Work
    schedule_id: UUID
    first_day: date

    @property
    def _of(self) -> dict[str, Any]:
        return {"tenant_id": self.work.tenant_id, "schedule_id": self.schedule_id, "first_day": self.first_day}

    async def claim(self) -> Any:
        """What is to be sent; None when it was. Raises BeingSent."""
        async with self.work.transaction() as connection:
            claimed = await service.queries.claim(connection, **self._of, lease=_LEASE)
            if claimed is None and await service.queries.waits(connection, **self._of):
                raise BeingSent
        return claimed

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Says every minute that somebody is at work, so that no other worker takes it."""

        async def hold() -> None:
            while True:
                await asyncio.sleep(_RENEWED_EVERY_S)
                async with self.work.transaction() as connection:
                    await service.queries.hold(connection, **self._of, lease=_LEASE)

        holding = asyncio.create_task(hold())
        try:
            yield
        finally:
            holding.cancel()
            with suppress(asyncio.CancelledError):
                await holding

    async def send(self, claimed: Any) -> None:
        """Makes the file, unless it is there from before, and sends what has not arrived. Raises NotDelivered."""
        tenant = await find_tenant_by_id(self.work.database, self.work.tenant_id)
        sent, sealed = service.what_goes(claimed)
        order = Order(
            tenant=tenant, dataset=sent.dataset, format=sent.format, first=self.first_day, last=claimed.last_day
        )
        path = making.path_of(self.work.settings.data_directory, self.schedule_id, order)
        made = await making.made_before(path, claimed.sha256)
        is_begun = made is not None
        if made is None:
            made = await making.make(self.work.database, order, path)
            await self._prepared(order, made)
        await self._deliver(_Delivery(sent, sealed, order, made, claimed), is_begun=is_begun)
        async with self.work.transaction() as connection:
            await service.queries.delivered(connection, **self._of, begun_as=Jsonb(sent.as_fields()))
        await asyncio.to_thread(making.forget, self.work.settings.data_directory, self.schedule_id, self.first_day)

    async def put_back(self) -> None:
        async with self.work.transaction() as connection:
            await service.queries.put_back(connection, **self._of)

    async def failed(self, fault: NotDelivered, *, is_over: bool) -> None:
        async with self.work.transaction() as connection:
            await service.queries.not_delivered(
                connection,
                **self._of,
                fault=fault.fault.value,
                fault_detail=fault.detail,
                is_clear=fault.fault in CLEAR,
                is_over=is_over,
            )

    async def _prepared(self, order: Order, made: Made) -> None:
        """Notes what the file rests on."""
        async with self.work.transaction() as connection:
            standing = await exports.standing_of(connection, order)
            await service.queries.prepared(
                connection,
                **self._of,
                size_bytes=made.size_bytes,
                sha256=made.sha256,
                schema_version=SCHEMA_VERSION,
                estimator_versions=list(standing.estimator_versions),
                devices_reported=standing.devices_reported,
                devices_enrolled=standing.devices_enrolled,
            )

    async def _begins(self, delivery: _Delivery) -> None:
        """Notes what goes where, and in the audit trail that it does, before the first byte of it leaves."""
        begun_as = delivery.sent.as_fields()
        async with self.work.transaction() as connection:
            keys = {"begun_as": Jsonb(begun_as), "sealed_begun": delivery.sealed or None}
            await service.queries.begin(connection, **self._of, **keys)
            if begun_as != delivery.claimed.begun_as:
                row = await service.queries.run(connection, **self._of)
                standing = Standing(tuple(row.estimator_versions), row.devices_reported, row.devices_enrolled)
                where = service.target_words(delivery.sent.target)
                await exports.record(connection, delivery.order, standing, Actor.system(), sent_to=where)

    async def _deliver(self, delivery: _Delivery, *, is_begun: bool) -> None:
        """`is_begun`: this very file was being sent before, and what arrived of it counts."""
        match delivery.sent.target:
            case Folder() as target:
                await self._to_folder(target, delivery)
            case Bucket() as target:
                keys = _keys(self.work.settings, delivery.sealed, self.work.tenant_id, self.schedule_id)
                bucket = await reach(target, keys, self.work.settings)
                begun = delivery.claimed.upload_id
                if begun and not is_begun:
                    await asyncio.to_thread(bucket.drop, delivery.order.file_name, begun)
                await self._to_bucket(bucket, delivery, begun if is_begun else None)

    async def _to_folder(self, target: Folder, delivery: _Delivery) -> None:
        order, made = delivery.order, delivery.made
        directory = await asyncio.to_thread(folder.place, self.work.settings.export_directory, target)
        if await asyncio.to_thread(folder.holds, directory, order.file_name, made.sha256):
            return
        await self._begins(delivery)
        copying = folder.deliver(directory, order.file_name, made.path, made.sha256)
        while (sent := await asyncio.to_thread(next, copying, None)) is not None:
            if sent == made.size_bytes or sent % PART_BYTES == 0:
                await self._note(sent)

    async def _to_bucket(self, bucket: Sending, delivery: _Delivery, begun: str | None) -> None:
        made, name = delivery.made, delivery.order.file_name
        about = _about(delivery.order, made)
        if await asyncio.to_thread(bucket.holds, name, made.sha256):
            return
        await self._begins(delivery)
        if made.size_bytes <= PART_BYTES:
            await asyncio.to_thread(bucket.put, name, made.path, about)
            return
        arrived: dict[int, tuple[str, int]] = {}
        if begun is not None:
            try:
                arrived = await asyncio.to_thread(bucket.parts, name, begun)
            except UploadGone:
                begun = None
        if begun is None:
            begun = await asyncio.to_thread(bucket.begin, name, about)
            async with self.work.transaction() as connection:
                await service.queries.began_upload(connection, **self._of, upload_id=begun)
        tags: dict[int, str] = {}
        with made.path.open("rb") as file:
            for number in range(1, -(-made.size_bytes // PART_BYTES) + 1):
                content = await asyncio.to_thread(file.read, PART_BYTES)
                tag, size = arrived.get(number, ("", -1))
                if size != len(content):
                    tag = await asyncio.to_thread(bucket.send_part, name, begun, number, content)
                tags[number] = tag
                await self._note(file.tell())
        await asyncio.to_thread(bucket.finish, name, begun, tags)

    async def _note(self, sent_bytes: int) -> None:
        async with self.work.transaction() as connection:
            await service.queries.sent(connection, **self._of, sent_bytes=sent_bytes, lease=_LEASE)


async def reach(target: Bucket, keys: Keys, settings: ServerSettings) -> Sending:
    """The bucket, if this server may send there. Raises NotDelivered."""
    await check_place(target, settings)
    bucket = await asyncio.to_thread(Sending, target, keys, inside=Inside.of(settings))
    await asyncio.to_thread(bucket.check_place)
    return bucket


async def check_place(target: Bucket, settings: ServerSettings) -> None:
    """Whether this server may send there, as far as the address tells. Raises NotDelivered."""
    private_allowed = settings.exports_to_private
    try:
        if target.endpoint:
            host = urlsplit(target.endpoint).hostname or ""
            check_host(host, "endpoint", Inside.of(settings))
            await look_up(parse(target.endpoint, private_allowed=private_allowed), private_allowed=private_allowed)
        else:
            check_amazon_region(target.region, target.bucket, Inside.of(settings))
    except NotAllowed:
        raise NotDelivered(Fault.NOT_ALLOWED) from None
    except NotFound:
        raise NotDelivered(Fault.UNREACHABLE) from None
    except OutsideRegion:
        raise NotDelivered(Fault.OUTSIDE_REGION) from None


async def try_out(target: Folder | Bucket, keys: Keys | None, settings: ServerSettings) -> None:
    """Writes something small to where exports would go, and takes it away. Raises NotDelivered."""
    if isinstance(target, Folder):
        directory = await asyncio.to_thread(folder.place, settings.export_directory, target)
        await asyncio.to_thread(folder.try_out, directory)
    elif keys is not None:
        bucket = await reach(target, keys, settings)
        await asyncio.to_thread(bucket.try_out)


def _keys(settings: ServerSettings, sealed: bytes, tenant_id: UUID, schedule_id: UUID) -> Keys:
    try:
        vault = open_vault(settings.data_directory, os.environ)
        return service.opened(sealed, tenant_id, schedule_id, vault)
    except (SealBroken, SecretKeyNotUsable):
        raise NotDelivered(Fault.KEYS_LOST) from None


def _about(order: Order, made: Made) -> Mapping[str, str]:
    """What an object says of itself."""
    return {
        SHA256: made.sha256,
        "toktra-schema-version": SCHEMA_VERSION,
        "toktra-first-day": order.first.isoformat(),
        "toktra-last-day": order.last.isoformat(),
    }
