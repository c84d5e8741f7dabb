"""Budgets as the pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from markupsafe import Markup

from toktra.server.budgets import wording
from toktra.server.budgets.budget import Budget, SubjectKind, Version
from toktra.server.budgets.drawing import meter
from toktra.server.budgets.entering import InvalidBudget
from toktra.server.budgets.periods import Stretch
from toktra.server.budgets.service import Alert, Now
from toktra.server.budgets.standing import Course, Standing
from toktra.server.web import figures
from toktra.server.web.language import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One open budget and its running period."""

    budget_id: UUID
    name: str
    amount: str
    """With its period: € 13 000 a month."""
    period: str
    is_person: bool
    """Then no figure is shown: those of a person are opened with a reason."""
    person_id: UUID | None
    course: str
    badge: str
    spent: str
    drawing: Markup
    facts: Sequence[tuple[str, str]]
    note: str
    """Why there are no figures; empty when there are."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed and refused, so that nobody types it twice."""

    fields: Mapping[str, str]
    fault: InvalidBudget | None = None

    def value(self, name: str, usual: Any) -> Any:
        return self.fields.get(name, usual)

    def error(self, name: str) -> str:
        return self.fault.reason if self.fault is not None and self.fault.field == name else ""


def line(now: Now, names: Mapping[UUID, str], *, is_own: bool = False) -> Line:
    """A budget of the list, or at the head of its own page. `is_own`: whoever it is for reads it, figures and all."""
    budget, found = now.budget, now.standing
    version = found.version if found else budget.versions[-1]
    is_person = budget.subject.kind is SubjectKind.PERSON and not is_own
    shown = found if found and not is_person else None
    return Line(
        budget_id=budget.budget_id,
        name=wording.name_of(budget.subject, names),
        amount=f"{wording.exact(float(version.amount), version.currency)} {budget.rhythm.word}",
        period=budget.rhythm.name(found.stretch) if found else "",
        is_person=is_person,
        person_id=budget.subject.person_id,
        course=wording.COURSE_WORDS[found.course] if found else "",
        badge=wording.COURSE_BADGES[found.course] if found else "badge",
        spent=wording.amount_range(found.spent.interval, version.currency) if shown and found else "",
        drawing=meter(shown) if shown else Markup(""),
        facts=_facts(shown) if shown else (),
        note=_note(now, is_person=is_person),
    )


def _note(now: Now, *, is_person: bool) -> str:
    if now.is_withheld:
        return _("Not shown: fewer than five people. In the total. No alert is sent for it either.")
    if now.fault:
        return now.fault
    return _("Figures of a person are opened with a reason, which the person reads.") if is_person else ""


def _facts(found: Standing) -> list[tuple[str, str]]:
    version = found.version
    facts = [
        (_("Spent"), wording.amount_range(found.spent.interval, version.currency)),
        (_("of"), wording.exact(float(version.amount), version.currency)),
    ]
    if found.forecast is not None:
        label = _("Forecast for %(day)s") % {"day": figures.short_day(found.forecast.last)}
        facts.append((label, wording.amount_range(found.forecast.total, version.currency)))
    if found.chance is not None:
        facts.append((_("Passes it"), chances(found.chance)))
    if found.earliest is not None:
        facts.append((_("Earliest"), figures.short_day(found.earliest)))
    return facts


def chances(chance: float) -> str:
    """About 5 chances in 10."""
    tenths = round(chance * 10)
    if tenths <= 0:
        return _("less than 1 chance in 10")
    if tenths >= 10:
        return _("more than 9 chances in 10")
    return _("about %(tenths)s chances in 10") % {"tenths": tenths}


def by_likelihood(now: Now) -> tuple[int, float]:
    """The order of the list: what is passed, then the likeliest to pass."""
    if now.standing is None:
        return Course.NOT_KNOWN.value + 1, 0.0
    return now.standing.course.value, -(now.standing.chance or 0.0)


@dataclass(frozen=True, slots=True)
class Message:
    """One alert of the list."""

    budget_id: UUID
    headline: str
    detail: str
    day: str
    iso: str


def message(alert: Alert, budget: Budget, names: Mapping[UUID, str]) -> Message:
    headline = wording.said(wording.name_of(budget.subject, names), alert.threshold, is_certain=alert.is_certain)
    parts = [wording.why(alert.threshold, is_certain=alert.is_certain)]
    if budget.subject.kind is not SubjectKind.PERSON:
        spent = wording.amount_range(alert.interval, alert.currency)
        parts.append(
            _("%(spent)s of %(amount)s.") % {"spent": spent, "amount": wording.exact(alert.amount, alert.currency)}
        )
    return Message(
        alert.budget_id, headline, " ".join(parts), figures.day(alert.told_at.date()), alert.told_at.date().isoformat()
    )


def said_before(budget: Budget, names: Mapping[UUID, str]) -> list[tuple[str, str, str, str]]:
    """Every version, newest first: from when, how much, told at, set by."""
    return [
        (
            figures.days(version.valid_from, version.valid_from),
            wording.exact(float(version.amount), version.currency),
            _told_at(version),
            names.get(version.set_by, _("someone who is no longer known")) if version.set_by else _("nobody known"),
        )
        for version in reversed(budget.versions)
    ]


def _told_at(version: Version) -> str:
    parts = [f"{threshold}{figures.NBSP}%" for threshold in version.thresholds]
    return ", ".join([*parts, _("forecast")] if version.tells_of_forecast else parts) or _("never")


def period_name(budget: Budget, stretch: Stretch) -> str:
    return budget.rhythm.name(stretch)
