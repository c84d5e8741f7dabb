"""The page on which a privacy officer decides how finely use is attributed. Everyone who may read the site's settings
reads it; only a privacy officer has more detail kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from toktra.server.audit.service import LEAST_REASON, MOST_REASON, ReasonNotUsable, usable_reason
from toktra.server.jobs import defer
from toktra.server.tenants.attribution import Level, NotChanged, attribution_of, change, changes
from toktra.server.tenants.attribution_words import LEVELS, described, name_of, next_words
from toktra.server.tenants.clearing import clear
from toktra.server.tenants.jobs import clear_detail
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

HERE: Final = "/attribution"
_SAID: Final = {
    "more": _("It is decided, and every employee reads it with your reason from now on."),
    "less": _("It holds from now on. What was kept of more detail is being deleted."),
}


def attribution_pages() -> list[Page]:
    """The page, and the two ways to decide: more detail is another right than less."""
    return [
        Page(HERE, show, action=Action.READ_ATTRIBUTION),
        Page(f"{HERE}/more", keep_more, action=Action.RAISE_ATTRIBUTION, methods=("POST",), needs_fresh=True),
        Page(f"{HERE}/less", keep_less, action=Action.LOWER_ATTRIBUTION, methods=("POST",), needs_fresh=True),
    ]


async def show(visit: Visit) -> Response:
    """What holds, what it means, and every decision so far."""
    return await _show(visit)


async def keep_more(visit: Visit) -> Response:
    """From the next day on, with a reason that every employee reads."""
    return await _decide(visit, more=True)


async def keep_less(visit: Visit) -> Response:
    """At once; what was kept of more detail is deleted after the answer, and by a job should that be broken off."""
    return await _decide(visit, more=False)


async def _decide(visit: Visit, *, more: bool) -> Response:
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return notices.bad_request(
            _("This form could not be read"),
            _("Nothing was changed. Load the page again."),
            HERE,
            _("Back to the form"),
        )
    tenant_id = visit.reader.tenant.tenant_id
    typed = fields.get("reason", "")
    try:
        level = Level.of(fields.get("level", ""))
    except ValueError:
        return await _show(visit, typed=typed, errors={"level": _("Level: choose one of those shown.")})
    try:
        reason = usable_reason(typed)
    except ReasonNotUsable:
        error = _("Reason: give %(least)s to %(most)s characters. Every employee will read it.") % {
            "least": LEAST_REASON,
            "most": MOST_REASON,
        }
        return await _show(visit, typed=typed, errors={"reason": error})
    try:
        async with visit.database.tenant(tenant_id) as connection:
            await change(connection, tenant_id, visit.reader.actor, level, reason, more=more, now=datetime.now(UTC))
            if not more:
                await defer(connection, clear_detail, tenant_id)
    except NotChanged as refused:
        return await _show(visit, typed=typed, errors={"level": str(refused)})
    task = None if more else BackgroundTask(clear, visit.database, tenant_id)
    return RedirectResponse(f"{HERE}?said={'more' if more else 'less'}", 303, background=task)


async def _show(visit: Visit, *, typed: str = "", errors: dict[str, str] | None = None) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        found = await attribution_of(connection, tenant_id)
        decisions = await changes(connection, tenant_id)
    return visit.show(
        "tenants/attribution.html",
        status=400 if errors else 200,
        here=HERE,
        found=found,
        level_name=name_of(found.level),
        next_words=next_words(found),
        levels=LEVELS,
        more=[words for words in LEVELS if words.level > found.decided],
        less=[words for words in LEVELS if words.level < found.decided],
        may_raise=visit.may(Action.RAISE_ATTRIBUTION),
        may_lower=visit.may(Action.LOWER_ATTRIBUTION),
        decisions=[described(one) for one in decisions],
        typed=typed[: 2 * MOST_REASON],
        errors=errors or {},
        most=MOST_REASON,
        said=_SAID.get(visit.request.query_params.get("said", "")) if visit.request.method == "GET" else None,
    )
