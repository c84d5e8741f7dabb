"""What a person types about a budget becomes one, or a refusal that names the field. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from toktra.server.budgets.budget import Subject, SubjectKind, Unit, Version
from toktra.server.budgets.periods import Every, Rhythm
from toktra.server.web.language import _

MOST: Final = Decimal(10) ** 15
FURTHEST: Final = timedelta(days=366)
MOST_THRESHOLDS: Final = 10
_POWERS: Final = {"": 0, "k": 3, "m": 6, "bn": 9, "tsd": 3, "mio": 6, "mrd": 9}
"""As figures are written in English and in German."""
_AMOUNT: Final = re.compile(rf"(\d+(?:[.,]\d{{1,2}})?)(?:({'|'.join(filter(None, _POWERS))})\.?)?", re.IGNORECASE)


class InvalidBudget(ValueError):
    """What was typed cannot be taken. `field` names the field, the text says what it needs."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entered:
    """A budget as it is to be made."""

    subject: Subject
    unit: Unit
    rhythm: Rhythm
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Entering:
    """What entries are checked against."""

    departments: Collection[str]
    providers: Collection[str]
    """Ids."""
    people: Mapping[str, UUID]
    """E-mail addresses in lower case, of active people."""
    may_name_people: bool
    """Whether this reader may make budgets of persons, and use is kept with them."""
    currencies: Collection[str]
    """Those with a rate."""
    today: date

    def budget(self, fields: Mapping[str, str]) -> Entered:
        """Fields: for, unit, period, rolling_days, and those of `version`. Raises InvalidBudget."""
        subject = self._subject(fields)
        unit = self._unit(fields)
        return Entered(subject, unit, self._rhythm(fields), self.version(fields, unit))

    def version(self, fields: Mapping[str, str], unit: Unit) -> Version:
        """Fields: amount, currency, thresholds, forecast, owner, valid_from. Raises InvalidBudget."""
        return Version(
            valid_from=self._valid_from(fields),
            amount=_amount(fields.get("amount", "")),
            currency=self._currency(fields) if unit is Unit.MONEY else None,
            thresholds=_thresholds(fields.get("thresholds", "")),
            tells_of_forecast=fields.get("forecast") == "on",
            owner_id=self._owner(fields),
        )

    def _subject(self, fields: Mapping[str, str]) -> Subject:
        kind, _sign, key = fields.get("for", "").partition(":")
        key = key.strip()
        if kind == SubjectKind.ORGANISATION and not key:
            return Subject(SubjectKind.ORGANISATION)
        if kind == SubjectKind.DEPARTMENT:
            if key in self.departments:
                return Subject(SubjectKind.DEPARTMENT, key)
            raise InvalidBudget("for", _("There is no such department of five people or more."))
        if kind == SubjectKind.PROVIDER:
            if key in self.providers:
                return Subject(SubjectKind.PROVIDER, key)
            raise InvalidBudget("for", _("There is no such provider in the catalogue."))
        if kind == SubjectKind.PERSON and self.may_name_people:
            person_id = self.people.get(fields.get("person", "").strip().lower())
            if person_id is not None:
                return Subject(SubjectKind.PERSON, person_id=person_id)
            raise InvalidBudget("person", _("Nobody active has this e-mail address."))
        raise InvalidBudget("for", _("Choose what the budget is for."))

    def _unit(self, fields: Mapping[str, str]) -> Unit:
        try:
            return Unit(fields.get("unit", ""))
        except ValueError:
            raise InvalidBudget("unit", _("Choose money or tokens.")) from None

    def _rhythm(self, fields: Mapping[str, str]) -> Rhythm:
        try:
            every = Every(fields.get("period", ""))
        except ValueError:
            raise InvalidBudget("period", _("Choose a month, a quarter, a year, or a number of days.")) from None
        if every is not Every.ROLLING:
            return Rhythm(every)
        days = fields.get("rolling_days", "").strip()
        if not re.fullmatch(r"\d{1,3}", days) or not 7 <= int(days) <= 366:
            raise InvalidBudget("rolling_days", _("Give a whole number of days from 7 to 366."))
        return Rhythm(every, int(days))

    def _currency(self, fields: Mapping[str, str]) -> str:
        currency = fields.get("currency", "")
        if currency not in self.currencies:
            raise InvalidBudget("currency", _("This currency has no exchange rate. Give one under Prices first."))
        return currency

    def _owner(self, fields: Mapping[str, str]) -> UUID | None:
        email = fields.get("owner", "").strip().lower()
        if not email:
            return None
        owner = self.people.get(email)
        if owner is None:
            raise InvalidBudget("owner", _("Nobody active has this e-mail address."))
        return owner

    def _valid_from(self, fields: Mapping[str, str]) -> date:
        text = fields.get("valid_from", "").strip()
        try:
            day = date.fromisoformat(text) if text else self.today
        except ValueError:
            raise InvalidBudget("valid_from", _("Give a day as YYYY-MM-DD.")) from None
        if not self.today <= day <= self.today + FURTHEST:
            reason = _("Give today or a day of the next twelve months: what was in force before stays as it was.")
            raise InvalidBudget("valid_from", reason)
        return day


def _amount(text: str) -> Decimal:
    """6400, 6 400.50, 25 M, 2,5 Mio."""
    found = _AMOUNT.fullmatch(re.sub(r"[\s\u00a0\u202f]", "", text))
    try:
        amount = Decimal(found[1].replace(",", ".")).scaleb(_POWERS[(found[2] or "").lower()]) if found else Decimal(0)
    except InvalidOperation:
        amount = Decimal(0)
    if not 0 < amount <= MOST:
        reason = _("Give an amount above 0, with at most two decimals. k, M and bn may stand behind it.")
        raise InvalidBudget("amount", reason)
    return amount


def _thresholds(text: str) -> tuple[int, ...]:
    parts = [part for part in re.split(r"[\s,;%]+", text) if part]
    if len(parts) > MOST_THRESHOLDS or not all(re.fullmatch(r"\d{1,4}", part) for part in parts):
        raise InvalidBudget("thresholds", _("Give up to ten whole numbers, as in 50, 80, 100."))
    thresholds = sorted({int(part) for part in parts})
    if thresholds and not (thresholds[0] >= 1 and thresholds[-1] <= 1000):
        raise InvalidBudget("thresholds", _("Thresholds are from 1 to 1000 per cent."))
    return tuple(thresholds)
