"""The pages of this room in words: what is in force of a provider, what was said before, what a form holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from toktra.catalogue.prices import PriceBook
from toktra.catalogue.providers import Provider
from toktra.server.costs.assumptions import (
    WHOLE_ORGANISATION,
    Assumptions,
    Contract,
    CostCentre,
    Currency,
    Entry,
    ExchangeRate,
    Kind,
    ModelMix,
    Seats,
    Value,
)
from toktra.server.costs.entering import MIX_ROWS, InvalidAssumption
from toktra.server.costs.explanation import REASONS
from toktra.server.costs.money import exact_amount, price
from toktra.server.costs.rates import Basis, Component, Rate, Rates, known_models
from toktra.server.web import figures
from toktra.server.web.language import _, ngettext


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form was sent with, and what was wrong with it; a form that was not sent is empty."""

    kind: Kind | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    fault: InvalidAssumption | None = None

    def value(self, kind: Kind, name: str, otherwise: str = "") -> str:
        """What stands in a field: what was typed, else what is in force."""
        return self.values.get(name, "") if kind is self.kind else otherwise

    def error(self, kind: Kind, name: str) -> str:
        """The sentence at a field; empty when it is in order."""
        return self.fault.reason if self.fault and kind is self.kind and self.fault.field == name else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What holds for one provider today, as a line of the list and the head of its page."""

    provider: Provider
    prices: tuple[str, ...]
    """One line for each model, or why there is none."""
    basis: str
    is_priced: bool
    sources: tuple[str, ...]
    seats: str
    """Empty without seats."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the history."""

    kind: str
    valid_from: date
    words: str
    set_by: str
    set_on: date


_BASES = {
    Basis.CONTRACT: _("Your contract"),
    Basis.MODEL_MIX: _("Your model mix, list prices"),
    Basis.ASSUMED_MODEL: _("One usual model, list price"),
}
_KINDS = {
    Kind.MODEL_MIX: _("Model mix"),
    Kind.CONTRACT: _("Contract"),
    Kind.SEATS: _("Seats"),
    Kind.CURRENCY: _("Currency of figures"),
    Kind.EXCHANGE_RATE: _("Exchange rate"),
    Kind.COST_CENTRE: _("Cost centre"),
}


def in_force(provider: Provider, rates: Rates, day: date) -> InForce:
    """What holds for a provider on a day. Raises NoExchangeRate."""
    rate = rates.on(provider, day)
    held = rates.assumptions.seats(provider.id, day)
    seats = _words(held) if held else ""
    if not isinstance(rate, Rate):
        return InForce(
            provider=provider,
            prices=(REASONS[rate.reason],),
            basis=_("By the seat") if held else _("unpriced"),
            is_priced=False,
            sources=(),
            seats=seats,
        )
    lines = tuple(
        _named(one)
        + _("%(input)s in, %(output)s out")
        % {"input": price(one.input_usd_per_million), "output": price(one.output_usd_per_million)}
        for one in rate.components
    )
    return InForce(
        provider=provider,
        prices=lines,
        basis=_BASES[rate.basis],
        is_priced=True,
        sources=tuple(
            dict.fromkeys(
                one.source + (_(", since %(day)s") % {"day": figures.days(one.since, one.since)} if one.since else "")
                for one in rate.components
            )
        ),
        seats=seats,
    )


def _named(one: Component) -> str:
    share = f"{figures.percent(one.share)} " if one.share < 1 else ""
    return f"{share}{one.model}: " if one.model else ""


def history(assumptions: Assumptions, lines: Iterable[tuple[Kind, str]]) -> list[Said]:
    """All that was said on these lines, the latest valid_from first."""
    entries = [entry for kind, subject in lines for entry in assumptions.history(kind, subject)]
    entries.sort(key=lambda entry: (entry.valid_from, entry.set_at), reverse=True)
    return [_said(entry) for entry in entries]


def provider_lines(provider_id: str) -> list[tuple[Kind, str]]:
    """What can be said of a provider."""
    return [(kind, provider_id) for kind in (Kind.CONTRACT, Kind.MODEL_MIX, Kind.SEATS)]


def currency_lines(assumptions: Assumptions) -> list[tuple[Kind, str]]:
    """The currency of figures, and every exchange rate there is."""
    rates = [(Kind.EXCHANGE_RATE, code) for code in assumptions.subjects(Kind.EXCHANGE_RATE)]
    return [(Kind.CURRENCY, WHOLE_ORGANISATION), *rates]


def mix_rows(typed: Typed, mix: ModelMix | None, provider: Provider) -> list[tuple[int, str, str]]:
    """The rows of the mix form: number, model, share in per cent; from what was typed, else from what holds."""
    models = list(mix.shares.items()) if mix else [(provider.assumed_model, 1.0)] if provider.assumed_model else []
    rows = []
    for number in range(1, MIX_ROWS + 1):
        model, share = models[number - 1] if number <= len(models) else ("", 0.0)
        rows.append(
            (
                number,
                typed.value(Kind.MODEL_MIX, f"model_{number}", model or ""),
                typed.value(Kind.MODEL_MIX, f"share_{number}", f"{share * 100:.6g}" if share else ""),
            )
        )
    return rows


def models_on(provider: Provider, prices: PriceBook) -> list[str]:
    """The models a mix can name, by name."""
    return sorted(known_models(provider, prices))


def _said(entry: Entry) -> Said:
    words = _words(entry.value) if entry.value is not None else _("ended")
    if entry.kind in (Kind.EXCHANGE_RATE, Kind.COST_CENTRE):
        words = f"{entry.subject}: {words}"
    return Said(
        _KINDS[entry.kind], entry.valid_from, words, entry.set_by or _("someone no longer here"), entry.set_at.date()
    )


def _words(value: Value) -> str:
    match value:
        case ModelMix(shares):
            return ", ".join(f"{figures.percent(share)} {model}" for model, share in shares.items())
        case Contract(price_in, price_out, currency):
            return _("%(input)s in, %(output)s out") % {
                "input": price(price_in, currency),
                "output": price(price_out, currency),
            }
        case Seats(per_month, seats, currency):
            counted = ngettext("%(n)s seat", "%(n)s seats", seats) % {"n": figures.count(seats)}
            return _("%(seats)s at %(price)s a month") % {"seats": counted, "price": exact_amount(per_month, currency)}
        case Currency(code):
            return code
        case ExchangeRate(per_usd):
            return _("%(rate)s for one US dollar") % {"rate": f"{per_usd:g}"}
        case CostCentre(code, name):
            return f"{code} {name}".rstrip()
