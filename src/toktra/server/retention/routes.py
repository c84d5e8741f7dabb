"""Retention: what is kept how long, what is there, and changing it after seeing what that would delete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from starlette.responses import RedirectResponse, Response

from toktra.compliance.keeping import BOUNDS, PERSONAL_LEDGER_DAYS, DaysOutOfBounds, Kind
from toktra.server.retention import service
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

KIND_WORDS: Final = {
    Kind.EVENTS: _("Single uses"),
    Kind.SUMS: _("Sums by day and by hour"),
    Kind.REQUESTS: _("Rights requests, from the day they were closed"),
    Kind.AUDIT: _("Audit trail"),
}


def retention_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/retention", show, action=Action.READ_RETENTION),
        Page("/retention/change", change, action=Action.CHANGE_RETENTION, methods=("POST",), needs_fresh=True),
    ]


async def show(visit: Visit) -> Response:
    """The proof, and with ?kind=…&days=… what that change would delete."""
    asked = visit.request.query_params
    if "kind" not in asked:
        return await _show(visit)
    try:
        kind, days = Kind(asked["kind"]), _days(asked.get("days", ""))
        rows = await service.would_delete(
            visit.database, visit.reader.tenant.tenant_id, kind, days, datetime.now(UTC).date()
        )
    except ValueError as error:
        return await _show(visit, errors={"days": _sentence(error)})
    return await _show(visit, preview=(kind, days, rows))


async def change(visit: Visit) -> Response:
    """Keeps a kind of data for another time, from the next night on."""
    try:
        fields = await read_form(visit.request)
        await service.change(visit.database, visit.reader, Kind(fields.get("kind", "")), _days(fields.get("days", "")))
    except FormNotUsable:
        return notices.bad_request(
            _("This form could not be read"), _("Nothing was changed. Load the page again."), "/retention", _("Back")
        )
    except ValueError as error:
        return await _show(visit, errors={"days": _sentence(error)})
    return RedirectResponse("/retention?said=changed", 303)


async def _show(
    visit: Visit, *, preview: tuple[Kind, int, int] | None = None, errors: dict[str, str] | None = None
) -> Response:
    found = await service.proofs(visit.database, visit.reader.tenant.tenant_id, datetime.now(UTC).date())
    return visit.show(
        "retention/retention.html",
        status=422 if errors else 200,
        here="/retention",
        proofs=found,
        words=KIND_WORDS,
        bounds=BOUNDS,
        ledger_days=PERSONAL_LEDGER_DAYS,
        preview=preview,
        errors=errors or {},
        said=visit.request.query_params.get("said", ""),
        may_change=visit.may(Action.CHANGE_RETENTION),
    )


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise ValueError(_("Days: write a whole number."))
    return int(text)


def _sentence(error: ValueError) -> str:
    if isinstance(error, DaysOutOfBounds) or str(error).startswith(str(_("Days"))):
        return str(error)
    return _("Choose one of the kinds of data on this page.")
