"""The page, which prints as the report for a works council or an authority."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from toktra.server.notices.routes import JURISDICTION_WORDS, PRECEDES_WORDS
from toktra.server.perks.aggregates import FEWEST
from toktra.server.privacy_office.service import report
from toktra.server.residency.places import Why
from toktra.server.retention.routes import KIND_WORDS as DATA_WORDS
from toktra.server.rights.presentation import KIND_WORDS, STAGE_WORDS, law, time_left
from toktra.server.tenants.attribution_words import name_of
from toktra.server.web.access import Action
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

PLACE_WORDS: Final = {
    "TOKTRA_DATABASE_URL": _("Database"),
    "TOKTRA_OWNER_DATABASE_URL": _("Database, for changes of its tables"),
    "TOKTRA_PRIVACY_DATABASE_URL": _("Database, people’s own weeks"),
    "TOKTRA_MAIL_RELAY": _("Mail relay"),
    "TOKTRA_OTLP_ENDPOINT": _("Collector of metrics"),
}
WHY_WORDS: Final = {
    Why.THIS_MACHINE: _("this machine"),
    Why.AMAZON: _("its name says its region"),
    Why.DECLARED: _("declared by who runs the server"),
    Why.NOT_ASKED: _("not asked: no regions here"),
}


def privacy_office_pages() -> list[Page]:
    """The page of this room."""
    return [Page("/privacy-office", show, action=Action.READ_PRIVACY_OFFICE)]


async def show(visit: Visit) -> Response:
    """How things stand now."""
    found = await report(visit.database, visit.reader.tenant.tenant_id, visit.request.app.state.settings)
    today = found.made_at.date()
    return visit.show(
        "privacy_office/report.html",
        here="/privacy-office",
        report=found,
        rows=[(one, law(one), time_left(one, today), STAGE_WORDS[one.stage]) for one in found.requests],
        kind_words=KIND_WORDS,
        data_words=DATA_WORDS,
        first=PRECEDES_WORDS[found.first],
        where=JURISDICTION_WORDS[found.notice.jurisdiction] if found.notice else "",
        level=name_of(found.level),
        places=[(PLACE_WORDS[one.setting], one.host or "–", WHY_WORDS[one.why]) for one in found.places],
        fewest=FEWEST,
    )
