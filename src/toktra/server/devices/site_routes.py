"""The administrators' pages about devices: the list and its download, one device, and enrolment codes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.devices import administration, open_codes
from toktra.server.devices.accounts import UnknownAccount
from toktra.server.devices.administration import Device, ListedDevice, UnknownDevice
from toktra.server.devices.code_form import CodeForm, CodeRefused, read_terms
from toktra.server.devices.open_codes import UnknownCode
from toktra.server.directory import service as directory
from toktra.server.directory.details import InvalidDetail
from toktra.server.privacy_hours import in_use
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.listing import Listing, UnknownChoice
from toktra.server.web.page import Page, Visit
from toktra.server.web.spreadsheets import as_csv, download

PLATFORM_WORDS: Final = {"linux": "Linux", "macos": "macOS", "windows": "Windows", "chromeos": "ChromeOS"}
REPORTING_WORDS: Final = {
    "all": _("All enrolled"),
    "yesterday": _("Reported yesterday"),
    "silent": _("Silent over 7 days"),
    "never": _("Never reported"),
    "revoked": _("Revoked"),
}
_SAID: Final = {
    "revoked": _("This device is revoked. What it sends from now on is refused; what it sent is kept."),
    "ended": _("The code has ended. Devices enrolled with it stay enrolled."),
}


def device_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/devices", devices, action=Action.READ_DEVICES),
        Page("/devices.csv", devices_csv, action=Action.READ_DEVICES),
        Page("/devices/codes", codes, action=Action.MANAGE_ENROLMENT_CODES),
        Page("/devices/codes", create_code, action=Action.MANAGE_ENROLMENT_CODES, methods=("POST",)),
        Page("/devices/codes/{code_id}/end", end_code, action=Action.MANAGE_ENROLMENT_CODES, methods=("POST",)),
        Page("/devices/{device_id}", device, action=Action.READ_DEVICES),
        Page("/devices/{device_id}/revoke", revoke, action=Action.REVOKE_DEVICES, methods=("POST",), needs_fresh=True),
        Page("/devices/{device_id}/accounts", name_account, action=Action.CHANGE_PEOPLE, methods=("POST",)),
    ]


async def devices(visit: Visit) -> Response:
    """The list."""
    try:
        listing = _listing(visit)
    except UnknownChoice as unknown:
        return _unknown_choice(unknown)
    tenant_id = visit.reader.tenant.tenant_id
    found = await administration.list_devices(visit.database, tenant_id, listing, _today())
    listed = [one.device_id for one in found.devices]
    counts = found.counts
    return visit.show(
        "devices/devices.html",
        here="/devices",
        found=found,
        listing=found.listing,
        share=counts.reported / counts.enrolled if counts.enrolled else 0.0,
        platforms=PLATFORM_WORDS,
        platform_choices=[("all", _("All systems")), *PLATFORM_WORDS.items()],
        departments=[("", _("All departments")), *((name, name) for name in found.departments)],
        reporting=list(REPORTING_WORDS.items()),
        csv=found.listing.elsewhere("/devices.csv"),
        # No order, no filter and no column in the file: what can be sorted by can be watched.
        privacy_hours=await in_use.on_devices(visit.database, tenant_id, listed, _today()),
        fleet=await in_use.in_fleet(visit.database, tenant_id, _today()),
        may_manage_codes=visit.may(Action.MANAGE_ENROLMENT_CODES),
    )


async def devices_csv(visit: Visit) -> Response:
    """The same list as a file."""
    try:
        listing = _listing(visit)
    except UnknownChoice as unknown:
        return _unknown_choice(unknown)
    found = await administration.all_devices(visit.database, visit.reader.tenant.tenant_id, listing, _today())
    header = ("Device", "People", "Departments", "System", "Agent", "Enrolled", "Last report", "Status")
    return download("devices.csv", as_csv(header, (_csv_row(one) for one in found)))


async def device(visit: Visit) -> Response:
    """One device and whose its accounts are."""
    found = await _device(visit)
    return _show_device(visit, found) if found else notices.not_found()


async def revoke(visit: Visit) -> Response:
    """The device's next request is refused."""
    tenant_id = visit.reader.tenant.tenant_id
    try:
        device_id = UUID(visit.request.path_params["device_id"])
        await administration.revoke(visit.database, tenant_id, device_id, visit.reader.actor)
    except (ValueError, UnknownDevice):
        return notices.not_found()
    return RedirectResponse(f"/devices/{device_id}?said=revoked", 303)


async def name_account(visit: Visit) -> Response:
    """Says whose an account is."""
    found = await _device(visit)
    if found is None:
        return notices.not_found()
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _no_form(f"/devices/{found.device_id}")
    account, email = fields.get("account", ""), fields.get("email", "").strip()
    try:
        await directory.name_account(visit.database, visit.reader, found.device_id, account, email)
    except InvalidDetail as error:
        return _show_device(visit, found, wrong=(account, email, error.reason))
    except UnknownAccount:
        return notices.not_found()
    return RedirectResponse(f"/devices/{found.device_id}", 303)


async def codes(visit: Visit) -> Response:
    """Codes that can still be used, and the form for another."""
    return await _show_codes(visit, CodeForm.blank())


async def create_code(visit: Visit) -> Response:
    """Makes a code and shows it, this once."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _no_form("/devices/codes")
    reader = visit.reader
    try:
        async with visit.database.tenant(reader.tenant.tenant_id) as connection:
            terms = await read_terms(connection, reader.tenant.tenant_id, fields)
            code = await open_codes.create_code(connection, reader.tenant, terms, reader.actor, today=_today())
    except CodeRefused as refusal:
        return await _show_codes(visit, refusal.form)
    return await _show_codes(visit, CodeForm.blank(), made=str(code), uses=terms.uses)


async def end_code(visit: Visit) -> Response:
    """Ends a code before its time."""
    try:
        code_id = UUID(visit.request.path_params["code_id"])
        await open_codes.end_code(visit.database, visit.reader.tenant.tenant_id, code_id, visit.reader.actor)
    except ValueError:
        return notices.not_found()
    except UnknownCode:
        pass  # it has ended already
    return RedirectResponse("/devices/codes?said=ended", 303)


async def _device(visit: Visit) -> Device | None:
    try:
        device_id = UUID(visit.request.path_params["device_id"])
        return await administration.find_device(visit.database, visit.reader.tenant.tenant_id, device_id, _today())
    except (ValueError, UnknownDevice):
        return None


def _show_device(visit: Visit, found: Device, wrong: tuple[str, str, str] | None = None) -> Response:
    """`wrong` is the account, the e-mail that was typed for it, and why it cannot be taken."""
    return visit.show(
        "devices/device.html",
        status=422 if wrong else 200,
        here="/devices",
        device=found,
        platforms=PLATFORM_WORDS,
        wrong=wrong,
        said=_SAID.get(visit.request.query_params.get("said", "")) if not wrong else None,
        may_revoke=visit.may(Action.REVOKE_DEVICES),
        may_name=visit.may(Action.CHANGE_PEOPLE),
    )


async def _show_codes(visit: Visit, form: CodeForm, *, made: str = "", uses: int = 1) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    return visit.show(
        "devices/codes.html",
        status=422 if form.errors else 200,
        here="/devices",
        codes=await open_codes.open_codes(visit.database, tenant_id),
        form=form,
        made=made,
        made_uses=uses,
        server=str(visit.request.base_url).rstrip("/"),
        most_uses=open_codes.MOST_USES,
        most_days=open_codes.MOST_DAYS,
        said=_SAID.get(visit.request.query_params.get("said", "")) if visit.request.method == "GET" else None,
    )


def _listing(visit: Visit) -> Listing:
    return Listing.read(
        "/devices",
        visit.request.query_params,
        sorts=administration.SORTS,
        choices={"system": administration.PLATFORMS, "reporting": administration.REPORTING},
        free=("department",),
    )


def _csv_row(one: ListedDevice) -> tuple[str, ...]:
    reports = one.reports
    return (
        one.hostname,
        one.people,
        one.departments,
        PLATFORM_WORDS.get(one.platform, one.platform),
        one.agent_version,
        reports.enrolled_on.isoformat(),
        reports.reported_on.isoformat() if reports.reported_on else "",
        "revoked" if one.is_revoked else "silent" if reports.is_silent else "enrolled",
    )


def _today() -> date:
    return datetime.now(UTC).date()


def _no_form(here: str) -> Response:
    return notices.bad_request(
        _("This form could not be read"), _("Nothing was changed. Load the page again."), here, _("Back to the form")
    )


def _unknown_choice(unknown: UnknownChoice) -> Response:
    return notices.bad_request(
        _("There is no such view"),
        _("The address asks for %(field)s “%(value)s”, which does not exist.")
        % {"field": unknown.field, "value": unknown.value},
        "/devices",
        _("Show all devices"),
    )
