"""The pages "Cost" and "Prices and assumptions": figures that can be opened, and what they rest on, with history."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from starlette.responses import RedirectResponse, Response

from toktra.server.costs import service
from toktra.server.costs.assumptions import WHOLE_ORGANISATION, Kind
from toktra.server.costs.currency import NoExchangeRate
from toktra.server.costs.entering import Entered, Entering, InvalidAssumption
from toktra.server.costs.explanation import explain_provider, explain_total
from toktra.server.costs.presentation import (
    Typed,
    currency_lines,
    history,
    in_force,
    mix_rows,
    models_on,
    provider_lines,
)
from toktra.server.costs.rates import Rates
from toktra.server.usage.period import DEFAULT, Period, Span, span
from toktra.server.web import figures, notices
from toktra.server.web.access import Action
from toktra.server.web.form import FormNotUsable, read_form
from toktra.server.web.language import _
from toktra.server.web.page import Page, Visit

_IN_USE: Final = timedelta(days=90)
"""Providers used in this time are listed; the others can be chosen."""
_KINDS: Final = {"contract": Kind.CONTRACT, "model-mix": Kind.MODEL_MIX, "seats": Kind.SEATS}


async def cost(visit: Visit) -> Response:
    """What use cost in a period, per provider, each figure with its steps."""
    now = datetime.now(UTC)
    chosen = _chosen(visit, now)
    if chosen is None:
        return notices.not_found()
    first, last = chosen.current.first_day, chosen.current.last_day
    found = await service.cost(visit.database, visit.reader.tenant.tenant_id, first, last)
    assumptions = found.pricing.rates.assumptions
    return visit.show(
        "costs/cost.html",
        here="/cost",
        span=chosen,
        periods=_periods(chosen, now.date()),
        cost=found,
        explained=[explain_provider(line, found.projection, assumptions) for line in found.projection.providers],
        total=explain_total(found.projection, first, last, assumptions),
    )


async def explained(visit: Visit) -> Response:
    """One provider's figure as a page of its own, to be linked, printed and read without script."""
    chosen = _chosen(visit, datetime.now(UTC))
    if chosen is None:
        return notices.not_found()
    first, last = chosen.current.first_day, chosen.current.last_day
    found = await service.cost(visit.database, visit.reader.tenant.tenant_id, first, last)
    wanted = visit.request.path_params["provider_id"]
    line = next((line for line in found.projection.providers if line.provider_id == wanted), None)
    if line is None:
        return notices.not_found()
    explanation = explain_provider(line, found.projection, found.pricing.rates.assumptions)
    return visit.show("costs/explained.html", here="/cost", span=chosen, explanation=explanation, cost=found, line=line)


async def prices(visit: Visit) -> Response:
    """Every provider in use with what is assumed of it, and the currency of figures."""
    wanted = visit.request.query_params.get("provider")
    if wanted is not None:
        known = service.catalogue().get(wanted)
        return RedirectResponse(f"/prices/{known.id}", 303) if known else notices.not_found()
    return await _show_prices(visit, Typed())


async def provider_prices(visit: Visit) -> Response:
    """One provider: what is in force, the forms that change it, and everything said before."""
    return await _show_provider(visit, Typed())


async def change_provider(visit: Visit) -> Response:
    """Takes a contract, a model mix or seats, from a day on."""
    kind = _KINDS.get(visit.request.path_params["kind"])
    provider_id = visit.request.path_params["provider_id"]
    if kind is None or service.catalogue().get(provider_id) is None:
        return notices.not_found()
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _not_a_form(f"/prices/{provider_id}")
    entering = await service.entering(visit.database, visit.reader.tenant.tenant_id, _today())
    try:
        entered = _entered(entering, kind, provider_id, fields)
    except InvalidAssumption as fault:
        return await _show_provider(visit, Typed(kind, fields, fault), status=422)
    await service.assume(visit.database, visit.reader.tenant.tenant_id, visit.reader.person_id, entered)
    return RedirectResponse(f"/prices/{provider_id}", 303)


async def change_currency(visit: Visit) -> Response:
    """Takes the currency of figures, or an exchange rate, from a day on."""
    kind = Kind.CURRENCY if visit.request.url.path.endswith("/currency") else Kind.EXCHANGE_RATE
    try:
        fields = await read_form(visit.request)
    except FormNotUsable:
        return _not_a_form("/prices")
    entering = await service.entering(visit.database, visit.reader.tenant.tenant_id, _today())
    try:
        entered = entering.currency(fields) if kind is Kind.CURRENCY else entering.exchange_rate(fields)
    except InvalidAssumption as fault:
        return await _show_prices(visit, Typed(kind, fields, fault), status=422)
    await service.assume(visit.database, visit.reader.tenant.tenant_id, visit.reader.person_id, entered)
    return RedirectResponse("/prices", 303)


def _entered(entering: Entering, kind: Kind, provider_id: str, fields: dict[str, str]) -> Entered:
    if fields.get("do") == "end":
        return entering.taken_back(kind, provider_id, fields)
    match kind:
        case Kind.CONTRACT:
            return entering.contract(provider_id, fields)
        case Kind.MODEL_MIX:
            return entering.model_mix(provider_id, fields)
        case _:
            return entering.seats(provider_id, fields)


async def _show_prices(visit: Visit, typed: Typed, *, status: int = 200) -> Response:
    today, tenant_id = _today(), visit.reader.tenant.tenant_id
    assumptions = await service.assumptions(visit.database, tenant_id)
    rates = Rates(assumptions, service.catalogue(), service.price_book())
    used = await service.providers_used(visit.database, tenant_id, today - _IN_USE, today)
    said = {subject for kind in _KINDS.values() for subject in assumptions.subjects(kind)}
    listed = [provider for provider in service.catalogue().providers if provider.id in used | said]
    try:
        lines = [in_force(provider, rates, today) for provider in listed]
    except NoExchangeRate as fault:  # rates are only ever added, so this is a database someone else wrote to
        return notices.bad_request(_("Prices cannot be shown"), str(fault), "/", _("Overview"))
    return visit.show(
        "costs/prices.html",
        status=status,
        here="/prices",
        lines=sorted(lines, key=lambda line: line.provider.name.casefold()),
        others=[provider for provider in service.catalogue().providers if provider not in listed],
        currency=assumptions.currency(today),
        codes=assumptions.subjects(Kind.EXCHANGE_RATE),
        history=history(assumptions, currency_lines(assumptions)),
        book=service.price_book(),
        typed=typed,
        Kind=Kind,
        today=today,
        may_change=visit.may(Action.CHANGE_ASSUMPTIONS),
        WHOLE_ORGANISATION=WHOLE_ORGANISATION,
    )


async def _show_provider(visit: Visit, typed: Typed, *, status: int = 200) -> Response:
    provider = service.catalogue().get(visit.request.path_params["provider_id"])
    if provider is None:
        return notices.not_found()
    today = _today()
    assumptions = await service.assumptions(visit.database, visit.reader.tenant.tenant_id)
    rates = Rates(assumptions, service.catalogue(), service.price_book())
    return visit.show(
        "costs/provider.html",
        status=status,
        here="/prices",
        line=in_force(provider, rates, today),
        provider=provider,
        contract=assumptions.contract(provider.id, today),
        mix=assumptions.model_mix(provider.id, today),
        seats=assumptions.seats(provider.id, today),
        rows=mix_rows(typed, assumptions.model_mix(provider.id, today), provider),
        models=models_on(provider, service.price_book()),
        history=history(assumptions, provider_lines(provider.id)),
        typed=typed,
        Kind=Kind,
        today=today,
        may_change=visit.may(Action.CHANGE_ASSUMPTIONS),
    )


def _chosen(visit: Visit, now: datetime) -> Span | None:
    try:
        return span(Period(visit.request.query_params.get("period", DEFAULT)), now)
    except ValueError:
        return None


def _periods(chosen: Span, today: date) -> list[tuple[str, str, bool]]:
    labels = {
        Period.SEVEN_DAYS: _("7 days"),
        Period.THIRTY_DAYS: _("30 days"),
        Period.THIS_MONTH: figures.month(today),
    }
    return [(f"/cost?period={period}", label, period is chosen.period) for period, label in labels.items()]


def _not_a_form(back: str) -> Response:
    return notices.bad_request(
        _("This form cannot be read"), _("It arrived damaged or is too large. Nothing was changed."), back, _("Back")
    )


def _today() -> date:
    return datetime.now(UTC).date()


def cost_pages() -> list[Page]:
    """The pages of this room."""
    return [
        Page("/cost", cost, action=Action.READ_COST),
        Page("/cost/{provider_id}", explained, action=Action.READ_COST),
        Page("/prices", prices, action=Action.READ_COST),
        Page("/prices/currency", change_currency, action=Action.CHANGE_ASSUMPTIONS, methods=("POST",)),
        Page("/prices/exchange-rate", change_currency, action=Action.CHANGE_ASSUMPTIONS, methods=("POST",)),
        Page("/prices/{provider_id}", provider_prices, action=Action.READ_COST),
        Page("/prices/{provider_id}/{kind}", change_provider, action=Action.CHANGE_ASSUMPTIONS, methods=("POST",)),
    ]
