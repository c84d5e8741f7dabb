"""Devices: which are enrolled, and on which day each last reported. Never a time of day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Security
from pydantic import BaseModel, Field

from toktra.server.api import refusals
from toktra.server.api.clients import Caller
from toktra.server.api.cursor import USUAL_ITEMS, After, Limit, key_in, page_of
from toktra.server.api.door import allowed
from toktra.server.api.refusals import documented
from toktra.server.api.scopes import Scope
from toktra.server.devices import administration
from toktra.server.devices.administration import Device as Whole
from toktra.server.devices.administration import ListedDevice, UnknownDevice

router = APIRouter(tags=["devices"])

Reads = Annotated[Caller, Security(allowed, scopes=[Scope.DEVICES_READ])]


class Device(BaseModel):
    """An enrolled device, or one that was."""

    device_id: UUID
    hostname: Annotated[str, Field(examples=["desk-1"])]
    platform: Annotated[str, Field(examples=["linux"])]
    agent_version: Annotated[str, Field(examples=["1.0"])]
    status: Literal["active", "revoked"]
    enrolled_on: date
    last_report_on: Annotated[
        date | None, Field(description="The newest day before today with a report; today's is told tomorrow")
    ]
    is_silent: Annotated[bool, Field(description="No report for more than seven days")]

    @classmethod
    def of(cls, known: ListedDevice | Whole) -> Device:
        return cls(
            device_id=known.device_id,
            hostname=known.hostname,
            platform=known.platform,
            agent_version=known.agent_version,
            status="revoked" if known.is_revoked else "active",
            enrolled_on=known.reports.enrolled_on,
            last_report_on=known.reports.reported_on,
            is_silent=known.reports.is_silent,
        )


class Devices(BaseModel):
    """Some of the devices, by id."""

    items: list[Device]
    next_cursor: Annotated[str | None, Field(description="Null when these are the last")]


@router.get("/devices", summary="Devices", responses=documented(), operation_id="list_devices")
async def devices(caller: Reads, limit: Limit = USUAL_ITEMS, cursor: After = None) -> Devices:
    """Every device, also those that are revoked."""
    after = key_in(cursor, UUID)
    found = await administration.devices_after(caller.database, caller.tenant_id, after, limit + 1, _today())
    items, next_cursor = page_of(found, limit, lambda one: one.device_id)
    return Devices(items=[Device.of(one) for one in items], next_cursor=next_cursor)


@router.get("/devices/{device_id}", summary="One device", responses=documented(404), operation_id="read_device")
async def device(caller: Reads, device_id: UUID) -> Device:
    """The same of one device."""
    try:
        return Device.of(await administration.find_device(caller.database, caller.tenant_id, device_id, _today()))
    except UnknownDevice:
        raise refusals.not_found("device") from None


def _today() -> date:
    return datetime.now(UTC).date()
