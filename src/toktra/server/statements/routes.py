"""The pages of statements: a month with all of them, each by itself, both as PDF; and cost centres of departments."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from toktra.compliance.rendering import pdf_of
from toktra.server.costs import service as costs
from toktra.server.costs.assumptions import Kind
from toktra.server.costs.entering import InvalidAssumption
from toktra.server.costs.presentation import Typed, history
from toktra.server.statements import service
from toktra.server.statements.entering import entered
from toktra.server.statements.month import Month, months_between, newest
from toktra.server.statements.presentation import PATH, Sheet, coverage_words, sheet
from toktra.server.statements.statement import Showback
from toktra.server.web import figures, notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _, spoken
from toktra.server.web.page import Page, Visit
from toktra.server.web.templates import render

_STYLE: Final = (files("toktra.server.statements") / "document.css").read_text("utf-8")
CENTRES: Final = PATH + "/cost-centres"


def statement_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page(PATH, statements, action=Action.READ_STATEMENTS),
        Page(CENTRES, cost_centres, action=Action.READ_STATEMENTS),
        Page(CENTRES, change_cost_centre, action=Action.CHANGE_COST_CENTRES, methods=("POST",)),
        Page(PATH + "/{month}.pdf", month_pdf, action=Action.READ_STATEMENTS),
        Page(PATH + "/{month}", month, action=Action.READ_STATEMENTS),
        Page(PATH + "/{month}/one.pdf", one_pdf, action=Action.READ_STATEMENTS),
        Page(PATH + "/{month}/one", one, action=Action.READ_STATEMENTS),
    ]


async def statements(visit: Visit) -> Response:
    """The way to the month that was asked for, or to the newest that is over."""
    today = _today()
    asked = visit.request.query_params.get("month")
    chosen = newest(today) if asked is None else Month.read(asked, today)
    return RedirectResponse(f"{PATH}/{chosen.key}", 303) if chosen else notices.not_found()


async def month(visit: Visit) -> Response:
    """Every statement of a month."""
    found = await _showback(visit)
    if found is None:
        return notices.not_found()
    today = _today()
    oldest = await service.oldest_use(visit.database, visit.reader.tenant.tenant_id)
    return visit.show(
        "statements/month.html",
        here=PATH,
        months=months_between(min(oldest or today, found.month.first), today),
        **_said(found),
        whole=sheet(found.whole, found),
        centres=[sheet(each, found) for each in found.centres],
        departments=[sheet(each, found) for each in found.departments],
        others=sheet(found.others, found) if found.others else None,
    )


async def month_pdf(visit: Visit) -> Response:
    """The same as one document, a statement on each page."""
    found = await _showback(visit)
    if found is None:
        return notices.not_found()
    return await _pdf(visit, found, [sheet(each, found) for each in found.all], f"statements-{found.month.key}")


async def one(visit: Visit) -> Response:
    """One statement with the steps of every figure."""
    found = await _showback(visit)
    wanted = found.find(visit.request.query_params.get("for", "")) if found else None
    if found is None or wanted is None:
        return notices.not_found()
    return visit.show("statements/one.html", here=PATH, **_said(found), sheet=sheet(wanted, found))


async def one_pdf(visit: Visit) -> Response:
    """The same as a document."""
    found = await _showback(visit)
    wanted = found.find(visit.request.query_params.get("for", "")) if found else None
    if found is None or wanted is None:
        return notices.not_found()
    return await _pdf(visit, found, [sheet(wanted, found)], f"statement-{found.month.key}-{wanted.subject.of}")


async def cost_centres(visit: Visit) -> Response:
    """Which cost centre each department belongs to, and the form that changes it."""
    return await _show_centres(visit, Typed())


async def change_cost_centre(visit: Visit) -> Response:
    """Says where a department's cost is booked from a month on."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return notices.bad_request(
            _("This form cannot be read"), _("It arrived damaged. Nothing was changed."), CENTRES, _("Back")
        )
    tenant_id = visit.reader.tenant.tenant_id
    assumptions = await costs.assumptions(visit.database, tenant_id)
    try:
        entry = entered(fields, await _departments(visit), assumptions, _today())
    except InvalidAssumption as fault:
        return await _show_centres(visit, Typed(Kind.COST_CENTRE, fields, fault), status=422)
    await costs.assume(visit.database, tenant_id, visit.reader.person_id, entry)
    return RedirectResponse(CENTRES, 303)


async def _showback(visit: Visit) -> Showback | None:
    now = datetime.now(UTC)
    chosen = Month.read(visit.request.path_params["month"], now.date())
    if chosen is None:
        return None
    return await service.showback(visit.database, visit.reader.tenant.tenant_id, chosen, now)


async def _pdf(visit: Visit, found: Showback, sheets: list[Sheet], name: str) -> Response:
    title = _("Statement of AI use, %(month)s") % {"month": found.month.name}
    body = render("statements/document.html", visit=visit, title=title, sheets=sheets, **_said(found))
    try:
        content = await asyncio.to_thread(pdf_of, body, title=title, language=spoken(), style=_STYLE)
    except OSError:  # Pango is not installed
        return notices.bad_request(
            _("No PDF can be made here"),
            _("The library Pango is missing on the server. The page itself can be printed."),
            f"{PATH}/{found.month.key}",
            _("Back to the statements"),
        )
    headers = {"content-disposition": f'attachment; filename="toktra-{visit.reader.tenant.slug}-{name}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def _said(found: Showback) -> dict[str, Any]:
    """What every page and document says of the month."""
    return {
        "found": found,
        "month": found.month,
        "dates": figures.days(found.month.first, found.month.last),
        "coverage": coverage_words(found),
        "made_at": datetime.now(UTC),
    }


async def _show_centres(visit: Visit, typed: Typed, *, status: int = 200) -> Response:
    today = _today()
    assumptions = await costs.assumptions(visit.database, visit.reader.tenant.tenant_id)
    said = assumptions.subjects(Kind.COST_CENTRE)
    return visit.show(
        "statements/cost_centres.html",
        status=status,
        here=PATH,
        lines=[(name, assumptions.cost_centre(name, today)) for name in await _departments(visit)],
        history=history(assumptions, [(Kind.COST_CENTRE, name) for name in said]),
        typed=typed,
        kind=Kind.COST_CENTRE,
        this_month=f"{today:%Y-%m}",
    )


async def _departments(visit: Visit) -> list[str]:
    tenant_id = visit.reader.tenant.tenant_id
    assumptions = await costs.assumptions(visit.database, tenant_id)
    async with visit.database.tenant(tenant_id) as connection:
        return await service.known_departments(connection, tenant_id, assumptions.subjects(Kind.COST_CENTRE))


def _today() -> date:
    return datetime.now(UTC).date()
