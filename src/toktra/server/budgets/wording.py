"""Budgets in words, for pages, letters and webhooks alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from toktra.server.budgets.budget import FORECAST, Budget, Subject, SubjectKind, Version
from toktra.server.budgets.periods import Rhythm
from toktra.server.budgets.standing import Course
from toktra.server.costs import money
from toktra.server.costs import service as costs
from toktra.server.costs.ranges import Interval
from toktra.server.mail import Fact, Letter, Link
from toktra.server.web import figures
from toktra.server.web.language import _

COURSE_WORDS: Final = {
    Course.PASSED: _("Passed"),
    Course.MAY_HAVE_PASSED: _("May have passed"),
    Course.LIKELY_TO_PASS: _("Likely to pass"),
    Course.MAY_PASS: _("May pass"),
    Course.ON_COURSE: _("On course"),
    Course.NOT_KNOWN: _("No forecast yet"),
}
COURSE_BADGES: Final = {
    Course.PASSED: "badge badge--overdue",
    Course.MAY_HAVE_PASSED: "badge badge--overdue",
    Course.LIKELY_TO_PASS: "badge badge--overdue",
    Course.MAY_PASS: "badge badge--warning",
    Course.ON_COURSE: "badge",
    Course.NOT_KNOWN: "badge",
}


def name_of(subject: Subject, names: Mapping[UUID, str]) -> str:
    """What a budget is for; `names` are those of the people concerned."""
    match subject.kind:
        case SubjectKind.ORGANISATION:
            return _("Whole organisation")
        case SubjectKind.PROVIDER:
            provider = costs.catalogue().get(subject.key)
            return provider.name if provider else subject.key
        case SubjectKind.PERSON:
            return names.get(subject.person_id, _("A person")) if subject.person_id else _("A person")
        case SubjectKind.DEPARTMENT:
            return subject.key


def amount_range(interval: Interval, currency: str | None) -> str:
    """€ 4 100 – 5 700, or 690 – 900 M tokens."""
    if currency is None:
        return _("%(range)s tokens") % {"range": figures.tokens(interval)}
    return money.amount_range(interval, currency)


def exact(amount: float, currency: str | None) -> str:
    """€ 6 400, or 25 000 000 tokens: what was decided, not estimated."""
    if currency is None:
        return _("%(count)s tokens") % {"count": figures.count(int(amount))}
    return money.round_amount(amount, currency)


def said(name: str, threshold: int, *, is_certain: bool) -> str:
    """Engineering may have reached 80 %."""
    if threshold == FORECAST:
        return _("%(name)s may pass its budget") % {"name": name}
    text = _("%(name)s has reached %(per_cent)s %%") if is_certain else _("%(name)s may have reached %(per_cent)s %%")
    return text % {"name": name, "per_cent": threshold}


def why(threshold: int, *, is_certain: bool) -> str:
    """What of the range did it."""
    if threshold == FORECAST:
        return _("The upper end of its forecast did.")
    return _("Both ends of its range did.") if is_certain else _("The upper end of its range did.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One threshold that was reached, as it is told."""

    budget: Budget
    name: str
    period: str
    threshold: int
    is_certain: bool
    version: Version
    interval: Interval


def letter(told: Told) -> Letter:
    """The e-mail to the budget's owner. Of a person's budget it holds no figure: those are opened with a reason."""
    headline = said(told.name, told.threshold, is_certain=told.is_certain)
    facts = [Fact(_("Period"), told.period)]
    if told.budget.subject.kind is not SubjectKind.PERSON:
        label = _("Forecast") if told.threshold == FORECAST else _("Spent")
        facts += [
            Fact(label, amount_range(told.interval, told.version.currency)),
            Fact(_("Of"), exact(float(told.version.amount), told.version.currency)),
        ]
    return Letter(
        subject=headline,
        paragraphs=[
            f"{headline}. {why(told.threshold, is_certain=told.is_certain)}",
            _("Budgets inform; they never block. Traffic always passes, on every device."),
        ],
        facts=facts,
        link=Link(_("Open the budget"), f"/budgets/{told.budget.budget_id}"),
        closing=_("You are named as the owner of this budget. Each threshold is told once in a period."),
    )


def letter_to_the_person(version: Version, rhythm: Rhythm, by: str) -> Letter:
    """To whom a budget is for, when it is made: nobody is measured against a number they do not know."""
    return Letter(
        subject=_("A budget was set for your AI use"),
        paragraphs=[
            _("%(name)s set a budget for your AI use.") % {"name": by},
            _("Budgets inform; they never block. Traffic always passes, on every device."),
            _(
                "Its owner is told that a threshold is reached, and no figure. Your figures are opened with a reason, "
                "which stands on your page."
            ),
        ],
        facts=[Fact(_("Budget"), f"{exact(float(version.amount), version.currency)} {rhythm.word}")],
        link=Link(_("Your page"), "/me"),
    )


def event(told: Told) -> dict[str, object]:
    """The same for a webhook. Of a person's budget it has neither name nor figure."""
    subject, is_person = told.budget.subject, told.budget.subject.kind is SubjectKind.PERSON
    data: dict[str, object] = {
        "budget_id": str(told.budget.budget_id),
        "subject": {"kind": subject.kind.value} | ({} if is_person else {"name": told.name}),
        "period": told.period,
        "threshold_percent": None if told.threshold == FORECAST else told.threshold,
        "is_certain": told.is_certain,
    }
    if not is_person:
        data |= {
            "unit": told.budget.unit.value,
            "currency": told.version.currency,
            "amount": float(told.version.amount),
            "low": round(told.interval.low, 2),
            "high": round(told.interval.high, 2),
        }
    return data
