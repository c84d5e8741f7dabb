"""The administrator's page: the programme's settings, invitations, and the sums that hide each person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.directory.service import departments_of
from toktra.server.people.names import active_emails
from toktra.server.perks import service
from toktra.server.perks.aggregates import FEWEST, counted, enrolled
from toktra.server.perks.personal_service import NotKnownThere, NotReached, PersonalService, personal_service
from toktra.server.perks.presentation import MonthRow, month_rows, said
from toktra.server.perks.programme import InvalidTier, Programme, read_tier
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

HERE = "/token-perks"


def perks_pages() -> list[Page]:
    """The pages of the administration."""
    change = Action.CHANGE_PERKS
    return [
        Page(HERE, programme, action=Action.READ_PERKS),
        Page(f"{HERE}/switch", switch, action=change, methods=("POST",), needs_fresh=True),
        Page(f"{HERE}/tiers", set_tier, action=change, methods=("POST",)),
        Page(f"{HERE}/tiers/{{tier}}/end", end_tier, action=change, methods=("POST",)),
        Page(f"{HERE}/invitations", invite, action=change, methods=("POST",)),
        Page(f"{HERE}/invitations/{{invitation_id}}/withdraw", withdraw, action=change, methods=("POST",)),
    ]


async def programme(visit: Visit) -> Response:
    """Settings, invitations and sums."""
    return await _show(visit)


async def switch(visit: Visit) -> Response:
    """On or off."""
    fields = await _fields(visit)
    if fields is None:
        return _damaged()
    personal = _service(visit)
    if personal is None:
        return await _no_service(visit)
    try:
        await service.switch(visit.database, visit.reader, personal, on=fields.get("to") == "on")
    except (NotReached, NotKnownThere):
        return await _not_reached(visit)
    return RedirectResponse(f"{HERE}?said={'on' if fields.get('to') == 'on' else 'off'}", 303)


async def set_tier(visit: Visit) -> Response:
    """A new tier, or the one of the same name changed."""
    fields = await _fields(visit)
    if fields is None:
        return _damaged()
    personal = _service(visit)
    if personal is None:
        return await _no_service(visit)
    try:
        await service.set_tier(visit.database, visit.reader, personal, read_tier(fields))
    except InvalidTier as invalid:
        return await _show(visit, typed=fields, errors=invalid.errors, status=422)
    except (NotReached, NotKnownThere):
        return await _not_reached(visit)
    return RedirectResponse(f"{HERE}?said=tier", 303)


async def end_tier(visit: Visit) -> Response:
    """No more tickets of it. Safe to repeat."""
    personal = _service(visit)
    if personal is None:
        return await _no_service(visit)
    try:
        await service.end_tier(visit.database, visit.reader, personal, visit.request.path_params["tier"])
    except (NotReached, NotKnownThere):
        return await _not_reached(visit)
    return RedirectResponse(f"{HERE}?said=tier-ended", 303)


async def invite(visit: Visit) -> Response:
    """Everybody, a department, or one person by their e-mail."""
    fields = await _fields(visit)
    if fields is None:
        return _damaged()
    tenant_id, whom = visit.reader.tenant.tenant_id, fields.get("whom", "")
    department: str | None = None
    person_id: UUID | None = None
    async with visit.database.tenant(tenant_id) as connection:
        if whom.startswith("department:"):
            department = whom.removeprefix("department:")
            if department not in await departments_of(connection, tenant_id):
                return await _show(
                    visit, typed=fields, errors={"whom": _("There is no such department any more.")}, status=422
                )
        elif whom == "person":
            person_id = (await active_emails(connection, tenant_id)).get(fields.get("email", "").strip().lower())
            if person_id is None:
                errors = {"email": _("Nobody who is here now has this e-mail address.")}
                return await _show(visit, typed=fields, errors=errors, status=422)
        elif whom != "everybody":
            return await _show(visit, typed=fields, errors={"whom": _("Choose who is invited.")}, status=422)
    try:
        await service.invite(
            visit.database, visit.reader, fields.get("tier", ""), department=department, person_id=person_id
        )
    except service.UnknownTier:
        errors = {"tier": _("Choose a tier that is offered; make one above if there is none.")}
        return await _show(visit, typed=fields, errors=errors, status=422)
    return RedirectResponse(f"{HERE}?said=invited", 303)


async def withdraw(visit: Visit) -> Response:
    """Nobody new comes by this invitation. Safe to repeat."""
    try:
        invitation_id = UUID(visit.request.path_params["invitation_id"])
    except ValueError:
        return notices.not_found()
    await service.withdraw(visit.database, visit.reader, invitation_id)
    return RedirectResponse(f"{HERE}?said=withdrawn", 303)


async def _show(
    visit: Visit,
    *,
    typed: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    fault: str = "",
    status: int = 200,
) -> Response:
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        found = await service.programme_of(connection, tenant_id)
        departments = await departments_of(connection, tenant_id)
        counts = await counted(connection, tenant_id)
    rows, epsilon = await _months(visit, found, counts)
    took_part = enrolled(counts)
    return visit.show(
        "perks/programme.html",
        status=status,
        here=HERE,
        found=found,
        departments=departments,
        may_change=visit.may(Action.CHANGE_PERKS),
        has_service=_service(visit) is not None,
        typed=typed or {},
        errors=errors or {},
        fault=fault,
        said=said(visit.request.query_params.get("said", "")),
        counted_in=took_part[0] if took_part else None,
        enrolled=took_part[1] if took_part else None,
        fewest=FEWEST,
        months=rows,
        epsilon=epsilon,
    )


async def _months(visit: Visit, found: Programme, counts: list[Any]) -> tuple[list[MonthRow] | None, float]:
    """The closed months; None when the personal service does not answer."""
    personal = _service(visit)
    if found.programme is None or personal is None:
        return [], 0.0
    try:
        published = await personal.redemptions(str(found.programme))
    except (NotReached, NotKnownThere):
        return None, 0.0
    return month_rows(published, counts), published.epsilon


async def _no_service(visit: Visit) -> Response:
    return await _show(visit, fault=_("This server knows no personal service. Nothing was changed."), status=409)


async def _not_reached(visit: Visit) -> Response:
    return await _show(
        visit,
        fault=_("The personal service does not answer. Try again when it runs: it has to know first."),
        status=503,
    )


async def _fields(visit: Visit) -> dict[str, str] | None:
    try:
        return await read_form(visit.request)
    except FormNotUsable:
        return None


def _damaged() -> Response:
    return notices.bad_request(
        _("This form cannot be read"), _("It arrived damaged. Nothing was changed."), HERE, _("Back")
    )


def _service(visit: Visit) -> PersonalService | None:
    return personal_service(visit.request.app.state.settings)
