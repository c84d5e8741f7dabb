"""Statements in words: what each is called, what its figures are, and what they rest on and leave out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from toktra.server.costs.explanation import Explanation, Step, explain_provider, explain_total
from toktra.server.costs.money import amount_range, exact_amount
from toktra.server.costs.projection import ProviderCost
from toktra.server.statements.month import Month
from toktra.server.statements.statement import Of, SeatShare, Showback, Statement
from toktra.server.web import figures
from toktra.server.web.language import _, ngettext

PATH = "/statements"


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """One provider of a statement, and how its cost came about."""

    name: str
    exchanges: int
    tokens: str
    cost: str
    is_priced: bool
    unpriced: str
    """How much of it has no price, where some has."""
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class SeatLine:
    """What a statement bears of one provider's seats."""

    name: str
    share: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One statement in words."""

    of: Statement
    name: str
    kind: str
    href: str
    pdf_href: str
    centre: str
    exchanges: int
    tokens: str
    cost: str
    is_priced: bool
    seats: str
    """Empty without seats."""
    providers: tuple[ProviderLine, ...]
    seat_lines: tuple[SeatLine, ...]
    total: Explanation
    left_out: tuple[str, ...]
    """Sentences on what is not in its figures, and why."""


def sheet(one: Statement, found: Showback) -> Sheet:
    """One statement in words."""
    projection, currency = one.projection, found.currency
    return Sheet(
        of=one,
        name=name_of(one),
        kind=_kind_of(one),
        href=address_of(one, found.month),
        pdf_href=address_of(one, found.month, file=".pdf"),
        centre=(f"{one.centre.key} {one.centre.name}".rstrip() if one.centre else ""),
        exchanges=projection.exchanges,
        tokens=figures.tokens(projection.tokens),
        cost=amount_range(projection.cost, currency) if projection.cost else _("unpriced"),
        is_priced=projection.cost is not None,
        seats=exact_amount(one.seats_amount, currency) if one.seats else "",
        providers=tuple(_provider(line, one, found) for line in projection.providers),
        seat_lines=tuple(_seat(share, one, currency) for share in one.seats),
        total=_total(one, found),
        left_out=tuple(_left_out(one, found)),
    )


def name_of(one: Statement) -> str:
    """Whose statement it is."""
    match one.subject.of:
        case Of.ORGANISATION:
            return _("Whole organisation")
        case Of.OTHERS:
            return _("All others together")
        case Of.CENTRE:
            return f"{one.subject.key} {one.subject.name}".rstrip()
        case Of.DEPARTMENT:
            return one.subject.key


def address_of(one: Statement, month: Month, *, file: str = "") -> str:
    """The address of one statement; it stays the same as long as its month is kept."""
    return f"{PATH}/{month.key}/one{file}?{urlencode({'for': one.subject.address})}"


def coverage_words(found: Showback) -> str:
    """84 % of device-days have a report; under 80 % of devices on 3 days."""
    reported = sum(day.reported for day in found.coverage)
    enrolled = sum(day.enrolled for day in found.coverage)
    if not enrolled:
        return _("No device was enrolled")
    words = _("%(share)s of device-days have a report") % {"share": figures.percent(reported / enrolled)}
    low = sum(day.is_low for day in found.coverage)
    if low:
        words += ngettext("; under 80 %% of devices on %(n)s day", "; under 80 %% of devices on %(n)s days", low) % {
            "n": low
        }
    return words


def _kind_of(one: Statement) -> str:
    match one.subject.of:
        case Of.ORGANISATION:
            return _("Organisation")
        case Of.CENTRE:
            return _("Cost centre")
        case Of.DEPARTMENT:
            return _("Department")
        case Of.OTHERS:
            return _("Not divided further")


def _provider(line: ProviderCost, one: Statement, found: Showback) -> ProviderLine:
    explanation = explain_provider(line, one.projection, found.assumptions)
    unpriced = ""
    if line.cost and line.unpriced_exchanges:
        unpriced = _("plus %(n)s unpriced") % {"n": figures.exchanges(line.unpriced_exchanges)}
    return ProviderLine(
        name=line.name,
        exchanges=line.exchanges,
        tokens=figures.tokens(line.tokens),
        cost=explanation.figure,
        is_priced=line.cost is not None,
        unpriced=unpriced,
        explanation=explanation,
    )


def _seat(share: SeatShare, one: Statement, currency: str) -> SeatLine:
    whole = share.whole
    seats = ngettext("%(n)s seat", "%(n)s seats", whole.seats) % {"n": figures.count(whole.seats)}
    of_whole = _("%(seats)s, %(days)s: %(amount)s") % {
        "seats": seats,
        "days": figures.days(whole.first, whole.last),
        "amount": exact_amount(whole.amount, currency),
    }
    if one.subject.of is Of.ORGANISATION:
        if not share.of_exchanges:
            of_whole += ". " + _("Nobody used it, so it is in no department’s statement.")
        return SeatLine(whole.name, of_whole, exact_amount(share.amount, currency))
    words = _("%(own)s of %(all)s exchanges. Whole organisation: %(whole)s") % {
        "own": figures.count(share.exchanges),
        "all": figures.count(share.of_exchanges),
        "whole": of_whole,
    }
    return SeatLine(whole.name, words, exact_amount(share.amount, currency))


def _total(one: Statement, found: Showback) -> Explanation:
    explained = explain_total(one.projection, found.month.first, found.month.last, found.assumptions)
    steps = explained.steps
    if one.seats:
        how = _("Fixed. It is not in the cost by tokens.")
        if one.subject.of is not Of.ORGANISATION:
            how = _("The share of all exchanges with each provider; exchanges are counted.") + " " + how
        steps = (*steps, Step(_("Beside it, by the seat"), exact_amount(one.seats_amount, found.currency), how))
    return Explanation(name_of(one), explained.days, steps)


def _left_out(one: Statement, found: Showback) -> list[str]:
    said = []
    missing = sum(day.missing for day in found.coverage if day.is_over)
    if missing:
        said.append(
            ngettext(
                "%(n)s device-day has no report. What was used on it is in no figure.",
                "%(n)s device-days have no report. What was used on them is in no figure.",
                missing,
            )
            % {"n": figures.count(missing)}
        )
    if one.projection.unpriced_exchanges:
        said.append(
            _("%(n)s without a known price: in exchanges and tokens, not in cost.")
            % {"n": figures.exchanges(one.projection.unpriced_exchanges)}
        )
    if one.withheld:
        said.append(
            _(
                "Departments of this cost centre that are not in it: %(names)s. They are in “All others together”,"
                " because fewer than five people stand behind one of them."
            )
            % {"names": ", ".join(one.withheld)}
        )
    if one.subject.of is Of.OTHERS:
        said.append(
            _(
                "Departments of fewer than five people, where needed the smallest other one, people without a"
                " department, and days on which somebody changed departments. It stands for five people or more, so"
                " that no department can be worked out by subtracting."
            )
        )
    said.append(_("Discounts for cached input and batches, and hidden reasoning, cannot be seen and are not in it."))
    if not found.month.is_over:
        said.append(_("The month is not over. Today is not in it."))
    return said
