"""How a figure came about, step by step: bytes, tokens, factor, prices, exchange rate, cost. Pure; words included.

The same steps are a layer over a page and a page of their own, so a figure is explained in one way everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from toktra.server.costs.assumptions import BASE_CURRENCY, Assumptions
from toktra.server.costs.currency import per_usd
from toktra.server.costs.money import amount_range, price
from toktra.server.costs.projection import FactorSpan, PriceSpan, Projection, ProviderCost
from toktra.server.costs.ranges import Interval
from toktra.server.costs.rates import Basis, Rate, Reason, Unpriced
from toktra.server.reconciliation.method import Factor
from toktra.server.web import figures
from toktra.server.web.language import _, ngettext


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is, the figure it leads to, and what to know about it."""

    label: str
    value: str
    note: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A figure and the steps that led to it, in order; the last step is the figure."""

    subject: str
    days: str
    steps: tuple[Step, ...]

    @property
    def figure(self) -> str:
        return self.steps[-1].value


REASONS: Final = {
    Reason.SEATS: _("Paid by the seat, so no price is put on its tokens."),
    Reason.NO_LIST: _("No price per token is known for this provider."),
    Reason.NOT_THAT_DAY: _("A model of the mix has no price on that day."),
    Reason.NOT_IN_CATALOGUE: _("The host is in the catalogue no more."),
}


def explain_provider(line: ProviderCost, projection: Projection, assumptions: Assumptions) -> Explanation:
    """How one provider's cost came about."""
    days = figures.days(line.prices[0].first, line.prices[-1].last)
    steps = [_bytes(line), _estimated(line)]
    if line.factor is not None:
        steps.append(_corrected(line, line.factor))
    steps.append(_priced(line))
    steps.extend(_exchanged(projection.currency, (span for span in line.prices), assumptions))
    steps.append(_cost_of(line, projection.currency))
    return Explanation(line.name, days, tuple(steps))


def explain_total(projection: Projection, first: date, last: date, assumptions: Assumptions) -> Explanation:
    """How the cost of all providers together came about."""
    spans = [span for line in projection.providers for span in line.prices]
    corrected = [line.name for line in projection.providers if line.factor is not None]
    tokens = _("From sizes and whether the answer was streamed. This step makes the range.")
    if corrected:
        tokens += " " + _("Corrected by what was billed: %(names)s.") % {"names": ", ".join(corrected)}
    steps = [
        Step(
            _("Bytes of %(n)s with a price") % {"n": figures.exchanges(projection.priced_exchanges)},
            figures.size(projection.priced_bytes),
            _("Counted on the devices. Exact."),
        ),
        Step(_("Estimated tokens"), figures.tokens(projection.priced_tokens), tokens),
        Step(
            _("Prices in force each day"),
            figures.count(projection.prices),
            _("Your contract, else your model mix, else one usual model: which model was used cannot be seen."),
            tuple(_basis_line(line) for line in projection.providers if line.cost is not None),
        ),
        *_exchanged(projection.currency, spans, assumptions),
        Step(
            _("Cost"),
            amount_range(projection.cost, projection.currency) if projection.cost else _("unpriced"),
            _("Narrower than the providers’ ranges added up: errors partly cancel out.") + " " + _left_out(projection),
        ),
    ]
    return Explanation(_("All providers"), figures.days(first, last), tuple(steps))


def _bytes(line: ProviderCost) -> Step:
    return Step(
        _("Bytes of %(n)s") % {"n": figures.exchanges(line.exchanges)},
        figures.size(line.request_bytes + line.response_bytes),
        _("Counted on the devices. Exact."),
        (
            _("Sent: %(size)s") % {"size": figures.size(line.request_bytes)},
            _("Received: %(size)s") % {"size": figures.size(line.response_bytes)},
        ),
    )


def _estimated(line: ProviderCost) -> Step:
    return Step(
        _("Estimated tokens"),
        figures.tokens(line.estimated_tokens),
        _("From sizes and whether the answer was streamed. Visible output: hidden reasoning is not seen."),
        _in_and_out(line.estimated_input, line.estimated_output),
    )


def _corrected(line: ProviderCost, factor: FactorSpan) -> Step:
    found = factor.finding
    note = ngettext(
        "Learned from %(n)s day that %(name)s billed, %(days)s.",
        "Learned from %(n)s days that %(name)s billed, %(days)s.",
        found.days,
    ) % {"n": found.days, "name": line.name, "days": figures.days(found.first, found.last)}
    return Step(
        _("Corrected by what was billed"),
        figures.tokens(line.tokens),
        note + " " + _("What no device saw is not filled in."),
        (
            *_in_and_out(line.input_tokens, line.output_tokens),
            _("Input × %(factor)s") % {"factor": factor_words(found.input)},
            _("Output × %(factor)s") % {"factor": factor_words(found.output)},
        ),
    )


def _priced(line: ProviderCost) -> Step:
    rates = [span.rate for span in line.prices if isinstance(span.rate, Rate)]
    if not rates:
        return Step(_("Price"), _("none"), " ".join(str(REASONS[reason]) for reason in line.reasons))
    note = {
        Basis.CONTRACT: _("The price of your contract."),
        Basis.MODEL_MIX: _("List prices of the model mix you gave."),
        Basis.ASSUMED_MODEL: _("The list price of one usual model: which model was used cannot be seen."),
    }[rates[-1].basis]
    details = [text for span in line.prices for text in _span_lines(span)]
    return Step(_("Prices in force, per million tokens"), figures.count(len(set(rates))), note, tuple(details))


def _span_lines(span: PriceSpan) -> list[str]:
    days = figures.days(span.first, span.last)
    if isinstance(span.rate, Unpriced):
        return [f"{days}: {REASONS[span.rate.reason]}"]
    lines = []
    for one in span.rate.components:
        share = f"{figures.percent(one.share)} " if one.share < 1 else ""
        what = f"{share}{one.model}: " if one.model else ""
        amounts = _("%(input)s in, %(output)s out") % {
            "input": price(one.input_usd_per_million),
            "output": price(one.output_usd_per_million),
        }
        since = _(", since %(day)s") % {"day": figures.days(one.since, one.since)} if one.since else ""
        lines.append(f"{days}: {what}{amounts}. {one.source}{since}.")
    return lines


def _exchanged(currency: str, spans: Iterable[PriceSpan], assumptions: Assumptions) -> list[Step]:
    """The step from US dollars to another currency; none when figures are in dollars."""
    if currency == BASE_CURRENCY:
        return []
    days = {day for span in spans if isinstance(span.rate, Rate) for day in (span.first, span.last)}
    if not days:
        return []
    rates = sorted({per_usd(currency, day, assumptions) for day in days})
    value = " – ".join(figures.shortest(Decimal(f"{rate:g}")) for rate in dict.fromkeys((rates[0], rates[-1])))
    return [
        Step(
            _("%(currency)s for one US dollar") % {"currency": currency},
            value,
            _("The rate you gave, of each day."),
        )
    ]


def _cost_of(line: ProviderCost, currency: str) -> Step:
    if line.cost is None:
        value = _("paid by the seat") if line.seat_exchanges and not line.unpriced_exchanges else _("unpriced")
        return Step(_("Cost"), value, _("Its tokens and exchanges are counted."))
    note = _("The range is that of the tokens.")
    if line.unpriced_exchanges:
        note += " " + _("%(n)s without a price are not in it.") % {"n": figures.exchanges(line.unpriced_exchanges)}
    note += " " + _("Discounts for cached input and batches are not in it.")
    return Step(_("Cost"), amount_range(line.cost, currency), note)


def _basis_line(line: ProviderCost) -> str:
    rates = [span.rate for span in line.prices if isinstance(span.rate, Rate)]
    names = ", ".join(
        f"{figures.percent(one.share)} {one.model}" if one.share < 1 else one.model or _("contract")
        for one in rates[-1].components
    )
    return f"{line.name}: {names}"


def _left_out(projection: Projection) -> str:
    left = []
    if projection.unpriced_exchanges:
        left.append(_("%(n)s unpriced") % {"n": figures.exchanges(projection.unpriced_exchanges)})
    if projection.seat_exchanges:
        left.append(_("%(n)s paid by the seat") % {"n": figures.exchanges(projection.seat_exchanges)})
    left.append(_("devices that are missing"))
    return _("Not in it: %(what)s.") % {"what": ", ".join(left)}


def factor_words(factor: Factor) -> str:
    """0.97–1.04."""
    low, high = figures.decimal(factor.low, 2), figures.decimal(factor.high, 2)
    return low if low == high else f"{low}–{high}"


def _in_and_out(tokens_in: Interval, tokens_out: Interval) -> tuple[str, str]:
    return (
        _("Input: %(tokens)s") % {"tokens": figures.tokens(tokens_in)},
        _("Output: %(tokens)s") % {"tokens": figures.tokens(tokens_out)},
    )
