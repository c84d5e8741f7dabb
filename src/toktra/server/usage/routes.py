"""The Overview, the part of it that an open page fetches anew, and the page that says what is kept."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from toktra.server.usage import service
from toktra.server.usage.collected import NEVER, NUMBERING, SEVEN_FACTS
from toktra.server.usage.period import DEFAULT, Period
from toktra.server.usage.presentation import present
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit


def usage_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/", overview, action=Action.READ_OVERVIEW),
        Page("/overview/figures", overview_figures, action=Action.READ_OVERVIEW, polled=True),
        Page("/what-is-collected", what_is_collected, action=Action.READ_WHAT_IS_COLLECTED),
    ]


async def overview(visit: Visit) -> Response:
    """The whole page, for the period in the address."""
    period = _period(visit)
    if period is None:
        return _unknown_period(visit)
    return await _show("usage/overview.html", visit, period, datetime.now(UTC))


async def overview_figures(visit: Visit) -> Response:
    """Only the figures, for a page that is open; 204 when it shows them already."""
    period = _period(visit)
    if period is None:
        return _unknown_period(visit)
    now = datetime.now(UTC)
    reader = visit.reader
    version = await service.current_version(visit.database, reader.tenant.tenant_id, reader.person_id, period, now)
    if visit.request.query_params.get("seen") == version:
        return Response(status_code=204)
    return await _show("usage/figures.html", visit, period, now)


async def what_is_collected(visit: Visit) -> Response:
    """The seven facts, printed from the schema that enforces them."""
    return visit.show(
        "usage/what_is_collected.html",
        here="/what-is-collected",
        facts=SEVEN_FACTS,
        numbering=NUMBERING,
        never=NEVER,
    )


async def _show(template: str, visit: Visit, period: Period, now: datetime) -> Response:
    reader = visit.reader
    found = await service.overview(
        visit.database,
        reader.tenant.tenant_id,
        reader.person_id,
        period,
        now,
        with_exchanges=visit.may(Action.READ_LAST_EXCHANGES),
    )
    return visit.show(template, here="/", page=present(found))


def _period(visit: Visit) -> Period | None:
    try:
        return Period(visit.request.query_params.get("period", DEFAULT))
    except ValueError:
        return None


def _unknown_period(visit: Visit) -> Response:
    asked = visit.request.query_params["period"][:40]
    return notices.bad_request(
        _("There is no such period"),
        _("“%(period)s” is not a period. There are 7 days, 30 days and this month.") % {"period": asked},
        "/",
        _("Show the last 7 days"),
    )
