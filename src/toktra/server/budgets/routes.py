"""The pages of budgets: all of them and how they stand, one with its history, a new one, and what-if on past data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from toktra.server.budgets import service
from toktra.server.budgets.budget import DEFAULT_THRESHOLDS, Budget, SubjectKind, Unit
from toktra.server.budgets.course import course_of
from toktra.server.budgets.entering import Entering, InvalidBudget
from toktra.server.budgets.history import history_file
from toktra.server.budgets.presentation import (
    Typed,
    by_likelihood,
    line,
    message,
    period_name,
    said_before,
)
from toktra.server.budgets.spending import Ledger
from toktra.server.budgets.what_if import what_if as past_of
from toktra.server.budgets.wording import amount_range, exact, name_of
from toktra.server.costs import service as costs
from toktra.server.people.names import active_emails, names_of
from toktra.server.web import notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit
from toktra.server.web.spreadsheets import download

_SHOWN_MESSAGES: Final = 20


async def budgets(visit: Visit) -> Response:
    """Every open budget this reader may see, the likeliest to pass first, and the newest messages."""
    tenant_id, today = visit.reader.tenant.tenant_id, _today()
    async with visit.database.tenant(tenant_id) as connection:
        known = {one.budget_id: one for one in await service.budgets_of(connection, tenant_id)}
        standing = await service.how_they_stand(connection, tenant_id, today)
        alerts = await service.alerts(connection, tenant_id, _SHOWN_MESSAGES)
    names = await _names(visit, known.values())
    seen = [one for one in standing if _may_see(visit, one.budget)]
    seen.sort(key=by_likelihood)
    return visit.show(
        "budgets/budgets.html",
        here="/budgets",
        whole=[line(one, names) for one in seen if one.budget.subject.kind is SubjectKind.ORGANISATION],
        parts=[line(one, names) for one in seen if one.budget.subject.kind is not SubjectKind.ORGANISATION],
        messages=[
            message(alert, known[alert.budget_id], names) for alert in alerts if _may_see(visit, known[alert.budget_id])
        ],
        may_change=visit.may(Action.CHANGE_BUDGETS),
        may_manage_webhooks=visit.may(Action.MANAGE_WEBHOOKS),
        today=today,
    )


async def budget(visit: Visit) -> Response:
    """One budget: how it stands, its periods that are over, everything said of it, and the form that changes it."""
    found = await _found(visit)
    return notices.not_found() if found is None else await _show(visit, found, Typed({}))


async def history(visit: Visit) -> Response:
    """The periods of a budget that are over, as a CSV file."""
    found = await _found(visit)
    if found is None:
        return notices.not_found()
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        closed = await service.closed_periods(connection, tenant_id, found.budget_id)
    return download(f"toktra-budget-{found.budget_id}.csv", history_file(found, closed))


async def change(visit: Visit) -> Response:
    """Says something else of a budget from a day on."""
    found = await _found(visit, to_change=True)
    if found is None:
        return notices.not_found()
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _damaged(f"/budgets/{found.budget_id}")
    try:
        version = (await _entering(visit)).version(fields, found.unit)
    except InvalidBudget as fault:
        return await _show(visit, found, Typed(fields, fault), status=422)
    await service.change(visit.database, visit.reader, found, version)
    return RedirectResponse(f"/budgets/{found.budget_id}", 303)


async def end(visit: Visit) -> Response:
    """Ends a budget. Safe to repeat."""
    found = await _found(visit, to_change=True)
    if found is None:
        return notices.not_found()
    if found.is_open:
        await service.end(visit.database, visit.reader, found, _today())
    return RedirectResponse("/budgets", 303)


async def new(visit: Visit) -> Response:
    """The form, filled with what the address says."""
    return await _show_form(visit, Typed(dict(visit.request.query_params)))


async def make(visit: Visit) -> Response:
    """Takes a new budget."""
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _damaged("/budgets/new")
    try:
        entered = (await _entering(visit)).budget(fields)
    except InvalidBudget as fault:
        return await _show_form(visit, Typed(fields, fault), status=422)
    budget_id = await service.add(visit.database, visit.reader, entered)
    return RedirectResponse(f"/budgets/{budget_id}", 303)


async def what_if(visit: Visit) -> Response:
    """A budget that is not made: what it would have told in periods that are over."""
    fields = dict(visit.request.query_params)
    if not fields:
        return await _show_form(visit, Typed({}), is_what_if=True)
    try:
        entered = (await _entering(visit, with_people=False)).budget(fields)
    except InvalidBudget as fault:
        return await _show_form(visit, Typed(fields, fault), is_what_if=True, status=422)
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        past = await past_of(Ledger(connection, tenant_id, _today()), entered)
    version = entered.version
    return await _show_form(
        visit,
        Typed(fields),
        is_what_if=True,
        past=[
            (
                entered.rhythm.name(one.stretch),
                amount_range(one.spent, version.currency) if one.spent else "",
                one.fault,
                one.reached,
            )
            for one in past
        ],
        asked=f"{name_of(entered.subject, {})}: {exact(float(version.amount), version.currency)} {entered.rhythm.word}",
    )


async def _show(visit: Visit, found: Budget, typed: Typed, *, status: int = 200) -> Response:
    tenant_id, today = visit.reader.tenant.tenant_id, _today()
    async with visit.database.tenant(tenant_id) as connection:
        ledger = Ledger(connection, tenant_id, today)
        now = await service.now_of(ledger, found)
        course = await course_of(ledger, found, now.standing) if now.standing else None
        closed = await service.closed_periods(connection, tenant_id, found.budget_id)
        emails = {person_id: email for email, person_id in (await active_emails(connection, tenant_id)).items()}
        currencies = await service.currencies(connection, tenant_id, today)
    names = await _names(visit, [found])
    version = found.versions[-1]
    is_person = found.subject.kind is SubjectKind.PERSON
    return visit.show(
        "budgets/budget.html",
        status=status,
        here="/budgets",
        budget=found,
        line=line(now, names),
        course=course,
        closed=[
            (
                period_name(found, one.stretch),
                "" if one.interval is None or is_person else amount_range(one.interval, one.currency),
                exact(one.amount, one.currency),
                one.fault,
            )
            for one in closed
        ],
        said=said_before(found, names),
        current=version,
        owner=emails.get(version.owner_id, "") if version.owner_id else "",
        owner_name=names.get(version.owner_id, "") if version.owner_id else "",
        is_money=found.unit is Unit.MONEY,
        currencies=currencies,
        typed=typed,
        today=today,
        may_change=_may_change(visit, found) and found.is_open,
        has_mail=visit.request.app.state.settings.mail_relay is not None,
    )


async def _show_form(
    visit: Visit,
    typed: Typed,
    *,
    is_what_if: bool = False,
    past: list[tuple[str, str, str, tuple[tuple[int, date | None], ...]]] | None = None,
    asked: str = "",
    status: int = 200,
) -> Response:
    entering = await _entering(visit, with_people=not is_what_if)
    providers = sorted(costs.catalogue().providers, key=lambda one: one.name.casefold())
    return visit.show(
        "budgets/form.html",
        status=status,
        here="/budgets",
        typed=typed,
        entering=entering,
        providers=providers,
        usual=", ".join(str(threshold) for threshold in DEFAULT_THRESHOLDS),
        is_what_if=is_what_if,
        past=past,
        asked=asked,
        may_change=visit.may(Action.CHANGE_BUDGETS),
        address=visit.request.url.query,
    )


async def _entering(visit: Visit, *, with_people: bool = True) -> Entering:
    tenant_id, today = visit.reader.tenant.tenant_id, _today()
    async with visit.database.tenant(tenant_id) as connection:
        may_name_people = with_people and visit.may(Action.CHANGE_PERSON_BUDGETS)
        return await service.entering(connection, tenant_id, today, may_name_people=may_name_people)


async def _found(visit: Visit, *, to_change: bool = False) -> Budget | None:
    """The budget of the address, if this reader may know of it."""
    try:
        budget_id = UUID(visit.request.path_params["budget_id"])
    except ValueError:
        return None
    tenant_id = visit.reader.tenant.tenant_id
    async with visit.database.tenant(tenant_id) as connection:
        found = await service.find_budget(connection, tenant_id, budget_id)
    if found is None or not (_may_change if to_change else _may_see)(visit, found):
        return None
    return found


def _may_see(visit: Visit, found: Budget) -> bool:
    return service.may_know_of(visit.role, found)


def _may_change(visit: Visit, found: Budget) -> bool:
    return service.may_change(visit.role, found)


async def _names(visit: Visit, of: Iterable[Budget]) -> dict[UUID, str]:
    people = {
        person_id
        for one in of
        for person_id in (
            one.subject.person_id,
            *(version.owner_id for version in one.versions),
            *(version.set_by for version in one.versions),
        )
        if person_id is not None
    }
    return await names_of(visit.database, visit.reader.tenant.tenant_id, people)


def _damaged(back: str) -> Response:
    return notices.bad_request(
        _("This form cannot be read"), _("It arrived damaged or is too large. Nothing was changed."), back, _("Back")
    )


def _today() -> date:
    return datetime.now(UTC).date()


def budget_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/budgets", budgets, action=Action.READ_BUDGETS),
        Page("/budgets/new", new, action=Action.CHANGE_BUDGETS),
        Page("/budgets/new", make, action=Action.CHANGE_BUDGETS, methods=("POST",)),
        Page("/budgets/what-if", what_if, action=Action.READ_BUDGETS),
        Page("/budgets/{budget_id}.csv", history, action=Action.READ_BUDGETS),
        Page("/budgets/{budget_id}", budget, action=Action.READ_BUDGETS),
        Page("/budgets/{budget_id}", change, action=Action.CHANGE_BUDGETS, methods=("POST",)),
        Page("/budgets/{budget_id}/end", end, action=Action.CHANGE_BUDGETS, methods=("POST",)),
    ]
