"""The usage page and its file."""

from __future__ import annotations

from datetime import UTC, date, datetime

from starlette.responses import Response

from toktra.server.audit import service as audit
from toktra.server.audit.tags import Tag
from toktra.server.usage.breakdown import service
from toktra.server.usage.breakdown.file import CSV_HEADER, csv_rows
from toktra.server.usage.breakdown.presentation import present
from toktra.server.usage.breakdown.service import Breakdown
from toktra.server.usage.breakdown.view import PATH, UnusableView, View
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.language import SOURCE, _, speaking
from toktra.server.web.page import Page, Visit
from toktra.server.web.spreadsheets import as_csv, download


def breakdown_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page(PATH, usage, action=Action.READ_USAGE),
        Page(PATH + ".csv", usage_csv, action=Action.READ_USAGE),
    ]


async def usage(visit: Visit) -> Response:
    """The view that the address asks for."""
    now = datetime.now(UTC)
    try:
        found = await _found(visit, now)
    except UnusableView as unusable:
        return _unusable(unusable)
    return visit.show("breakdown/usage.html", here=PATH, page=present(found, now.date()))


async def usage_csv(visit: Visit) -> Response:
    """The same view as a file, the same in every language; that it was taken is recorded."""
    now = datetime.now(UTC)
    try:
        view = View.read(visit.request.query_params, now.date())
        with speaking(SOURCE):
            found = await service.breakdown(visit.database, visit.reader.tenant.tenant_id, view, now)
    except UnusableView as unusable:
        return _unusable(unusable)
    rows = list(csv_rows(found))
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        await audit.record(
            connection,
            tenant_id,
            Tag.FIGURES_EXPORTED,
            visit.reader.actor,
            after={"first_day": _iso(found.view.first), "last_day": _iso(found.view.last), "rows": len(rows)},
        )
    return download("usage.csv", as_csv(CSV_HEADER, rows))


async def _found(visit: Visit, now: datetime) -> Breakdown:
    view = View.read(visit.request.query_params, now.date())
    return await service.breakdown(visit.database, visit.reader.tenant.tenant_id, view, now)


def _unusable(unusable: UnusableView) -> Response:
    return notices.bad_request(_("There is no such view"), str(unusable), PATH, _("Show the last 30 days"))


def _iso(day: date) -> str:
    return day.isoformat()
